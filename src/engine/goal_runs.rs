//! How long goals ran, one by one: for whoever wants to choose targets by what was. Off, it costs
//! a look at an empty option; it only listens.

use compact_str::CompactString;

use super::core::Engine;
use super::recorder::Recorder;
use super::ticket::{GoalState, Slot, Ticket};
use crate::domain::event::Status;
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A goal that was decided, or that runs still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalRun {
    pub target: Target,
    /// Labels, as of its end or of now.
    pub team: CompactString,
    pub priority: CompactString,
    /// Running time until then, on the clock of its policy, pauses left out.
    pub running: Milliseconds,
}

impl Recorder {
    /// A goal is decided.
    pub fn note_goal_run(&mut self, ticket: &Ticket, slot: Slot, at: Timestamp) {
        if self.goal_runs.is_none() {
            return;
        }
        let run = self.goal_run(ticket, slot, at);
        if let Some(runs) = &mut self.goal_runs {
            runs.extend(run);
        }
    }

    fn goal_run(&self, ticket: &Ticket, slot: Slot, at: Timestamp) -> Option<GoalRun> {
        let policy = self.policy(ticket.policy)?;
        let target = ticket.target(slot);
        policy.target(target)?;
        let since = match slot {
            Slot::Response => ticket.response_since,
            Slot::Resolution => ticket.resolution_since,
            Slot::Ownership => ticket.leg_since,
        };
        let calendar = self.goal_calendar(policy, ticket.slot_calendar(slot));
        let excluded = policy.pauses[target as usize]
            .with(Status::Solved)
            .with(Status::Closed);
        let elapsed = ticket.history().elapsed(calendar, since, at, excluded);
        Some(GoalRun {
            target,
            team: self.team_label(ticket.team_number).into(),
            priority: self.priority_label(ticket.priority).into(),
            running: elapsed.business,
        })
    }
}

impl Engine {
    /// Writes down from now on how long goals run.
    pub fn measure_goals(&mut self) {
        self.recorder.goal_runs.get_or_insert_default();
    }

    /// The goals decided since the last call, in the order in which they were.
    pub fn take_goal_runs(&mut self) -> Vec<GoalRun> {
        self.recorder
            .goal_runs
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The goals that are neither decided nor paused for good: running or paused now, as of the
    /// clocks of their partitions.
    pub fn undecided_goals(&self) -> Vec<GoalRun> {
        let mut runs = Vec::new();
        for ticket in self.tickets.iter() {
            let at = self.clock_of_number(ticket.partition).max(ticket.last_at);
            for slot in Slot::ALL {
                if ticket.states[slot as usize] == GoalState::Undecided {
                    runs.extend(self.recorder.goal_run(ticket, slot, at));
                }
            }
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
                targets: [Some(1_000 * DAY); 4],
                pauses: Policy::default_pauses(),
            }],
            ..Rules::default()
        };
        let mut engine = Engine::new(Arc::new(rules), Timestamp(0));
        engine.measure_goals();
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
            engine.apply(partition, &event);
        }
        engine.advance(partition, Timestamp(11 * HOUR));
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
                (Target::Ownership, 10)
            ],
        );
        assert_eq!(undecided[0].team, "billing");
        assert_eq!(undecided[0].priority, "none");
        engine.apply(partition, &solved);
        let mut decided = engine.take_goal_runs();
        decided.sort_by_key(|run| run.target);
        assert_eq!(
            hours(&decided),
            [
                (Target::FirstResponse, 2),
                (Target::NextResponse, 2),
                (Target::Resolution, 4),
                (Target::Ownership, 11)
            ]
        );
        assert_eq!(engine.take_goal_runs(), []);
        assert_eq!(engine.undecided_goals(), []);
    }
}
