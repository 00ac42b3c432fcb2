//! What a person needs to check a number: the stretches that counted and the hours they hold.

use super::{CountedSpan, GoalStep, GoalTrace};
use crate::domain::calendar::CalendarId;
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::engine::history::{Counted, NumberedCalendar};
use crate::engine::recorder::Recorder;
use crate::engine::ticket::{Slot, Ticket};

/// Opening hours are listed one by one in stretches up to this long; beyond, nobody reads them.
const OPENINGS_LISTED: Milliseconds = 14 * DAY;
/// The calendar of who has none.
const ALWAYS_OPEN: &str = "24x7";

/// The goal in a slot as of `at`, with its running time until then.
pub fn goal(
    recorder: &Recorder,
    ticket: &Ticket,
    slot: Slot,
    step: GoalStep,
    at: Timestamp,
) -> Option<GoalTrace> {
    let policy = recorder.policy(ticket.policy)?;
    let target = ticket.target(slot);
    let length = policy.target(target)?;
    let start = match slot {
        Slot::Response => ticket.response_since,
        Slot::Resolution => ticket.resolution_since,
        Slot::Ownership => ticket.leg_since,
    };
    let calendar_id = policy.calendar.unwrap_or(ticket.slot_calendar(slot));
    let calendar = recorder.goal_calendar(policy, ticket.slot_calendar(slot));
    let pauses = policy.pauses[target as usize];
    let excluded = pauses.with(Status::Solved).with(Status::Closed);
    let known = start != Timestamp::NEVER;
    let stretches = ticket.history().stretches(calendar, start, at, excluded);
    let spans = if known {
        spans(calendar, &stretches.counted)
    } else {
        Vec::new()
    };
    let deadline = ticket.deadlines[slot as usize];
    Some(GoalTrace {
        step,
        target: target.name(),
        team: recorder.team_label(ticket.team_number),
        priority: recorder.priority_label(ticket.priority),
        policy: policy.name.clone(),
        length,
        clock: policy.clock.name(),
        calendar: calendar.map(|_| recorder.calendar_name(calendar_id)),
        pauses: names(pauses),
        start: if known { start } else { at },
        running: spans.iter().map(|span| span.business).sum(),
        spans,
        deadline: (deadline != Timestamp::NEVER).then_some(deadline),
    })
}

/// Stretches with their lengths on both clocks and their opening hours.
pub fn spans(calendar: Option<NumberedCalendar<'_>>, counted: &[Counted]) -> Vec<CountedSpan> {
    counted
        .iter()
        .map(|one| CountedSpan {
            from: one.from,
            to: one.to,
            calendar: one.elapsed.calendar,
            business: one.elapsed.business,
            is_sum: one.is_sum,
            open: calendar
                .filter(|_| !one.is_sum && one.elapsed.calendar <= OPENINGS_LISTED)
                .map(|calendar| calendar.openings(one.from, one.to))
                .unwrap_or_default(),
        })
        .collect()
}

pub fn calendar_name(names: &[String], id: Option<CalendarId>) -> String {
    match id {
        None => ALWAYS_OPEN.to_owned(),
        Some(id) => names
            .get(usize::from(id.0))
            .cloned()
            .unwrap_or_else(|| format!("calendar {}", id.0)),
    }
}

pub fn names(statuses: StatusSet) -> Vec<&'static str> {
    let all = Status::ALL.into_iter();
    all.filter(|status| statuses.contains(*status))
        .map(Status::name)
        .collect()
}
