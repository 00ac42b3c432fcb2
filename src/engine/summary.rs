//! A summary of each team over its whole history, for tables and JSON.

use serde::Serialize;

use super::rules::Kpi;
use super::series::{Basis, CohortSeries, Counter, Ending, Histogram, NATIVE_SCHEMA, Rating};
use super::snapshot::Snapshot;
use crate::domain::timestamp::seconds;

/// One duration over a team's whole history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DurationSummary {
    pub count: u64,
    pub mean_seconds: Option<f64>,
    /// An estimate from the native buckets, within 5 %.
    pub median_seconds: Option<f64>,
    pub p90_seconds: Option<f64>,
}

/// One team with all its priorities. A share without data is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeamSummary {
    pub team: String,
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
    pub first_contact_share: Option<f64>,
    pub reopen_share: Option<f64>,
    pub sla_met_share: Option<f64>,
    /// Good ratings among all ratings.
    pub csat_share: Option<f64>,
}

/// Counts of all priorities.
#[derive(Default)]
struct Totals {
    created: u64,
    counters: [u64; 8],
    endings: [u64; 3],
    ratings: [u64; 3],
    goals: u64,
    breaches: u64,
    backlog: u64,
    overdue: u64,
    at_risk: u64,
}

impl Snapshot {
    /// A summary of each team that has series, in alphabetical order. `business`: durations are
    /// business time instead of calendar time.
    pub fn summaries(&self, business: bool) -> Vec<TeamSummary> {
        let basis = if business {
            Basis::Business
        } else {
            Basis::Calendar
        };
        let name = |position: &usize| &self.teams[usize::from(self.cohorts[*position].key.team)];
        let mut positions: Vec<usize> = (0..self.cohorts.len()).collect();
        positions.sort_by_key(name);
        positions
            .chunk_by(|one, other| self.cohorts[*one].key.team == self.cohorts[*other].key.team)
            .map(|team| self.summary(team, basis))
            .collect()
    }

    /// `positions`: those of the team's cohorts, at least one.
    fn summary(&self, positions: &[usize], basis: Basis) -> TeamSummary {
        let mut totals = Totals::default();
        let mut first_response = MergedHistogram::default();
        let mut full_resolution = MergedHistogram::default();
        let mut handle = MergedHistogram::default();
        for position in positions {
            let cohort = &self.cohorts[*position];
            totals.add(cohort);
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
            let of =
                |kpi: Kpi, basis: Basis| cohort.histograms[kpi as usize][basis as usize].as_deref();
            first_response.add(of(Kpi::FirstResponse, basis));
            full_resolution.add(of(Kpi::FullResolution, basis));
            handle.add(of(Kpi::Handle, Basis::Calendar));
            handle.add(of(Kpi::Handle, Basis::Business));
        }
        let finalized: u64 = totals.endings.iter().sum();
        let rated: u64 = totals.ratings.iter().sum();
        let solved = totals.counters[Counter::Solved as usize];
        let reopened = totals.counters[Counter::Reopened as usize];
        TeamSummary {
            team: self.teams[usize::from(self.cohorts[positions[0]].key.team)].to_string(),
            created: totals.created,
            solved,
            reopened,
            backlog: totals.backlog,
            overdue: totals.overdue,
            at_risk: totals.at_risk,
            first_response: first_response.summary(),
            full_resolution: full_resolution.summary(),
            handle: handle.summary(),
            first_contact_share: share(totals.endings[Ending::FirstContact as usize], finalized),
            reopen_share: share(reopened, solved),
            sla_met_share: share(totals.goals - totals.breaches, totals.goals),
            csat_share: share(totals.ratings[Rating::Good as usize], rated),
        }
    }
}

impl Totals {
    fn add(&mut self, cohort: &CohortSeries) {
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
        self.goals += cohort.goals.iter().map(|counts| counts.goals).sum::<u64>();
        self.breaches += cohort
            .goals
            .iter()
            .map(|counts| counts.breaches)
            .sum::<u64>();
    }
}

/// Histograms added up.
#[derive(Default)]
struct MergedHistogram {
    count: u64,
    sum: i64,
    zero: u64,
    buckets: std::collections::BTreeMap<i32, u64>,
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
