//! The details behind a number: the stretches that counted, with their opening hours.

use super::entry::{CountedSpan, GoalStep, GoalTrace};
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::engine::compiled_rules::CompiledRules;
use crate::engine::elapsed::NumberedCalendar;
use crate::engine::history::CountedStretch;
use crate::engine::open_goals::GoalKey;
use crate::engine::ticket::Ticket;

/// The longest stretch whose opening hours are listed. A longer list is no help to a reader.
const OPENINGS_LISTED: Milliseconds = 14 * DAY;

/// A goal as of `at`, with its running time until then.
pub fn goal(
    rules: &CompiledRules,
    ticket: &Ticket,
    key: GoalKey,
    step: GoalStep,
    at: Timestamp,
) -> Option<GoalTrace> {
    let policy = rules.policy(ticket.policy_in(key.group))?;
    let target = ticket.target(key.kind);
    let length = policy.target(target)?;
    let clock = ticket.goal_start(key, policy.rebase);
    let start = clock.at;
    let calendar_id = policy.calendar.unwrap_or(clock.calendar());
    let calendar = rules.goal_calendar(policy, clock.calendar());
    let pauses = policy.pauses[target as usize];
    let excluded = pauses.with(Status::Solved).with(Status::Closed);
    let is_known = start != Timestamp::NEVER;
    let spans = if is_known {
        let stretches = ticket.history().stretches(calendar, start, at, excluded);
        spans(calendar, &stretches)
    } else {
        Vec::new()
    };
    let deadline = ticket
        .goal(key)
        .map_or(Timestamp::NEVER, |goal| goal.deadline);
    Some(GoalTrace {
        step,
        target: target.name(),
        team: rules.team_label(ticket.team_number).to_owned(),
        priority: rules.priority_label(ticket.priority).to_owned(),
        attributes: rules.attribute_labels(ticket.cohort()),
        policy: policy.name.clone(),
        group: policy.group.clone(),
        length,
        clock: policy.clock.name(),
        calendar: calendar.map(|_| rules.calendar_name(calendar_id)),
        pauses: status_names(pauses),
        start: if is_known { start } else { at },
        running: spans.iter().map(|span| span.business).sum(),
        spans,
        deadline: (deadline != Timestamp::NEVER).then_some(deadline),
    })
}

/// Stretches with their lengths on both clocks and their opening hours.
pub fn spans(
    calendar: Option<NumberedCalendar<'_>>,
    stretches: &[CountedStretch],
) -> Vec<CountedSpan> {
    stretches
        .iter()
        .map(|stretch| CountedSpan {
            from: stretch.from,
            to: stretch.to,
            calendar: stretch.elapsed.calendar,
            business: stretch.elapsed.business,
            is_sum: stretch.is_sum,
            open: calendar
                .filter(|_| !stretch.is_sum && stretch.elapsed.calendar <= OPENINGS_LISTED)
                .map(|calendar| calendar.calendar.openings(stretch.from, stretch.to))
                .unwrap_or_default(),
        })
        .collect()
}

pub fn status_names(statuses: StatusSet) -> Vec<&'static str> {
    let all = Status::ALL.into_iter();
    all.filter(|status| statuses.contains(*status))
        .map(Status::name)
        .collect()
}
