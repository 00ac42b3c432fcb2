//! Restores an engine from its records.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use super::attributes::AttributeMoves;
use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::former::{self, Renumbering, UsedRules};
use super::record::{RecordKind, ReferenceCounts, RulesChange, STATE_VERSION, StateError};
use super::rules::StoredRules;
use super::{cohort, goals, journal, label, partition, rules, ticket, window};
use crate::domain::calendar::CalendarId;
use crate::engine::account::AccountKey;
use crate::engine::changes::{EngineClocks, PartitionClocks, StateChanges};
use crate::engine::cohort::CohortKey;
use crate::engine::core::{CountingStart, Engine};
use crate::engine::goals::select_first_policies;
use crate::engine::labels::{
    AttributeTable, LabelExposure, LabelNumber, LabelTable, Labels, OWN_NUMBERS,
};
use crate::engine::partition::Partition;
use crate::engine::recorder::{ConfiguredLabels, Recorder};
use crate::engine::rules::{AttributeRule, Kpi, Rules};
use crate::engine::series::{CohortSeries, SeriesTable};
use crate::engine::sliding::WindowStep;
use crate::engine::table::{TicketLookup, TicketSlot, TicketTable};
use crate::engine::ticket::NO_POLICY;
use crate::engine::windows::{WindowKey, WindowObservation, Windows};

/// The engine of a checkpoint.
#[derive(Debug)]
pub struct RestoredEngine {
    /// It tracks changes from the start.
    pub engine: Engine,
    /// The changes of the rules since the checkpoint. They apply from now on.
    pub changes: Vec<RulesChange>,
    /// The changes that mix two kinds of numbers. A recount avoids that.
    pub recounts: Vec<RulesChange>,
}

/// Takes all records of a store, in the order in which they were written, and makes an engine of
/// them. The last record of a key counts.
#[derive(Debug)]
pub struct Restorer {
    rules: Arc<Rules>,
    /// The version of the records.
    version: u32,
    /// For records without a key.
    accounts: AccountKey,
    clocks: Option<EngineClocks>,
    stored_rules: Option<StoredRules>,
    /// By table and number.
    labels: BTreeMap<(u8, u16), (String, LabelExposure)>,
    partitions: BTreeMap<u16, PartitionClocks>,
    tickets: TicketTable,
    cohorts: BTreeMap<CohortKey, CohortSeries>,
    steps: HashMap<(WindowKey, u8), WindowStep>,
    journal: BTreeMap<u64, Vec<WindowObservation>>,
}

impl Restorer {
    /// `rules`: the current rules. `version`: the version of the records.
    ///
    /// # Errors
    ///
    /// [`StateError::Newer`].
    pub fn new(rules: Arc<Rules>, version: u32) -> Result<Self, StateError> {
        if version > STATE_VERSION {
            return Err(StateError::Newer(version));
        }
        Ok(Self {
            rules,
            version,
            accounts: AccountKey::FIXED,
            clocks: None,
            stored_rules: None,
            labels: BTreeMap::new(),
            partitions: BTreeMap::new(),
            tickets: TicketTable::default(),
            cohorts: BTreeMap::new(),
            steps: HashMap::new(),
            journal: BTreeMap::new(),
        })
    }

    /// Sets the key of the accounts' digests for records of a version that has none.
    #[must_use]
    pub fn keyed(mut self, accounts: AccountKey) -> Self {
        self.accounts = accounts;
        self
    }

    /// Sets the version of the records that follow. A store may have records of several versions.
    pub fn set_version(&mut self, version: u32) {
        self.version = version;
    }

    /// Takes a record. `None`: it was deleted.
    ///
    /// # Errors
    ///
    /// [`StateError::Record`]: the record is invalid. [`StateError::Kind`]: the key is not one of the
    /// engine's.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StateError> {
        let (first, rest) = key.split_first().ok_or(StateError::Kind)?;
        let kind = RecordKind::ALL
            .into_iter()
            .find(|kind| *kind as u8 == *first);
        let kind = kind.ok_or(StateError::Kind)?;
        self.take(kind, RecordReader::new(rest), value.map(RecordReader::new))
            .map_err(|error| kind.invalid(error))
    }

    fn take(
        &mut self,
        kind: RecordKind,
        key: RecordReader<'_>,
        value: Option<RecordReader<'_>>,
    ) -> Result<(), RecordError> {
        match kind {
            RecordKind::State => {
                key.end()?;
                self.clocks = value.map(partition::read_engine).transpose()?;
            }
            RecordKind::Rules => {
                key.end()?;
                let stored = value.map(|value| rules::read(self.version, value));
                self.stored_rules = stored.transpose()?;
            }
            RecordKind::Label => {
                let read =
                    |value| label::read(value).map(|(name, exposure)| (name.to_owned(), exposure));
                set(&mut self.labels, label::read_key(key)?, value, read)?;
            }
            RecordKind::Partition => {
                set(
                    &mut self.partitions,
                    partition::read_key(key)?,
                    value,
                    partition::read,
                )?;
            }
            RecordKind::Ticket => self.take_ticket(key, value)?,
            RecordKind::Cohort => {
                let labels = cohort::read_key(key)?;
                let version = self.version;
                set(&mut self.cohorts, labels, value, |value| {
                    cohort::read(labels, version, value)
                })?;
            }
            RecordKind::Window => {
                let key = window::read_key(key)?;
                match value {
                    Some(value) => self.steps.insert(key, window::read(key.1, value)?),
                    None => self.steps.remove(&key),
                };
            }
            RecordKind::Journal => set(
                &mut self.journal,
                journal::read_key(key)?,
                value,
                journal::read,
            )?,
        }
        Ok(())
    }

    fn take_ticket(
        &mut self,
        key: RecordReader<'_>,
        value: Option<RecordReader<'_>>,
    ) -> Result<(), RecordError> {
        let (partition, id) = ticket::read_key(key)?;
        let ticket = value.map(|value| ticket::read(self.version, partition, id, value));
        let ticket = ticket.transpose()?;
        match (self.tickets.find(partition, id), ticket) {
            (TicketLookup::Here(slot), Some(ticket)) => {
                if let Some(stored) = self.tickets.get_mut(slot) {
                    *stored = ticket;
                }
            }
            (TicketLookup::Here(slot), None) => {
                self.tickets.remove(slot);
            }
            (TicketLookup::Elsewhere | TicketLookup::Nowhere, Some(ticket)) => {
                self.tickets.insert(ticket);
            }
            (TicketLookup::Elsewhere | TicketLookup::Nowhere, None) => {}
        }
        Ok(())
    }

    /// Whether any event was ever counted. If not, a recount loses nothing.
    pub fn has_counted(&self) -> bool {
        let mut clocks = self.partitions.values();
        clocks.any(|(_, greatest_event)| greatest_event.is_some())
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`StateError::NeedsRebuild`]: the rules have changed too much. Other errors: records are
    /// missing or contradict each other.
    pub fn finish(mut self) -> Result<RestoredEngine, StateError> {
        let clocks = self
            .clocks
            .ok_or(StateError::Missing(RecordKind::State.name()))?;
        let stored = self.stored_rules.take();
        let stored = stored.ok_or(StateError::Missing(RecordKind::Rules.name()))?;
        let mut breaks = stored.breaks(&self.rules);
        let recounts = stored.recounts(&self.rules);
        if !breaks.is_empty() {
            breaks.extend(recounts);
            return Err(StateError::NeedsRebuild(breaks));
        }
        let moves = AttributeMoves::new(&stored.attributes, &self.rules.attributes);
        let mut changes = stored.differences(&self.rules);
        let partitions = self.restore_partitions()?;
        self.check(&stored, &partitions)?;
        let mut rules = Rules::clone(&self.rules);
        let (renumbering, others) = former::add_used_rules(&stored, &mut rules, &self.used())?;
        let has_other_policies = !others.is_empty();
        changes.extend(others);
        let labels = self.restore_labels(&moves)?;
        let obsolete = self.obsolete_keys(&moves);
        let series = self.restore_series(&rules, &labels, &renumbering, &moves)?;
        let windows = self.restore_windows(&rules, &clocks)?;
        let mut renumbered = renumber_tickets(&mut self.tickets, &renumbering);
        if !moves.are_none {
            let tickets = self.tickets.iter_mut();
            let moved = tickets
                .filter_map(|(slot, ticket)| moves.apply(&mut ticket.memory).then_some(slot));
            renumbered.extend(moved);
        }
        let start = if clocks.is_fixed {
            CountingStart::Fixed(clocks.start)
        } else {
            CountingStart::Open(clocks.start)
        };
        let recorder = Recorder::resume(rules.into(), labels, series, windows);
        let accounts = clocks.accounts.unwrap_or(self.accounts);
        let mut engine = Engine::with_recorder(recorder, start).keyed(accounts);
        engine.tickets = self.tickets;
        if has_other_policies {
            for (slot, ticket) in engine.tickets.iter_mut() {
                if select_first_policies(&engine.recorder.compiled, ticket) {
                    renumbered.push(slot);
                }
            }
        }
        engine.partitions = partitions;
        engine.schedule_all();
        let mut tracked = StateChanges::of_restored();
        tracked.obsolete = obsolete;
        for slot in renumbered {
            // Their records refer to rules that the next checkpoint overwrites.
            if let Some(ticket) = engine.tickets.get_mut(slot) {
                tracked.mark(ticket, slot);
            }
        }
        engine.start_tracking(tracked);
        engine.recorder.take_places(&engine.tickets);
        Ok(RestoredEngine {
            engine,
            changes,
            recounts,
        })
    }
}

/// The parts, checked against each other.
impl Restorer {
    fn restore_partitions(&self) -> Result<Vec<Partition>, StateError> {
        let mut partitions = Vec::new();
        for (expected, (number, (clock, greatest_event))) in (0..=u16::MAX).zip(&self.partitions) {
            if *number != expected {
                return Err(RecordKind::Partition.invalid(RecordError::Reference));
            }
            partitions.push(Partition::restored(*clock, *greatest_event));
        }
        Ok(partitions)
    }

    /// Checks that all numbers refer to something, and that every partition with a ticket has a clock.
    fn check(&self, stored: &StoredRules, partitions: &[Partition]) -> Result<(), StateError> {
        let mut values = [0; label::TABLES as usize];
        for (table, number) in self.labels.keys() {
            let next = &mut values[usize::from(*table)];
            if usize::from(*number) != *next {
                return Err(RecordKind::Label.invalid(RecordError::Reference));
            }
            *next += 1;
        }
        let [teams, priorities, channels, attribute_values @ ..] = values;
        let existing = ReferenceCounts {
            teams,
            priorities,
            channels,
            attribute_values,
            policies: stored.policy_count(),
            groups: stored.groups().len(),
            calendars: stored.calendars.len(),
        };
        for ticket in self.tickets.iter() {
            let partition = partitions.get(usize::from(ticket.partition));
            if partition.and_then(Partition::clock).is_none() {
                return Err(RecordKind::Ticket.invalid(RecordError::Reference));
            }
            ticket::check(ticket, &existing).map_err(|error| RecordKind::Ticket.invalid(error))?;
        }
        for cohort in self.cohorts.values() {
            cohort::check(cohort, &existing).map_err(|error| RecordKind::Cohort.invalid(error))?;
        }
        let in_windows = self.steps.keys().map(|(place, _)| place.team);
        let waiting = self.journal.values().flatten().map(|entry| entry.team);
        for (mut users, kind) in [
            (
                Box::new(in_windows) as Box<dyn Iterator<Item = u16>>,
                RecordKind::Window,
            ),
            (Box::new(waiting), RecordKind::Journal),
        ] {
            if users.any(|team| usize::from(team) >= teams) {
                return Err(kind.invalid(RecordError::Reference));
            }
        }
        Ok(())
    }

    /// The stored rules that are still needed.
    fn used(&self) -> UsedRules {
        let mut used = UsedRules::default();
        for ticket in self.tickets.iter() {
            let policies = ticket.goals().map(|goal| ticket.policy_in(goal.key.group));
            used.policies
                .extend(policies.filter(|policy| *policy != NO_POLICY));
            used.calendars
                .extend(ticket.clock_calendars().map(|id| id.0));
        }
        for cohort in self.cohorts.values() {
            let counted = cohort.goals.iter().filter(|goal| goal.goals > 0);
            used.counted.extend(counted.map(|goal| goal.policy));
        }
        used
    }

    fn restore_labels(&self, moves: &AttributeMoves) -> Result<Labels, StateError> {
        let [teams, priorities, channels] = ConfiguredLabels::all(&self.rules);
        Ok(Labels {
            teams: self.restore_table(0, "teams", &teams)?,
            priorities: self.restore_table(1, "priorities", &priorities)?,
            channels: self.restore_table(2, "channels", &channels)?,
            attributes: self
                .rules
                .attributes
                .iter()
                .enumerate()
                .map(|(position, rule)| self.restore_attribute(rule, moves.stored(position), moves))
                .collect::<Result<_, _>>()?,
        })
    }

    /// `stored`: the position of the attribute in the stored rules.
    fn restore_attribute(
        &self,
        rule: &AttributeRule,
        stored: Option<usize>,
        moves: &AttributeMoves,
    ) -> Result<AttributeTable, StateError> {
        let configured = ConfiguredLabels::of_attribute(&self.rules, rule);
        let mut values = match stored {
            None => LabelTable::new(configured.limit, configured.known, configured.mentioned),
            Some(stored) => {
                let table = label::attribute_table(stored);
                self.restore_table(table, &format!("attributes.{}", rule.name), &configured)?
            }
        };
        if !moves.are_none {
            values.change_all();
        }
        Ok(AttributeTable {
            name: rule.name.as_str().into(),
            is_label: rule.is_label,
            values,
        })
    }

    /// The keys of stored labels and cohorts that are wrong after a change of the attributes.
    fn obsolete_keys(&self, moves: &AttributeMoves) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if moves.are_none {
            return keys;
        }
        let mut key = RecordWriter::default();
        for (table, number) in self.labels.keys() {
            if *table >= label::FIRST_ATTRIBUTE {
                label::write_key(&mut key, *table, *number);
                keys.push(key.bytes().to_vec());
            }
        }
        for stored in self.cohorts.keys() {
            if moves.cohort(*stored) != *stored {
                cohort::write_key(&mut key, *stored);
                keys.push(key.bytes().to_vec());
            }
        }
        keys
    }

    fn restore_table<N: LabelNumber>(
        &self,
        table: u8,
        what: &str,
        configured: &ConfiguredLabels<'_>,
    ) -> Result<LabelTable<N>, StateError> {
        let values = self.labels.range((table, 0)..=(table, u16::MAX));
        let values = values.map(|(_, (name, exposure))| (name.as_str(), *exposure));
        let known = || configured.known.iter().copied();
        let mentioned = || configured.mentioned.iter().copied();
        let table = LabelTable::restored(configured.limit, values, known(), mentioned())
            .ok_or(RecordKind::Label.invalid(RecordError::Reference))?;
        let mut all = known().chain(mentioned());
        match all.find(|name| table.named(name).is_none()) {
            None => Ok(table),
            Some(_) => Err(StateError::NeedsRebuild(vec![RulesChange(format!(
                "{what}: the checkpoint holds {} values already, which is the greatest possible number",
                N::COUNT - OWN_NUMBERS
            ))])),
        }
    }

    fn restore_series(
        &mut self,
        rules: &Rules,
        labels: &Labels,
        renumbering: &Renumbering,
        moves: &AttributeMoves,
    ) -> Result<SeriesTable, StateError> {
        let mut cohorts: BTreeMap<CohortKey, CohortSeries> = BTreeMap::new();
        for mut cohort in std::mem::take(&mut self.cohorts).into_values() {
            cohort.key = moves.cohort(cohort.key);
            let is_label = labels.exposed(cohort.key) == cohort.key;
            let bounds = |kpi: Kpi| rules.buckets[kpi as usize].len();
            let fits = Kpi::ALL.into_iter().all(|kpi| {
                let histograms = cohort.histograms[kpi as usize].iter().flatten();
                histograms
                    .into_iter()
                    .all(|histogram| histogram.counts.len() == bounds(kpi) + 1)
            });
            if !is_label || !fits {
                return Err(RecordKind::Cohort.invalid(RecordError::Reference));
            }
            renumber_goals(&mut cohort, renumbering);
            match cohorts.entry(cohort.key) {
                Entry::Vacant(place) => {
                    place.insert(cohort);
                }
                Entry::Occupied(equal) => equal.into_mut().add_up(cohort),
            }
        }
        let mut series = SeriesTable::restored(cohorts.into_values());
        for position in 0..series.cohorts().len() {
            let names = labels.names(series.cohorts()[position].key);
            series.create_goals(rules, &names, position);
        }
        Ok(series)
    }

    fn restore_windows(
        &mut self,
        rules: &Rules,
        clocks: &EngineClocks,
    ) -> Result<Windows, StateError> {
        let mut windows = Windows::restored(rules, clocks.windows, clocks.past_since);
        let (own, earlier): (Vec<_>, Vec<_>) = self
            .steps
            .drain()
            .partition(|((_, key), step)| window::is_own_key(*key, step));
        // Of two records of a step, the one of this version replaces the one of an earlier version.
        for ((place, _), step) in earlier.into_iter().chain(own) {
            if usize::from(place.window) >= rules.windows.len() {
                return Err(RecordKind::Window.invalid(RecordError::Reference));
            }
            windows.restore_step(place, step);
        }
        for (number, entries) in std::mem::take(&mut self.journal) {
            windows.restore_chunk(number, entries);
        }
        Ok(windows)
    }
}

/// Sets or removes the value of a key.
fn set<'a, K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: Option<RecordReader<'a>>,
    read: impl Fn(RecordReader<'a>) -> Result<V, RecordError>,
) -> Result<(), RecordError> {
    match value {
        Some(value) => map.insert(key, read(value)?),
        None => map.remove(&key),
    };
    Ok(())
}

/// Gives tickets the new numbers. Returns the tickets that changed.
fn renumber_tickets(tickets: &mut TicketTable, renumbering: &Renumbering) -> Vec<TicketSlot> {
    let mut renumbered = Vec::new();
    for (slot_of_ticket, ticket) in tickets.iter_mut() {
        let mut is_changed =
            ticket.renumber_calendars(|id| renumbering.calendars[usize::from(id.0)]);
        let policies: SmallVec<[u16; 2]> = ticket.policies().collect();
        for (group, policy) in (0..).zip(policies) {
            if policy != NO_POLICY {
                let number = renumbering.policies[usize::from(policy)];
                ticket.set_policy(group, number);
                is_changed |= number != policy;
            }
        }
        if !renumbering.has_same_groups() {
            let number = |group| {
                // A ticket may still have a place for a group without policies.
                let number = renumbering.groups.get(usize::from(group));
                number.copied().flatten()
            };
            goals::renumber_groups(ticket, number);
            is_changed = true;
        }
        if let Some(past) = ticket.extra.as_mut().and_then(|extra| extra.past.as_mut()) {
            let number = |id: CalendarId| renumbering.calendars[usize::from(id.0)];
            let is_same = |id: CalendarId| number(id) == Some(id);
            if !past.calendars().all(is_same) {
                past.renumber(number);
                is_changed = true;
            }
        }
        if is_changed {
            renumbered.push(slot_of_ticket);
        }
    }
    renumbered
}

/// Gives goal counts the new numbers. Drops those of policies that are no longer needed.
fn renumber_goals(cohort: &mut CohortSeries, renumbering: &Renumbering) {
    for goal in std::mem::take(&mut cohort.goals) {
        let policy = renumbering.counted[usize::from(goal.policy)];
        if policy != NO_POLICY {
            let counts = cohort.goal(policy, goal.target);
            counts.goals += goal.goals;
            counts.breaches += goal.breaches;
        }
    }
}
