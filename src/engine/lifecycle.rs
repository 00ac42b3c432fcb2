//! The life of a ticket (contract, section 4): the effect of an event or of a timer.
//!
//! All functions take the effective event time, which is never earlier than that of the ticket's
//! last event.

use super::activity::{customer_message, human_reply, other_activity};
use super::cycle::{begin_leg, change_status, end_leg, finalize};
use super::fact::{Fact, Observer};
use super::goals::{self, PastDeadline};
use super::labels::Team;
use super::measure::{enter, report_status_time};
use super::sink::FactSink;
use super::ticket::{Flags, GoalSlot, Ticket, Withdrawal};
use crate::domain::event::{Event, EventType};
use crate::domain::timestamp::Timestamp;

/// Applies an event to its ticket, in the order of the contract: message, worklog and rating, team,
/// agent, channel, priority, status. A withdrawal has no other effect: a merge that also sets the
/// status `closed` is not a solve. `opens`: the event opened the ticket, and [`initialize`] has set
/// the attributes.
pub fn apply<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
    opens: bool,
) {
    if let Some(reason) = withdrawal(event.kind) {
        if let Some(into) = &event.into {
            ticket.extra_mut().into = Some(into.as_ref().into());
        }
        withdraw(sink, ticket, reason, at);
        return;
    }
    // Most events cannot change a goal. Only the others evaluate the goals again.
    let mut concerns_goals = false;
    if event.is_human_reply() {
        concerns_goals = human_reply(sink, ticket, at);
    } else if event.is_customer_message() {
        concerns_goals = customer_message(sink.rules(), ticket, at);
    }
    other_activity(sink, ticket, event, at);
    if !opens {
        concerns_goals |= change_attributes(sink, ticket, event, at);
    }
    if event.kind == EventType::Created && !ticket.has(Flags::CREATED) {
        ticket.flags.set(Flags::CREATED, true);
        sink.report(ticket, at, Fact::Created);
    }
    if concerns_goals {
        goals::evaluate(sink, ticket, at, PastDeadline::BreachNow);
    }
    if let Some(status) = event.status {
        change_status(sink, ticket, status, at);
    }
}

/// Sets the attributes of the event that opens a ticket. They are initial values, not changes.
pub fn initialize<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
) {
    let rules = sink.rules_mut();
    if let Some(Some(team)) = &event.team {
        ticket.set_team(rules.labels.team(team));
    }
    if let Some(assigned) = event.assigned {
        ticket.flags.set(Flags::ASSIGNED, assigned);
        enter(rules, ticket, ticket.status(), ticket.timeline.since());
    }
    if let Some(priority) = &event.priority {
        ticket.set_priority(rules.labels.priority(priority));
    }
    if let Some(channel) = &event.channel {
        ticket.channel = rules.labels.channel(channel);
    }
    for slot in GoalSlot::ALL {
        goals::begin(rules, ticket, slot);
    }
}

/// Takes the creation time from an event. Returns whether it is new or corrected. Durations and
/// goals from the creation then exist as if it had been known from the start; facts that were
/// missed until now stay missed.
pub fn learn_start<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
) -> bool {
    let created = match event.created_at {
        _ if event.kind == EventType::Created && !ticket.has(Flags::CREATED) => event.at,
        // A ticket is not younger than its first event.
        Some(created_at) if !ticket.has_start() => created_at.min(event.at),
        _ => return false,
    };
    let before = std::mem::replace(&mut ticket.created, created);
    let event_at = event.at;
    let at = event_at.max(ticket.last_at);
    sink.report(ticket, at, Fact::StartLearned { before, event_at });
    if ticket.has(Flags::FINALIZED) {
        return true;
    }
    if ticket.has(Flags::SECOND_LIFE) {
        // This life began with the reopening.
    } else if before == Timestamp::NEVER {
        begin_at_start(ticket);
    } else {
        // A correction: clocks that began with the creation begin then. Decided goals stay decided.
        if ticket.response_since == before && !ticket.has(Flags::REOPENED) {
            ticket.response_since = created;
        }
        if ticket.resolution_since == before {
            ticket.resolution_since = created;
        }
        if ticket.has(Flags::FIRST_LEG) {
            ticket.leg_since = created;
        }
    }
    goals::evaluate(sink, ticket, created, PastDeadline::LeaveToTimer);
    true
}

/// Starts the clocks that begin with the creation, on the calendar of the ticket's first team.
fn begin_at_start(ticket: &mut Ticket) {
    ticket.resolution_since = ticket.created;
    if !ticket.has(Flags::RESPONDED) && !ticket.has(Flags::REOPENED) {
        ticket.response_since = ticket.created;
    }
    // Later legs begin with a change of team or a reopening, so this one is the first.
    let has_first_leg = ticket.status().is_unsolved() && !ticket.team().is_none();
    if ticket.leg_since == Timestamp::NEVER && has_first_leg {
        ticket.leg_since = ticket.created;
        ticket.flags.set(Flags::FIRST_LEG, true);
    }
}

/// Brings a withdrawn ticket back. The time since the withdrawal does not count. The retention of a
/// final ticket begins again, so that this event does not make the engine forget it.
pub fn restore<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
) {
    ticket.withdrawal = None;
    sink.report(ticket, at, Fact::Restored);
    if ticket.has(Flags::FINALIZED) {
        ticket.resolution_since = at;
    }
    enter(sink.rules(), ticket, ticket.status(), at);
    goals::evaluate(sink, ticket, at, PastDeadline::BreachNow);
}

/// The ticket after a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    Kept,
    Forgotten,
}

/// Fires the timer that is due at `due`, as of `due`.
pub fn fire<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    due: Timestamp,
) -> Fired {
    if ticket.is_withdrawn() || ticket.has(Flags::FINALIZED) {
        sink.report(ticket, due, Fact::Forgotten);
        return Fired::Forgotten;
    }
    for slot in GoalSlot::ALL {
        if ticket.deadlines[slot as usize] == due {
            goals::breach(sink, ticket, slot, due);
            return Fired::Kept;
        }
    }
    let (solved_at, _) = ticket.history().solved_since();
    finalize(sink, ticket, solved_at, due);
    Fired::Kept
}

/// Applies changed attributes. Returns whether they may select another policy, or begin or end a
/// leg.
fn change_attributes<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
) -> bool {
    let mut concerns_goals = false;
    if let Some(team) = &event.team
        && !team
            .as_ref()
            .is_some_and(|team| sink.rules().labels.teams.is(ticket.team_number, team))
    {
        let team = team
            .as_ref()
            .map_or(Team::NONE, |team| sink.rules_mut().labels.team(team));
        if team != ticket.team() {
            change_team(sink, ticket, team, at);
            concerns_goals = true;
        }
    }
    if let Some(assigned) = event.assigned
        && assigned != ticket.has(Flags::ASSIGNED)
    {
        ticket.flags.set(Flags::ASSIGNED, assigned);
        enter(sink.rules(), ticket, ticket.status(), at);
    }
    if let Some(channel) = &event.channel
        && !sink.rules().labels.channels.is(ticket.channel, channel)
    {
        ticket.channel = sink.rules_mut().labels.channel(channel);
        concerns_goals = true;
    }
    if let Some(priority) = &event.priority
        && !sink.rules().labels.priorities.is(ticket.priority, priority)
    {
        let priority = sink.rules_mut().labels.priority(priority);
        if priority != ticket.identified_priority() {
            report_status_time(sink, ticket, at);
            ticket.set_priority(priority);
            concerns_goals = true;
        }
    }
    concerns_goals
}

fn change_team<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    team: Team,
    at: Timestamp,
) {
    report_status_time(sink, ticket, at);
    end_leg(sink, ticket, at);
    if !ticket.team().is_none() {
        sink.report(ticket, at, Fact::Transferred);
    }
    ticket.flags.set(
        Flags::MOVED,
        ticket.has(Flags::MOVED) || ticket.replies() > 0,
    );
    ticket.set_team(team);
    begin_leg(sink.rules(), ticket, at);
}

fn withdrawal(kind: EventType) -> Option<Withdrawal> {
    match kind {
        EventType::Merged => Some(Withdrawal::Merged),
        EventType::Spam => Some(Withdrawal::Spam),
        EventType::Deleted => Some(Withdrawal::Deleted),
        _ => None,
    }
}

/// Takes a ticket out of the statistics.
fn withdraw<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    reason: Withdrawal,
    at: Timestamp,
) {
    ticket.withdrawal = Some(reason);
    enter(sink.rules(), ticket, ticket.status(), at);
    sink.report(ticket, at, Fact::Withdrawn(reason));
    goals::cancel(sink, ticket, at);
}
