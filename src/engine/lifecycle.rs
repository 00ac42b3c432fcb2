//! The life of a ticket (contract, section 4): the effect of an event or of a timer.
//!
//! All functions take the effective event time, which is never earlier than that of the ticket's
//! last event.

use super::activity::{customer_message, human_reply, other_activity};
use super::cycle::{begin_leg, change_status, end_leg, finalize};
use super::fact::{Fact, Observer};
use super::goals::{self, PastDeadline};
use super::labels::Team;
use super::measure::{enter, report_duration, report_status_time};
use super::open_goals::{GoalKind, calendar_number};
use super::rules::Kpi;
use super::sink::FactSink;
use super::statement::{StateMember, StateMembers};
use super::ticket::{Flags, Ticket, Withdrawal};
use crate::domain::event::{Actor, Event, EventType};
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::Timestamp;

/// The way of an event to the ticket that it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The event opened the ticket, and [`initialize`] has set the attributes.
    Opens,
    /// The event names the ticket.
    Own,
    /// The event names a ticket that was merged into this one. It states nothing about this one.
    /// `by_requester`: the author is the requester of such a ticket.
    Forwarded { by_requester: bool },
}

/// Applies an event to its ticket, in the order of the contract: requester, message, worklog and
/// rating, team, agent, channel, priority, own attributes, assignment, status. A withdrawal has no other
/// effect: a merge that also sets the status `closed` is not a solve.
pub fn apply<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
    arrival: Arrival,
) {
    let withdrawal = withdrawal(event.kind);
    let exists = StateMembers::NONE.with(StateMember::Withdrawal);
    let stated = match (arrival, withdrawal) {
        (Arrival::Forwarded { .. }, _) => StateMembers::NONE,
        (Arrival::Opens | Arrival::Own, None) => StateMembers::of(event),
        (Arrival::Own, Some(_)) => exists,
        (Arrival::Opens, Some(_)) => {
            let status = StateMembers::NONE.with(StateMember::Status);
            StateMembers::of(event).without(status).and(exists)
        }
    };
    let fresh = state(sink, ticket, stated, event.at, at);
    if let Some(requester) = &event.requester
        && fresh.has(StateMember::Requester)
    {
        let requester = sink.digest(requester);
        ticket.memory.set_requester(requester);
    }
    if let Some(reason) = withdrawal {
        if fresh.has(StateMember::Withdrawal) {
            if let Some(into) = &event.into {
                ticket.extra_mut().into = Some(into.as_ref().into());
            }
            withdraw(sink, ticket, reason, at);
        }
        return;
    }
    // Most events cannot change a goal. Only the others evaluate the goals again.
    let mut concerns_goals =
        event.kind == EventType::Message && message(sink, ticket, event, arrival, at);
    other_activity(sink, ticket, event, at);
    if arrival == Arrival::Own {
        concerns_goals |= change_attributes(sink, ticket, event, fresh, at);
    }
    if event.kind == EventType::Created && !ticket.has(Flags::CREATED) {
        ticket.flags.set(Flags::CREATED, true);
        sink.report(ticket, at, Fact::Created);
    }
    if concerns_goals {
        goals::evaluate(sink, ticket, at, PastDeadline::BreachNow);
    }
    if ticket.has(Flags::ASSIGNED) && !ticket.has(Flags::WAS_ASSIGNED) {
        assign(sink, ticket, at);
    }
    if let Some(status) = event.status
        && fresh.has(StateMember::Status)
    {
        change_status(sink, ticket, status, at);
    }
}

/// Notes what an event states, and reports the members that are known as of a later time. Returns the
/// others.
pub fn state<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    stated: StateMembers,
    event_at: Timestamp,
    at: Timestamp,
) -> StateMembers {
    let stale = ticket.memory.state(stated, event_at);
    for member in stale.iter() {
        if let Some(known) = ticket.memory.stated_at(member) {
            let stated = event_at;
            sink.report(
                ticket,
                at,
                Fact::StaleState {
                    member,
                    stated,
                    known,
                },
            );
        }
    }
    stated.without(stale)
}

/// Applies a message. Returns whether it concerns a goal.
fn message<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    arrival: Arrival,
    at: Timestamp,
) -> bool {
    let mut actor = event.actor;
    let by_requester = arrival == Arrival::Forwarded { by_requester: true };
    if let Some(author) = &event.author
        && (by_requester
            || ticket
                .memory
                .requester()
                .is_some_and(|requester| requester == sink.digest(author)))
    {
        actor = Some(Actor::Customer);
        sink.report(ticket, at, Fact::WrittenByRequester);
    }
    match actor {
        Some(Actor::Agent) if event.public => human_reply(sink, ticket, event.at, at),
        Some(Actor::Customer) => customer_message(sink.rules(), ticket, event.at, at),
        _ => false,
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
    set_own_attributes(sink, ticket, event, Arrival::Opens, event.at);
    sink.take_place(ticket);
    let rules = sink.rules();
    // The assignee was there before an event of another type.
    let is_assignment = matches!(event.kind, EventType::Created | EventType::AgentChanged);
    let was_assigned = ticket.has(Flags::ASSIGNED) && !is_assignment;
    ticket.flags.set(Flags::WAS_ASSIGNED, was_assigned);
    ticket.set_calendars([calendar_number(rules.calendar_of(ticket.team_number)); 3]);
    goals::select_first_policies(rules, ticket);
}

/// Ends the time to the first assignee.
fn assign<O: Observer + ?Sized>(sink: &mut FactSink<'_, O>, ticket: &mut Ticket, at: Timestamp) {
    let is_first_life = !ticket.has(Flags::FINALIZED) && !ticket.has(Flags::SECOND_LIFE);
    if ticket.has_start() && is_first_life {
        let what = (Kpi::Assignment, ticket.cohort());
        let stretch = (ticket.created, at);
        report_duration(sink, ticket, what, stretch, StatusSet::EMPTY, at);
    }
    goals::end(sink, ticket, GoalKind::Assignment, at);
    ticket.flags.set(Flags::WAS_ASSIGNED, true);
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
        // A ticket is not younger than its events.
        Some(created_at) if !ticket.has_start() => created_at.min(event.at.max(ticket.last_at)),
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
        ticket.correct_resolutions(before, created);
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
    let is_unsolved = ticket.status().is_unsolved();
    if is_unsolved && !ticket.has(Flags::RESPONDED) && !ticket.has(Flags::REOPENED) {
        ticket.response_since = ticket.created;
    }
    // Later legs begin with a change of team or a reopening, so this one is the first.
    let has_first_leg = is_unsolved && !ticket.team().is_none();
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
    if ticket.next_deadline() == due {
        let due_goals = ticket.goals().filter(|goal| goal.deadline == due);
        if let Some(key) = due_goals.map(|goal| goal.key).min() {
            goals::breach(sink, ticket, key, due);
            return Fired::Kept;
        }
    }
    let (solved_at, _) = ticket.history().solved_since();
    finalize(sink, ticket, solved_at, due);
    Fired::Kept
}

/// Applies the changed ones of the `fresh` attributes. Returns whether they may select another
/// policy, or begin or end a leg.
fn change_attributes<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    fresh: StateMembers,
    at: Timestamp,
) -> bool {
    let mut concerns_goals = false;
    if let Some(team) = &event.team
        && fresh.has(StateMember::Team)
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
        && fresh.has(StateMember::Agent)
        && assigned != ticket.has(Flags::ASSIGNED)
    {
        ticket.flags.set(Flags::ASSIGNED, assigned);
        enter(sink.rules(), ticket, ticket.status(), at);
    }
    if let Some(channel) = &event.channel
        && fresh.has(StateMember::Channel)
        && !sink.rules().labels.channels.is(ticket.channel, channel)
    {
        ticket.channel = sink.rules_mut().labels.channel(channel);
        concerns_goals = true;
    }
    if let Some(priority) = &event.priority
        && fresh.has(StateMember::Priority)
        && !sink.rules().labels.priorities.is(ticket.priority, priority)
    {
        let priority = sink.rules_mut().labels.priority(priority);
        if priority != ticket.identified_priority() {
            report_status_time(sink, ticket, at);
            ticket.set_priority(priority);
            concerns_goals = true;
        }
    }
    concerns_goals |= set_own_attributes(sink, ticket, event, Arrival::Own, at);
    if concerns_goals {
        sink.take_place(ticket);
    }
    concerns_goals
}

/// Sets the user's own attributes that an event states. Returns whether one changed.
fn set_own_attributes<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    arrival: Arrival,
    at: Timestamp,
) -> bool {
    if event.attributes.is_empty() {
        return false;
    }
    let mut is_changed = false;
    for position in 0..sink.rules().labels.attributes.len() {
        let table = &mut sink.rules_mut().labels.attributes[position];
        let mut stated = event.attributes.iter();
        let Some(stated) = stated.find(|stated| stated.name == table.name.as_str()) else {
            continue;
        };
        let mut held = ticket.memory.attribute(position);
        if event.at < held.stated {
            let (stated, known) = (event.at, held.stated);
            let fact = Fact::StaleAttribute {
                position,
                stated,
                known,
            };
            sink.report(ticket, at, fact);
            continue;
        }
        held.stated = event.at;
        let value = stated.value.as_deref();
        let before = held.number;
        if !table.is(before, value) {
            held.number = table.number(value);
        }
        if held.number != before {
            if arrival == Arrival::Own {
                report_status_time(sink, ticket, at);
            }
            is_changed = true;
        }
        ticket.memory.set_attribute(position, held);
    }
    is_changed
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

/// Why the ticket of such an event leaves the statistics.
pub fn withdrawal(kind: EventType) -> Option<Withdrawal> {
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
