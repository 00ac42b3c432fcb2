//! Writes the state: the changes since the last checkpoint, or a slice of everything.

use compact_str::CompactString;

use super::bytes::RecordWriter;
use super::record::Records;
use super::{cohort, journal, label, partition, rules, ticket, window};
use crate::engine::changes::{EngineClocks, PartitionClocks, StateChanges};
use crate::engine::core::{CountingStart, Engine};
use crate::engine::labels::Labels;
use crate::engine::partition::Partition;
use crate::engine::recorder::Recorder;
use crate::engine::series::CohortSeries;
use crate::engine::sliding::WindowStep;
use crate::engine::table::TicketSlot;
use crate::engine::ticket::Ticket;
use crate::engine::windows::{SERIES, WindowChanges, WindowKey, WindowObservation};

/// The progress of a round of slices. Each round begins with a new cursor.
#[derive(Clone, Debug, Default)]
pub struct RewriteCursor {
    stage: Stage,
    /// The position within the stage.
    position: u64,
}

/// The stages of a round, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Clocks,
    Labels(u8),
    Partitions,
    Tickets,
    Cohorts,
    Windows,
    Journal,
    Done,
}

impl Stage {
    fn next(self) -> Self {
        match self {
            Self::Clocks => Self::Labels(0),
            Self::Labels(table) if table + 1 < label::TABLES => Self::Labels(table + 1),
            Self::Labels(_) => Self::Partitions,
            Self::Partitions => Self::Tickets,
            Self::Tickets => Self::Cohorts,
            Self::Cohorts => Self::Windows,
            Self::Windows => Self::Journal,
            Self::Journal | Self::Done => Self::Done,
        }
    }
}

/// The changes that a checkpoint writes, besides clocks.
struct ChangedRecords {
    rules: bool,
    /// Label numbers, by table.
    labels: [Vec<u16>; label::TABLES as usize],
    /// Keys of records to delete before others are written.
    obsolete: Vec<Vec<u8>>,
    forgotten: Vec<(u16, CompactString)>,
    tickets: Vec<TicketSlot>,
    cohorts: Vec<usize>,
    windows: WindowChanges,
}

/// Encodes records and passes them on.
struct RecordOutput<'a> {
    records: &'a mut dyn Records,
    key: RecordWriter,
    value: RecordWriter,
    written: usize,
}

impl<'a> RecordOutput<'a> {
    fn new(records: &'a mut dyn Records) -> Self {
        Self {
            records,
            key: RecordWriter::default(),
            value: RecordWriter::default(),
            written: 0,
        }
    }

    /// Passes on the record in `key` and `value`.
    fn put(&mut self) {
        self.records.put(self.key.bytes(), self.value.bytes());
        self.written += 1;
    }

    fn delete(&mut self) {
        self.records.delete(self.key.bytes());
    }

    fn rules(&mut self, recorder: &Recorder) {
        rules::write_key(&mut self.key);
        rules::write(&mut self.value, &recorder.compiled.rules);
        self.put();
    }

    fn engine(&mut self, clocks: &EngineClocks) {
        partition::write_engine_key(&mut self.key);
        partition::write_engine(&mut self.value, clocks);
        self.put();
    }

    fn partition(&mut self, number: u16, clocks: PartitionClocks) {
        partition::write_key(&mut self.key, number);
        partition::write(&mut self.value, clocks);
        self.put();
    }

    /// Writes a label. Returns whether it exists.
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

    fn cohort(&mut self, cohort: &CohortSeries) {
        cohort::write_key(&mut self.key, cohort.key);
        cohort::write(&mut self.value, cohort);
        self.put();
    }

    fn step(&mut self, place: WindowKey, step: &WindowStep) {
        window::write_key(&mut self.key, place, step.number);
        window::write(&mut self.value, step);
        self.put();
    }

    fn chunk(&mut self, number: u64, entries: &[WindowObservation]) {
        journal::write_key(&mut self.key, number);
        journal::write(&mut self.value, entries);
        self.put();
    }
}

impl Engine {
    /// Starts to track changes. Without that, [`Self::write_changes`] writes everything each time. A
    /// restored engine tracks changes from the start.
    pub fn track_changes(&mut self) {
        if self.changes.is_none() {
            self.start_tracking(StateChanges::of_new());
        }
    }

    pub(super) fn start_tracking(&mut self, changes: StateChanges) {
        self.changes = Some(changes);
        self.recorder.series.track_changes();
        self.recorder.windows.track_changes();
    }

    /// Writes the changes since the last call; the first call writes everything. Together with the
    /// earlier records, they are the current state. Moves the windows to their clock.
    pub fn write_changes(&mut self, records: &mut dyn Records) {
        self.recorder.windows.advance(self.clock());
        let mut output = RecordOutput::new(records);
        let changed = self.take_changed();
        match changed {
            Some(changed) => self.write_changed(&changed, &mut output),
            None => {
                let mut cursor = RewriteCursor::default();
                while !self.write_next(&mut cursor, &mut output) {}
            }
        }
        let (clocks, partitions) = (self.engine_clocks(), self.partition_clocks());
        if let Some(changes) = &mut self.changes {
            changes.clocks = Some(clocks);
            changes.partitions = partitions;
        }
    }

    /// Writes a slice of everything: about `budget` records from `cursor` on. Returns whether the round
    /// is complete. The records since the start of a complete round are the whole state, without any
    /// earlier record.
    ///
    /// Call it right after [`Self::write_changes`], for the same checkpoint, because that writes the
    /// changes between two slices.
    pub fn write_slice(
        &self,
        cursor: &mut RewriteCursor,
        budget: usize,
        records: &mut dyn Records,
    ) -> bool {
        let mut output = RecordOutput::new(records);
        let mut is_complete = cursor.stage == Stage::Done;
        while !is_complete && output.written < budget {
            is_complete = self.write_next(cursor, &mut output);
        }
        is_complete
    }

    /// Takes the tracked changes. `None`: everything must be written.
    fn take_changed(&mut self) -> Option<ChangedRecords> {
        let changes = self.changes.as_mut()?;
        let changed = ChangedRecords {
            rules: std::mem::take(&mut changes.rules),
            labels: label::take_changed(&mut self.recorder.compiled.labels),
            obsolete: std::mem::take(&mut changes.obsolete),
            forgotten: changes.take_forgotten(),
            tickets: changes.take_tickets(&mut self.tickets),
            cohorts: self.recorder.series.take_changed(),
            windows: self.recorder.windows.take_changes(),
        };
        if !std::mem::take(&mut changes.everything) {
            return Some(changed);
        }
        for place in &changed.windows.keys {
            let steps = self.recorder.windows.take_changed_steps(*place);
            steps.for_each(drop);
        }
        None
    }

    fn write_changed(&mut self, changed: &ChangedRecords, output: &mut RecordOutput<'_>) {
        if changed.rules {
            output.rules(&self.recorder);
        }
        let clocks = self.engine_clocks();
        let written = self.changes.as_ref();
        if written.and_then(|written| written.clocks) != Some(clocks) {
            output.engine(&clocks);
        }
        for (number, clocks) in (0..=u16::MAX).zip(self.partition_clocks()) {
            let before = written.and_then(|written| written.partitions.get(usize::from(number)));
            if before != Some(&clocks) {
                output.partition(number, clocks);
            }
        }
        for key in &changed.obsolete {
            output.records.delete(key);
        }
        for (table, numbers) in (0..).zip(&changed.labels) {
            for number in numbers {
                output.label(&self.recorder.compiled.labels, table, *number);
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
        for position in &changed.cohorts {
            output.cohort(&self.recorder.series.cohorts()[*position]);
        }
        let windows = &mut self.recorder.windows;
        for number in &changed.windows.done {
            journal::write_key(&mut output.key, *number);
            output.delete();
        }
        for place in &changed.windows.keys {
            for step in windows.take_changed_steps(*place) {
                output.step(*place, &step);
            }
        }
        for number in &changed.windows.chunks {
            if let Some(entries) = windows.chunk(*number) {
                output.chunk(*number, entries);
            }
        }
    }

    /// Writes the records at the cursor and moves it on. Returns whether the round is complete.
    fn write_next(&self, cursor: &mut RewriteCursor, output: &mut RecordOutput<'_>) -> bool {
        let position = cursor.position;
        let index = usize::try_from(position).unwrap_or(usize::MAX);
        let small = u16::try_from(position).unwrap_or(u16::MAX);
        cursor.position += 1;
        let windows = &self.recorder.windows;
        let is_left = match cursor.stage {
            Stage::Clocks => {
                output.rules(&self.recorder);
                output.engine(&self.engine_clocks());
                false
            }
            Stage::Labels(table) => output.label(&self.recorder.compiled.labels, table, small),
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
            Stage::Cohorts => {
                let cohort = self.recorder.series.cohorts().get(index);
                cohort.map(|cohort| output.cohort(cohort)).is_some()
            }
            Stage::Windows => {
                let (team, series) = (index / SERIES, index % SERIES);
                if let (Ok(team), Ok(series)) = (u16::try_from(team), u8::try_from(series)) {
                    for (place, step) in windows.steps(team, series) {
                        output.step(place, &step);
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

    fn engine_clocks(&self) -> EngineClocks {
        let (start, is_fixed) = match self.start {
            CountingStart::Open(start) => (start, false),
            CountingStart::Fixed(start) => (start, true),
        };
        EngineClocks {
            start,
            is_fixed,
            windows: self.recorder.windows.clock(),
            past_since: self.recorder.windows.past_since(),
            accounts: Some(self.recorder.accounts),
        }
    }

    fn partition_clocks(&self) -> Vec<PartitionClocks> {
        self.partitions.iter().map(clocks).collect()
    }
}

fn clocks(partition: &Partition) -> PartitionClocks {
    (partition.clock(), partition.greatest_event())
}
