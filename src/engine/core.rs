//! The engine: events of partitions in, snapshots out.

use std::sync::Arc;

use super::gauges;
use super::lifecycle::{self, Fired};
use super::partition::Partition;
use super::recorder::Recorder;
use super::rules::Rules;
use super::snapshot::Snapshot;
use super::state::Changes;
use super::table::{Found, TicketSlot, TicketTable};
use super::ticket::{Ticket, Withdrawal};
use super::trace::{Facts, Happening, Trace, TraceEntry};
use crate::domain::event::{Event, EventType};
use crate::domain::timestamp::Timestamp;

/// A merged ticket's survivor may be merged itself; a longer chain than this is a loop.
const LONGEST_MERGE_CHAIN: usize = 16;

/// Number of a partition, given by [`Engine::add_partition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u16);

impl PartitionId {
    /// How many partitions there can be.
    pub const COUNT: usize = 1 << u16::BITS;

    /// Partitions are numbered from 0 in the order in which they were added, and keep their
    /// numbers over restarts.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// Among the last events of its ticket.
    Duplicate,
    Ignored(Ignored),
}

/// Why a valid event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Its ticket is spam or deleted.
    Withdrawn,
    /// Its ticket was merged into one that is not in the same partition.
    MergedAway,
}

impl Ignored {
    pub const ALL: [Self; 2] = [Self::Withdrawn, Self::MergedAway];

    /// The value of the label `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::MergedAway => "merged_away",
        }
    }
}

/// Counts that concern the exporter rather than the tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub applied: u64,
    pub duplicate: u64,
    pub withdrawn: u64,
    pub merged_away: u64,
    pub out_of_order: u64,
    pub misrouted: u64,
    pub overflowed_teams: u64,
    pub overflowed_priorities: u64,
    pub overflowed_channels: u64,
}

/// When the series begin to count: with the earliest event read before they are first seen, so
/// that reading the same events again, after a restart, gives the same start, and neither a
/// history nor a restart looks like a burst.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// Not seen yet; the earliest instant known.
    Open(Timestamp),
    Fixed(Timestamp),
}

impl Start {
    fn see(&mut self, at: Timestamp) {
        if let Self::Open(earliest) = self {
            *earliest = at.min(*earliest);
        }
    }

    fn fix(&mut self) -> Timestamp {
        let (Self::Open(start) | Self::Fixed(start)) = *self;
        *self = Self::Fixed(start);
        start
    }
}

/// What is kept of the traced ticket while an event is applied.
struct Traced {
    /// The event names the traced ticket itself.
    own: bool,
    /// Entries written down before the event.
    entries: usize,
    before: Option<Facts>,
}

/// See the module. Deterministic: the same calls give the same state.
#[derive(Debug)]
pub struct Engine {
    pub(super) recorder: Recorder,
    pub(super) tickets: TicketTable,
    pub(super) partitions: Vec<Partition>,
    counts: Counts,
    /// What changed since the last checkpoint, where there are any.
    pub(super) changes: Option<Changes>,
    pub(super) start: Start,
}

impl Engine {
    /// `start`: when its counters begin to count, if no event says so.
    pub fn new(rules: Arc<Rules>, start: Timestamp) -> Self {
        Self::over(Recorder::new(rules), Start::Open(start))
    }

    /// An engine without tickets or partitions.
    pub(super) fn over(recorder: Recorder, start: Start) -> Self {
        Self {
            recorder,
            tickets: TicketTable::default(),
            partitions: Vec::new(),
            counts: Counts::default(),
            changes: None,
            start,
        }
    }

    /// Adds a partition; `None` where there is no number left for one ([`PartitionId::COUNT`]).
    pub fn add_partition(&mut self) -> Option<PartitionId> {
        let number = u16::try_from(self.partitions.len()).ok()?;
        self.partitions.push(Partition::new());
        Some(PartitionId(number))
    }

    /// The only partition of an engine that reads from one place.
    pub fn only_partition(&mut self) -> PartitionId {
        if self.partitions.is_empty() {
            self.partitions.push(Partition::new());
        }
        PartitionId(0)
    }

    /// Applies one event in arrival order of its partition, after the timers that its time makes
    /// due.
    pub fn apply(&mut self, partition: PartitionId, event: &Event<'_>) -> Outcome {
        self.start.see(event.at);
        let lateness = self.recorder.rules.lateness;
        self.partitions[usize::from(partition.0)].see(event.at, lateness);
        self.fire_due(partition);
        let traced = self.before_event(partition, event);
        let outcome = self.apply_to_ticket(partition, event);
        if let Some(traced) = traced {
            self.after_event(partition, event, outcome, traced);
        }
        // A late event may set timers that the clock has passed.
        self.fire_due(partition);
        match outcome {
            Outcome::Applied => self.counts.applied += 1,
            Outcome::Duplicate => self.counts.duplicate += 1,
            Outcome::Ignored(Ignored::Withdrawn) => self.counts.withdrawn += 1,
            Outcome::Ignored(Ignored::MergedAway) => self.counts.merged_away += 1,
        }
        if self.recorder.windows.is_full() {
            self.recorder.windows.advance(self.clock());
        }
        outcome
    }

    /// Announces events that are about to be applied: a few dozen at once are found faster.
    pub fn warm<'a>(&self, events: impl Iterator<Item = &'a Event<'a>>) {
        self.tickets
            .warm(events.map(|event| event.ticket_id.as_ref()));
    }

    /// Moves the stream clock of a partition that has been read to its end.
    pub fn advance(&mut self, partition: PartitionId, clock: Timestamp) {
        self.partitions[usize::from(partition.0)].advance(clock);
        self.fire_due(partition);
    }

    /// Ends a partition whose topic is gone: nothing more can be learned of its tickets. What they
    /// have counted stays counted; they leave the gauges, and the partition no longer holds back
    /// the clock of the windows.
    pub fn retire(&mut self, partition: PartitionId) {
        for slot in self.tickets.slots_of(partition.0) {
            self.forget(slot);
        }
        self.partitions[usize::from(partition.0)] = Partition::new();
    }

    /// The partition that has this number; `None` where there is none.
    pub fn partition_numbered(&self, number: u16) -> Option<PartitionId> {
        (usize::from(number) < self.partitions.len()).then_some(PartitionId(number))
    }

    /// The stream clock of a partition; `None` before its first event.
    pub fn clock_of(&self, partition: PartitionId) -> Option<Timestamp> {
        self.partitions[usize::from(partition.0)].clock()
    }

    /// The clock of the windows; `None` before it first moved.
    pub fn windows_clock(&self) -> Option<Timestamp> {
        self.recorder.windows.clock()
    }

    /// The greatest event time seen in a partition.
    pub fn greatest_event(&self, partition: PartitionId) -> Option<Timestamp> {
        self.partitions[usize::from(partition.0)].greatest_event()
    }

    pub fn counts(&self) -> Counts {
        let labels = &self.recorder.labels;
        Counts {
            overflowed_teams: labels.teams.overflows(),
            overflowed_priorities: labels.priorities.overflows(),
            overflowed_channels: labels.channels.overflows(),
            ..self.counts
        }
    }

    pub fn tickets(&self) -> usize {
        self.tickets.len()
    }

    pub fn timers(&self) -> usize {
        self.partitions.iter().map(Partition::timers).sum()
    }

    /// Deadlines whose breach was counted since the last call.
    pub fn take_breaches(&mut self) -> Vec<Timestamp> {
        std::mem::take(&mut self.recorder.breaches)
    }

    /// Writes down from now on what happens to one ticket, in whatever partition.
    pub fn trace(&mut self, id: &str) {
        self.recorder.trace = Some(Box::new(Trace::new(id)));
    }

    /// Ends the trace: what it has written down, in the order of time.
    pub fn take_trace(&mut self) -> Vec<TraceEntry> {
        let trace = self.recorder.trace.take();
        trace.map(|trace| trace.into_entries()).unwrap_or_default()
    }

    /// Records are read in another way from now on: what is counted later, counts under this.
    pub fn read_as(&mut self, reading: Vec<(String, String)>) {
        if self.recorder.rules.reading != reading {
            Arc::make_mut(&mut self.recorder.rules).reading = reading;
            if let Some(changes) = &mut self.changes {
                changes.rules = true;
            }
        }
    }

    /// Everything a scrape may see, as of now. Costs a walk over the open tickets and what
    /// changed in the series since the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let clock = self.clock();
        let start = self.start.fix();
        self.recorder.windows.advance(clock);
        let clocks: Vec<Option<Timestamp>> = self.partitions.iter().map(Partition::clock).collect();
        let gauges = gauges::scan(&mut self.recorder, &self.tickets, &clocks);
        let teams = self.recorder.labels.teams.names().len();
        Snapshot {
            rules: Arc::clone(&self.recorder.rules),
            teams: Arc::clone(self.recorder.labels.teams.names()),
            priorities: Arc::clone(self.recorder.labels.priorities.names()),
            channels: Arc::clone(self.recorder.labels.channels.names()),
            pairs: self.recorder.series.pairs().to_vec(),
            windows: self.recorder.windows.publish(teams),
            gauges,
            start,
            clock,
        }
    }

    /// The clock of windows: that of the partition furthest behind, since only up to there has
    /// everything been seen. Partitions that were never read do not count.
    pub(super) fn clock(&self) -> Timestamp {
        self.partitions
            .iter()
            .filter_map(Partition::clock)
            .min()
            .unwrap_or(Timestamp(0))
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The ticket in each partition that knows it.
    pub(super) fn known(&self, id: &str) -> impl Iterator<Item = &Ticket> {
        (0..self.partitions.len())
            .filter_map(|partition| u16::try_from(partition).ok())
            .filter_map(move |partition| self.known_in(partition, id))
    }

    /// The stream clock of a partition; the beginning of time before its first event.
    pub(super) fn clock_of_number(&self, partition: u16) -> Timestamp {
        let clock = self.partitions[usize::from(partition)].clock();
        clock.unwrap_or(Timestamp::EARLIEST)
    }

    /// The state of the traced ticket before an event; `None` where nothing is traced.
    fn before_event(&self, partition: PartitionId, event: &Event<'_>) -> Option<Traced> {
        let trace = self.recorder.trace.as_ref()?;
        let own = event.ticket_id == trace.id();
        // Another ticket's event concerns the traced one where that one was merged into it.
        let merged = || {
            let ticket = self.known_in(partition.0, &event.ticket_id);
            ticket.is_some_and(|ticket| ticket.withdrawal == Some(Withdrawal::Merged))
        };
        if !own && !merged() {
            return None;
        }
        let ticket = self.known_in(partition.0, trace.id());
        Some(Traced {
            own,
            entries: trace.len(),
            before: ticket.map(|ticket| self.recorder.facts(ticket)),
        })
    }

    /// Writes an event down, before what it led to.
    fn after_event(
        &mut self,
        partition: PartitionId,
        event: &Event<'_>,
        outcome: Outcome,
        mut traced: Traced,
    ) {
        let Found::Here(named) = self.tickets.find(partition.0, &event.ticket_id) else {
            return;
        };
        // It has been looked for already: to do so again changes nothing.
        let passed_on = outcome == Outcome::Applied && event.kind != EventType::Merged;
        let survivor = passed_on.then(|| self.survivor(named, event.at)).flatten();
        let survivor = survivor.and_then(|slot| self.tickets.get(slot));
        let survivor = survivor.map(|ticket| ticket.id.clone());
        let Some(trace) = &self.recorder.trace else {
            return;
        };
        let id = trace.id();
        if !traced.own && survivor.as_deref() != Some(id) {
            return;
        }
        if trace.forgotten_since(traced.entries) {
            traced.before = None;
        }
        let word = match outcome {
            Outcome::Applied => "applied",
            Outcome::Duplicate => "duplicate",
            Outcome::Ignored(reason) => reason.reason(),
        };
        let ticket = self.known_in(partition.0, id);
        let after = ticket.map(|ticket| self.recorder.facts(ticket));
        let before = traced.before.as_ref();
        let (at, mut written) = self
            .recorder
            .event_trace(event, word, before, after.as_ref());
        if !traced.own {
            written.named = Some(event.ticket_id.to_string());
        } else {
            written.passed_on_to = survivor
                .filter(|survivor| survivor != id)
                .map(|survivor| survivor.to_string());
        }
        if let Some(trace) = &mut self.recorder.trace {
            let what = Happening::Event(written);
            trace.insert(
                traced.entries,
                TraceEntry {
                    at,
                    known: at,
                    what,
                },
            );
        }
    }

    fn known_in(&self, partition: u16, id: &str) -> Option<&Ticket> {
        match self.tickets.find(partition, id) {
            Found::Here(slot) => self.tickets.get(slot),
            Found::Elsewhere | Found::Nowhere => None,
        }
    }

    fn apply_to_ticket(&mut self, partition: PartitionId, event: &Event<'_>) -> Outcome {
        let slot = match self.tickets.find(partition.0, &event.ticket_id) {
            Found::Here(slot) => slot,
            found => {
                self.counts.misrouted += u64::from(found == Found::Elsewhere);
                self.open(partition, event);
                return Outcome::Applied;
            }
        };
        if !self.fire_before(slot, event.at) {
            // Its memory ended before the event: the ticket is unknown.
            self.open(partition, event);
            return Outcome::Applied;
        }
        if !self
            .tickets
            .get_mut(slot)
            .is_some_and(|ticket| ticket.remember(event.identity))
        {
            self.settle(slot);
            return Outcome::Duplicate;
        }
        let survivor = self.survivor(slot, event.at);
        if survivor != Some(slot) {
            self.settle(slot);
            if concerns_only_itself(event.kind) {
                return Outcome::Ignored(Ignored::Withdrawn);
            }
        }
        let Some(survivor) = survivor else {
            return Outcome::Ignored(Ignored::MergedAway);
        };
        let outcome = self.apply_to(survivor, event, survivor == slot);
        self.settle(survivor);
        outcome
    }

    /// `own`: the event names this ticket, and not one that was merged into it.
    fn apply_to(&mut self, slot: TicketSlot, event: &Event<'_>, own: bool) -> Outcome {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return Outcome::Ignored(Ignored::MergedAway);
        };
        let at = event.at.max(ticket.last_at);
        if ticket.is_withdrawn() {
            let within = at.since(ticket.timeline.since()) <= self.recorder.rules.undelete_grace;
            if event.kind != EventType::Undeleted || !within {
                return Outcome::Ignored(Ignored::Withdrawn);
            }
            lifecycle::restore(&mut self.recorder, ticket, at);
        }
        self.counts.out_of_order += u64::from(event.at < ticket.last_at);
        ticket.last_at = at;
        if own && lifecycle::learn_start(&mut self.recorder, ticket, event) {
            // Deadlines that had passed before the start was known.
            self.fire_before(slot, at);
        }
        if let Some(ticket) = self.tickets.get_mut(slot) {
            lifecycle::apply(&mut self.recorder, ticket, event, at, false);
        }
        Outcome::Applied
    }

    /// An unknown ticket: created, or partial (contract, section 1).
    fn open(&mut self, partition: PartitionId, event: &Event<'_>) {
        let at = match event.created_at {
            Some(created_at) if event.kind != EventType::Created => created_at.min(event.at),
            _ => event.at,
        };
        let mut ticket = Ticket::open(&event.ticket_id, partition.0, at);
        ticket.remember(event.identity);
        ticket.last_at = event.at;
        lifecycle::initialize(&mut self.recorder, &mut ticket, event);
        lifecycle::learn_start(&mut self.recorder, &mut ticket, event);
        let slot = self.tickets.insert(ticket);
        // A partial ticket may have deadlines between its creation and its first event.
        self.fire_before(slot, event.at);
        if let Some(ticket) = self.tickets.get_mut(slot) {
            lifecycle::apply(&mut self.recorder, ticket, event, event.at, true);
        }
        self.settle(slot);
    }

    /// The ticket an event is for: itself, or where it was merged into. `None`: merged away.
    fn survivor(&mut self, slot: TicketSlot, at: Timestamp) -> Option<TicketSlot> {
        let mut current = slot;
        for _ in 0..LONGEST_MERGE_CHAIN {
            if current != slot && !self.fire_before(current, at) {
                return None;
            }
            let ticket = self.tickets.get(current)?;
            if ticket.withdrawal != Some(Withdrawal::Merged) {
                return Some(current);
            }
            let into = ticket.extra.as_ref()?.into.as_ref()?;
            match self.tickets.find(ticket.partition, into) {
                Found::Here(next) => current = next,
                Found::Elsewhere | Found::Nowhere => return None,
            }
        }
        None
    }

    /// Fires the timers of one ticket that are due before `at`; whether it is still known.
    fn fire_before(&mut self, slot: TicketSlot, at: Timestamp) -> bool {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return false;
        };
        let at = at.max(ticket.last_at);
        loop {
            let due = lifecycle::next_timer(&self.recorder, ticket);
            if due >= at {
                return true;
            }
            if lifecycle::fire(&mut self.recorder, ticket, due) == Fired::Forgotten {
                self.forget(slot);
                return false;
            }
        }
    }

    /// Fires what the clock of a partition has passed, in time order.
    fn fire_due(&mut self, partition: PartitionId) {
        while let Some((due, slot)) = self.partitions[usize::from(partition.0)].take_due() {
            let Some(ticket) = self.tickets.get_mut(slot) else {
                continue;
            };
            if ticket.scheduled != due || ticket.partition != partition.0 {
                continue;
            }
            ticket.scheduled = Timestamp::NEVER;
            // The timer may have moved since: then only the next one is set.
            if lifecycle::next_timer(&self.recorder, ticket) == due
                && lifecycle::fire(&mut self.recorder, ticket, due) == Fired::Forgotten
            {
                self.forget(slot);
            } else {
                self.settle(slot);
            }
        }
    }

    /// Sets the timers of all tickets, which have none.
    pub(super) fn schedule_all(&mut self) {
        for (slot, ticket) in self.tickets.iter_mut() {
            ticket.scheduled = lifecycle::next_timer(&self.recorder, ticket);
            if ticket.scheduled != Timestamp::NEVER {
                let partition = &mut self.partitions[usize::from(ticket.partition)];
                partition.schedule(ticket.scheduled, slot);
            }
        }
    }

    /// After a change: the timer is set and the ticket marked for the next checkpoint.
    fn settle(&mut self, slot: TicketSlot) {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return;
        };
        let due = lifecycle::next_timer(&self.recorder, ticket);
        if due < ticket.scheduled {
            ticket.scheduled = due;
            self.partitions[usize::from(ticket.partition)].schedule(due, slot);
        }
        if let Some(changes) = &mut self.changes {
            changes.mark(ticket, slot);
        }
    }

    fn forget(&mut self, slot: TicketSlot) {
        if let Some(ticket) = self.tickets.remove(slot)
            && let Some(changes) = &mut self.changes
        {
            changes.forget(ticket.partition, ticket.id);
        }
    }
}

/// Events that concern a merged ticket itself rather than the one it lives on in.
fn concerns_only_itself(kind: EventType) -> bool {
    matches!(
        kind,
        EventType::Created
            | EventType::Merged
            | EventType::Spam
            | EventType::Deleted
            | EventType::Undeleted
    )
}
