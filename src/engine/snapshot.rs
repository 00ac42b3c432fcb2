//! A snapshot: everything that a scrape may see, at one point in time. It shares unchanged data with
//! the engine and with other snapshots.

use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::cohort::MOST_ATTRIBUTES;
use super::gauges::{AGES, AT_RISK, CohortGauges, Gauges, GoalGauges, TicketStates};
use super::labels::AttributeNames;
use super::rules::{Kpi, Rules};
use super::series::{
    Basis, CohortSeries, Counter, Ending, Histogram, NATIVE_SCHEMA, Rating, TIMED_STATUSES,
};
use super::ticket::Withdrawal;
use super::visit::{HistogramView, NativeView, Sample, Series, Visitor};
use super::windows::{QUANTILES, TeamWindows, WindowEvent, WindowsReach};
use crate::domain::catalog::{self, Family};
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Policy, Target};
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
    /// The user's own attributes that are labels.
    pub(super) attributes: Vec<AttributeNames>,
    pub(super) cohorts: Vec<Arc<CohortSeries>>,
    pub(super) windows: Vec<Arc<TeamWindows>>,
    pub(super) reach: WindowsReach,
    pub(super) gauges: Gauges,
    pub(super) start: Timestamp,
    pub(super) clock: Timestamp,
}

/// A cohort with its values.
struct CohortRow<'a> {
    /// The values of team, priority and the user's own attributes.
    labels: SmallVec<[&'a str; 2 + MOST_ATTRIBUTES]>,
    cohort: &'a CohortSeries,
    gauges: &'a CohortGauges,
}

impl CohortRow<'_> {
    /// Passes on a series with further labels.
    fn sample(&self, visitor: &mut dyn Visitor, further: &[&str], sample: Sample<'_>) {
        let mut values: SmallVec<[&str; 6 + MOST_ATTRIBUTES]> = SmallVec::new();
        values.extend_from_slice(&self.labels);
        values.extend_from_slice(further);
        visitor.sample(&values, sample);
    }
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
        static EMPTY: CohortGauges = CohortGauges::NONE;
        self.cohorts.iter().enumerate().map(|(position, cohort)| {
            let mut labels = SmallVec::new();
            labels.push(self.teams[usize::from(cohort.key.team)].as_str());
            labels.push(self.priorities[usize::from(cohort.key.priority)].as_str());
            labels.extend(self.attributes.iter().map(|attribute| {
                let label = cohort.key.attributes[attribute.position];
                attribute.values[usize::from(label)].as_str()
            }));
            CohortRow {
                labels,
                cohort,
                gauges: self.gauges.cohorts.get(position).unwrap_or(&EMPTY),
            }
        })
    }

    fn begin(&self, visitor: &mut dyn Visitor, family: &'static Family) {
        let start = family.is_cumulative().then_some(self.start);
        let attributes = self.attributes.iter();
        let attributes: Vec<&str> = attributes.map(|one| one.name.as_str()).collect();
        let labels = family.label_names(&attributes, self.rules.has_groups());
        visitor.family(family, &labels, start);
    }

    fn visit_counters(&self, visitor: &mut dyn Visitor) {
        self.begin(visitor, &catalog::CREATED);
        for row in self.rows() {
            for (channel, count) in &row.cohort.created {
                let channel = &self.channels[usize::from(*channel)];
                row.sample(visitor, &[channel], number(*count));
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
                row.sample(visitor, &[first_contact, reopened], number(count));
            }
        }
        self.visit_counter(visitor, &catalog::UNANSWERED, Counter::Unanswered);
        self.visit_counter(visitor, &catalog::TRANSFERRED, Counter::Transferred);
        self.visit_counter(visitor, &catalog::ESCALATED, Counter::Escalated);
        self.begin(visitor, &catalog::WITHDRAWN);
        for row in self.rows() {
            for reason in Withdrawal::ALL {
                let count = row.cohort.withdrawn[reason as usize];
                row.sample(visitor, &[reason.name()], number(count));
            }
        }
        self.begin(visitor, &catalog::STATUS_TIME);
        for row in self.rows() {
            for status in &Status::ALL[..TIMED_STATUSES] {
                let total = seconds(row.cohort.status_time[*status as usize]);
                row.sample(visitor, &[status.name()], Sample::Number(total));
            }
        }
        self.visit_counter(visitor, &catalog::CSAT_OFFERED, Counter::CsatOffered);
        self.visit_counter(visitor, &catalog::CSAT_CHANGES, Counter::CsatChanges);
        self.begin(visitor, &catalog::CSAT_RATINGS);
        for row in self.rows() {
            for rating in Rating::ALL {
                let count = row.cohort.ratings[rating as usize];
                row.sample(visitor, &[rating.name()], number(count));
            }
        }
    }

    fn visit_counter(&self, visitor: &mut dyn Visitor, family: &'static Family, counter: Counter) {
        self.begin(visitor, family);
        for row in self.rows() {
            let count = row.cohort.counters[counter as usize];
            row.sample(visitor, &[], number(count));
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
                        let further = [basis_name(kpi, basis)];
                        row.sample(
                            visitor,
                            &further,
                            Sample::Histogram(view(histogram, &bounds)),
                        );
                    }
                }
            }
        }
    }

    fn visit_sla(&self, visitor: &mut dyn Visitor) {
        let has_groups = self.rules.has_groups();
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
                    let labels = [counts.target.name(), &policy.name, &policy.group];
                    let further = if has_groups { &labels } else { &labels[..2] };
                    row.sample(visitor, further, number(count));
                }
            }
        }
        self.visit_goal_gauge(visitor, &catalog::SLA_RUNNING, |gauges, target| {
            Some(number(gauges.running[target].into()))
        });
        self.visit_goal_gauge(visitor, &catalog::SLA_PAUSED, |gauges, target| {
            Some(number(gauges.paused[target].into()))
        });
        self.visit_goal_gauge(visitor, &catalog::SLA_OVERDUE, |gauges, target| {
            Some(number(gauges.overdue[target].into()))
        });
        self.begin(visitor, &catalog::SLA_AT_RISK);
        self.each_goal_gauge(|row, gauges, target, group| {
            for (count, (_, within)) in gauges.at_risk[target as usize].iter().zip(AT_RISK) {
                let labels = [target.name(), within, group.unwrap_or_default()];
                let further = if has_groups { &labels } else { &labels[..2] };
                row.sample(visitor, further, number((*count).into()));
            }
        });
        self.visit_goal_gauge(visitor, &catalog::SLA_NEXT_DEADLINE, |gauges, target| {
            let deadline = gauges.next_deadline[target];
            (deadline != Timestamp::NEVER).then(|| Sample::Number(deadline.seconds()))
        });
        self.begin(visitor, &catalog::SLA_TARGET);
        for policy in &self.rules.policies {
            for target in Target::ALL {
                if let Some(length) = policy.target(target) {
                    let clock = policy.clock.name();
                    let labels = [policy.name.as_str(), target.name(), clock, &policy.group];
                    let labels = if has_groups { &labels } else { &labels[..3] };
                    visitor.sample(labels, Sample::Number(seconds(length)));
                }
            }
        }
    }

    /// Visits a gauge of goals. `read` gives the value for a target, by its number.
    fn visit_goal_gauge(
        &self,
        visitor: &mut dyn Visitor,
        family: &'static Family,
        read: impl Fn(&GoalGauges, usize) -> Option<Sample<'static>>,
    ) {
        self.begin(visitor, family);
        self.each_goal_gauge(|row, gauges, target, group| {
            if let Some(sample) = read(gauges, target as usize) {
                let labels = [target.name(), group.unwrap_or_default()];
                let further = if group.is_some() {
                    &labels
                } else {
                    &labels[..1]
                };
                row.sample(visitor, further, sample);
            }
        });
    }

    /// The goals of each cohort by target and, if it is a label, group.
    fn each_goal_gauge(
        &self,
        mut visit: impl FnMut(&CohortRow<'_>, &GoalGauges, Target, Option<&str>),
    ) {
        if !self.rules.has_groups() {
            let targets = self.targets();
            for row in self.rows() {
                let gauges = row.gauges.all_groups();
                for target in &targets {
                    visit(&row, &gauges, *target, None);
                }
            }
            return;
        }
        let groups = self.rules.groups();
        let of_group = |group: &&str| self.targets_of(|policy| policy.group == *group);
        let targets: Vec<Vec<Target>> = groups.iter().map(of_group).collect();
        for row in self.rows() {
            for (number, (group, targets)) in groups.iter().zip(&targets).enumerate() {
                for target in targets {
                    visit(&row, row.gauges.group(number), *target, Some(*group));
                }
            }
        }
    }

    /// The targets of all policies, in force or former.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets_of(|_| true)
    }

    fn targets_of(&self, is_meant: impl Fn(&Policy) -> bool) -> Vec<Target> {
        let used = |target: &Target| {
            let mut policies = self.rules.all_policies().filter(|policy| is_meant(policy));
            policies.any(|policy| policy.target(*target).is_some())
        };
        Target::ALL.into_iter().filter(used).collect()
    }

    fn visit_backlog(&self, visitor: &mut dyn Visitor) {
        self.begin(visitor, &catalog::BACKLOG);
        for row in self.rows() {
            for status in Status::UNSOLVED {
                let count = row.gauges.backlog[status as usize];
                row.sample(visitor, &[status.name()], number(count.into()));
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
            row.sample(visitor, &[], number(count.into()));
        }
        self.begin(visitor, &catalog::UNASSIGNED);
        for row in self.rows() {
            row.sample(visitor, &[], number(row.gauges.unassigned.into()));
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
            visitor.sample(&labels, Sample::Number(values.totals.mean_seconds()));
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
