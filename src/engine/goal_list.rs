//! Goals that need somebody: running ones by their deadline, and overdue ones, with their tickets.
//! Questions of people, answered by one walk over the tickets however many there are; the answer
//! holds no more goals than were asked for.
//!
//! The deadline of an overdue goal is no longer remembered and is computed anew. Where many
//! are overdue most are left out by a bound that costs nothing: no deadline is nearer to the
//! start than the target is long.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serde::Serialize;

use super::core::Engine;
use super::goals::{self, Standing};
use super::labels::{LabelNumber, LabelTable};
use super::recorder::Recorder;
use super::ticket::{Slot, Ticket};
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Which goals. Without `at_risk` and `overdue`: all that are running or overdue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoalQuery {
    /// Any of these, by the label; empty: all.
    pub teams: Vec<String>,
    /// The same.
    pub priorities: Vec<String>,
    /// The same.
    pub targets: Vec<Target>,
    /// Running goals whose deadline is at most so much after the clock.
    pub at_risk: Option<Milliseconds>,
    /// Goals that breached and have not ended.
    pub overdue: bool,
    /// How many to name, at most: those whose deadlines are first.
    pub limit: usize,
}

/// One goal of one ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalItem {
    pub ticket_id: String,
    pub target: &'static str,
    pub policy: String,
    pub team: String,
    pub priority: String,
    pub status: &'static str,
    /// `running` or `overdue`.
    pub state: &'static str,
    /// `None`: overdue under a policy that no longer holds for the ticket, and nobody knows when
    /// its deadline was.
    pub deadline: Option<Timestamp>,
    pub deadline_timestamp_seconds: Option<f64>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GoalList {
    /// The stream clock; `None` before the first event.
    pub clock: Option<Timestamp>,
    pub clock_timestamp_seconds: Option<f64>,
    /// Goals that the question is about, those beyond the limit too.
    pub matching: u64,
    /// By deadline, the earliest first.
    pub goals: Vec<GoalItem>,
}

/// A goal that may be among the first; the greatest is the first to be dropped.
struct Candidate<'a> {
    /// `NEVER`: unknown.
    deadline: Timestamp,
    target: Target,
    overdue: bool,
    ticket: &'a Ticket,
}

impl Candidate<'_> {
    /// No two goals have the same: the order does not depend on that of the tickets in memory.
    fn key(&self) -> (Timestamp, &str, Target, u16) {
        (
            self.deadline,
            &self.ticket.id,
            self.target,
            self.ticket.partition,
        )
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Candidate<'_> {}

/// A question on its way through the tickets.
struct Search<'a> {
    query: &'a GoalQuery,
    /// By label; `None`: all.
    teams: Option<Vec<bool>>,
    priorities: Option<Vec<bool>>,
    matching: u64,
    first: BinaryHeap<Candidate<'a>>,
}

impl Engine {
    /// Answers several questions at once, in their order, as of now.
    pub fn goal_lists(&self, queries: &[GoalQuery]) -> Vec<GoalList> {
        if queries.is_empty() {
            return Vec::new();
        }
        let recorder = self.recorder();
        let labels = &recorder.labels;
        let mut searches: Vec<Search<'_>> = queries
            .iter()
            .map(|query| Search {
                query,
                teams: wanted(&labels.teams, &query.teams),
                priorities: wanted(&labels.priorities, &query.priorities),
                matching: 0,
                first: BinaryHeap::new(),
            })
            .collect();
        for ticket in self.tickets.iter().filter(|ticket| ticket.is_open()) {
            let clock = self.clock_of_number(ticket.partition);
            for search in &mut searches {
                search.look_at(recorder, ticket, clock);
            }
        }
        let clock = Some(self.clock()).filter(|clock| *clock != Timestamp(0));
        let answer = |search: Search<'_>| GoalList {
            clock,
            clock_timestamp_seconds: clock.map(Timestamp::seconds),
            matching: search.matching,
            goals: search
                .first
                .into_sorted_vec()
                .iter()
                .map(|candidate| candidate.item(recorder))
                .collect(),
        };
        searches.into_iter().map(answer).collect()
    }
}

impl<'a> Search<'a> {
    fn look_at(&mut self, recorder: &Recorder, ticket: &'a Ticket, clock: Timestamp) {
        let labels = &recorder.labels;
        let team = labels.teams.label(ticket.team_number);
        let priority = labels.priorities.label(ticket.priority);
        if !among(self.teams.as_deref(), team.into())
            || !among(self.priorities.as_deref(), priority.into())
        {
            return;
        }
        let Some(policy) = recorder.policy(ticket.policy) else {
            return;
        };
        let all = self.query.at_risk.is_none() && !self.query.overdue;
        for slot in Slot::ALL {
            let target = ticket.target(slot);
            if !self.query.targets.is_empty() && !self.query.targets.contains(&target) {
                continue;
            }
            match goals::standing(policy, ticket, slot) {
                Some(Standing::Running(deadline)) => {
                    let within = self.query.at_risk.map(|within| clock.plus(within));
                    if all || within.is_some_and(|latest| deadline <= latest) {
                        self.matching += 1;
                        self.keep(ticket, target, deadline, false);
                    }
                }
                Some(Standing::Overdue) if all || self.query.overdue => {
                    self.matching += 1;
                    let length = policy.target(target).unwrap_or_default();
                    let earliest = ticket.slot_since(slot).plus(length);
                    if self.has_room_for(earliest) {
                        let deadline = goals::deadline(recorder, ticket, slot);
                        // Later than now: of another policy than the one that was breached.
                        let deadline = deadline.filter(|deadline| *deadline <= clock);
                        self.keep(ticket, target, deadline.unwrap_or(Timestamp::NEVER), true);
                    }
                }
                _ => {}
            }
        }
    }

    fn has_room_for(&self, deadline: Timestamp) -> bool {
        let full = self.first.len() >= self.query.limit;
        !full
            || self
                .first
                .peek()
                .is_some_and(|last| deadline <= last.deadline)
    }

    fn keep(&mut self, ticket: &'a Ticket, target: Target, deadline: Timestamp, overdue: bool) {
        if !self.has_room_for(deadline) {
            return;
        }
        self.first.push(Candidate {
            deadline,
            target,
            overdue,
            ticket,
        });
        if self.first.len() > self.query.limit {
            self.first.pop();
        }
    }
}

impl Candidate<'_> {
    fn item(&self, recorder: &Recorder) -> GoalItem {
        let ticket = self.ticket;
        let deadline = Some(self.deadline).filter(|deadline| *deadline != Timestamp::NEVER);
        GoalItem {
            ticket_id: ticket.id.to_string(),
            target: self.target.name(),
            policy: recorder
                .policy(ticket.policy)
                .map(|policy| policy.name.clone())
                .unwrap_or_default(),
            team: recorder.team_label(ticket.team_number),
            priority: recorder.priority_label(ticket.priority),
            status: ticket.status().name(),
            state: if self.overdue { "overdue" } else { "running" },
            deadline,
            deadline_timestamp_seconds: deadline.map(Timestamp::seconds),
        }
    }
}

/// Which labels have one of the names; `None`: whatever the label.
fn wanted<N: LabelNumber>(labels: &LabelTable<N>, names: &[String]) -> Option<Vec<bool>> {
    if names.is_empty() {
        return None;
    }
    let all = labels.names().iter();
    Some(
        all.map(|label| names.iter().any(|name| label == name))
            .collect(),
    )
}

fn among(wanted: Option<&[bool]>, label: usize) -> bool {
    wanted.is_none_or(|wanted| wanted.get(label).copied().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Event, EventIdentity, EventType};
    use crate::domain::policy::{Clock, Match, Policy, StatusSet};
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::Rules;

    const START: i64 = 1_000_000;

    /// Tickets `t0` to `t9` of two teams, one every minute, each with a first response within an
    /// hour and a resolution within two.
    fn engine(until: i64) -> Engine {
        let mut targets = [None; 4];
        targets[Target::FirstResponse as usize] = Some(HOUR);
        targets[Target::Resolution as usize] = Some(2 * HOUR);
        let rules = Rules {
            policies: vec![Policy {
                name: "all".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets,
                pauses: [StatusSet::EMPTY; 4],
            }],
            ..Rules::default()
        };
        let mut engine = Engine::new(Arc::new(rules), Timestamp(0));
        let partition = engine.only_partition();
        for number in 0..10 {
            let id = format!("t{number}");
            let at = Timestamp((START + number) * MINUTE);
            let event = Event {
                team: Some(Some(if number % 2 == 0 { "even" } else { "odd" }.into())),
                priority: Some("p1".into()),
                ..Event::new(&id, EventType::Created, at, EventIdentity(1))
            };
            engine.apply(partition, &event);
        }
        engine.advance(partition, Timestamp((START + until) * MINUTE));
        engine
    }

    fn ids(list: &GoalList) -> Vec<(&str, &str)> {
        let goals = list.goals.iter();
        goals
            .map(|goal| (goal.ticket_id.as_str(), goal.state))
            .collect()
    }

    #[test]
    fn what_is_at_risk_comes_soonest_first_and_no_more_than_asked_for() {
        let query = GoalQuery {
            at_risk: Some(15 * MINUTE),
            limit: 2,
            ..GoalQuery::default()
        };
        let of_a_team = GoalQuery {
            teams: vec!["odd".to_owned()],
            ..query.clone()
        };
        let lists = engine(50).goal_lists(&[query, of_a_team]);
        assert_eq!(ids(&lists[0]), [("t0", "running"), ("t1", "running")]);
        assert_eq!(lists[0].matching, 6, "until minute 65");
        let first = &lists[0].goals[0];
        assert_eq!(
            (first.target, first.policy.as_str()),
            ("first_response", "all")
        );
        assert_eq!(first.deadline, Some(Timestamp((START + 60) * MINUTE)));
        assert_eq!(ids(&lists[1]), [("t1", "running"), ("t3", "running")]);
        assert_eq!(lists[1].matching, 3);
    }

    #[test]
    fn overdue_goals_have_the_deadlines_that_they_had() {
        let query = GoalQuery {
            overdue: true,
            limit: 2,
            ..GoalQuery::default()
        };
        let list = &engine(65).goal_lists(&[query])[0];
        assert_eq!(ids(list), [("t0", "overdue"), ("t1", "overdue")]);
        assert_eq!(list.matching, 5);
        let deadlines: Vec<_> = list.goals.iter().map(|goal| goal.deadline).collect();
        let minutes = [60, 61].map(|minute| Some(Timestamp((START + minute) * MINUTE)));
        assert_eq!(deadlines, minutes);
    }

    #[test]
    fn without_a_word_everything_that_has_a_deadline() {
        let everything = GoalQuery {
            limit: 100,
            ..GoalQuery::default()
        };
        let resolutions = GoalQuery {
            targets: vec![Target::Resolution],
            ..everything.clone()
        };
        let nothing = GoalQuery {
            priorities: vec!["p2".to_owned()],
            ..everything.clone()
        };
        let lists = engine(65).goal_lists(&[everything, resolutions, nothing]);
        assert_eq!(
            lists.iter().map(|list| list.matching).collect::<Vec<_>>(),
            [20, 10, 0]
        );
        assert!(
            lists[1]
                .goals
                .iter()
                .all(|goal| goal.target == "resolution")
        );
        assert!(lists[0].goals.is_sorted_by_key(|goal| goal.deadline));
    }

    #[test]
    fn a_limit_of_nothing_only_counts() {
        let list = &engine(65).goal_lists(&[GoalQuery::default()])[0];
        assert_eq!((list.matching, list.goals.len()), (20, 0));
    }
}
