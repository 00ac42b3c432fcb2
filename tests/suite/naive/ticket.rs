//! One ticket's whole history, and values derived from it at any time: elapsed time, running time of a
//! goal, deadlines. Nothing is counted here.

use super::calendar::Calendar;
use super::event::{Event, Status};
use super::judge;
use super::labels::Holder;
use super::setup::Setup;
use std::collections::BTreeMap;

/// The number of identities that a ticket remembers (section 1, duplicates).
const IDENTITIES: usize = 256;

/// The start of a goal or a leg: the creation, which may become known later, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    Creation,
    Instant(i64),
}

/// A goal by its group and target.
pub type GoalKey = (usize, &'static str);

/// One SLA target in one cycle and group, whatever policy is in force (section 5).
#[derive(Clone, Debug)]
pub struct Goal {
    pub since: Since,
    /// The ticket's team when the goal started: its calendar applies to the end.
    pub team: Option<String>,
    pub breached: bool,
}

#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub from: i64,
    pub to: Option<i64>,
    pub merged: bool,
    pub into: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Ticket {
    pub identities: Vec<String>,
    /// The event time of the newest statement, by member (section 1, state).
    pub stated: BTreeMap<String, i64>,
    pub requester: Option<String>,
    /// Creation time, once known.
    pub created: Option<i64>,
    /// Whether `ticket_created_total` includes it.
    pub counted: bool,
    /// Instant of the last applied event.
    pub last: i64,
    /// Status after each change, in time order; the first is that of the opening.
    pub statuses: Vec<(i64, Status)>,
    pub withdrawals: Vec<Withdrawal>,
    pub team: Option<String>,
    pub priority: Option<String>,
    pub channel: Option<String>,
    /// Own attributes that have a value.
    pub attributes: BTreeMap<String, String>,
    /// Whether there is an assignee, after each change.
    pub agents: Vec<(i64, bool)>,
    /// Whether the ticket has had an assignee, as far as KPI 12 knows.
    pub was_assigned: bool,
    /// Human replies.
    pub replies: Vec<i64>,
    /// Teams of the ticket from the first human reply on, in order.
    pub teams_since_reply: Vec<Option<String>>,
    /// Whether a human reply came inside a cycle.
    pub answered: bool,
    /// The oldest unanswered customer message (KPI 2).
    pub asked: Option<i64>,
    /// Whether the creation was known at the last solve.
    pub known_at_solve: bool,
    /// The message that was unanswered at the last solve.
    pub asked_at_solve: Option<i64>,
    /// A customer message that awaits a reopening.
    pub asked_while_done: bool,
    pub solves: Vec<(i64, Holder)>,
    pub reopenings: Vec<i64>,
    pub escalations: usize,
    /// Instant and milliseconds.
    pub worklogs: Vec<(i64, i64)>,
    /// The number of worklogs before the reopening of the finalized ticket.
    pub worklogs_before_anew: usize,
    /// Positions on the scale.
    pub ratings: Vec<f64>,
    pub finalizations: Vec<i64>,
    pub is_final: bool,
    /// The reopening of the finalized ticket; the next finalization counts from there.
    pub anew_since: Option<i64>,
    /// The running leg of the team (KPI 11).
    pub leg: Option<Since>,
    /// The time since which the ticket has its status, team and priority (KPI 10).
    pub labels_since: i64,
    /// Running goals.
    pub goals: BTreeMap<GoalKey, Goal>,
    /// The start of the last cycle's resolution goals by group, and whether they breached.
    pub last_resolutions: BTreeMap<usize, Goal>,
    /// The name of the policy in force, by group.
    pub policies: Vec<Option<String>>,
    /// The last change of policy by group, and the team after it.
    pub policy_changes: BTreeMap<usize, (i64, Option<String>)>,
}

impl Ticket {
    /// An unknown ticket, opened by an event: its members are the ticket's first attributes.
    pub fn open(event: &Event, setup: &Setup) -> Self {
        let created = match (event.created_at, event.kind.as_str()) {
            (_, "created") => Some(event.at),
            (Some(created), _) => Some(created.min(event.at)),
            (None, _) => None,
        };
        let from = created.unwrap_or(event.at);
        let team = event.team.clone().flatten();
        let goal = Goal {
            since: Since::Creation,
            team: team.clone(),
            breached: false,
        };
        // KPI 12: by another event it was assigned before.
        let was_assigned = event.agent == Some(true)
            && !["created", "agent_changed"].contains(&event.kind.as_str());
        let begun = [
            ("first_response", true),
            ("resolution", true),
            ("ownership", team.is_some()),
            ("assignment", !was_assigned),
        ];
        let goals = (0..setup.groups().len()).flat_map(|group| {
            begun
                .iter()
                .filter(|(_, begins)| *begins)
                .map(move |(target, _)| (group, *target))
        });
        let stated = [
            ("team", event.team.is_some()),
            ("agent", event.agent.is_some()),
            ("priority", event.priority.is_some()),
            ("channel", event.channel.is_some()),
            ("requester", event.requester.is_some()),
        ];
        let mut ticket = Self {
            identities: Vec::new(),
            stated: stated
                .into_iter()
                .filter_map(|(member, is_stated)| is_stated.then_some(member.to_owned()))
                .chain(event.attributes.keys().cloned())
                .map(|member| (member, event.at))
                .collect(),
            requester: event.requester.clone(),
            created,
            counted: false,
            last: event.at,
            statuses: vec![(from, Status::New)],
            withdrawals: Vec::new(),
            leg: team.is_some().then_some(Since::Creation),
            goals: goals.map(|key| (key, goal.clone())).collect(),
            team,
            priority: event.priority.clone().flatten(),
            channel: event.channel.clone().flatten(),
            attributes: event
                .attributes
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
                .collect(),
            agents: vec![(from, event.agent.unwrap_or(false))],
            was_assigned,
            replies: Vec::new(),
            teams_since_reply: Vec::new(),
            answered: false,
            asked: None,
            known_at_solve: false,
            asked_at_solve: None,
            asked_while_done: false,
            solves: Vec::new(),
            reopenings: Vec::new(),
            escalations: 0,
            worklogs: Vec::new(),
            worklogs_before_anew: 0,
            ratings: Vec::new(),
            finalizations: Vec::new(),
            is_final: false,
            anew_since: None,
            labels_since: from,
            last_resolutions: BTreeMap::new(),
            policies: Vec::new(),
            policy_changes: BTreeMap::new(),
        };
        ticket.policies = judge::policy_names(&ticket, setup);
        ticket
    }

    pub fn holder(&self) -> Holder {
        Holder {
            team: self.team.clone(),
            priority: self.priority.clone(),
            attributes: self.attributes.clone(),
        }
    }

    pub fn status(&self) -> Status {
        self.statuses.last().unwrap().1
    }

    pub fn has_agent(&self) -> bool {
        self.agents.last().is_some_and(|(_, assigned)| *assigned)
    }

    pub fn is_done(&self) -> bool {
        self.status().is_done()
    }

    pub fn withdrawal(&self) -> Option<&Withdrawal> {
        self.withdrawals.last().filter(|last| last.to.is_none())
    }

    /// Section 1: whether the ticket has seen this identity. Remembers it if not.
    pub fn has_seen(&mut self, identity: &str) -> bool {
        if self.identities.iter().any(|known| known == identity) {
            return true;
        }
        self.identities.push(identity.to_owned());
        if self.identities.len() > IDENTITIES {
            self.identities.remove(0);
        }
        false
    }

    /// Section 1, who speaks.
    pub fn is_by_requester(&self, event: &Event) -> bool {
        event.author.is_some() && event.author == self.requester
    }

    pub fn instant(&self, since: Since) -> Option<i64> {
        match since {
            Since::Creation => self.created,
            Since::Instant(instant) => Some(instant),
        }
    }

    /// Time in [from, to] outside the statuses of `skip` and outside withdrawals, by elapsed time or by a
    /// calendar.
    pub fn elapsed(
        &self,
        from: i64,
        to: i64,
        skip: &dyn Fn(Status) -> bool,
        calendar: Option<&Calendar>,
    ) -> i64 {
        let mut total = 0;
        for (index, (start, status)) in self.statuses.iter().enumerate() {
            if skip(*status) {
                continue;
            }
            let start = if index == 0 { i64::MIN } else { *start };
            let end = self.statuses.get(index + 1).map_or(i64::MAX, |next| next.0);
            let (start, end) = (start.max(from), end.min(to));
            for (start, end) in self.outside_withdrawals(start, end) {
                total += calendar.map_or(end - start, |calendar| calendar.open_between(start, end));
            }
        }
        total
    }

    /// The parts of [from, to] in which the ticket was not withdrawn.
    fn outside_withdrawals(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut parts = Vec::new();
        let mut from = from;
        for withdrawal in &self.withdrawals {
            if from < to {
                parts.push((from, to.min(withdrawal.from)));
            }
            from = from.max(withdrawal.to.unwrap_or(i64::MAX));
        }
        parts.push((from, to));
        parts.retain(|(from, to)| from < to);
        parts
    }

    /// KPI 5, derived: time in `open` with an agent assigned, in [from, to].
    pub fn open_with_agent(&self, from: i64, to: i64, calendar: Option<&Calendar>) -> i64 {
        let mut total = 0;
        for (index, (start, assigned)) in self.agents.iter().enumerate() {
            if *assigned {
                let end = self.agents.get(index + 1).map_or(i64::MAX, |next| next.0);
                let not_open = |status| status != Status::Open;
                total += self.elapsed((*start).max(from), end.min(to), &not_open, calendar);
            }
        }
        total
    }

    /// The time at which a solved ticket has stayed solved for `finalize_after`, without withdrawn time.
    pub fn finalization_due(&self, finalize_after: i64) -> Option<i64> {
        let (since, status) = *self.statuses.last().unwrap();
        if status != Status::Solved || self.is_final {
            return None;
        }
        let withdrawn: i64 = self
            .withdrawals
            .iter()
            .filter(|withdrawal| withdrawal.from >= since)
            .map(|withdrawal| withdrawal.to.unwrap_or(withdrawal.from) - withdrawal.from)
            .sum();
        Some(since + finalize_after + withdrawn)
    }
}
