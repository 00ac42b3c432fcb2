//! A summary of each team, or of each combination of label values, over its whole history, for tables and JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::NamedValues;
use super::rules::Kpi;
use super::series::{Basis, CohortSeries, Counter, Ending, Histogram, NATIVE_SCHEMA, Rating};
use super::snapshot::Snapshot;
use super::table_dimensions::{DimensionValues, TableDimensions};
use crate::domain::timestamp::seconds;

/// One duration over the whole history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DurationSummary {
    pub count: u64,
    pub mean_seconds: Option<f64>,
    /// An estimate from the native buckets, within 5 %.
    pub median_seconds: Option<f64>,
    pub p90_seconds: Option<f64>,
}

/// The tickets with some label values. A share without data is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KpiSummary {
    #[serde(flatten)]
    pub tickets: DimensionValues,
    pub created: u64,
    pub solved: u64,
    pub reopened: u64,
    pub backlog: u64,
    pub overdue: u64,
    /// Goals whose deadline is within an hour.
    pub at_risk: u64,
    pub first_response: DurationSummary,
    pub full_resolution: DurationSummary,
    pub handle: DurationSummary,
    pub assignment: DurationSummary,
    pub requester_wait: DurationSummary,
    pub agent_wait: DurationSummary,
    pub first_contact_share: Option<f64>,
    pub reopen_share: Option<f64>,
    /// Of the goals of all groups.
    pub sla_met_share: Option<f64>,
    /// By group, if the policies are in several.
    #[serde(skip_serializing_if = "NamedValues::is_empty")]
    pub met_share_by_group: NamedValues<Option<f64>>,
    /// Good ratings among all ratings.
    pub csat_share: Option<f64>,
}

/// Counts of several cohorts.
#[derive(Default)]
struct Totals<'a> {
    created: u64,
    counters: [u64; 8],
    endings: [u64; 3],
    ratings: [u64; 3],
    /// Goals and breaches by group.
    goals: BTreeMap<&'a str, (u64, u64)>,
    backlog: u64,
    overdue: u64,
    at_risk: u64,
}

impl Snapshot {
    /// A summary of each combination of the dimensions that has series, in alphabetical order. `business`: durations
    /// are business time instead of calendar time.
    pub fn summaries(&self, by: &TableDimensions, business: bool) -> Vec<KpiSummary> {
        let basis = if business {
            Basis::Business
        } else {
            Basis::Calendar
        };
        let mut groups: BTreeMap<DimensionValues, Vec<usize>> = BTreeMap::new();
        for (position, cohort) in self.cohorts.iter().enumerate() {
            let tickets = by.values(|name| self.label(cohort, name));
            groups.entry(tickets).or_default().push(position);
        }
        let summaries = groups.into_iter();
        summaries
            .map(|(tickets, positions)| self.summary(tickets, &positions, basis))
            .collect()
    }

    /// A label value of a cohort; `None`: there is no such label.
    pub(super) fn label<'a>(&'a self, cohort: &CohortSeries, name: &str) -> Option<&'a str> {
        match name {
            "team" => Some(&self.teams[usize::from(cohort.key.team)]),
            "priority" => Some(&self.priorities[usize::from(cohort.key.priority)]),
            _ => {
                let mut attributes = self.attributes.iter();
                let attribute = attributes.find(|attribute| attribute.name == name)?;
                let label = cohort.key.attributes[attribute.position];
                Some(&attribute.values[usize::from(label)])
            }
        }
    }

    fn summary(&self, tickets: DimensionValues, positions: &[usize], basis: Basis) -> KpiSummary {
        let mut totals = Totals::default();
        let mut handle = MergedHistogram::default();
        for position in positions {
            let cohort = &self.cohorts[*position];
            totals.add(cohort, |policy| {
                let policy = self.rules.policy(policy);
                policy.map_or("", |policy| &policy.group)
            });
            if let Some(gauges) = self.gauges.cohorts.get(*position) {
                totals.backlog += gauges.backlog.iter().copied().map(u64::from).sum::<u64>();
                let goals = gauges.all_groups();
                totals.overdue += goals.overdue.iter().copied().map(u64::from).sum::<u64>();
                totals.at_risk += goals
                    .at_risk
                    .iter()
                    .map(|within| u64::from(within[1]))
                    .sum::<u64>();
            }
            for basis in Basis::ALL {
                handle.add(histogram(cohort, Kpi::Handle, basis));
            }
        }
        let duration = |kpi| {
            let mut merged = MergedHistogram::default();
            for position in positions {
                merged.add(histogram(&self.cohorts[*position], kpi, basis));
            }
            merged.summary()
        };
        let finalized: u64 = totals.endings.iter().sum();
        let rated: u64 = totals.ratings.iter().sum();
        let solved = totals.counters[Counter::Solved as usize];
        let reopened = totals.counters[Counter::Reopened as usize];
        let met = |(goals, breaches): (u64, u64)| share(goals - breaches, goals);
        let all = totals
            .goals
            .values()
            .fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let groups = self.rules.groups().into_iter();
        KpiSummary {
            tickets,
            created: totals.created,
            solved,
            reopened,
            backlog: totals.backlog,
            overdue: totals.overdue,
            at_risk: totals.at_risk,
            first_response: duration(Kpi::FirstResponse),
            full_resolution: duration(Kpi::FullResolution),
            handle: handle.summary(),
            assignment: duration(Kpi::Assignment),
            requester_wait: duration(Kpi::RequesterWait),
            agent_wait: duration(Kpi::AgentWait),
            first_contact_share: share(totals.endings[Ending::FirstContact as usize], finalized),
            reopen_share: share(reopened, solved),
            sla_met_share: met(all),
            met_share_by_group: NamedValues(
                groups
                    .filter(|_| self.rules.has_groups())
                    .map(|group| {
                        let counts = totals.goals.get(group).copied();
                        (group.to_owned(), met(counts.unwrap_or_default()))
                    })
                    .collect(),
            ),
            csat_share: share(totals.ratings[Rating::Good as usize], rated),
        }
    }
}

fn histogram(cohort: &CohortSeries, kpi: Kpi, basis: Basis) -> Option<&Histogram> {
    cohort.histograms[kpi as usize][basis as usize].as_deref()
}

impl<'a> Totals<'a> {
    fn add(&mut self, cohort: &CohortSeries, group_of: impl Fn(u16) -> &'a str) {
        self.created += cohort.created.iter().map(|(_, count)| count).sum::<u64>();
        for (total, count) in self.counters.iter_mut().zip(cohort.counters) {
            *total += count;
        }
        for (total, count) in self.endings.iter_mut().zip(cohort.endings) {
            *total += count;
        }
        for (total, count) in self.ratings.iter_mut().zip(cohort.ratings) {
            *total += count;
        }
        for counts in &cohort.goals {
            let (goals, breaches) = self.goals.entry(group_of(counts.policy)).or_default();
            *goals += counts.goals;
            *breaches += counts.breaches;
        }
    }
}

/// Histograms added up.
#[derive(Default)]
struct MergedHistogram {
    count: u64,
    sum: i64,
    zero: u64,
    buckets: BTreeMap<i32, u64>,
}

impl MergedHistogram {
    fn add(&mut self, histogram: Option<&Histogram>) {
        let Some(histogram) = histogram else { return };
        self.count += histogram.count;
        self.sum = self.sum.saturating_add(histogram.sum);
        self.zero += histogram.native_zero;
        for (index, count) in &histogram.native {
            *self.buckets.entry(*index).or_default() += count;
        }
    }

    fn summary(&self) -> DurationSummary {
        DurationSummary {
            count: self.count,
            mean_seconds: ratio(seconds(self.sum), self.count),
            median_seconds: self.quantile(500),
            p90_seconds: self.quantile(900),
        }
    }

    fn quantile(&self, permille: u64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = (permille * self.count).div_ceil(1_000);
        let mut seen = self.zero;
        if seen >= rank {
            return Some(0.0);
        }
        for (index, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                // The geometric middle of the bucket.
                let exponent = (f64::from(*index) - 0.5) / f64::from(1 << NATIVE_SCHEMA);
                return Some(exponent.exp2());
            }
        }
        None
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn share(part: u64, whole: u64) -> Option<f64> {
    ratio(part as f64, whole)
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn ratio(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}
