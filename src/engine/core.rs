//! The engine's state and the questions about it. `apply.rs` changes the state.

use std::sync::Arc;

use super::account::AccountKey;
use super::changes::StateChanges;
use super::cohort::MOST_ATTRIBUTES;
use super::compiled_rules::CompiledRules;
use super::gauges;
use super::partition::Partition;
use super::recorder::Recorder;
use super::rules::{AttributeRule, Rules};
use super::snapshot::Snapshot;
use super::statement::StateMember;
use super::table::TicketTable;
use super::ticket::Ticket;
use crate::domain::timestamp::Timestamp;

/// Number of a partition, from [`Engine::add_partition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u16);

impl PartitionId {
    /// The greatest possible number of partitions.
    pub const COUNT: usize = 1 << u16::BITS;

    /// Partitions are numbered from 0 in the order in which they were added. They keep their
    /// numbers over restarts.
    pub fn number(self) -> u16 {
        self.0
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
    /// Statements earlier than the known one, by [`StateMember`].
    pub stale: [u64; StateMember::ALL.len()],
    /// The same, by the user's own attribute, in the order of the rules.
    pub stale_attributes: [u64; MOST_ATTRIBUTES],
    /// By the user's own attribute that is a label.
    pub overflowed_attributes: [u64; MOST_ATTRIBUTES],
    /// Combinations of labels beyond the limit of cohorts.
    pub overflowed_combinations: u64,
}

/// The time at which the series begin to count: that of the earliest event before the first
/// snapshot. The same events give the same start again after a restart, and a replayed history does
/// not look like a burst.
#[derive(Clone, Copy, Debug)]
pub(super) enum CountingStart {
    /// No snapshot has been taken yet. The earliest known time.
    Open(Timestamp),
    Fixed(Timestamp),
}

impl CountingStart {
    pub(super) fn see(&mut self, at: Timestamp) {
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

/// Tickets, timers, series and windows. Deterministic: the same calls give the same state.
#[derive(Debug)]
pub struct Engine {
    pub(super) recorder: Recorder,
    pub(super) tickets: TicketTable,
    pub(super) partitions: Vec<Partition>,
    pub(super) counts: Counts,
    /// `None`: nothing tracks changes for checkpoints.
    pub(super) changes: Option<StateChanges>,
    pub(super) start: CountingStart,
    /// The stream clock of the shard furthest behind. `None`: the engine has all partitions.
    pub(super) shards_clock: Option<Timestamp>,
}

impl Engine {
    /// `start`: the time at which the counters begin to count, unless an event is earlier.
    pub fn new(rules: Arc<Rules>, start: Timestamp) -> Self {
        Self::with_recorder(Recorder::new(rules), CountingStart::Open(start))
    }

    /// Sets the key of the accounts' digests. A stored engine has a random one; without this it is
    /// [`AccountKey::FIXED`].
    #[must_use]
    pub fn keyed(mut self, accounts: AccountKey) -> Self {
        self.recorder.accounts = accounts;
        self
    }

    /// An engine without tickets or partitions.
    pub(super) fn with_recorder(recorder: Recorder, start: CountingStart) -> Self {
        Self {
            recorder,
            tickets: TicketTable::default(),
            partitions: Vec::new(),
            counts: Counts::default(),
            changes: None,
            start,
            shards_clock: None,
        }
    }

    /// Adds a partition. `None` if there are [`PartitionId::COUNT`] already.
    pub fn add_partition(&mut self) -> Option<PartitionId> {
        let number = u16::try_from(self.partitions.len()).ok()?;
        self.partitions.push(Partition::new());
        Some(PartitionId(number))
    }

    /// The partition of an engine with a single source.
    pub fn only_partition(&mut self) -> PartitionId {
        if self.partitions.is_empty() {
            self.partitions.push(Partition::new());
        }
        PartitionId(0)
    }

    /// The partition with this number, if it exists.
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
        let labels = &self.rules().labels;
        Counts {
            overflowed_teams: labels.teams.overflows(),
            overflowed_priorities: labels.priorities.overflows(),
            overflowed_channels: labels.channels.overflows(),
            stale: self.recorder.stale,
            stale_attributes: self.recorder.stale_attributes,
            overflowed_attributes: std::array::from_fn(|position| {
                let attribute = labels.attributes.get(position);
                let attribute = attribute.filter(|attribute| attribute.is_label);
                attribute.map_or(0, |attribute| attribute.values.overflows())
            }),
            overflowed_combinations: self.recorder.overflowed_combinations,
            ..self.counts
        }
    }

    /// The user's own attributes, in the order of [`Counts`].
    pub fn attributes(&self) -> &[AttributeRule] {
        &self.rules().rules.attributes
    }

    pub fn tickets(&self) -> usize {
        self.tickets.len()
    }

    pub fn timers(&self) -> usize {
        self.partitions.iter().map(Partition::timers).sum()
    }

    /// The deadlines whose breach was counted since the last call.
    pub fn take_breaches(&mut self) -> Vec<Timestamp> {
        std::mem::take(&mut self.recorder.breaches)
    }

    /// Sets the settings by which records become events. The engine only stores them, so that a
    /// later configuration can be compared with them.
    pub fn set_mapping_settings(&mut self, settings: Vec<(String, String)>) {
        let rules = &mut self.recorder.compiled.rules;
        if rules.mapping_settings != settings {
            Arc::make_mut(rules).mapping_settings = settings;
            if let Some(changes) = &mut self.changes {
                changes.rules = true;
            }
        }
    }

    /// Everything that a scrape may see, at the current clock. The cost is a walk over the open
    /// tickets plus the series that changed since the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let clock = self.clock();
        self.recorder.windows.advance(clock);
        self.snapshot_at(clock)
    }

    /// The snapshot at the clock to which the windows have moved.
    pub(super) fn snapshot_at(&mut self, clock: Timestamp) -> Snapshot {
        let start = self.start.fix();
        let clocks: Vec<Option<Timestamp>> = self.partitions.iter().map(Partition::clock).collect();
        let gauges = gauges::scan(&mut self.recorder, &self.tickets, &clocks);
        let CompiledRules { rules, labels, .. } = &self.recorder.compiled;
        let teams = labels.teams.names().len();
        Snapshot {
            rules: Arc::clone(rules),
            teams: Arc::clone(labels.teams.names()),
            priorities: Arc::clone(labels.priorities.names()),
            channels: Arc::clone(labels.channels.names()),
            attributes: labels.shown_attributes(),
            cohorts: self.recorder.series.cohorts().to_vec(),
            windows: self.recorder.windows.publish(teams),
            reach: self.recorder.windows.reach(),
            gauges,
            start,
            clock,
        }
    }

    /// The clock of the windows: that of the slowest partition, because events up to there are
    /// complete. Partitions without events do not count.
    pub(super) fn clock(&self) -> Timestamp {
        let clocks = self.stream_clock().into_iter().chain(self.shards_clock);
        clocks.min().unwrap_or(Timestamp(0))
    }

    /// The clock of the slowest partition; `None` before the first event.
    pub(super) fn stream_clock(&self) -> Option<Timestamp> {
        self.partitions.iter().filter_map(Partition::clock).min()
    }

    pub(super) fn rules(&self) -> &CompiledRules {
        &self.recorder.compiled
    }

    /// The ticket in each partition that knows it.
    pub(super) fn known<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Ticket> {
        (0..self.partitions.len())
            .filter_map(|partition| u16::try_from(partition).ok())
            .filter_map(move |partition| self.tickets.get_in(partition, id))
    }

    /// The stream clock of a partition; the earliest possible time before its first event.
    pub(super) fn clock_of_number(&self, partition: u16) -> Timestamp {
        let clock = self.partitions[usize::from(partition)].clock();
        clock.unwrap_or(Timestamp::EARLIEST)
    }
}
