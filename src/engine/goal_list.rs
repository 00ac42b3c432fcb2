//! Lists of goals that need attention: running goals by their deadline, and overdue goals.
//!
//! One walk over the tickets answers any number of queries. The answers hold no more goals than the
//! queries ask for.
//!
//! The deadline of an overdue goal is no longer stored and is computed again. A cheap bound avoids
//! most of these computations: the deadline is never before the start plus the target.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use super::compiled_rules::CompiledRules;
use super::core::Engine;
use super::goals::{self, GoalProgress};
use super::labels::{AttributeTable, LabelNumber, LabelTable};
use super::open_goals::{GoalKey, GroupNumber, OpenGoal};
use super::ticket::Ticket;
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A query for goals. Without `at_risk` and `overdue`: all running and overdue goals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoalQuery {
    /// Label values. Empty: all teams.
    pub teams: Vec<String>,
    /// Label values. Empty: all priorities.
    pub priorities: Vec<String>,
    /// Values of the user's own attributes, by name. Empty: all. A name that the rules do not have matches no ticket.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Empty: the goals of all groups of policies.
    pub groups: Vec<String>,
    /// Empty: all targets.
    pub targets: Vec<Target>,
    /// Selects running goals whose deadline is at most this long after the clock.
    pub at_risk: Option<Milliseconds>,
    /// Selects goals that have breached and not ended.
    pub overdue: bool,
    /// The most goals to list. Those with the earliest deadlines are listed.
    pub limit: usize,
}

/// One goal of one ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalItem {
    pub ticket_id: String,
    pub target: &'static str,
    pub policy: String,
    /// The group of the policy.
    pub group: String,
    pub team: String,
    pub priority: String,
    /// The user's own attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub status: &'static str,
    /// `running` or `overdue`.
    pub state: &'static str,
    /// `None`: the goal breached under a policy that no longer applies to the ticket, so its deadline
    /// is unknown.
    pub deadline: Option<Timestamp>,
    pub deadline_timestamp_seconds: Option<f64>,
}

/// The answer to a [`GoalQuery`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GoalList {
    /// The stream clock; `None` before the first event.
    pub clock: Option<Timestamp>,
    pub clock_timestamp_seconds: Option<f64>,
    /// The number of matching goals, including those beyond the limit.
    pub matching: u64,
    /// By deadline, the earliest first.
    pub goals: Vec<GoalItem>,
}

/// A goal that may be listed. The greatest candidate is dropped first.
struct Candidate<'a> {
    /// `NEVER`: unknown.
    deadline: Timestamp,
    target: Target,
    key: GoalKey,
    overdue: bool,
    ticket: &'a Ticket,
}

impl Candidate<'_> {
    /// Unique for each goal, so that the result does not depend on the order of tickets in memory.
    fn key(&self) -> (Timestamp, &str, Target, GroupNumber, u16) {
        (
            self.deadline,
            &self.ticket.id,
            self.target,
            self.key.group,
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

/// A query during the walk over the tickets.
struct Search<'a> {
    query: &'a GoalQuery,
    /// By label number. `None`: all.
    teams: Option<Vec<bool>>,
    priorities: Option<Vec<bool>>,
    /// The position of each wanted attribute, and the labels that match.
    attributes: Vec<(usize, Vec<bool>)>,
    matching: u64,
    first: BinaryHeap<Candidate<'a>>,
}

impl Engine {
    /// Answers queries, in their order.
    pub fn goal_lists(&self, queries: &[GoalQuery]) -> Vec<GoalList> {
        if queries.is_empty() {
            return Vec::new();
        }
        let rules = self.rules();
        let labels = &rules.labels;
        let mut searches: Vec<Search<'_>> = queries
            .iter()
            .map(|query| Search {
                query,
                teams: wanted(&labels.teams, &query.teams),
                priorities: wanted(&labels.priorities, &query.priorities),
                attributes: wanted_attributes(&labels.attributes, &query.attributes),
                matching: 0,
                first: BinaryHeap::new(),
            })
            .collect();
        for ticket in self.tickets.iter().filter(|ticket| ticket.is_open()) {
            let clock = self.clock_of_number(ticket.partition);
            for search in &mut searches {
                search.visit(rules, ticket, clock);
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
                .map(|candidate| candidate.item(rules))
                .collect(),
        };
        searches.into_iter().map(answer).collect()
    }
}

impl<'a> Search<'a> {
    fn visit(&mut self, rules: &CompiledRules, ticket: &'a Ticket, clock: Timestamp) {
        let labels = &rules.labels;
        let team = labels.teams.label(ticket.team_number);
        let priority = labels.priorities.label(ticket.priority);
        if !among(self.teams.as_deref(), team.into())
            || !among(self.priorities.as_deref(), priority.into())
            || !self.has_attributes(rules, ticket)
        {
            return;
        }
        let all = self.query.at_risk.is_none() && !self.query.overdue;
        for goal in ticket.goals() {
            let target = ticket.target(goal.key.kind);
            let policy = rules.policy(ticket.policy_in(goal.key.group));
            let is_in_group = |name: &String| policy.is_some_and(|policy| policy.group == *name);
            if !self.query.groups.is_empty() && !self.query.groups.iter().any(is_in_group) {
                continue;
            }
            if !self.query.targets.is_empty() && !self.query.targets.contains(&target) {
                continue;
            }
            match goals::progress(rules, ticket, goal) {
                Some(GoalProgress::Running(deadline)) => {
                    let within = self.query.at_risk.map(|within| clock.plus(within));
                    if all || within.is_some_and(|latest| deadline <= latest) {
                        self.matching += 1;
                        self.add(ticket, goal, deadline);
                    }
                }
                Some(GoalProgress::Overdue) if all || self.query.overdue => {
                    self.matching += 1;
                    if self.has_room_for(goals::earliest_deadline(rules, ticket, goal.key)) {
                        let deadline = goals::deadline(rules, ticket, goal.key);
                        // A later deadline belongs to another policy than the breached one.
                        let deadline = deadline.filter(|deadline| *deadline <= clock);
                        self.add(ticket, goal, deadline.unwrap_or(Timestamp::NEVER));
                    }
                }
                _ => {}
            }
        }
    }

    fn has_attributes(&self, rules: &CompiledRules, ticket: &Ticket) -> bool {
        self.attributes.iter().all(|(position, wanted)| {
            let Some(attribute) = rules.labels.attributes.get(*position) else {
                return false;
            };
            let label = attribute
                .values
                .label(ticket.cohort().attributes[*position]);
            among(Some(wanted), label.into())
        })
    }

    fn has_room_for(&self, deadline: Timestamp) -> bool {
        let full = self.first.len() >= self.query.limit;
        !full
            || self
                .first
                .peek()
                .is_some_and(|last| deadline <= last.deadline)
    }

    fn add(&mut self, ticket: &'a Ticket, goal: OpenGoal, deadline: Timestamp) {
        if !self.has_room_for(deadline) {
            return;
        }
        self.first.push(Candidate {
            deadline,
            target: ticket.target(goal.key.kind),
            key: goal.key,
            overdue: goal.is_breached,
            ticket,
        });
        if self.first.len() > self.query.limit {
            self.first.pop();
        }
    }
}

impl Candidate<'_> {
    fn item(&self, rules: &CompiledRules) -> GoalItem {
        let ticket = self.ticket;
        let policy = rules.policy(ticket.policy_in(self.key.group));
        let deadline = Some(self.deadline).filter(|deadline| *deadline != Timestamp::NEVER);
        GoalItem {
            ticket_id: ticket.id.to_string(),
            target: self.target.name(),
            policy: policy.map(|policy| policy.name.clone()).unwrap_or_default(),
            group: policy
                .map(|policy| policy.group.clone())
                .unwrap_or_default(),
            team: rules.team_label(ticket.team_number).to_owned(),
            priority: rules.priority_label(ticket.priority).to_owned(),
            attributes: rules.all_attributes(ticket.cohort()),
            status: ticket.status().name(),
            state: if self.overdue { "overdue" } else { "running" },
            deadline,
            deadline_timestamp_seconds: deadline.map(Timestamp::seconds),
        }
    }
}

/// The labels that have one of the names. `None`: all.
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

/// The same for own attributes. A name that there is not has a position that there is not.
fn wanted_attributes(
    attributes: &[AttributeTable],
    values: &BTreeMap<String, Vec<String>>,
) -> Vec<(usize, Vec<bool>)> {
    let wanted = values.iter().map(|(name, values)| {
        let position = attributes.iter().position(|one| one.name == name.as_str());
        let position = position.unwrap_or(attributes.len());
        let labels = attributes.get(position);
        let labels = labels.and_then(|one| wanted(&one.values, values));
        (position, labels.unwrap_or_default())
    });
    wanted.collect()
}

fn among(wanted: Option<&[bool]>, label: usize) -> bool {
    wanted.is_none_or(|wanted| wanted.get(label).copied().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Event, EventIdentity, EventType, StatedAttribute};
    use crate::domain::policy::{Clock, Match, Policy, StatusSet};
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::{AttributeRule, Rules};

    const START: i64 = 1_000_000;

    /// Tickets `t0` to `t9` of two teams, one every minute, each with a first response within an
    /// hour and a resolution within two.
    fn engine(until: i64) -> Engine {
        let mut targets = [None; Target::ALL.len()];
        targets[Target::FirstResponse as usize] = Some(HOUR);
        targets[Target::Resolution as usize] = Some(2 * HOUR);
        let rules = Rules {
            policies: vec![Policy {
                name: "all".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets,
                pauses: [StatusSet::EMPTY; Target::ALL.len()],
                ..Policy::new("")
            }],
            attributes: vec![AttributeRule {
                name: "tier".to_owned(),
                values: Vec::new(),
                is_label: false,
                limit: 5,
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
                attributes: vec![StatedAttribute {
                    name: "tier".into(),
                    value: (number < 3).then(|| "gold".into()),
                }],
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
    fn goals_at_risk_are_listed_by_deadline_up_to_the_limit() {
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
    fn overdue_goals_are_listed_with_their_deadlines() {
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
    fn a_query_without_conditions_lists_every_goal_with_a_deadline() {
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
    fn goals_are_selected_by_attribute_and_group() {
        let count = |name: &str, values: &[&str], groups: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let query = GoalQuery {
                attributes: [(name.to_owned(), texts(values))].into(),
                groups: texts(groups),
                limit: 1,
                ..GoalQuery::default()
            };
            let list = engine(65).goal_lists(&[query]).remove(0);
            for goal in &list.goals {
                assert!(goal.attributes.contains_key("tier") && goal.group == "sla");
            }
            list.matching
        };
        assert_eq!(count("tier", &["gold"], &[]), 6);
        assert_eq!(count("tier", &["none"], &["ola", "sla"]), 14);
        assert_eq!(count("tier", &["gold", "none"], &[]), 20);
        assert_eq!(count("tier", &["silver"], &[]), 0);
        assert_eq!(count("product", &["none"], &[]), 0);
        assert_eq!(count("tier", &["gold"], &["ola"]), 0);
    }

    #[test]
    fn a_limit_of_zero_only_counts() {
        let list = &engine(65).goal_lists(&[GoalQuery::default()])[0];
        assert_eq!((list.matching, list.goals.len()), (20, 0));
    }
}
