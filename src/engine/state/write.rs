//! Writing: what changed, or a slice of everything.

use compact_str::CompactString;

use super::bytes::Writer;
use super::changes::Changes;
use super::partition::{Clocks, Whole};
use super::{Records, journal, label, pair, partition, rules, ticket, window};
use crate::engine::core::{Engine, Start};
use crate::engine::labels::Labels;
use crate::engine::partition::Partition;
use crate::engine::recorder::Recorder;
use crate::engine::series::Pair;
use crate::engine::sliding::Step;
use crate::engine::table::TicketSlot;
use crate::engine::ticket::Ticket;
use crate::engine::windows::{Journaled, Place, SERIES, WindowChanges};

/// How far a round of slices has come. A new round begins with a new one.
#[derive(Clone, Debug, Default)]
pub struct RewriteCursor {
    stage: Stage,
    /// Within the stage.
    position: u64,
}

/// What a round goes through, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Whole,
    Labels(u8),
    Partitions,
    Tickets,
    Pairs,
    Windows,
    Journal,
    Done,
}

impl Stage {
    fn next(self) -> Self {
        match self {
            Self::Whole => Self::Labels(0),
            Self::Labels(table) if table + 1 < label::TABLES => Self::Labels(table + 1),
            Self::Labels(_) => Self::Partitions,
            Self::Partitions => Self::Tickets,
            Self::Tickets => Self::Pairs,
            Self::Pairs => Self::Windows,
            Self::Windows => Self::Journal,
            Self::Journal | Self::Done => Self::Done,
        }
    }
}

/// What a checkpoint writes besides clocks.
struct Changed {
    rules: bool,
    /// Numbers, by table.
    labels: [Vec<u16>; label::TABLES as usize],
    forgotten: Vec<(u16, CompactString)>,
    tickets: Vec<TicketSlot>,
    pairs: Vec<usize>,
    windows: WindowChanges,
}

/// Records on their way, with the memory to put them together.
struct Output<'a> {
    records: &'a mut dyn Records,
    key: Writer,
    value: Writer,
    written: usize,
}

impl<'a> Output<'a> {
    fn new(records: &'a mut dyn Records) -> Self {
        Self {
            records,
            key: Writer::default(),
            value: Writer::default(),
            written: 0,
        }
    }

    /// A record of the key and value that stand ready.
    fn put(&mut self) {
        self.records.put(self.key.bytes(), self.value.bytes());
        self.written += 1;
    }

    fn delete(&mut self) {
        self.records.delete(self.key.bytes());
    }

    fn rules(&mut self, recorder: &Recorder) {
        rules::write_key(&mut self.key);
        rules::write(&mut self.value, &recorder.rules);
        self.put();
    }

    fn whole(&mut self, whole: &Whole) {
        partition::write_whole_key(&mut self.key);
        partition::write_whole(&mut self.value, whole);
        self.put();
    }

    fn partition(&mut self, number: u16, clocks: Clocks) {
        partition::write_key(&mut self.key, number);
        partition::write(&mut self.value, clocks);
        self.put();
    }

    /// Whether there is such a label.
    fn label(&mut self, labels: &Labels, table: u8, number: u16) -> bool {
        let Some(content) = label::value(labels, table, number) else {
            return false;
        };
        label::write_key(&mut self.key, table, number);
        label::write(&mut self.value, content);
        self.put();
        true
    }

    fn ticket(&mut self, ticket: &Ticket) {
        ticket::write_key(&mut self.key, ticket.partition, &ticket.id);
        ticket::write(&mut self.value, ticket);
        self.put();
    }

    fn pair(&mut self, pair: &Pair) {
        pair::write_key(&mut self.key, pair.team, pair.priority);
        pair::write(&mut self.value, pair);
        self.put();
    }

    fn step(&mut self, place: Place, step: &Step) {
        window::write_key(&mut self.key, place, step.number);
        window::write(&mut self.value, step);
        self.put();
    }

    fn chunk(&mut self, number: u64, entries: &[Journaled]) {
        journal::write_key(&mut self.key, number);
        journal::write(&mut self.value, entries);
        self.put();
    }
}

impl Engine {
    /// Remembers from now on what changes; before, [`Self::write_changes`] writes everything each
    /// time. An engine out of records does so from the start.
    pub fn track_changes(&mut self) {
        if self.changes.is_none() {
            self.start_tracking(Changes::of_new());
        }
    }

    pub(super) fn start_tracking(&mut self, changes: Changes) {
        self.changes = Some(changes);
        self.recorder.series.track_changes();
        self.recorder.windows.track_changes();
    }

    /// Writes what changed since the last call; everything, if there was none. Together with the
    /// records written before, that is the state as of now. Moves the windows to their clock.
    pub fn write_changes(&mut self, records: &mut dyn Records) {
        self.recorder.windows.advance(self.clock());
        let mut output = Output::new(records);
        let changed = self.take_changed();
        match changed {
            Some(changed) => self.write_changed(&changed, &mut output),
            None => {
                let mut cursor = RewriteCursor::default();
                while !self.write_next(&mut cursor, &mut output) {}
            }
        }
        let (whole, partitions) = (self.whole(), self.clocks());
        if let Some(changes) = &mut self.changes {
            changes.whole = Some(whole);
            changes.partitions = partitions;
        }
    }

    /// Writes a slice of everything, about `budget` records from `cursor` on; whether that was the
    /// last one. Call it right after [`Self::write_changes`], for the same checkpoint: what
    /// changes between slices is written there. After a complete round, what was written since
    /// its start gives the state without any record from before.
    pub fn write_slice(
        &self,
        cursor: &mut RewriteCursor,
        budget: usize,
        records: &mut dyn Records,
    ) -> bool {
        let mut output = Output::new(records);
        let mut is_complete = cursor.stage == Stage::Done;
        while !is_complete && output.written < budget {
            is_complete = self.write_next(cursor, &mut output);
        }
        is_complete
    }

    /// Forgets what is marked as changed, and gives it; `None`: everything is to be written.
    fn take_changed(&mut self) -> Option<Changed> {
        let changes = self.changes.as_mut()?;
        let changed = Changed {
            rules: std::mem::take(&mut changes.rules),
            labels: label::take_changed(&mut self.recorder.labels),
            forgotten: changes.take_forgotten(),
            tickets: changes.take_tickets(&mut self.tickets),
            pairs: self.recorder.series.take_changed(),
            windows: self.recorder.windows.take_changes(),
        };
        if !std::mem::take(&mut changes.everything) {
            return Some(changed);
        }
        for place in &changed.windows.places {
            let steps = self.recorder.windows.take_changed_steps(*place);
            steps.for_each(drop);
        }
        None
    }

    fn write_changed(&mut self, changed: &Changed, output: &mut Output<'_>) {
        if changed.rules {
            output.rules(&self.recorder);
        }
        let whole = self.whole();
        let written = self.changes.as_ref();
        if written.and_then(|written| written.whole) != Some(whole) {
            output.whole(&whole);
        }
        for (number, clocks) in (0..=u16::MAX).zip(self.clocks()) {
            let before = written.and_then(|written| written.partitions.get(usize::from(number)));
            if before != Some(&clocks) {
                output.partition(number, clocks);
            }
        }
        for (table, numbers) in (0..).zip(&changed.labels) {
            for number in numbers {
                output.label(&self.recorder.labels, table, *number);
            }
        }
        for (partition, id) in &changed.forgotten {
            ticket::write_key(&mut output.key, *partition, id);
            output.delete();
        }
        for slot in &changed.tickets {
            if let Some(ticket) = self.tickets.get(*slot) {
                output.ticket(ticket);
            }
        }
        for position in &changed.pairs {
            output.pair(&self.recorder.series.pairs()[*position]);
        }
        let windows = &mut self.recorder.windows;
        for number in &changed.windows.done {
            journal::write_key(&mut output.key, *number);
            output.delete();
        }
        for place in &changed.windows.places {
            for step in windows.take_changed_steps(*place) {
                output.step(*place, step);
            }
        }
        for number in &changed.windows.chunks {
            if let Some(entries) = windows.chunk(*number) {
                output.chunk(*number, entries);
            }
        }
    }

    /// Writes what the cursor stands at and moves it on; whether there is nothing left.
    fn write_next(&self, cursor: &mut RewriteCursor, output: &mut Output<'_>) -> bool {
        let position = cursor.position;
        let index = usize::try_from(position).unwrap_or(usize::MAX);
        let small = u16::try_from(position).unwrap_or(u16::MAX);
        cursor.position += 1;
        let windows = &self.recorder.windows;
        let is_left = match cursor.stage {
            Stage::Whole => {
                output.rules(&self.recorder);
                output.whole(&self.whole());
                false
            }
            Stage::Labels(table) => output.label(&self.recorder.labels, table, small),
            Stage::Partitions => {
                let partition = self.partitions.get(index);
                partition
                    .map(|partition| output.partition(small, clocks(partition)))
                    .is_some()
            }
            Stage::Tickets => {
                if let Some(ticket) = self
                    .tickets
                    .get(u32::try_from(position).unwrap_or(u32::MAX))
                {
                    output.ticket(ticket);
                }
                index < self.tickets.slots()
            }
            Stage::Pairs => {
                let pair = self.recorder.series.pairs().get(index);
                pair.map(|pair| output.pair(pair)).is_some()
            }
            Stage::Windows => {
                let (team, series) = (index / SERIES, index % SERIES);
                if let (Ok(team), Ok(series)) = (u16::try_from(team), u8::try_from(series)) {
                    for (place, step) in windows.steps(team, series) {
                        output.step(place, step);
                    }
                }
                team < windows.teams()
            }
            Stage::Journal => match windows.chunk_from(position) {
                Some((number, entries)) => {
                    output.chunk(number, entries);
                    cursor.position = number + 1;
                    true
                }
                None => false,
            },
            Stage::Done => false,
        };
        if !is_left {
            cursor.stage = cursor.stage.next();
            cursor.position = 0;
        }
        cursor.stage == Stage::Done
    }

    fn whole(&self) -> Whole {
        let (start, is_fixed) = match self.start {
            Start::Open(start) => (start, false),
            Start::Fixed(start) => (start, true),
        };
        Whole {
            start,
            is_fixed,
            windows: self.recorder.windows.clock(),
        }
    }

    fn clocks(&self) -> Vec<Clocks> {
        self.partitions.iter().map(clocks).collect()
    }
}

fn clocks(partition: &Partition) -> Clocks {
    (partition.clock(), partition.greatest_event())
}
