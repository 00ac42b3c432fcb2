//! The report: the workload and the performance of each team, for pages and programs.
//!
//! It has the values of the series, with all priorities of a team together. Nothing is rounded.
//! A value without data is `None`, never 0. Shares cover whole windows, so they are exact.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::gauges::{AT_RISK, CohortGauges, GoalGauges, TeamGauges};
use super::rules::Kpi;
use super::series::Basis;
use super::snapshot::{Snapshot, basis_name};
use super::table_dimensions::{DimensionValues, TableDimensions};
use super::windows::{DurationWindow, QUANTILES, TeamWindows, WindowEvent};
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;

/// Values by name, in a meaningful order. Serialized as a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedValues<T>(pub Vec<(String, T)>);

impl<T> NamedValues<T> {
    fn collect<N: Into<String>>(items: impl IntoIterator<Item = (N, T)>) -> Self {
        let items = items.into_iter().map(|(name, value)| (name.into(), value));
        Self(items.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&T> {
        let found = self.0.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value)
    }
}

impl<T> Default for NamedValues<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for NamedValues<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The report of all teams.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The stream clock; `None` before the first event.
    pub clock: Option<Timestamp>,
    pub clock_timestamp_seconds: Option<f64>,
    /// The labels of the configured windows.
    pub windows: Vec<String>,
    /// The teams that have series, in alphabetical order.
    pub teams: Vec<TeamReport>,
}

/// One team: its gauges and its windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TeamReport {
    pub team: String,
    /// Unsolved tickets.
    pub backlog: u64,
    /// The same by status.
    pub backlog_by_status: NamedValues<u64>,
    pub backlog_oldest_created_timestamp_seconds: Option<f64>,
    pub awaiting_first_response: u64,
    pub unassigned: u64,
    /// Tickets with a running goal, by how near its deadline is.
    pub tickets_at_risk: NamedValues<u64>,
    /// Tickets with a goal that has breached and not ended.
    pub tickets_overdue: u64,
    /// Goals by target. A ticket may have several goals. Targets without a policy are left out.
    pub sla: NamedValues<GoalsReport>,
    /// The same by group, if the policies are in several.
    #[serde(skip_serializing_if = "NamedValues::is_empty")]
    pub sla_by_group: NamedValues<NamedValues<GoalsReport>>,
    /// The parts of the team by priority and attributes. Empty unless they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<CohortReport>,
    /// By label.
    pub windows: NamedValues<WindowReport>,
}

/// The workload of the tickets of a team with the same priority and attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CohortReport {
    #[serde(flatten)]
    pub tickets: DimensionValues,
    pub backlog: u64,
    pub backlog_by_status: NamedValues<u64>,
    pub awaiting_first_response: u64,
    pub unassigned: u64,
    pub sla: NamedValues<GoalsReport>,
    #[serde(skip_serializing_if = "NamedValues::is_empty")]
    pub sla_by_group: NamedValues<NamedValues<GoalsReport>>,
}

/// Goals of one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GoalsReport {
    pub running: u64,
    pub paused: u64,
    pub overdue: u64,
    /// By how near the deadline is.
    pub at_risk: NamedValues<u64>,
    pub next_deadline_timestamp_seconds: Option<f64>,
}

/// The events and durations of one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WindowReport {
    /// Exact counts, by the label `event` of `ticket_window_events`.
    pub events: NamedValues<u64>,
    /// The share of decided goals that were met.
    pub sla_met_share: Option<f64>,
    /// The share of final tickets that one reply solved.
    pub first_contact_share: Option<f64>,
    /// Reopenings per solve. May be above 1.
    pub reopened_per_solved: Option<f64>,
    /// The share of good ratings among good and bad ones. Windows do not count neutral ratings.
    pub csat_good_share: Option<f64>,
    /// Durations by KPI, then by clock (`calendar`, `business`). Handle time: by source (`reported`,
    /// `derived`).
    pub durations: NamedValues<NamedValues<Option<DurationReport>>>,
    /// The window before, which is as long and ends where this one begins. `None`: not known as a
    /// whole.
    pub before: Option<WindowBeforeReport>,
}

/// The window before another one. It has means, but no quantiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WindowBeforeReport {
    pub events: NamedValues<u64>,
    pub sla_met_share: Option<f64>,
    pub first_contact_share: Option<f64>,
    pub reopened_per_solved: Option<f64>,
    pub csat_good_share: Option<f64>,
    pub durations: NamedValues<NamedValues<Option<MeanReport>>>,
}

/// The mean of durations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanReport {
    pub count: u64,
    pub mean_seconds: f64,
}

/// The durations of one window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DurationReport {
    pub count: u64,
    pub mean_seconds: f64,
    pub p50_seconds: f64,
    pub p90_seconds: f64,
    pub p95_seconds: f64,
    pub p99_seconds: f64,
}

impl WindowReport {
    /// The count of an event, by its label `event`.
    pub fn count(&self, event: &str) -> u64 {
        self.events.get(event).copied().unwrap_or(0)
    }

    pub fn duration(&self, kpi: &str, clock: &str) -> Option<DurationReport> {
        *self.durations.get(kpi)?.get(clock)?
    }
}

impl Snapshot {
    /// Makes the report. Takes some microseconds per team.
    pub fn report(&self) -> Report {
        // Before the first event there is no clock.
        let clock = Some(self.clock).filter(|clock| *clock != Timestamp(0));
        let mut teams: Vec<TeamReport> = self
            .active_labels()
            .iter()
            .enumerate()
            .filter(|(_, active)| **active)
            .map(|(team, _)| self.team_report(team))
            .collect();
        teams.sort_by(|one, other| one.team.cmp(&other.team));
        let windows = self.rules.windows.iter();
        Report {
            clock,
            clock_timestamp_seconds: clock.map(Timestamp::seconds),
            windows: windows.map(|window| window.label.clone()).collect(),
            teams,
        }
    }

    fn team_report(&self, team: usize) -> TeamReport {
        let none = TeamGauges::default();
        let own = self.gauges.teams.get(team).unwrap_or(&none);
        let cohorts: Vec<&CohortGauges> = self
            .cohorts
            .iter()
            .zip(&self.gauges.cohorts)
            .filter(|(cohort, _)| usize::from(cohort.key.team) == team)
            .map(|(_, gauges)| gauges)
            .collect();
        let all = self.workload(DimensionValues::default(), &cohorts);
        TeamReport {
            team: self.teams[team].to_string(),
            backlog: all.backlog,
            backlog_by_status: all.backlog_by_status,
            backlog_oldest_created_timestamp_seconds: known(own.oldest),
            awaiting_first_response: all.awaiting_first_response,
            unassigned: all.unassigned,
            tickets_at_risk: NamedValues::collect(
                AT_RISK
                    .into_iter()
                    .zip(own.tickets_at_risk)
                    .map(|((_, name), count)| (name, u64::from(count))),
            ),
            tickets_overdue: own.tickets_overdue.into(),
            sla: all.sla,
            sla_by_group: all.sla_by_group,
            cohorts: Vec::new(),
            windows: self.window_reports(team),
        }
    }

    /// The parts of a team, by priority and attributes.
    pub fn cohort_reports(&self, team: &str) -> Vec<CohortReport> {
        let attributes = self.attributes.iter();
        let by = TableDimensions {
            team: false,
            priority: true,
            attributes: attributes.map(|one| one.name.to_string()).collect(),
        };
        let cohorts = self.cohorts.iter().zip(&self.gauges.cohorts);
        let mut reports: Vec<CohortReport> = cohorts
            .filter(|(cohort, _)| self.label(cohort, "team") == Some(team))
            .map(|(cohort, gauges)| {
                let tickets = by.values(|name| self.label(cohort, name));
                self.workload(tickets, &[gauges])
            })
            .collect();
        reports.sort_by(|one, other| one.tickets.cmp(&other.tickets));
        reports
    }

    fn workload(&self, tickets: DimensionValues, cohorts: &[&CohortGauges]) -> CohortReport {
        let total = |count: &dyn Fn(&CohortGauges) -> u32| {
            cohorts.iter().map(|one| u64::from(count(one))).sum()
        };
        let by_status = NamedValues::collect(
            (0..)
                .zip(Status::UNSOLVED)
                .map(|(at, status): (usize, _)| (status.name(), total(&|one| one.backlog[at]))),
        );
        let goals = |of_cohort: &dyn Fn(&CohortGauges) -> GoalGauges| {
            let mut goals = GoalGauges::NONE;
            for cohort in cohorts {
                goals.add(&of_cohort(cohort));
            }
            self.goals_reports(&goals)
        };
        let groups = self.rules.groups().into_iter().enumerate();
        let groups = groups.filter(|_| self.rules.has_groups());
        CohortReport {
            tickets,
            backlog: by_status.0.iter().map(|(_, count)| count).sum(),
            backlog_by_status: by_status,
            awaiting_first_response: total(&|one| one.awaiting_first_response),
            unassigned: total(&|one| one.unassigned),
            sla: goals(&CohortGauges::all_groups),
            sla_by_group: NamedValues::collect(
                groups.map(|(number, name)| (name, goals(&|one| one.group(number).clone()))),
            ),
        }
    }

    fn goals_reports(&self, goals: &GoalGauges) -> NamedValues<GoalsReport> {
        NamedValues::collect(self.targets().into_iter().map(|target| {
            let at = target as usize;
            let at_risk = goals.at_risk[at].map(u64::from);
            let report = GoalsReport {
                running: goals.running[at].into(),
                paused: goals.paused[at].into(),
                overdue: goals.overdue[at].into(),
                at_risk: NamedValues::collect(
                    AT_RISK.map(|(_, name)| name).into_iter().zip(at_risk),
                ),
                next_deadline_timestamp_seconds: known(goals.next_deadline[at]),
            };
            (target.name(), report)
        }))
    }

    fn window_reports(&self, team: usize) -> NamedValues<WindowReport> {
        let none = TeamWindows::default();
        let read: &TeamWindows = self.windows.get(team).map_or(&none, |windows| windows);
        let windows = self.rules.windows.iter().enumerate();
        let lengths = self.rules.windows.iter().map(|window| window.length);
        let knows_before = self.reach.knows_before(lengths, self.start);
        NamedValues::collect(windows.map(|(window, rules)| {
            let position = |event: WindowEvent| event as usize * self.rules.windows.len() + window;
            let counted = |counts: &[u64], event| counts.get(position(event)).copied().unwrap_or(0);
            let now = |event| counted(&read.events, event);
            let earlier = |event| counted(&read.events_before, event);
            let durations = by_kpi(|kpi, basis| {
                let mut found = read.durations.iter();
                let found =
                    found.find(|one| (one.kpi, one.basis, one.window) == (kpi, basis, window));
                found.map(duration)
            });
            let means = || {
                by_kpi(|kpi, basis| {
                    let mut found = read.means_before.iter();
                    let found =
                        found.find(|one| (one.kpi, one.basis, one.window) == (kpi, basis, window));
                    found.map(|one| MeanReport {
                        count: one.totals.count,
                        mean_seconds: one.totals.mean_seconds(),
                    })
                })
            };
            let is_known = knows_before.get(window) == Some(&true);
            let before = is_known.then(|| WindowBeforeReport {
                events: events(earlier),
                sla_met_share: sla_met(earlier),
                first_contact_share: first_contact(earlier),
                reopened_per_solved: reopened(earlier),
                csat_good_share: csat_good(earlier),
                durations: means(),
            });
            let report = WindowReport {
                events: events(now),
                sla_met_share: sla_met(now),
                first_contact_share: first_contact(now),
                reopened_per_solved: reopened(now),
                csat_good_share: csat_good(now),
                durations,
                before,
            };
            (rules.label.clone(), report)
        }))
    }
}

fn events(count: impl Fn(WindowEvent) -> u64) -> NamedValues<u64> {
    NamedValues::collect(WindowEvent::ALL.map(|event| (event.name(), count(event))))
}

fn by_kpi<T>(value: impl Fn(Kpi, Basis) -> Option<T>) -> NamedValues<NamedValues<Option<T>>> {
    NamedValues::collect(Kpi::ALL.map(|kpi| {
        let bases = Basis::ALL.map(|basis| (basis_name(kpi, basis), value(kpi, basis)));
        (kpi.name(), NamedValues::collect(bases))
    }))
}

fn sla_met(count: impl Fn(WindowEvent) -> u64) -> Option<f64> {
    let goals = count(WindowEvent::SlaGoal);
    share(goals.saturating_sub(count(WindowEvent::SlaBreach)), goals)
}

fn first_contact(count: impl Fn(WindowEvent) -> u64) -> Option<f64> {
    share(
        count(WindowEvent::FirstContact),
        count(WindowEvent::Finalized),
    )
}

fn reopened(count: impl Fn(WindowEvent) -> u64) -> Option<f64> {
    share(count(WindowEvent::Reopened), count(WindowEvent::Solved))
}

fn csat_good(count: impl Fn(WindowEvent) -> u64) -> Option<f64> {
    let good = count(WindowEvent::CsatGood);
    share(good, good + count(WindowEvent::CsatBad))
}

fn duration(window: &DurationWindow) -> DurationReport {
    // In the order of the exposed quantiles.
    const _: () = assert!(QUANTILES.len() == 4 && QUANTILES[1].0 == 900);
    let [p50, p90, p95, p99] = window.quantiles;
    DurationReport {
        count: window.totals.count,
        mean_seconds: window.totals.mean_seconds(),
        p50_seconds: p50,
        p90_seconds: p90,
        p95_seconds: p95,
        p99_seconds: p99,
    }
}

fn known(instant: Timestamp) -> Option<f64> {
    (instant != Timestamp::NEVER).then(|| instant.seconds())
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType, StatedAttribute};
    use crate::domain::policy::{Clock, Match, Policy, StatusSet, Target};
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::{AttributeRule, Engine, Rules};

    fn rules() -> Arc<Rules> {
        let mut targets = [None; Target::ALL.len()];
        targets[0] = Some(HOUR);
        targets[2] = Some(2 * HOUR);
        Arc::new(Rules {
            policies: vec![Policy {
                name: "all".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets,
                pauses: [StatusSet::EMPTY; Target::ALL.len()],
                ..Policy::new("")
            }],
            ..Rules::default()
        })
    }

    fn event(id: &str, kind: EventType, minute: i64) -> Event<'_> {
        let identity = EventIdentity(minute.unsigned_abs());
        Event::new(id, kind, Timestamp((1_000_000 + minute) * MINUTE), identity)
    }

    fn report(until: i64) -> Report {
        let mut engine = Engine::new(rules(), Timestamp(0));
        let partition = engine.only_partition();
        engine.apply(partition, &event("a", EventType::Created, 0));
        engine.apply(partition, &event("b", EventType::Created, 30));
        let reply = Event {
            actor: Some(Actor::Agent),
            ..event("a", EventType::Message, 45)
        };
        engine.apply(partition, &reply);
        engine.advance(partition, Timestamp((1_000_000 + until) * MINUTE));
        engine.snapshot().report()
    }

    #[test]
    fn a_ticket_with_two_goals_is_one_ticket_at_risk() {
        let report = report(46);
        let [team] = &report.teams[..] else {
            panic!("{report:?}");
        };
        assert_eq!((team.team.as_str(), team.backlog), ("none", 2));
        // b's first response is due at 90, and both tickets' resolutions at 120 and 150.
        let at_risk = |within| team.tickets_at_risk.get(within).copied();
        assert_eq!(at_risk("15m"), Some(0));
        assert_eq!(at_risk("1h"), Some(1));
        assert_eq!(at_risk("4h"), Some(2));
        let goals = |target| team.sla.get(target).unwrap().at_risk.get("4h").copied();
        assert_eq!(goals("first_response"), Some(1));
        assert_eq!(goals("resolution"), Some(2));
        assert_eq!(team.sla.get("ownership"), None, "no policy has it");
        let window = team.windows.get("24h").unwrap();
        assert_eq!(window.count("created"), 2);
        assert_eq!(window.sla_met_share, Some(1.0));
        let first = window.duration("first_response", "business").unwrap();
        assert_eq!(first.mean_seconds, 2_700.0);
    }

    #[test]
    fn an_overdue_goal_is_not_at_risk_and_no_data_is_not_zero() {
        let team = &report(200).teams[0];
        assert_eq!(team.tickets_overdue, 2);
        assert_eq!(team.tickets_at_risk.get("4h"), Some(&0));
        let window = team.windows.get("1h").unwrap();
        assert_eq!(window.count("created"), 0);
        assert_eq!(window.duration("first_response", "calendar"), None);
        assert_eq!(window.reopened_per_solved, None);
        let json = serde_json::to_value(team).unwrap();
        let durations = &json["windows"]["1h"]["durations"];
        assert!(durations["handle"]["reported"].is_null());
        assert!(
            durations["handle"].get("reported").is_some(),
            "null, not absent"
        );
    }

    #[test]
    fn a_team_has_parts_and_goals_by_group() {
        let mut rules = (*rules()).clone();
        let ola = Policy {
            name: "inner".to_owned(),
            group: "ola".to_owned(),
            ..rules.policies[0].clone()
        };
        rules.policies.push(ola);
        rules.attributes.push(AttributeRule {
            name: "tier".to_owned(),
            values: Vec::new(),
            is_label: true,
            limit: 5,
        });
        let mut engine = Engine::new(Arc::new(rules), Timestamp(0));
        let partition = engine.only_partition();
        for (id, tier) in [("a", "gold"), ("b", "silver")] {
            let created = Event {
                attributes: vec![StatedAttribute {
                    name: "tier".into(),
                    value: Some(tier.into()),
                }],
                ..event(id, EventType::Created, 0)
            };
            engine.apply(partition, &created);
        }
        let snapshot = engine.snapshot();
        let team = &snapshot.report().teams[0];
        assert_eq!((team.backlog, team.cohorts.len()), (2, 0));
        let cohorts = snapshot.cohort_reports("none");
        let gold = cohorts
            .iter()
            .find(|one| one.tickets.attributes["tier"] == "gold");
        let gold = gold.unwrap();
        assert_eq!(gold.backlog, 1);
        assert_eq!(gold.tickets.priority.as_deref(), Some("none"));
        assert!(snapshot.cohort_reports("billing").is_empty());
        let running = |sla: &NamedValues<GoalsReport>| sla.get("resolution").unwrap().running;
        for (name, sla) in &team.sla_by_group.0 {
            assert!(["sla", "ola"].contains(&name.as_str()));
            assert_eq!(running(sla), 2, "{name}");
        }
        assert_eq!((running(&team.sla), running(&gold.sla)), (4, 2));
    }

    #[test]
    fn before_the_first_event_there_is_no_clock() {
        let report = Engine::new(rules(), Timestamp(0)).snapshot().report();
        assert_eq!((report.clock, report.teams.len()), (None, 0));
        assert_eq!(report.windows, ["1h", "24h", "7d", "30d"]);
    }
}
