//! The life of a ticket (contract, section 4): what an event, a status or a timer means for it.
//!
//! Functions here take the effective event time: never earlier than the ticket's last one.

use super::goals::{self, Passed};
use super::history::NumberedCalendar;
use super::labels::Team;
use super::recorder::Recorder;
use super::rules::Kpi;
use super::series::{Basis, Counter, Ending, Rating};
use super::ticket::{Flags, GoalState, Slot, Ticket, Withdrawal};
use super::timeline::Phase;
use super::trace::Happening;
use super::windows::WindowEvent;
use crate::domain::event::{Event, EventType, Status};
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// What full resolution leaves out.
pub const SOLVED: StatusSet = StatusSet::EMPTY.with(Status::Solved);

/// Applies an event to its ticket, in the order of the contract: message, worklog and rating,
/// team, agent, channel, priority, then status. A withdrawal is nothing but that: a merge that
/// says `closed` too is no solve. `opens`: the event opened the ticket, so [`initialize`] has taken
/// its attributes.
pub fn apply(
    recorder: &mut Recorder,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
    opens: bool,
) {
    if let Some(reason) = withdrawal(event.kind) {
        if let Some(into) = &event.into {
            ticket.extra_mut().into = Some(into.as_ref().into());
        }
        withdraw(recorder, ticket, reason, at);
        return;
    }
    // Goals are judged anew only where something could have changed them: most events do not.
    let mut concerns_goals = false;
    if event.is_human_reply() {
        concerns_goals = human_reply(recorder, ticket, at);
    } else if event.is_customer_message() {
        concerns_goals = customer_message(recorder, ticket, at);
    }
    act(recorder, ticket, event, at);
    if !opens {
        concerns_goals |= change_attributes(recorder, ticket, event, at);
    }
    if event.kind == EventType::Created && !ticket.has(Flags::CREATED) {
        ticket.flags.set(Flags::CREATED, true);
        let channel = ticket.channel;
        recorder.count_created(ticket.team_number, ticket.priority, channel, at);
    }
    if concerns_goals {
        goals::refresh(recorder, ticket, at, Passed::BreachNow);
    }
    if let Some(status) = event.status {
        change_status(recorder, ticket, status, at);
    }
}

/// The attributes of the event that opens a ticket are its initial ones, not changes: there is
/// no state before it to change from.
pub fn initialize(recorder: &mut Recorder, ticket: &mut Ticket, event: &Event<'_>) {
    if let Some(Some(team)) = &event.team {
        let team = recorder.labels.team(team);
        ticket.set_team(team);
    }
    if let Some(assigned) = event.assigned {
        ticket.flags.set(Flags::ASSIGNED, assigned);
        enter(recorder, ticket, ticket.status(), ticket.timeline.since());
    }
    if let Some(priority) = &event.priority {
        let priority = recorder.labels.priority(priority);
        ticket.set_priority(priority);
    }
    if let Some(channel) = &event.channel {
        ticket.channel = recorder.labels.channel(channel);
    }
    for slot in Slot::ALL {
        goals::begin(recorder, ticket, slot);
    }
}

/// Takes the creation time an event tells, if it is news: durations and goals exist from now on,
/// as if they had been there. What has happened without it stays unobserved. Whether it was news.
pub fn learn_start(recorder: &mut Recorder, ticket: &mut Ticket, event: &Event<'_>) -> bool {
    let created = match event.created_at {
        _ if event.kind == EventType::Created && !ticket.has(Flags::CREATED) => event.at,
        // A ticket is not older than what happens to it.
        Some(created_at) if !ticket.has_start() => created_at.min(event.at),
        _ => return false,
    };
    let before = std::mem::replace(&mut ticket.created, created);
    if before != Timestamp::NEVER || created < event.at || ticket.history().start() < created {
        let at = event.at.max(ticket.last_at);
        recorder.note(ticket, at, |_| Happening::StartLearned { created });
    }
    if ticket.has(Flags::FINALIZED) {
        return true;
    }
    if ticket.has(Flags::SECOND_LIFE) {
        // Began with its reopening.
    } else if before == Timestamp::NEVER {
        begin_at_start(ticket);
    } else {
        // Corrected: what began with the creation began then, and stays decided if it is.
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
    goals::refresh(recorder, ticket, created, Passed::LeaveToTimer);
    true
}

/// What begins with the creation, on the calendar of the team that held the ticket first.
fn begin_at_start(ticket: &mut Ticket) {
    ticket.resolution_since = ticket.created;
    if !ticket.has(Flags::RESPONDED) && !ticket.has(Flags::REOPENED) {
        ticket.response_since = ticket.created;
    }
    // Later legs begin with a change of team or a reopening: this one is the first.
    let has_first_leg = ticket.status().is_unsolved() && !ticket.team().is_none();
    if ticket.leg_since == Timestamp::NEVER && has_first_leg {
        ticket.leg_since = ticket.created;
        ticket.flags.set(Flags::FIRST_LEG, true);
    }
}

/// Returns a withdrawn ticket to what it was; the time between counts nowhere. A finalised ticket
/// is kept for `retain` from now on: it must not be forgotten by the event that brought it back.
pub fn restore(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) {
    ticket.withdrawal = None;
    recorder.note(ticket, at, |_| Happening::Restored);
    if ticket.has(Flags::FINALIZED) {
        ticket.resolution_since = at;
    }
    enter(recorder, ticket, ticket.status(), at);
    goals::refresh(recorder, ticket, at, Passed::BreachNow);
}

/// The next instant at which something happens to the ticket without an event.
pub fn next_timer(recorder: &Recorder, ticket: &Ticket) -> Timestamp {
    if ticket.is_withdrawn() {
        return ticket.timeline.since().plus(recorder.rules.retain);
    }
    if ticket.has(Flags::FINALIZED) {
        return ticket.resolution_since.plus(recorder.rules.retain);
    }
    let mut next = ticket.deadlines[0]
        .min(ticket.deadlines[1])
        .min(ticket.deadlines[2]);
    if ticket.status() == Status::Solved {
        next = next.min(finalization_due(recorder, ticket));
    }
    next
}

/// What is left of a ticket after a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    Kept,
    Forgotten,
}

/// Fires the timer that is due at `due`, as of `due`.
pub fn fire(recorder: &mut Recorder, ticket: &mut Ticket, due: Timestamp) -> Fired {
    if ticket.is_withdrawn() || ticket.has(Flags::FINALIZED) {
        recorder.note(ticket, due, |_| Happening::Forgotten);
        return Fired::Forgotten;
    }
    for slot in Slot::ALL {
        if ticket.deadlines[slot as usize] == due {
            goals::breach(recorder, ticket, slot, due);
            return Fired::Kept;
        }
    }
    let (solved_at, _) = ticket.history().solved_since();
    finalize(recorder, ticket, solved_at, due);
    Fired::Kept
}

fn finalization_due(recorder: &Recorder, ticket: &Ticket) -> Timestamp {
    let (_, earlier) = ticket.history().solved_since();
    ticket
        .timeline
        .since()
        .plus(recorder.rules.finalize_after - earlier)
}

/// Whether it concerns a goal.
fn human_reply(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) -> bool {
    if ticket.has_start() && at == ticket.created {
        return false; // the opening message
    }
    let labels = (ticket.team_number, ticket.priority);
    recorder.pair(labels.0, labels.1).count(Counter::Replies);
    recorder.event(labels.0, WindowEvent::Replied, at);
    ticket.count_reply();
    if !ticket.status().is_unsolved() {
        ticket.flags.set(Flags::CUSTOMER_WAITS, false);
        return false;
    }
    let kpi = if ticket.has(Flags::RESPONDED) {
        Kpi::NextResponse
    } else {
        Kpi::FirstResponse
    };
    if ticket.response_since != Timestamp::NEVER && (kpi == Kpi::NextResponse || ticket.has_start())
    {
        let stretch = Stretch::whole(ticket.response_since, at);
        observe(recorder, ticket, kpi, labels, &stretch, at);
    }
    goals::end(recorder, ticket, Slot::Response, at);
    ticket.states[Slot::Response as usize] = GoalState::Absent;
    ticket.response_since = Timestamp::NEVER;
    ticket.flags.set(Flags::RESPONDED, true);
    true
}

/// Whether it concerns a goal.
fn customer_message(recorder: &Recorder, ticket: &mut Ticket, at: Timestamp) -> bool {
    if !ticket.status().is_unsolved() {
        ticket.flags.set(Flags::CUSTOMER_WAITS, true);
        return false;
    }
    let starts = ticket.has(Flags::RESPONDED) && ticket.response_since == Timestamp::NEVER;
    if starts {
        ticket.response_since = at;
        goals::begin(recorder, ticket, Slot::Response);
    }
    starts
}

/// Worklogs, escalations and ratings.
fn act(recorder: &mut Recorder, ticket: &mut Ticket, event: &Event<'_>, at: Timestamp) {
    match event.kind {
        EventType::Worklog if !ticket.has(Flags::FINALIZED) => {
            let length = event.handle.unwrap_or(0);
            ticket.flags.set(Flags::WORKED, true);
            let extra = ticket.extra_mut();
            extra.handle = extra.handle.saturating_add(length);
        }
        EventType::Escalated => {
            ticket.flags.set(Flags::ESCALATED, true);
            recorder
                .pair(ticket.team_number, ticket.priority)
                .count(Counter::Escalated);
        }
        EventType::CsatOffered => {
            let (team, priority) = ticket.labels_at_solve();
            recorder.pair(team, priority).count(Counter::CsatOffered);
        }
        EventType::CsatRated => rate(recorder, ticket, event.rating.unwrap_or(0.0), at),
        _ => {}
    }
}

fn rate(recorder: &mut Recorder, ticket: &mut Ticket, position: f64, at: Timestamp) {
    let (team, priority) = ticket.labels_at_solve();
    #[allow(
        clippy::cast_possible_truncation,
        reason = "only to see whether it changed"
    )]
    let kept = position as f32;
    if ticket.rating.is_nan() {
        let (rating, event) = if position >= recorder.rules.csat_good {
            (Rating::Good, Some(WindowEvent::CsatGood))
        } else if position <= recorder.rules.csat_bad {
            (Rating::Bad, Some(WindowEvent::CsatBad))
        } else {
            (Rating::Neutral, None)
        };
        recorder.pair(team, priority).count_rating(rating);
        if let Some(event) = event {
            recorder.event(team, event, at);
        }
    } else if ticket.rating.to_bits() != kept.to_bits() {
        recorder.pair(team, priority).count(Counter::CsatChanges);
    }
    ticket.rating = kept;
}

/// Whether that may select another policy, or began or ended a leg.
fn change_attributes(
    recorder: &mut Recorder,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
) -> bool {
    let mut concerns_goals = false;
    if let Some(team) = &event.team
        && !team
            .as_ref()
            .is_some_and(|team| recorder.labels.teams.is(ticket.team_number, team))
    {
        let team = team
            .as_ref()
            .map_or(Team::NONE, |team| recorder.labels.team(team));
        if team != ticket.team() {
            change_team(recorder, ticket, team, at);
            concerns_goals = true;
        }
    }
    if let Some(assigned) = event.assigned
        && assigned != ticket.has(Flags::ASSIGNED)
    {
        ticket.flags.set(Flags::ASSIGNED, assigned);
        enter(recorder, ticket, ticket.status(), at);
    }
    if let Some(channel) = &event.channel
        && !recorder.labels.channels.is(ticket.channel, channel)
    {
        ticket.channel = recorder.labels.channel(channel);
        concerns_goals = true;
    }
    if let Some(priority) = &event.priority
        && !recorder.labels.priorities.is(ticket.priority, priority)
    {
        let priority = recorder.labels.priority(priority);
        if priority != ticket.identified_priority() {
            account(recorder, ticket, at);
            ticket.set_priority(priority);
            concerns_goals = true;
        }
    }
    concerns_goals
}

fn change_team(recorder: &mut Recorder, ticket: &mut Ticket, team: Team, at: Timestamp) {
    account(recorder, ticket, at);
    end_leg(recorder, ticket, at);
    if !ticket.team().is_none() {
        recorder
            .pair(ticket.team_number, ticket.priority)
            .count(Counter::Transferred);
    }
    ticket.flags.set(
        Flags::MOVED,
        ticket.has(Flags::MOVED) || ticket.replies() > 0,
    );
    ticket.set_team(team);
    begin_leg(recorder, ticket, at);
}

fn begin_leg(recorder: &Recorder, ticket: &mut Ticket, at: Timestamp) {
    if ticket.status().is_unsolved() && !ticket.team().is_none() {
        ticket.leg_since = at;
        goals::begin(recorder, ticket, Slot::Ownership);
    }
}

fn end_leg(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) {
    if ticket.leg_since == Timestamp::NEVER {
        return;
    }
    let labels = (ticket.team_number, ticket.priority);
    let stretch = Stretch::whole(ticket.leg_since, at);
    observe(recorder, ticket, Kpi::TeamOwnership, labels, &stretch, at);
    goals::end(recorder, ticket, Slot::Ownership, at);
    ticket.leg_since = Timestamp::NEVER;
    ticket.flags.set(Flags::FIRST_LEG, false);
}

fn change_status(recorder: &mut Recorder, ticket: &mut Ticket, status: Status, at: Timestamp) {
    let before = ticket.status();
    if status == before {
        return;
    }
    account(recorder, ticket, at);
    match (before.is_unsolved(), status.is_unsolved()) {
        (true, false) => solve(recorder, ticket, at),
        (false, true) => {
            reopen(recorder, ticket, status, at);
            goals::refresh(recorder, ticket, at, Passed::BreachNow);
            return;
        }
        _ => {}
    }
    if status == Status::Closed && !ticket.has(Flags::FINALIZED) {
        let solved_at = if before == Status::Solved {
            ticket.history().solved_since().0
        } else {
            at
        };
        enter(recorder, ticket, status, at);
        finalize(recorder, ticket, solved_at, at);
    } else {
        enter(recorder, ticket, status, at);
    }
    goals::refresh(recorder, ticket, at, Passed::BreachNow);
}

/// A cycle ends.
fn solve(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) {
    let labels = (ticket.team_number, ticket.priority);
    recorder.pair(labels.0, labels.1).count(Counter::Solved);
    recorder.event(labels.0, WindowEvent::Solved, at);
    if ticket.has_start() && !ticket.has(Flags::SOLVED_ONCE) {
        let stretch = Stretch::whole(ticket.created, at);
        observe(recorder, ticket, Kpi::FirstResolution, labels, &stretch, at);
    }
    ticket.flags.set(Flags::SOLVED_ONCE, true);
    end_leg(recorder, ticket, at);
    if ticket.states[Slot::Resolution as usize] == GoalState::Breached {
        ticket.resolution_since = Timestamp::NEVER; // a reopening starts it anew
    }
    goals::end(recorder, ticket, Slot::Response, at);
    goals::end(recorder, ticket, Slot::Resolution, at);
    ticket.response_since = Timestamp::NEVER;
    ticket.flags.set(Flags::CUSTOMER_WAITS, false);
    (ticket.solved_team, ticket.solved_priority) = labels;
}

/// A new cycle begins.
fn reopen(recorder: &mut Recorder, ticket: &mut Ticket, status: Status, at: Timestamp) {
    recorder
        .pair(ticket.team_number, ticket.priority)
        .count(Counter::Reopened);
    recorder.event(ticket.team_number, WindowEvent::Reopened, at);
    enter(recorder, ticket, status, at);
    if ticket.has(Flags::FINALIZED) {
        ticket.flags.set(Flags::FINALIZED, false);
        ticket.flags.set(Flags::SECOND_LIFE, true);
        ticket.flags.set(Flags::WORKED, false);
        ticket.begin_again(at);
        ticket.resolution_since = Timestamp::NEVER;
    }
    ticket.flags.set(Flags::REOPENED, true);
    if !ticket.has(Flags::RESPONDED) || ticket.has(Flags::CUSTOMER_WAITS) {
        ticket.response_since = at;
        goals::begin(recorder, ticket, Slot::Response);
    }
    ticket.flags.set(Flags::CUSTOMER_WAITS, false);
    let starts_anew = ticket.has_start() || ticket.has(Flags::SECOND_LIFE);
    if ticket.resolution_since == Timestamp::NEVER && starts_anew {
        ticket.resolution_since = at;
        goals::begin(recorder, ticket, Slot::Resolution);
    } else {
        ticket.states[Slot::Resolution as usize] = GoalState::Absent;
    }
    begin_leg(recorder, ticket, at);
}

/// Observes what could still change until now.
fn finalize(recorder: &mut Recorder, ticket: &mut Ticket, solved_at: Timestamp, at: Timestamp) {
    let labels = ticket.labels_at_solve();
    let second = ticket.has(Flags::SECOND_LIFE);
    if ticket.has_start() {
        let stretch = Stretch {
            start: life_start(ticket),
            end: solved_at,
            excluded: SOLVED,
        };
        observe(recorder, ticket, Kpi::FullResolution, labels, &stretch, at);
        let first_contact = first_contact(recorder, ticket);
        let ending = match (second, first_contact) {
            (true, _) => Ending::Again,
            (false, true) => Ending::FirstContact,
            (false, false) => Ending::Later,
        };
        recorder.pair(labels.0, labels.1).count_ending(ending);
        recorder.event(labels.0, WindowEvent::Finalized, at);
        if ending == Ending::FirstContact {
            recorder.event(labels.0, WindowEvent::FirstContact, at);
        }
        if !second && ticket.replies() == 0 {
            recorder.pair(labels.0, labels.1).count(Counter::Unanswered);
        }
    }
    observe_handle(recorder, ticket, labels, at);
    note_ending(recorder, ticket, labels, at);
    ticket.flags.set(Flags::FINALIZED, true);
    ticket.resolution_since = at;
    ticket.response_since = Timestamp::NEVER;
}

/// Where what is observed at the end begins: the creation, or the reopening of a finalised
/// ticket, with which its history begins too; the first event where neither is known.
pub fn life_start(ticket: &Ticket) -> Timestamp {
    if ticket.has(Flags::SECOND_LIFE) || !ticket.has_start() {
        ticket.history().start()
    } else {
        ticket.created
    }
}

fn first_contact(recorder: &Recorder, ticket: &Ticket) -> bool {
    let replied = match ticket.replies() {
        0 => recorder.rules.allow_unanswered,
        replies => replies == 1,
    };
    replied
        && !ticket.has(Flags::REOPENED)
        && !ticket.has(Flags::MOVED)
        && !ticket.has(Flags::ESCALATED)
}

/// Writes the end down, with what decided about first contact resolution.
fn note_ending(recorder: &mut Recorder, ticket: &Ticket, labels: (u16, u8), at: Timestamp) {
    recorder.note(ticket, at, |recorder| {
        let second = ticket.has(Flags::SECOND_LIFE);
        let reasons = [
            (
                ticket.replies() == 0 && !recorder.rules.allow_unanswered,
                "no human reply",
            ),
            (ticket.replies() > 1, "more than one human reply"),
            (ticket.has(Flags::REOPENED), "reopened"),
            (
                ticket.has(Flags::MOVED),
                "another team after the first reply",
            ),
            (ticket.has(Flags::ESCALATED), "escalated"),
        ];
        Happening::Finalized {
            team: recorder.team_label(labels.0),
            priority: recorder.priority_label(labels.1),
            first_contact: ticket
                .has_start()
                .then(|| !second && first_contact(recorder, ticket)),
            because: reasons
                .into_iter()
                .filter_map(|(holds, reason)| holds.then_some(reason))
                .collect(),
            reopened: second,
            retained_until: at.plus(recorder.rules.retain),
        }
    });
}

fn observe_handle(recorder: &mut Recorder, ticket: &Ticket, labels: (u16, u8), at: Timestamp) {
    let (basis, value): (Basis, Milliseconds) = if ticket.has(Flags::WORKED) {
        (
            Basis::Calendar,
            ticket.extra.as_ref().map_or(0, |extra| extra.handle),
        )
    } else if recorder.rules.derive_handle {
        let calendar = recorder.calendar(recorder.calendar_of(labels.0));
        let worked = ticket.history().worked(calendar, life_start(ticket), at);
        (Basis::Business, worked.business)
    } else {
        return;
    };
    recorder.observe_one((Kpi::Handle, basis), labels, value, at, &ticket.id);
    if basis == Basis::Calendar {
        recorder.note_reported(ticket, labels, value, at);
    } else {
        let stretches = |calendar: Option<NumberedCalendar<'_>>| {
            ticket
                .history()
                .worked_stretches(calendar, life_start(ticket), at)
        };
        recorder.note_observation(ticket, (Kpi::Handle, Some(basis)), labels, stretches, at);
    }
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
fn withdraw(recorder: &mut Recorder, ticket: &mut Ticket, reason: Withdrawal, at: Timestamp) {
    recorder
        .pair(ticket.team_number, ticket.priority)
        .count_withdrawn(reason);
    ticket.withdrawal = Some(reason);
    enter(recorder, ticket, ticket.status(), at);
    recorder.note(ticket, at, |recorder| Happening::Withdrawn {
        reason: reason.name(),
        into: ticket
            .extra
            .as_ref()
            .and_then(|extra| extra.into.as_ref())
            .map(ToString::to_string),
        retained_until: at.plus(recorder.rules.retain),
    });
    goals::suspend(recorder, ticket, at);
}

/// A stretch of a ticket's life.
struct Stretch {
    start: Timestamp,
    end: Timestamp,
    /// Time in these statuses does not count.
    excluded: StatusSet,
}

impl Stretch {
    fn whole(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            excluded: StatusSet::EMPTY,
        }
    }
}

/// Observes a duration of the ticket on both clocks; business time is that of the team whose
/// label the observation carries (contract, section 3).
fn observe(
    recorder: &mut Recorder,
    ticket: &Ticket,
    kpi: Kpi,
    labels: (u16, u8),
    stretch: &Stretch,
    at: Timestamp,
) {
    let calendar = recorder.calendar(recorder.calendar_of(labels.0));
    let history = ticket.history();
    let elapsed = history.elapsed(calendar, stretch.start, stretch.end, stretch.excluded);
    recorder.observe(kpi, labels, elapsed, at, &ticket.id);
    let stretches = |calendar: Option<NumberedCalendar<'_>>| {
        history.stretches(calendar, stretch.start, stretch.end, stretch.excluded)
    };
    recorder.note_observation(ticket, (kpi, None), labels, stretches, at);
}

/// Adds the time in the current status to the labels held until now.
fn account(recorder: &mut Recorder, ticket: &mut Ticket, at: Timestamp) {
    let length = ticket
        .history()
        .elapsed(None, ticket.accounted, at, StatusSet::EMPTY)
        .calendar;
    ticket.accounted = at;
    let status = ticket.status();
    if length > 0 && status != Status::Closed {
        recorder
            .pair(ticket.team_number, ticket.priority)
            .add_status_time(status, length);
    }
}

/// Enters a status, with what else the history needs to know.
fn enter(recorder: &Recorder, ticket: &mut Ticket, status: Status, at: Timestamp) {
    let phase = Phase {
        status,
        withdrawn: ticket.is_withdrawn(),
        assigned: recorder.rules.derive_handle && ticket.has(Flags::ASSIGNED),
    };
    ticket.enter(at, phase, &recorder.rules.calendars);
}
