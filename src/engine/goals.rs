//! SLA goals of a ticket (contract, section 5): they begin, are evaluated, breach and end.

use super::compiled_rules::CompiledRules;
use super::fact::{Fact, GoalBefore, Observer};
use super::sink::FactSink;
use super::ticket::{GoalSlot, GoalState, NO_POLICY, Ticket};
use crate::domain::policy::Policy;
use crate::domain::timestamp::Timestamp;

/// Starts the clock of a slot. A goal in it stays on the calendar of the team that holds the ticket
/// now. Whether there is a goal is decided by [`evaluate`].
pub fn begin(rules: &CompiledRules, ticket: &mut Ticket, slot: GoalSlot) {
    ticket.states[slot as usize] = GoalState::Absent;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
    ticket.set_slot_calendar(slot, rules.calendar_of(ticket.team_number));
}

/// Stops the clock of a slot. An undecided goal is met. The state is `Ended` until the slot begins
/// again.
pub fn end<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    slot: GoalSlot,
    at: Timestamp,
) {
    match ticket.states[slot as usize] {
        GoalState::Undecided => sink.report(ticket, at, Fact::GoalMet(slot)),
        GoalState::Breached => sink.report(ticket, at, Fact::OverdueGoalEnded(slot)),
        GoalState::Absent | GoalState::Ended => {}
    }
    ticket.states[slot as usize] = GoalState::Ended;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
}

/// Breaches a goal, because its timer fired or its policy changed.
pub fn breach<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    slot: GoalSlot,
    at: Timestamp,
) {
    sink.report(ticket, at, Fact::GoalBreached(slot));
    ticket.states[slot as usize] = GoalState::Breached;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
}

/// Ends the undecided goals of a withdrawn ticket without counting them. Decided goals stay decided.
pub fn cancel<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
) {
    for slot in GoalSlot::ALL {
        if ticket.states[slot as usize] == GoalState::Undecided {
            sink.report(ticket, at, Fact::GoalCancelled(slot));
            ticket.states[slot as usize] = GoalState::Absent;
        }
        ticket.deadlines[slot as usize] = Timestamp::NEVER;
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

/// `None`: the slot has no goal, or the goal has ended.
pub fn progress(policy: &Policy, ticket: &Ticket, slot: GoalSlot) -> Option<GoalProgress> {
    let target = ticket.target(slot);
    policy.target(target)?;
    match ticket.states[slot as usize] {
        GoalState::Absent | GoalState::Ended => None,
        GoalState::Breached => Some(GoalProgress::Overdue),
        GoalState::Undecided if policy.pauses[target as usize].contains(ticket.status()) => {
            Some(GoalProgress::Paused)
        }
        GoalState::Undecided => Some(GoalProgress::Running(ticket.deadlines[slot as usize])),
    }
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
/// the policy), of the status (pauses), or of a slot. The running time is a function of the start
/// and the history, so the result is exact after any sequence of changes.
pub fn evaluate<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
    past_deadline: PastDeadline,
) {
    let policy = ticket.policy;
    ticket.policy = sink.rules().policy_of(ticket);
    for slot in GoalSlot::ALL {
        let state = ticket.states[slot as usize];
        if matches!(state, GoalState::Breached | GoalState::Ended) {
            continue;
        }
        let before = GoalBefore {
            state,
            deadline: ticket.deadlines[slot as usize],
            policy,
        };
        let deadline = deadline(sink.rules(), ticket, slot);
        ticket.states[slot as usize] = match deadline {
            Some(_) => GoalState::Undecided,
            None => GoalState::Absent,
        };
        ticket.deadlines[slot as usize] = deadline.unwrap_or(Timestamp::NEVER);
        sink.report(ticket, at, Fact::GoalEvaluated { slot, before });
        if deadline.is_some_and(|deadline| deadline < at)
            && past_deadline == PastDeadline::BreachNow
        {
            breach(sink, ticket, slot, at);
        }
    }
}

/// The deadline of a slot; `NEVER` while paused. `None`: the slot's clock does not run, or no
/// policy sets a target, so there is no goal.
pub fn deadline(rules: &CompiledRules, ticket: &Ticket, slot: GoalSlot) -> Option<Timestamp> {
    let since = ticket.slot_since(slot);
    if since == Timestamp::NEVER || ticket.policy == NO_POLICY {
        return None;
    }
    let policy = rules.policy(ticket.policy)?;
    let target = ticket.target(slot);
    let length = policy.target(target)?;
    let calendar = rules.goal_calendar(policy, ticket.slot_calendar(slot));
    let pauses = policy.pauses[target as usize];
    let deadline = ticket.history().deadline(calendar, since, length, pauses);
    Some(deadline.unwrap_or(Timestamp::NEVER))
}
