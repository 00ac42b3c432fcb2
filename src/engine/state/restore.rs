//! Restoring: records in the order in which they were written, then an engine that goes on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::bytes::{Reader, Wrong};
use super::changes::Changes;
use super::former::{self, Renumbering, Used};
use super::partition::{Clocks, Whole};
use super::rules::{Change, StoredRules};
use super::{
    Existing, Kind, STATE_VERSION, StateError, journal, label, pair, partition, rules, ticket,
    window,
};
use crate::domain::calendar::CalendarId;
use crate::engine::core::{Engine, Start};
use crate::engine::labels::{LabelNumber, LabelTable, Labels, OWN_NUMBERS, Place as LabelPlace};
use crate::engine::partition::Partition;
use crate::engine::recorder::{Named, Recorder};
use crate::engine::rules::{Kpi, Rules};
use crate::engine::series::{Pair, SeriesTable};
use crate::engine::sliding::Step;
use crate::engine::table::{Found, TicketSlot, TicketTable};
use crate::engine::ticket::{GoalState, NO_POLICY, Slot};
use crate::engine::windows::{Journaled, Place, Windows};

/// The engine of a checkpoint.
#[derive(Debug)]
pub struct Restored {
    /// Its changes are tracked from the start.
    pub engine: Engine,
    /// What is different in the rules since; it applies from now on.
    pub changes: Vec<Change>,
    /// The same where it gives numbers of two kinds: a recount would give one.
    pub recounts: Vec<Change>,
}

/// Takes all records of a store, in the order in which they were written: of several with the
/// same key the last one counts. Then it gives the engine.
#[derive(Debug)]
pub struct Restoring {
    rules: Arc<Rules>,
    whole: Option<Whole>,
    stored_rules: Option<StoredRules>,
    /// By table and number.
    labels: BTreeMap<(u8, u16), (String, LabelPlace)>,
    partitions: BTreeMap<u16, Clocks>,
    tickets: TicketTable,
    pairs: BTreeMap<(u16, u8), Pair>,
    steps: HashMap<(Place, u8), Step>,
    journal: BTreeMap<u64, Vec<Journaled>>,
}

impl Restoring {
    /// `rules`: those of now. `version`: of the records, as their writer said it.
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
            whole: None,
            stored_rules: None,
            labels: BTreeMap::new(),
            partitions: BTreeMap::new(),
            tickets: TicketTable::default(),
            pairs: BTreeMap::new(),
            steps: HashMap::new(),
            journal: BTreeMap::new(),
        })
    }

    /// Takes a record; `None` where it was deleted.
    ///
    /// # Errors
    ///
    /// [`StateError::Record`] where the record cannot be read, [`StateError::Kind`] where its key
    /// is none of the engine's.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StateError> {
        let (first, rest) = key.split_first().ok_or(StateError::Kind)?;
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == *first);
        let kind = kind.ok_or(StateError::Kind)?;
        self.take(kind, Reader::new(rest), value.map(Reader::new))
            .map_err(|wrong| kind.is(wrong))
    }

    fn take(
        &mut self,
        kind: Kind,
        key: Reader<'_>,
        value: Option<Reader<'_>>,
    ) -> Result<(), Wrong> {
        match kind {
            Kind::State => {
                key.end()?;
                self.whole = value.map(partition::read_whole).transpose()?;
            }
            Kind::Rules => {
                key.end()?;
                self.stored_rules = value.map(rules::read).transpose()?;
            }
            Kind::Label => {
                let read = |value| label::read(value).map(|(name, place)| (name.to_owned(), place));
                set(&mut self.labels, label::read_key(key)?, value, read)?;
            }
            Kind::Partition => {
                set(
                    &mut self.partitions,
                    partition::read_key(key)?,
                    value,
                    partition::read,
                )?;
            }
            Kind::Ticket => self.take_ticket(key, value)?,
            Kind::Pair => {
                let labels = pair::read_key(key)?;
                set(&mut self.pairs, labels, value, |value| {
                    pair::read(labels, value)
                })?;
            }
            Kind::Window => {
                let key = window::read_key(key)?;
                match value {
                    Some(value) => self.steps.insert(key, window::read(key.1, value)?),
                    None => self.steps.remove(&key),
                };
            }
            Kind::Journal => set(
                &mut self.journal,
                journal::read_key(key)?,
                value,
                journal::read,
            )?,
        }
        Ok(())
    }

    fn take_ticket(&mut self, key: Reader<'_>, value: Option<Reader<'_>>) -> Result<(), Wrong> {
        let (partition, id) = ticket::read_key(key)?;
        let ticket = value.map(|value| ticket::read(partition, id, value));
        let ticket = ticket.transpose()?;
        match (self.tickets.find(partition, id), ticket) {
            (Found::Here(slot), Some(ticket)) => {
                if let Some(place) = self.tickets.get_mut(slot) {
                    *place = ticket;
                }
            }
            (Found::Here(slot), None) => {
                self.tickets.remove(slot);
            }
            (Found::Elsewhere | Found::Nowhere, Some(ticket)) => {
                self.tickets.insert(ticket);
            }
            (Found::Elsewhere | Found::Nowhere, None) => {}
        }
        Ok(())
    }

    /// Whether any event was ever counted. Without one, a recount loses nothing.
    pub fn has_counted(&self) -> bool {
        let mut clocks = self.partitions.values();
        clocks.any(|(_, greatest_event)| greatest_event.is_some())
    }

    /// The engine of the records taken.
    ///
    /// # Errors
    ///
    /// [`StateError::NeedsRebuild`] where the rules have changed too much; else where records are
    /// missing or do not fit together.
    pub fn finish(mut self) -> Result<Restored, StateError> {
        let whole = self.whole.ok_or(StateError::Missing(Kind::State.name()))?;
        let stored = self.stored_rules.take();
        let stored = stored.ok_or(StateError::Missing(Kind::Rules.name()))?;
        let mut breaks = stored.breaks(&self.rules);
        let recounts = stored.recounts(&self.rules);
        if !breaks.is_empty() {
            breaks.extend(recounts);
            return Err(StateError::NeedsRebuild(breaks));
        }
        let mut changes = stored.differences(&self.rules);
        let partitions = self.restore_partitions()?;
        self.check(&stored, &partitions)?;
        let mut rules = Rules::clone(&self.rules);
        let (renumbering, others) = former::keep(&stored, &mut rules, &self.used())?;
        changes.extend(others);
        let labels = self.restore_labels()?;
        let series = self.restore_series(&rules, &labels, &renumbering)?;
        let windows = self.restore_windows(&rules, &whole)?;
        let renumbered = renumber_tickets(&mut self.tickets, &renumbering);
        let start = if whole.is_fixed {
            Start::Fixed(whole.start)
        } else {
            Start::Open(whole.start)
        };
        let mut engine = Engine::over(Recorder::over(rules.into(), labels, series, windows), start);
        engine.tickets = self.tickets;
        engine.partitions = partitions;
        engine.schedule_all();
        let mut tracked = Changes::of_restored();
        for slot in renumbered {
            // Their records say numbers of rules that are written over with the next checkpoint.
            if let Some(ticket) = engine.tickets.get_mut(slot) {
                tracked.mark(ticket, slot);
            }
        }
        engine.start_tracking(tracked);
        Ok(Restored {
            engine,
            changes,
            recounts,
        })
    }
}

/// Pieces, checked against each other.
impl Restoring {
    fn restore_partitions(&self) -> Result<Vec<Partition>, StateError> {
        let mut partitions = Vec::new();
        for (expected, (number, (clock, greatest_event))) in (0..=u16::MAX).zip(&self.partitions) {
            if *number != expected {
                return Err(Kind::Partition.is(Wrong::Reference));
            }
            partitions.push(Partition::restored(*clock, *greatest_event));
        }
        Ok(partitions)
    }

    /// What numbers may refer to; every ticket does. A partition that holds a ticket has a clock.
    fn check(&self, stored: &StoredRules, partitions: &[Partition]) -> Result<(), StateError> {
        let mut values = [0; label::TABLES as usize];
        for (table, number) in self.labels.keys() {
            let next = &mut values[usize::from(*table)];
            if usize::from(*number) != *next {
                return Err(Kind::Label.is(Wrong::Reference));
            }
            *next += 1;
        }
        let [teams, priorities, channels] = values;
        let existing = Existing {
            teams,
            priorities,
            channels,
            policies: stored.policy_count(),
            calendars: stored.calendars.len(),
        };
        for ticket in self.tickets.iter() {
            let partition = partitions.get(usize::from(ticket.partition));
            if partition.and_then(Partition::clock).is_none() {
                return Err(Kind::Ticket.is(Wrong::Reference));
            }
            ticket::check(ticket, &existing).map_err(|wrong| Kind::Ticket.is(wrong))?;
        }
        for pair in self.pairs.values() {
            pair::check(pair, &existing).map_err(|wrong| Kind::Pair.is(wrong))?;
        }
        let in_windows = self.steps.keys().map(|(place, _)| place.team);
        let waiting = self.journal.values().flatten().map(|entry| entry.team);
        for (mut of, kind) in [
            (
                Box::new(in_windows) as Box<dyn Iterator<Item = u16>>,
                Kind::Window,
            ),
            (Box::new(waiting), Kind::Journal),
        ] {
            if of.any(|team| usize::from(team) >= teams) {
                return Err(kind.is(Wrong::Reference));
            }
        }
        Ok(())
    }

    /// What of the stored rules is still needed.
    fn used(&self) -> Used {
        let mut used = Used::default();
        let goes_on = [GoalState::Undecided, GoalState::Breached];
        for ticket in self.tickets.iter() {
            if ticket.policy != NO_POLICY && ticket.states.iter().any(|one| goes_on.contains(one)) {
                used.policies.insert(ticket.policy);
            }
            let calendars = Slot::ALL.into_iter();
            let calendars = calendars.filter_map(|slot| ticket.slot_calendar(slot));
            used.calendars.extend(calendars.map(|id| id.0));
        }
        for pair in self.pairs.values() {
            let counted = pair.goals.iter().filter(|goal| goal.goals > 0);
            used.counted.extend(counted.map(|goal| goal.policy));
        }
        used
    }

    fn restore_labels(&self) -> Result<Labels, StateError> {
        let [teams, priorities, channels] = Named::all(&self.rules);
        Ok(Labels {
            teams: self.restore_table(0, "teams", &teams)?,
            priorities: self.restore_table(1, "priorities", &priorities)?,
            channels: self.restore_table(2, "channels", &channels)?,
        })
    }

    fn restore_table<N: LabelNumber>(
        &self,
        table: u8,
        what: &str,
        named: &Named<'_>,
    ) -> Result<LabelTable<N>, StateError> {
        let values = self.labels.range((table, 0)..=(table, u16::MAX));
        let values = values.map(|(_, (name, place))| (name.as_str(), *place));
        let known = || named.known.iter().copied();
        let mentioned = || named.mentioned.iter().copied();
        let table = LabelTable::restored(named.limit, values, known(), mentioned())
            .ok_or(Kind::Label.is(Wrong::Reference))?;
        let mut all = known().chain(mentioned());
        match all.find(|name| table.named(name).is_none()) {
            None => Ok(table),
            Some(_) => Err(StateError::NeedsRebuild(vec![Change(format!(
                "{what}: the checkpoint holds {} values already, and no more can be told apart \
                 than that",
                N::COUNT - OWN_NUMBERS
            ))])),
        }
    }

    fn restore_series(
        &mut self,
        rules: &Rules,
        labels: &Labels,
        renumbering: &Renumbering,
    ) -> Result<SeriesTable, StateError> {
        let mut pairs = Vec::new();
        for mut pair in std::mem::take(&mut self.pairs).into_values() {
            let is_label = labels.teams.label(pair.team) == pair.team
                && labels.priorities.label(pair.priority) == pair.priority;
            let bounds = |kpi: Kpi| rules.buckets[kpi as usize].len();
            let fits = Kpi::ALL.into_iter().all(|kpi| {
                let histograms = pair.histograms[kpi as usize].iter().flatten();
                histograms
                    .into_iter()
                    .all(|histogram| histogram.counts.len() == bounds(kpi) + 1)
            });
            if !is_label || !fits {
                return Err(Kind::Pair.is(Wrong::Reference));
            }
            renumber_goals(&mut pair, renumbering);
            pairs.push(pair);
        }
        let mut series = SeriesTable::restored(pairs);
        for position in 0..series.pairs().len() {
            let pair = &series.pairs()[position];
            let names = labels.names(pair.team, pair.priority);
            series.expect_goals(rules, names, position);
        }
        Ok(series)
    }

    fn restore_windows(&mut self, rules: &Rules, whole: &Whole) -> Result<Windows, StateError> {
        let mut windows = Windows::restored(rules, whole.windows);
        for ((place, _), step) in self.steps.drain() {
            if usize::from(place.window) >= rules.windows.len() {
                return Err(Kind::Window.is(Wrong::Reference));
            }
            windows.restore_step(place, step);
        }
        for (number, entries) in std::mem::take(&mut self.journal) {
            windows.restore_chunk(number, entries);
        }
        Ok(windows)
    }
}

/// Keeps the last value of a key; a deleted one is none.
fn set<'a, K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: Option<Reader<'a>>,
    read: impl Fn(Reader<'a>) -> Result<V, Wrong>,
) -> Result<(), Wrong> {
    match value {
        Some(value) => map.insert(key, read(value)?),
        None => map.remove(&key),
    };
    Ok(())
}

/// The tickets that have other numbers now.
fn renumber_tickets(tickets: &mut TicketTable, renumbering: &Renumbering) -> Vec<TicketSlot> {
    let mut renumbered = Vec::new();
    for (place, ticket) in tickets.iter_mut() {
        let before = (ticket.policy, ticket.calendars());
        if ticket.policy != NO_POLICY {
            ticket.policy = renumbering.policies[usize::from(ticket.policy)];
        }
        for slot in Slot::ALL {
            if let Some(id) = ticket.slot_calendar(slot) {
                let id = renumbering.calendars[usize::from(id.0)];
                ticket.set_slot_calendar(slot, id);
            }
        }
        let mut is_changed = before != (ticket.policy, ticket.calendars());
        if let Some(past) = ticket.extra.as_mut().and_then(|extra| extra.past.as_mut()) {
            let number = |id: CalendarId| renumbering.calendars[usize::from(id.0)];
            let is_same = |id: CalendarId| number(id) == Some(id);
            if !past.calendars().all(is_same) {
                past.renumber(number);
                is_changed = true;
            }
        }
        if is_changed {
            renumbered.push(place);
        }
    }
    renumbered
}

/// Goals of policies that nothing was counted under leave no trace.
fn renumber_goals(pair: &mut Pair, renumbering: &Renumbering) {
    for goal in std::mem::take(&mut pair.goals) {
        let policy = renumbering.counted[usize::from(goal.policy)];
        if policy != NO_POLICY {
            let counts = pair.goal(policy, goal.target);
            counts.goals += goal.goals;
            counts.breaches += goal.breaches;
        }
    }
}
