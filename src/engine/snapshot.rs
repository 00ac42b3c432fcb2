//! A snapshot: everything that a scrape may see, at one point in time. It shares unchanged data with
//! the engine and with other snapshots.

use std::sync::Arc;

use compact_str::CompactString;

use super::gauges::{AGES, AT_RISK, CohortGauges, Gauges, TicketStates};
use super::rules::{Kpi, Rules};
use super::series::{
    Basis, CohortSeries, Counter, Ending, Histogram, NATIVE_SCHEMA, Rating, TIMED_STATUSES,
};
use super::ticket::Withdrawal;
use super::visit::{HistogramView, NativeView, Sample, Series, Visitor};
use super::windows::{QUANTILES, TeamWindows, WindowEvent};
use crate::domain::catalog::{self, Family};
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Target};
use crate::domain::timestamp::{Timestamp, seconds};

/// A duration of 0 belongs into the zero bucket. The shortest other duration is 1 ms.
const ZERO_THRESHOLD: f64 = 0.000_5;

/// The series and gauges at one point in time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) rules: Arc<Rules>,
    pub(super) teams: Arc<Vec<CompactString>>,
    pub(super) priorities: Arc<Vec<CompactString>>,
    pub(super) channels: Arc<Vec<CompactString>>,
    pub(super) cohorts: Vec<Arc<CohortSeries>>,
    pub(super) windows: Vec<Arc<TeamWindows>>,
    /// Of each window, whether the window before it is known as a whole.
    pub(super) knows_before: Vec<bool>,
    pub(super) gauges: Gauges,
    pub(super) start: Timestamp,
    pub(super) clock: Timestamp,
}

/// A cohort with its values.
struct CohortRow<'a> {
    team: &'a str,
    priority: &'a str,
    cohort: &'a CohortSeries,
    gauges: &'a CohortGauges,
}

impl Snapshot {
    /// The stream clock of the windows.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The number of tickets in memory.
    pub fn states(&self) -> TicketStates {
        self.gauges.states
    }

    fn rows(&self) -> impl Iterator<Item = CohortRow<'_>> {
        static EMPTY: CohortGauges = CohortGauges {
            backlog: [0; 4],
            awaiting_first_response: 0,
            unassigned: 0,
            running: [0; Target::ALL.len()],
            paused: [0; Target::ALL.len()],
            overdue: [0; Target::ALL.len()],
            at_risk: [[0; AT_RISK.len()]; Target::ALL.len()],
            next_deadline: [Timestamp::NEVER; Target::ALL.len()],
        };
        self.cohorts
            .iter()
            .enumerate()
            .map(|(position, cohort)| CohortRow {
                team: &self.teams[usize::from(cohort.key.team)],
                priority: &self.priorities[usize::from(cohort.key.priority)],
                cohort,
                gauges: self.gauges.cohorts.get(position).unwrap_or(&EMPTY),
            })
    }

    fn begin(&self, visitor: &mut dyn Visitor, family: &'static Family) {
        let start = family.is_cumulative().then_some(self.start);
        visitor.family(family, start);
    }

    fn visit_counters(&self, visitor: &mut dyn Visitor) {
        self.begin(visitor, &catalog::CREATED);
        for row in self.rows() {
            for (channel, count) in &row.cohort.created {
                let channel = &self.channels[usize::from(*channel)];
                visitor.sample(&[row.team, row.priority, channel], number(*count));
            }
        }
        self.visit_counter(visitor, &catalog::REPLIES, Counter::Replies);
        self.visit_counter(visitor, &catalog::SOLVED, Counter::Solved);
        self.visit_counter(visitor, &catalog::REOPENED, Counter::Reopened);
        self.begin(visitor, &catalog::FINALIZED);
        for row in self.rows() {
            for (ending, first_contact, reopened) in [
                (Ending::FirstContact, "true", "false"),
                (Ending::Later, "false", "false"),
                (Ending::Again, "false", "true"),
            ] {
                let count = row.cohort.endings[ending as usize];
                visitor.sample(
                    &[row.team, row.priority, first_contact, reopened],
                    number(count),
                );
            }
        }
        self.visit_counter(visitor, &catalog::UNANSWERED, Counter::Unanswered);
        self.visit_counter(visitor, &catalog::TRANSFERRED, Counter::Transferred);
        self.visit_counter(visitor, &catalog::ESCALATED, Counter::Escalated);
        self.begin(visitor, &catalog::WITHDRAWN);
        for row in self.rows() {
            for reason in Withdrawal::ALL {
                let count = row.cohort.withdrawn[reason as usize];
                visitor.sample(&[row.team, row.priority, reason.name()], number(count));
            }
        }
        self.begin(visitor, &catalog::STATUS_TIME);
        for row in self.rows() {
            for status in &Status::ALL[..TIMED_STATUSES] {
                let total = seconds(row.cohort.status_time[*status as usize]);
                visitor.sample(
                    &[row.team, row.priority, status.name()],
                    Sample::Number(total),
                );
            }
        }
        self.visit_counter(visitor, &catalog::CSAT_OFFERED, Counter::CsatOffered);
        self.visit_counter(visitor, &catalog::CSAT_CHANGES, Counter::CsatChanges);
        self.begin(visitor, &catalog::CSAT_RATINGS);
        for row in self.rows() {
            for rating in Rating::ALL {
                let count = row.cohort.ratings[rating as usize];
                visitor.sample(&[row.team, row.priority, rating.name()], number(count));
            }
        }
    }

    fn visit_counter(&self, visitor: &mut dyn Visitor, family: &'static Family, counter: Counter) {
        self.begin(visitor, family);
        for row in self.rows() {
            let count = row.cohort.counters[counter as usize];
            visitor.sample(&[row.team, row.priority], number(count));
        }
    }

    fn visit_histograms(&self, visitor: &mut dyn Visitor) {
        for (kpi, family) in [
            (Kpi::FirstResponse, &catalog::FIRST_RESPONSE),
            (Kpi::NextResponse, &catalog::NEXT_RESPONSE),
            (Kpi::FirstResolution, &catalog::FIRST_RESOLUTION),
            (Kpi::FullResolution, &catalog::FULL_RESOLUTION),
            (Kpi::TeamOwnership, &catalog::TEAM_OWNERSHIP),
            (Kpi::Handle, &catalog::HANDLE),
            (Kpi::Assignment, &catalog::ASSIGNMENT),
            (Kpi::RequesterWait, &catalog::REQUESTER_WAIT),
            (Kpi::AgentWait, &catalog::AGENT_WAIT),
        ] {
            self.begin(visitor, family);
            let bounds: Vec<f64> = self.rules.buckets[kpi as usize]
                .iter()
                .map(|bound| seconds(*bound))
                .collect();
            for row in self.rows() {
                for basis in Basis::ALL {
                    if let Some(histogram) = &row.cohort.histograms[kpi as usize][basis as usize] {
                        let labels = [row.team, row.priority, basis_name(kpi, basis)];
                        visitor.sample(&labels, Sample::Histogram(view(histogram, &bounds)));
                    }
                }
            }
        }
    }

    fn visit_sla(&self, visitor: &mut dyn Visitor) {
        for (family, breaches) in [(&catalog::SLA_GOALS, false), (&catalog::SLA_BREACHES, true)] {
            self.begin(visitor, family);
            for row in self.rows() {
                for counts in &row.cohort.goals {
                    let Some(policy) = self.rules.policy(counts.policy) else {
                        continue;
                    };
                    let count = if breaches {
                        counts.breaches
                    } else {
                        counts.goals
                    };
                    let labels = [row.team, row.priority, counts.target.name(), &policy.name];
                    visitor.sample(&labels, number(count));
                }
            }
        }
        let targets = self.targets();
        type GoalGauge = fn(&CohortGauges, Target) -> u32;
        let gauges: [(&'static Family, GoalGauge); 3] = [
            (&catalog::SLA_RUNNING, |gauges, target| {
                gauges.running[target as usize]
            }),
            (&catalog::SLA_PAUSED, |gauges, target| {
                gauges.paused[target as usize]
            }),
            (&catalog::SLA_OVERDUE, |gauges, target| {
                gauges.overdue[target as usize]
            }),
        ];
        for (family, read) in gauges {
            self.begin(visitor, family);
            for row in self.rows() {
                for target in &targets {
                    let labels = [row.team, row.priority, target.name()];
                    visitor.sample(&labels, number(read(row.gauges, *target).into()));
                }
            }
        }
        self.begin(visitor, &catalog::SLA_AT_RISK);
        for row in self.rows() {
            for target in &targets {
                for (position, (_, within)) in AT_RISK.iter().enumerate() {
                    let count = row.gauges.at_risk[*target as usize][position];
                    let labels = [row.team, row.priority, target.name(), within];
                    visitor.sample(&labels, number(count.into()));
                }
            }
        }
        self.begin(visitor, &catalog::SLA_NEXT_DEADLINE);
        for row in self.rows() {
            for target in &targets {
                let deadline = row.gauges.next_deadline[*target as usize];
                if deadline != Timestamp::NEVER {
                    let labels = [row.team, row.priority, target.name()];
                    visitor.sample(&labels, Sample::Number(deadline.seconds()));
                }
            }
        }
        self.begin(visitor, &catalog::SLA_TARGET);
        for policy in &self.rules.policies {
            for target in Target::ALL {
                if let Some(length) = policy.target(target) {
                    let labels = [policy.name.as_str(), target.name(), policy.clock.name()];
                    visitor.sample(&labels, Sample::Number(seconds(length)));
                }
            }
        }
    }

    /// The targets of all policies, in force or former.
    pub(super) fn targets(&self) -> Vec<Target> {
        let used = |target: &Target| {
            let former = self.rules.former_policies.iter();
            let former = former.map(|former| &former.policy);
            let mut policies = self.rules.policies.iter().chain(former);
            policies.any(|policy| policy.target(*target).is_some())
        };
        Target::ALL.into_iter().filter(used).collect()
    }

    fn visit_backlog(&self, visitor: &mut dyn Visitor) {
        self.begin(visitor, &catalog::BACKLOG);
        for row in self.rows() {
            for status in Status::UNSOLVED {
                let count = row.gauges.backlog[status as usize];
                visitor.sample(
                    &[row.team, row.priority, status.name()],
                    number(count.into()),
                );
            }
        }
        self.begin(visitor, &catalog::BACKLOG_OLDER_THAN);
        for (team, gauges) in self.active_teams().zip(self.active(&self.gauges.teams)) {
            for (position, (_, age)) in AGES.iter().enumerate() {
                visitor.sample(&[team, age], number(gauges.older_than[position].into()));
            }
        }
        self.begin(visitor, &catalog::BACKLOG_OLDEST);
        for (team, gauges) in self.active_teams().zip(self.active(&self.gauges.teams)) {
            if gauges.oldest != Timestamp::NEVER {
                visitor.sample(&[team], Sample::Number(gauges.oldest.seconds()));
            }
        }
        self.begin(visitor, &catalog::AWAITING_FIRST_RESPONSE);
        for row in self.rows() {
            let count = row.gauges.awaiting_first_response;
            visitor.sample(&[row.team, row.priority], number(count.into()));
        }
        self.begin(visitor, &catalog::UNASSIGNED);
        for row in self.rows() {
            visitor.sample(
                &[row.team, row.priority],
                number(row.gauges.unassigned.into()),
            );
        }
    }

    fn visit_windows(&self, visitor: &mut dyn Visitor) {
        self.begin(visitor, &catalog::WINDOW_SECONDS);
        self.each_window(|team, window, values| {
            for (quantile, (_, name)) in values.quantiles.iter().zip(QUANTILES) {
                let clock = clock_name(values.basis);
                let labels = [team, values.kpi.name(), clock, window, name];
                visitor.sample(&labels, Sample::Number(*quantile));
            }
        });
        self.begin(visitor, &catalog::WINDOW_SECONDS_MEAN);
        self.each_window(|team, window, values| {
            let labels = [team, values.kpi.name(), clock_name(values.basis), window];
            visitor.sample(&labels, Sample::Number(values.mean));
        });
        self.begin(visitor, &catalog::WINDOW_EVENTS);
        let windows = self.rules.windows.len();
        for (team, values) in self.active_teams().zip(self.active(&self.windows)) {
            for event in WindowEvent::ALL {
                for (position, window) in self.rules.windows.iter().enumerate() {
                    let count = values.events.get(event as usize * windows + position);
                    let labels = [team, event.name(), window.label.as_str()];
                    visitor.sample(&labels, number(count.copied().unwrap_or(0)));
                }
            }
        }
    }

    fn each_window(&self, mut visit: impl FnMut(&str, &str, &super::windows::DurationWindow)) {
        for (team, windows) in self.active_teams().zip(self.active(&self.windows)) {
            for values in &windows.durations {
                visit(team, &self.rules.windows[values.window].label, values);
            }
        }
    }

    /// Whether any series carries a team label, by label number.
    pub(super) fn active_labels(&self) -> Vec<bool> {
        let mut active = vec![false; self.teams.len()];
        for cohort in &self.cohorts {
            active[usize::from(cohort.key.team)] = true;
        }
        active
    }

    fn active_teams(&self) -> impl Iterator<Item = &str> {
        self.active(&self.teams).map(CompactString::as_str)
    }

    /// The entries of active teams in a list by team label.
    fn active<'a, T>(&'a self, list: &'a [T]) -> impl Iterator<Item = &'a T> {
        self.active_labels()
            .into_iter()
            .zip(list)
            .filter_map(|(active, item)| active.then_some(item))
    }
}

impl Series for Snapshot {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.visit_counters(visitor);
        self.visit_histograms(visitor);
        self.visit_sla(visitor);
        self.visit_backlog(visitor);
        self.visit_windows(visitor);
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn number(count: u64) -> Sample<'static> {
    Sample::Number(count as f64)
}

pub(super) fn clock_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Calendar => Clock::Calendar.name(),
        Basis::Business => Clock::Business.name(),
    }
}

pub(super) fn basis_name(kpi: Kpi, basis: Basis) -> &'static str {
    match (kpi, basis) {
        (Kpi::Handle, Basis::Calendar) => "reported",
        (Kpi::Handle, Basis::Business) => "derived",
        _ => clock_name(basis),
    }
}

fn view<'a>(histogram: &'a Histogram, bounds: &'a [f64]) -> HistogramView<'a> {
    HistogramView {
        bounds,
        counts: &histogram.counts,
        count: histogram.count,
        sum: seconds(histogram.sum),
        native: Some(NativeView {
            schema: NATIVE_SCHEMA,
            zero_count: histogram.native_zero,
            zero_threshold: ZERO_THRESHOLD,
            buckets: &histogram.native,
        }),
        exemplars: &histogram.exemplars,
    }
}
