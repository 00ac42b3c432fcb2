//! The observer that measures how long goals ran, for choosing SLA targets from history.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::compiled_rules::CompiledRules;
use super::core::Engine;
use super::fact::{Fact, Observer};
use super::open_goals::GoalKey;
use super::ticket::Ticket;
use crate::domain::event::Status;
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// The running time of a goal, decided or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalRun {
    pub target: Target,
    /// The label values at the end of the goal, or now.
    pub team: CompactString,
    pub priority: CompactString,
    pub attributes: BTreeMap<String, String>,
    /// On the clock of its policy, without pauses.
    pub running: Milliseconds,
}

/// Passes every goal to a function when it is decided.
#[derive(Debug)]
pub struct GoalRuns<F>(F);

impl<F: FnMut(GoalRun)> GoalRuns<F> {
    pub fn new(decided: F) -> Self {
        Self(decided)
    }
}

impl<F: FnMut(GoalRun)> Observer for GoalRuns<F> {
    fn fact(&mut self, rules: &CompiledRules, ticket: &Ticket, at: Timestamp, fact: Fact) {
        if let Fact::GoalMet(key) | Fact::GoalBreached(key) = fact
            && let Some(run) = goal_run(rules, ticket, key, at)
        {
            (self.0)(run);
        }
    }
}

fn goal_run(
    rules: &CompiledRules,
    ticket: &Ticket,
    key: GoalKey,
    at: Timestamp,
) -> Option<GoalRun> {
    let policy = rules.policy(ticket.policy_in(key.group))?;
    let target = ticket.target(key.kind);
    policy.target(target)?;
    let start = ticket.goal_start(key, policy.rebase);
    let calendar = rules.goal_calendar(policy, start.calendar());
    let excluded = policy.pauses[target as usize]
        .with(Status::Solved)
        .with(Status::Closed);
    let elapsed = ticket.history().elapsed(calendar, start.at, at, excluded);
    Some(GoalRun {
        target,
        team: rules.team_label(ticket.team_number).into(),
        priority: rules.priority_label(ticket.priority).into(),
        attributes: rules.attribute_labels(ticket.cohort()),
        running: elapsed.business,
    })
}

impl Engine {
    /// The goals that are running or paused, as of the clocks of their partitions.
    pub fn undecided_goals(&self) -> Vec<GoalRun> {
        let mut runs = Vec::new();
        for ticket in self.tickets.iter() {
            let at = self.clock_of_number(ticket.partition).max(ticket.last_at);
            let mut goals: Vec<GoalKey> = ticket
                .goals()
                .filter(|goal| !goal.is_breached)
                .map(|goal| goal.key)
                .collect();
            goals.sort_unstable();
            let of_goal = |key| goal_run(self.rules(), ticket, key, at);
            runs.extend(goals.into_iter().filter_map(of_goal));
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType};
    use crate::domain::policy::{Clock, Match, Policy};
    use crate::domain::timestamp::{DAY, HOUR};
    use crate::engine::Rules;

    fn event(kind: EventType, hour: i64) -> Event<'static> {
        let identity = EventIdentity(hour.unsigned_abs() << 8 | kind as u64);
        Event::new("a", kind, Timestamp(hour * HOUR), identity)
    }

    #[test]
    fn goals_are_measured_as_they_run() {
        let rules = Rules {
            policies: vec![Policy {
                name: "all".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets: [Some(1_000 * DAY); Target::ALL.len()],
                pauses: Policy::default_pauses(),
                ..Policy::new("")
            }],
            ..Rules::default()
        };
        let mut engine = Engine::new(Arc::new(rules), Timestamp(0));
        let mut decided: Vec<GoalRun> = Vec::new();
        let mut goal_runs = GoalRuns::new(|run| decided.push(run));
        let partition = engine.only_partition();
        let mut created = event(EventType::Created, 1);
        created.team = Some(Some("billing".into()));
        let mut reply = event(EventType::Message, 3);
        reply.actor = Some(Actor::Agent);
        reply.status = Some(Status::Pending);
        let mut back = event(EventType::Message, 10);
        back.actor = Some(Actor::Customer);
        back.status = Some(Status::Open);
        let mut solved = event(EventType::StatusChanged, 12);
        solved.status = Some(Status::Solved);
        for event in [created, reply, back] {
            engine.apply_observed(partition, &event, &mut goal_runs);
        }
        engine.advance_observed(partition, Timestamp(11 * HOUR), &mut goal_runs);
        let hours = |runs: &[GoalRun]| -> Vec<(Target, i64)> {
            runs.iter()
                .map(|run| (run.target, run.running / HOUR))
                .collect()
        };
        let undecided = engine.undecided_goals();
        assert_eq!(
            hours(&undecided),
            [
                (Target::NextResponse, 1),
                (Target::Resolution, 3),
                (Target::Ownership, 10),
                (Target::Assignment, 10),
                (Target::Update, 8)
            ],
        );
        assert_eq!(undecided[0].team, "billing");
        assert_eq!(undecided[0].priority, "none");
        engine.apply_observed(partition, &solved, &mut goal_runs);
        decided.sort_by_key(|run| run.target);
        assert_eq!(
            hours(&decided),
            [
                (Target::FirstResponse, 2),
                (Target::NextResponse, 2),
                (Target::Resolution, 4),
                (Target::Ownership, 11),
                (Target::Assignment, 11),
                (Target::Update, 9)
            ]
        );
        assert_eq!(engine.undecided_goals(), []);
    }
}
