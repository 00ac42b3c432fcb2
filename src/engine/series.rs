//! Cumulative series: the counters and histograms of each cohort.
//!
//! Snapshots share the cohorts. The first write after a snapshot copies the cohort, so a snapshot costs
//! only as much as has changed.

use std::sync::Arc;

use hashbrown::HashMap;

use super::cohort::CohortKey;
use super::labels::{CohortNames, OTHER};
use super::rules::{Kpi, Rules};
use super::ticket::{NO_POLICY, Withdrawal};
use super::visit::Exemplar;
use crate::domain::event::Status;
use crate::domain::named::named_enum;
use crate::domain::policy::{Match, Target};
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};

/// Schema of the native histograms: buckets grow by 2^(1/8), so the error is at most 4.5 %.
pub const NATIVE_SCHEMA: i32 = 3;
/// Buckets per doubling; follows from the schema.
const NATIVE_PER_DOUBLING: f64 = 8.0;
/// The number of statuses whose time is counted: all but `closed`.
pub const TIMED_STATUSES: usize = 5;

/// Counters without further labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Counter {
    Replies,
    Solved,
    Reopened,
    Unanswered,
    Transferred,
    Escalated,
    CsatOffered,
    CsatChanges,
}

const COUNTERS: usize = 8;
/// The channel `none`.
const NO_CHANNEL: u8 = 0;

/// How a ticket ended: the label combinations of `ticket_finalized_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    FirstContact,
    Later,
    /// The ticket became final again after a reopening.
    Again,
}

named_enum! {
    /// The label `rating`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Rating {
        Good = "good",
        Neutral = "neutral",
        Bad = "bad",
    }
}

/// The second label of a duration histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Basis {
    /// `clock="calendar"`; for handle time `source="reported"`.
    Calendar,
    /// `clock="business"`; for handle time `source="derived"`.
    Business,
}

impl Basis {
    pub const ALL: [Self; 2] = [Self::Calendar, Self::Business];
}

/// One duration histogram.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Per bucket, not cumulative. One more than there are bounds.
    pub counts: Box<[u64]>,
    pub count: u64,
    pub sum: Milliseconds,
    pub native: Vec<(i32, u64)>,
    pub native_zero: u64,
    pub exemplars: Vec<Option<Exemplar>>,
}

impl Histogram {
    pub fn new(bounds: usize) -> Self {
        Self {
            counts: vec![0; bounds + 1].into(),
            count: 0,
            sum: 0,
            native: Vec::new(),
            native_zero: 0,
            exemplars: Vec::new(),
        }
    }

    fn observe(&mut self, bounds: &[Milliseconds], value: Milliseconds) -> usize {
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        if value == 0 {
            self.native_zero += 1;
        } else {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the logarithm of an i64 is small"
            )]
            let index = (seconds(value).log2() * NATIVE_PER_DOUBLING).ceil() as i32;
            match self.native.binary_search_by_key(&index, |bucket| bucket.0) {
                Ok(position) => self.native[position].1 += 1,
                Err(position) => self.native.insert(position, (index, 1)),
            }
        }
        bucket
    }
}

/// The decided goals of one policy and target.
#[derive(Clone, Copy, Debug)]
pub struct GoalCounts {
    pub policy: u16,
    pub target: Target,
    pub goals: u64,
    pub breaches: u64,
}

/// All cumulative series of one cohort.
#[derive(Clone, Debug)]
pub struct CohortSeries {
    /// Its labels.
    pub key: CohortKey,
    pub counters: [u64; COUNTERS],
    pub created: Vec<(u8, u64)>,
    pub endings: [u64; 3],
    pub withdrawn: [u64; 3],
    pub ratings: [u64; 3],
    pub status_time: [Milliseconds; TIMED_STATUSES],
    pub goals: Vec<GoalCounts>,
    /// By [`Kpi`] and [`Basis`].
    pub histograms: [[Option<Box<Histogram>>; 2]; Kpi::ALL.len()],
}

impl CohortSeries {
    pub fn new(key: CohortKey) -> Self {
        Self {
            key,
            counters: [0; COUNTERS],
            created: Vec::new(),
            endings: [0; 3],
            withdrawn: [0; 3],
            ratings: [0; 3],
            status_time: [0; TIMED_STATUSES],
            goals: Vec::new(),
            histograms: Default::default(),
        }
    }

    /// Creates the goal counts of every policy that may match the cohort.
    fn create_goals(&mut self, rules: &Rules, names: &CohortNames<'_>) {
        for (number, policy) in (0..NO_POLICY).zip(&rules.policies) {
            if may_match(&policy.matches, names) {
                for target in Target::ALL {
                    if policy.target(target).is_some() {
                        self.goal(number, target);
                    }
                }
            }
        }
    }

    /// The counts of a policy and target. Creates them at 0 if necessary.
    pub fn goal(&mut self, policy: u16, target: Target) -> &mut GoalCounts {
        let key = (policy, target);
        let position = match self
            .goals
            .binary_search_by_key(&key, |goal| (goal.policy, goal.target))
        {
            Ok(position) => position,
            Err(position) => {
                self.goals.insert(
                    position,
                    GoalCounts {
                        policy,
                        target,
                        goals: 0,
                        breaches: 0,
                    },
                );
                position
            }
        };
        &mut self.goals[position]
    }
}

/// The series of all cohorts.
#[derive(Debug)]
pub struct SeriesTable {
    cohorts: Vec<Arc<CohortSeries>>,
    /// Positions of cohorts without attributes, by team and priority; `u32::MAX`: none yet.
    positions: Vec<Vec<u32>>,
    /// Positions of the other cohorts.
    with_attributes: HashMap<CohortKey, u32>,
    /// The cohorts that changed since this was last emptied. `None`: changes are not tracked.
    changed: Option<ChangedCohorts>,
}

/// Positions of cohorts, each once.
#[derive(Debug, Default)]
struct ChangedCohorts {
    positions: Vec<usize>,
    is_in: Vec<bool>,
}

impl ChangedCohorts {
    fn insert(&mut self, position: usize) {
        if self.is_in.len() <= position {
            self.is_in.resize(position + 1, false);
        }
        if !std::mem::replace(&mut self.is_in[position], true) {
            self.positions.push(position);
        }
    }
}

impl SeriesTable {
    pub fn new() -> Self {
        Self {
            cohorts: Vec::new(),
            positions: Vec::new(),
            with_attributes: HashMap::new(),
            changed: None,
        }
    }

    /// A table of stored cohorts that tracks changes. Each cohort must occur once.
    pub fn restored(cohorts: impl IntoIterator<Item = CohortSeries>) -> Self {
        let mut table = Self::new();
        for cohort in cohorts {
            table.add(cohort);
        }
        table.track_changes();
        table
    }

    /// Starts to track changes, for [`Self::take_changed`].
    pub fn track_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// The positions of the cohorts that changed since the last call.
    pub fn take_changed(&mut self) -> Vec<usize> {
        let Some(changed) = &mut self.changed else {
            return Vec::new();
        };
        changed.is_in.clear();
        std::mem::take(&mut changed.positions)
    }

    pub fn cohorts(&self) -> &[Arc<CohortSeries>] {
        &self.cohorts
    }

    /// Creates a cohort that does not exist. All its counters are at 0, because `increase()` does not see
    /// the first increment of a series that appears with it. Returns its position.
    pub fn create(&mut self, rules: &Rules, names: &CohortNames<'_>, key: CohortKey) -> usize {
        let mut cohort = CohortSeries::new(key);
        cohort.create_goals(rules, names);
        self.add(cohort)
    }

    /// The position of a cohort.
    #[inline]
    pub fn find(&self, key: CohortKey) -> Option<usize> {
        let position = if key.has_attributes() {
            self.with_attributes.get(&key)
        } else {
            let row = self.positions.get(usize::from(key.team));
            row.and_then(|row| row.get(usize::from(key.priority)))
        };
        let position = position.filter(|position| **position != u32::MAX);
        position.map(|position| *position as usize)
    }

    /// Creates the goal counts that a cohort may have, at 0.
    pub fn create_goals(&mut self, rules: &Rules, names: &CohortNames<'_>, position: usize) {
        self.cohort_mut(position).create_goals(rules, names);
    }

    fn add(&mut self, cohort: CohortSeries) -> usize {
        let position = self.cohorts.len();
        *self.place(cohort.key) = u32::try_from(position).unwrap_or(u32::MAX);
        self.cohorts.push(Arc::new(cohort));
        if let Some(changed) = &mut self.changed {
            changed.insert(position);
        }
        position
    }

    /// The place of a position.
    fn place(&mut self, key: CohortKey) -> &mut u32 {
        if key.has_attributes() {
            return self.with_attributes.entry(key).or_insert(u32::MAX);
        }
        let (row, column) = (usize::from(key.team), usize::from(key.priority));
        if self.positions.len() <= row {
            self.positions.resize_with(row + 1, Vec::new);
        }
        let row = &mut self.positions[row];
        if row.len() <= column {
            row.resize(column + 1, u32::MAX);
        }
        &mut row[column]
    }

    pub fn cohort_mut(&mut self, position: usize) -> &mut CohortSeries {
        if let Some(changed) = &mut self.changed {
            changed.insert(position);
        }
        Arc::make_mut(&mut self.cohorts[position])
    }

    /// Creates every histogram of a cohort before its first observation.
    pub fn precreate(&mut self, rules: &Rules, position: usize) {
        let cohort = self.cohort_mut(position);
        for kpi in Kpi::ALL {
            for basis in Basis::ALL {
                if kpi == Kpi::Handle && basis == Basis::Business && !rules.derive_handle {
                    continue;
                }
                histogram(cohort, rules, kpi, basis);
            }
        }
        created(cohort, NO_CHANNEL);
    }
}

/// Whether a policy may match tickets of a cohort, in some channel.
fn may_match(matches: &Match, names: &CohortNames<'_>) -> bool {
    let fits = |allowed: &Option<Vec<String>>, name: &str| {
        allowed
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|entry| entry == name))
    };
    // A value that is not in the label may be any value.
    let fits_attribute = |(name, allowed): (&String, &Vec<String>)| {
        let labels = names.attributes.iter();
        let mut values = labels.filter(|(label, _)| label == name);
        values.all(|(_, value)| *value == OTHER || allowed.iter().any(|entry| entry == value))
    };
    fits(&matches.team, names.team)
        && fits(&matches.priority, names.priority)
        && matches.attributes.iter().all(fits_attribute)
}

fn histogram<'a>(
    cohort: &'a mut CohortSeries,
    rules: &Rules,
    kpi: Kpi,
    basis: Basis,
) -> &'a mut Histogram {
    cohort.histograms[kpi as usize][basis as usize]
        .get_or_insert_with(|| Box::new(Histogram::new(rules.buckets[kpi as usize].len())))
}

fn created(cohort: &mut CohortSeries, channel: u8) -> &mut u64 {
    let position = match cohort
        .created
        .binary_search_by_key(&channel, |entry| entry.0)
    {
        Ok(position) => position,
        Err(position) => {
            cohort.created.insert(position, (channel, 0));
            position
        }
    };
    &mut cohort.created[position].1
}

impl Histogram {
    /// Adds the observations of a histogram with the same bounds.
    fn add_up(&mut self, other: Self) {
        for (count, further) in self.counts.iter_mut().zip(other.counts) {
            *count += further;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.native_zero += other.native_zero;
        for (index, count) in other.native {
            match self.native.binary_search_by_key(&index, |bucket| bucket.0) {
                Ok(position) => self.native[position].1 += count,
                Err(position) => self.native.insert(position, (index, count)),
            }
        }
        let length = self.exemplars.len().max(other.exemplars.len());
        self.exemplars.resize(length, None);
        for (kept, further) in self.exemplars.iter_mut().zip(other.exemplars) {
            let is_later =
                |further: &Exemplar| kept.as_ref().is_none_or(|kept| kept.at < further.at);
            if further.as_ref().is_some_and(is_later) {
                *kept = further;
            }
        }
    }
}

impl CohortSeries {
    /// The same series with the numbers of other tables. Numbers that become the same add up.
    pub fn renumbered(
        &self,
        key: CohortKey,
        channel: &mut dyn FnMut(u8) -> u8,
        policy: &dyn Fn(u16) -> u16,
    ) -> Self {
        let mut series = Self {
            key,
            created: Vec::new(),
            goals: Vec::new(),
            ..self.clone()
        };
        for (number, count) in &self.created {
            *created(&mut series, channel(*number)) += count;
        }
        for further in &self.goals {
            let goal = series.goal(policy(further.policy), further.target);
            goal.goals += further.goals;
            goal.breaches += further.breaches;
        }
        series
    }

    /// Adds the series of a cohort that has the same labels now.
    pub fn add_up(&mut self, other: Self) {
        for (counts, further) in [
            (&mut self.counters[..], &other.counters[..]),
            (&mut self.endings, &other.endings),
            (&mut self.withdrawn, &other.withdrawn),
            (&mut self.ratings, &other.ratings),
        ] {
            for (count, further) in counts.iter_mut().zip(further) {
                *count += further;
            }
        }
        for (channel, count) in other.created {
            *created(self, channel) += count;
        }
        for (total, further) in self.status_time.iter_mut().zip(other.status_time) {
            *total = total.saturating_add(further);
        }
        for further in other.goals {
            let goal = self.goal(further.policy, further.target);
            goal.goals += further.goals;
            goal.breaches += further.breaches;
        }
        let histograms = self.histograms.iter_mut().flatten();
        for (histogram, further) in histograms.zip(other.histograms.into_iter().flatten()) {
            match (histogram, further) {
                (Some(histogram), Some(further)) => histogram.add_up(*further),
                (histogram @ None, further) => *histogram = further,
                (Some(_), None) => {}
            }
        }
    }

    pub fn count(&mut self, counter: Counter) {
        self.counters[counter as usize] += 1;
    }

    pub fn count_created(&mut self, channel: u8) {
        *created(self, channel) += 1;
    }

    pub fn count_ending(&mut self, ending: Ending) {
        self.endings[ending as usize] += 1;
    }

    pub fn count_withdrawn(&mut self, reason: Withdrawal) {
        self.withdrawn[reason as usize] += 1;
    }

    pub fn count_rating(&mut self, rating: Rating) {
        self.ratings[rating as usize] += 1;
    }

    pub fn add_status_time(&mut self, status: Status, length: Milliseconds) {
        if let Some(total) = self.status_time.get_mut(status as usize) {
            *total = total.saturating_add(length);
        }
    }

    pub fn count_goal(&mut self, policy: u16, target: Target, breached: bool) {
        let counts = self.goal(policy, target);
        counts.goals += 1;
        counts.breaches += u64::from(breached);
    }

    /// Observes a duration. The ticket becomes the exemplar of the bucket if the rules ask for it.
    pub fn observe(
        &mut self,
        rules: &Rules,
        (kpi, basis): (Kpi, Basis),
        value: Milliseconds,
        at: Timestamp,
        ticket: &str,
    ) {
        let bounds = &rules.buckets[kpi as usize];
        let histogram = histogram(self, rules, kpi, basis);
        let bucket = histogram.observe(bounds, value);
        if rules.exemplars {
            histogram.exemplars.resize(bounds.len() + 1, None);
            histogram.exemplars[bucket] = Some(Exemplar {
                ticket_id: ticket.to_owned(),
                value: seconds(value),
                at,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::new(2);
        for value in [0, 1_000, 1_001, 2_000, 2_001] {
            histogram.observe(&[1_000, 2_000], value);
        }
        assert_eq!(*histogram.counts, [2, 2, 1]);
        assert_eq!(
            (histogram.count, histogram.sum, histogram.native_zero),
            (5, 6_002, 1)
        );
        assert_eq!(histogram.native, [(0, 1), (1, 1), (8, 1), (9, 1)]);
    }

    #[test]
    fn a_published_cohort_is_copied_on_the_next_write() {
        let mut table = SeriesTable::new();
        let names = CohortNames {
            team: "a",
            priority: "p1",
            attributes: Vec::new(),
        };
        let key = CohortKey::new(2, 2);
        let position = table.create(&Rules::default(), &names, key);
        let published = Arc::clone(&table.cohorts()[position]);
        table.cohort_mut(position).count(Counter::Solved);
        assert_eq!(published.counters[Counter::Solved as usize], 0);
        assert_eq!(
            table.cohorts()[position].counters[Counter::Solved as usize],
            1
        );
        assert_eq!(table.find(key), Some(position));
    }
}
