//! SLA goals of a ticket (contract, section 5): they begin, are evaluated, breach and end.

use super::compiled_rules::CompiledRules;
use super::fact::{Fact, GoalBefore, Observer};
use super::open_goals::{ClockStart, GoalKey, GoalKind, GroupNumber, OpenGoal};
use super::sink::FactSink;
use super::ticket::Ticket;
use crate::domain::policy::Rebase;
use crate::domain::timestamp::Timestamp;

/// Ends the goals of a kind, because their clock stops. The undecided ones are met.
pub fn end<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    kind: GoalKind,
    at: Timestamp,
) {
    for group in sink.rules().groups() {
        let key = GoalKey { group, kind };
        let Some(goal) = ticket.goal(key) else {
            continue;
        };
        let fact = if goal.is_breached {
            Fact::OverdueGoalEnded(key)
        } else if kind == GoalKind::Update && ticket.clock(key).at == at {
            // The order of the events of one update must not matter.
            Fact::GoalCancelled(key)
        } else {
            Fact::GoalMet(key)
        };
        sink.report(ticket, at, fact);
        ticket.remove_goal(key);
    }
}

/// Breaches a goal, because its timer fired or its policy changed.
pub fn breach<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    key: GoalKey,
    at: Timestamp,
) {
    sink.report(ticket, at, Fact::GoalBreached(key));
    ticket.set_goal(OpenGoal {
        key,
        is_breached: true,
        deadline: Timestamp::NEVER,
    });
}

/// Ends the undecided goals of a withdrawn ticket without counting them. Decided goals stay decided.
pub fn cancel<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
) {
    for group in sink.rules().groups() {
        for kind in GoalKind::ALL {
            let key = GoalKey { group, kind };
            if ticket.goal(key).is_some_and(|goal| !goal.is_breached) {
                sink.report(ticket, at, Fact::GoalCancelled(key));
                ticket.remove_goal(key);
            }
        }
    }
}

/// The progress of an open goal, as gauges count it and lists name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalProgress {
    /// Until this deadline.
    Running(Timestamp),
    Paused,
    /// The goal has breached and not ended.
    Overdue,
}

/// The progress of a goal. `None`: the policy in force in its group has no such target.
pub fn progress(rules: &CompiledRules, ticket: &Ticket, goal: OpenGoal) -> Option<GoalProgress> {
    let policy = rules.policy(ticket.policy_in(goal.key.group))?;
    let target = ticket.target(goal.key.kind);
    policy.target(target)?;
    Some(if goal.is_breached {
        GoalProgress::Overdue
    } else if policy.pauses[target as usize].contains(ticket.status()) {
        GoalProgress::Paused
    } else {
        GoalProgress::Running(goal.deadline)
    })
}

/// The treatment of a deadline that turns out to have passed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastDeadline {
    /// A change selected another target. The goal breaches at the time of the change.
    BreachNow,
    /// The goal existed all the time and only becomes known now. Its timer fires, as of the
    /// deadline.
    LeaveToTimer,
}

/// Evaluates every undecided goal, after any change that may concern it: of attributes (and so of
/// the policies), of the status (pauses), or of a clock. The running time is a function of the start
/// and the history, so the result is exact after any sequence of changes.
pub fn evaluate<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
    past_deadline: PastDeadline,
) {
    let may_have_goals = may_have_goals(ticket);
    for group in sink.rules().groups() {
        let policy_before = ticket.policy_in(group);
        select_policy(sink.rules(), ticket, group, at);
        let policy = ticket.policy_in(group);
        for kind in GoalKind::ALL {
            let key = GoalKey { group, kind };
            let may_have_goal =
                may_have_goals && sink.rules().has_target(policy, ticket.target(kind));
            let goal = ticket.goal(key);
            if goal.map_or(!may_have_goal, |goal| goal.is_breached) {
                continue;
            }
            let deadline = if may_have_goal {
                deadline_of_open(sink.rules(), ticket, key)
            } else {
                None
            };
            match deadline {
                None if goal.is_none() => continue,
                None => ticket.remove_goal(key),
                Some(deadline) => ticket.set_goal(OpenGoal {
                    key,
                    is_breached: false,
                    deadline,
                }),
            }
            let before = GoalBefore {
                goal,
                policy: policy_before,
            };
            sink.report(ticket, at, Fact::GoalEvaluated { key, before });
            if deadline.is_some_and(|deadline| deadline < at)
                && past_deadline == PastDeadline::BreachNow
            {
                breach(sink, ticket, key, at);
            }
        }
    }
}

/// Sets the policy of a group. Goals of a policy that counts from its change start at the event that
/// brought it. A changed configuration is no such event.
fn select_policy(rules: &CompiledRules, ticket: &mut Ticket, group: GroupNumber, at: Timestamp) {
    let before = ticket.policy_in(group);
    let policy = rules.policy_of(ticket, group);
    if policy == before {
        return;
    }
    if rules.has_rebasing {
        let rebase = rules.policy(policy).map(|policy| policy.rebase);
        if rebase != Some(Rebase::FromChange) {
            ticket.set_policy_change(group, None);
        } else if !rules.is_former_choice(before, ticket) {
            let calendar = rules.calendar_of(ticket.team_number);
            ticket.set_policy_change(group, Some(ClockStart::new(at, calendar)));
        }
    }
    ticket.set_policy(group, policy);
}

/// Sets the policies with which a ticket begins, or which a changed configuration gives to groups without an
/// open goal. That is no change of a policy. Returns whether it sets others.
pub fn select_first_policies(rules: &CompiledRules, ticket: &mut Ticket) -> bool {
    let mut is_changed = false;
    for group in rules.groups().filter(|_| rules.has_rebasing) {
        if !ticket.goals().any(|goal| goal.key.group == group) {
            let policy = rules.policy_of(ticket, group);
            is_changed |= policy != ticket.policy_in(group);
            ticket.set_policy(group, policy);
        }
    }
    is_changed
}

/// A time that a goal's deadline is not before, which is cheaper to find.
pub fn earliest_deadline(rules: &CompiledRules, ticket: &Ticket, key: GoalKey) -> Timestamp {
    let Some(policy) = rules.policy(ticket.policy_in(key.group)) else {
        return Timestamp::NEVER;
    };
    let length = policy.target(ticket.target(key.kind)).unwrap_or_default();
    ticket.goal_start(key, policy.rebase).at.plus(length)
}

/// The deadline of a goal; `NEVER` while paused. `None`: its clock does not run, or no policy sets a
/// target, so there is no goal.
pub fn deadline(rules: &CompiledRules, ticket: &Ticket, key: GoalKey) -> Option<Timestamp> {
    if !may_have_goals(ticket) {
        return None;
    }
    deadline_of_open(rules, ticket, key)
}

fn may_have_goals(ticket: &Ticket) -> bool {
    ticket.has_start() && ticket.is_open()
}

fn deadline_of_open(rules: &CompiledRules, ticket: &Ticket, key: GoalKey) -> Option<Timestamp> {
    let policy = rules.policy(ticket.policy_in(key.group))?;
    let target = ticket.target(key.kind);
    let length = policy.target(target)?;
    let start = ticket.goal_start(key, policy.rebase);
    if start.at == Timestamp::NEVER {
        return None;
    }
    let calendar = rules.goal_calendar(policy, start.calendar());
    let pauses = policy.pauses[target as usize];
    let deadline = ticket
        .history()
        .deadline(calendar, start.at, length, pauses);
    Some(deadline.unwrap_or(Timestamp::NEVER))
}
