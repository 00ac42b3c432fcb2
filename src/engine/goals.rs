//! SLA goals of a ticket (contract, section 5): begun, judged, breached, ended.

use super::recorder::Recorder;
use super::ticket::{GoalState, NO_POLICY, Slot, Ticket};
use super::trace::{GoalBefore, GoalStep};
use crate::domain::policy::Policy;
use crate::domain::timestamp::Timestamp;

/// A slot's clock starts anew: the goal, if a policy wants one, will be on the calendar of the
/// team that holds the ticket now, for its whole life.
pub fn begin(recorder: &Recorder, ticket: &mut Ticket, slot: Slot) {
    ticket.states[slot as usize] = GoalState::Absent;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
    ticket.set_slot_calendar(slot, recorder.calendar_of(ticket.team_number));
}

/// The slot's clock stops: an undecided goal is met. `Ended` lasts until the slot begins again.
pub fn end(recorder: &mut Recorder, ticket: &mut Ticket, slot: Slot, at: Timestamp) {
    if ticket.states[slot as usize] == GoalState::Undecided {
        let labels = (ticket.team_number, ticket.priority);
        recorder.count_goal(labels, ticket.policy, ticket.target(slot), false, at);
        recorder.note_goal(ticket, slot, GoalStep::Met, at);
        recorder.note_goal_run(ticket, slot, at);
    } else if ticket.states[slot as usize] == GoalState::Breached {
        recorder.note_goal(ticket, slot, GoalStep::EndedOverdue, at);
    }
    ticket.states[slot as usize] = GoalState::Ended;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
}

/// A goal misses its target: by its timer, or by a change of policy.
pub fn breach(recorder: &mut Recorder, ticket: &mut Ticket, slot: Slot, at: Timestamp) {
    let labels = (ticket.team_number, ticket.priority);
    recorder.count_goal(labels, ticket.policy, ticket.target(slot), true, at);
    recorder.note_goal(ticket, slot, GoalStep::Breached, at);
    recorder.note_goal_run(ticket, slot, at);
    ticket.states[slot as usize] = GoalState::Breached;
    ticket.deadlines[slot as usize] = Timestamp::NEVER;
}

/// The withdrawn ticket's undecided goals end uncounted; what is decided stays so.
pub fn suspend(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) {
    for slot in Slot::ALL {
        if ticket.states[slot as usize] == GoalState::Undecided {
            recorder.note_goal(ticket, slot, GoalStep::Cancelled, at);
            ticket.states[slot as usize] = GoalState::Absent;
        }
        ticket.deadlines[slot as usize] = Timestamp::NEVER;
    }
}

/// How a goal of an open ticket stands, as gauges count it and lists name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Until its deadline.
    Running(Timestamp),
    Paused,
    /// Breached and not ended.
    Overdue,
}

/// `None`: there is no goal in the slot, or it has ended.
pub fn standing(policy: &Policy, ticket: &Ticket, slot: Slot) -> Option<Standing> {
    let target = ticket.target(slot);
    policy.target(target)?;
    match ticket.states[slot as usize] {
        GoalState::Absent | GoalState::Ended => None,
        GoalState::Breached => Some(Standing::Overdue),
        GoalState::Undecided if policy.pauses[target as usize].contains(ticket.status()) => {
            Some(Standing::Paused)
        }
        GoalState::Undecided => Some(Standing::Running(ticket.deadlines[slot as usize])),
    }
}

/// What to do with a deadline that has passed already when it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// A change selected another target: the goal breaches at the change.
    BreachNow,
    /// The goal was there all the time and only becomes known: its timer fires, as of then.
    LeaveToTimer,
}

/// Judges every undecided goal anew, after anything that could matter: attributes (another
/// policy, and so other targets, pauses, clocks), status (pauses), a slot that began or ended.
/// The running time is a function of start and history, so this is exact whatever happened.
pub fn refresh(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp, passed: Passed) {
    let former = ticket.policy;
    ticket.policy = recorder.policy_of(ticket);
    for slot in Slot::ALL {
        if matches!(
            ticket.states[slot as usize],
            GoalState::Breached | GoalState::Ended
        ) {
            continue;
        }
        let before = GoalBefore::of(ticket, slot, former);
        let Some(deadline) = deadline(recorder, ticket, slot) else {
            ticket.states[slot as usize] = GoalState::Absent;
            ticket.deadlines[slot as usize] = Timestamp::NEVER;
            recorder.note_judged(ticket, slot, before, at);
            continue;
        };
        ticket.states[slot as usize] = GoalState::Undecided;
        ticket.deadlines[slot as usize] = deadline;
        recorder.note_judged(ticket, slot, before, at);
        if deadline < at && passed == Passed::BreachNow {
            breach(recorder, ticket, slot, at);
        }
    }
}

/// The slot's deadline, `NEVER` while paused. `None`: no goal, since the slot's clock does not
/// run or no policy wants one.
pub fn deadline(recorder: &Recorder, ticket: &Ticket, slot: Slot) -> Option<Timestamp> {
    let since = ticket.slot_since(slot);
    if since == Timestamp::NEVER || ticket.policy == NO_POLICY {
        return None;
    }
    let policy = recorder.policy(ticket.policy)?;
    let target = ticket.target(slot);
    let length = policy.target(target)?;
    let calendar = recorder.goal_calendar(policy, ticket.slot_calendar(slot));
    let pauses = policy.pauses[target as usize];
    let deadline = ticket.history().deadline(calendar, since, length, pauses);
    Some(deadline.unwrap_or(Timestamp::NEVER))
}
