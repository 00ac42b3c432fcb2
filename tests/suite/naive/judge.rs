//! Section 5: which policies apply to a ticket, and what they make of its goals.

use super::calendar::Calendar;
use super::event::Status;
use super::setup::{PolicySetup, Setup, milliseconds};
use super::ticket::{Goal, GoalKey, Ticket};
use super::world::World;

/// The first policy of the group that fits.
pub fn policy<'a>(ticket: &Ticket, setup: &'a Setup, group: usize) -> Option<&'a PolicySetup> {
    let fits = |names: &[String], name: Option<&String>| {
        let name = name.map_or("none", String::as_str);
        names.is_empty() || names.iter().any(|fitting| fitting == name)
    };
    let group = *setup.groups().get(group)?;
    setup.policies.iter().find(|policy| {
        policy.group == group
            && fits(&policy.teams, ticket.team.as_ref())
            && fits(&policy.priorities, ticket.priority.as_ref())
            && fits(&policy.channels, ticket.channel.as_ref())
            && policy
                .attributes
                .iter()
                .all(|(name, values)| fits(values, ticket.attributes.get(name)))
    })
}

/// The names of the policies in force, by group.
pub fn policy_names(ticket: &Ticket, setup: &Setup) -> Vec<Option<String>> {
    (0..setup.groups().len())
        .map(|group| policy(ticket, setup, group).map(|policy| policy.name.clone()))
        .collect()
}

impl World<'_> {
    /// Notes in which groups another policy is in force from now on.
    pub(super) fn note_policies(&mut self, ticket: &mut Ticket, at: i64) {
        let names = policy_names(ticket, self.setup);
        for (group, (was, is)) in ticket.policies.iter().zip(&names).enumerate() {
            if was != is {
                self.note_rule("change of policy");
                if was.is_none() {
                    self.note_rule("change from no policy");
                }
                let change = (at, ticket.team.clone());
                ticket.policy_changes.insert(group, change);
            }
        }
        ticket.policies = names;
    }

    /// Section 5, from the change on.
    pub(super) fn starts_at_a_change(
        &self,
        ticket: &Ticket,
        (group, _): GoalKey,
        goal: &Goal,
    ) -> bool {
        policy(ticket, self.setup, group).is_some_and(|policy| policy.rebase_from_change)
            && ticket
                .policy_changes
                .get(&group)
                .zip(ticket.instant(goal.since))
                .is_some_and(|((changed, _), start)| *changed >= start)
    }

    /// The goal under the policy in force; `None` if the policy has no such target, or the ticket's start
    /// is unknown.
    pub(super) fn judge<'b>(
        &'b self,
        ticket: &'b Ticket,
        (group, target): GoalKey,
        goal: &Goal,
    ) -> Option<Judged<'b>> {
        ticket.created?;
        let policy = policy(ticket, self.setup, group)?;
        let (start, team) = match ticket.policy_changes.get(&group) {
            Some((changed, team)) if self.starts_at_a_change(ticket, (group, target), goal) => {
                (*changed, team.as_ref())
            }
            _ => (ticket.instant(goal.since)?, goal.team.as_ref()),
        };
        let calendar = if policy.clock == "calendar" {
            None
        } else {
            match &policy.calendar {
                Some(name) => self.named_calendar(name),
                None => self.team_calendar(team),
            }
        };
        Some(Judged {
            ticket,
            start,
            target: policy.targets.get(target).map(|text| milliseconds(text))?,
            paused_in: pauses(policy, target),
            calendar,
        })
    }
}

/// A goal under the policy in force: everything that its running time depends on.
#[derive(Debug)]
pub struct Judged<'a> {
    pub ticket: &'a Ticket,
    pub start: i64,
    pub target: i64,
    pub paused_in: Vec<Status>,
    pub calendar: Option<&'a Calendar>,
}

impl Judged<'_> {
    pub fn is_paused(&self) -> bool {
        self.paused_in.contains(&self.ticket.status())
    }

    /// Section 5: the policy's clock over [start, t], without the time in statuses that pause the target,
    /// in `solved`, `closed`, or withdrawn.
    pub fn running_time(&self, until: i64) -> i64 {
        let skip = |status: Status| status.is_done() || self.paused_in.contains(&status);
        self.ticket.elapsed(self.start, until, &skip, self.calendar)
    }

    /// The last instant at which the running time did not exceed the target, if it does at `until`. Running
    /// time never decreases, so bisection finds it.
    pub fn passed_deadline(&self, until: i64) -> i64 {
        let (mut within, mut beyond) = (self.start, until);
        while beyond - within > 1 {
            let middle = within + (beyond - within) / 2;
            if self.running_time(middle) > self.target {
                beyond = middle;
            } else {
                within = middle;
            }
        }
        within
    }

    /// The last instant at which the running time still equals the target, if no event follows the ticket's
    /// last one.
    pub fn deadline(&self) -> Option<i64> {
        if self.is_paused() || self.ticket.is_done() || self.ticket.withdrawal().is_some() {
            return None;
        }
        let now = self.ticket.last.max(self.start);
        let left = self.target - self.running_time(now);
        if left < 0 {
            return Some(now);
        }
        match self.calendar {
            None => Some(now + left),
            Some(calendar) => calendar.last_instant(now, left),
        }
    }
}

/// The statuses that pause a target under a policy.
fn pauses(policy: &PolicySetup, target: &str) -> Vec<Status> {
    match policy.pause.get(target) {
        Some(names) => names
            .iter()
            .filter_map(|name| Status::named(name))
            .collect(),
        None if target == "resolution" => vec![Status::Pending, Status::OnHold],
        None => Vec::new(),
    }
}
