//! Messages, worklogs, escalations and ratings.

use super::compiled_rules::CompiledRules;
use super::fact::{Fact, Observer};
use super::goals;
use super::measure::report_duration;
use super::open_goals::{ClockStart, GoalKind};
use super::rules::Kpi;
use super::series::Rating;
use super::sink::FactSink;
use super::ticket::{Flags, Ticket};
use crate::domain::event::{Event, EventType};
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::Timestamp;

/// Applies a human reply. Returns whether it concerns a goal.
pub fn human_reply<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event_at: Timestamp,
    at: Timestamp,
) -> bool {
    if ticket.has_start() && at.since(ticket.created) <= sink.rules().rules.opening {
        sink.report(ticket, at, Fact::OpeningMessage);
        return false;
    }
    sink.report(ticket, at, Fact::HumanReply);
    ticket.count_reply();
    if !ticket.status().is_unsolved() && !is_of_solve(ticket, event_at, at) {
        ticket.flags.set(Flags::CUSTOMER_WAITS, false);
        return false;
    }
    let kpi = if ticket.has(Flags::RESPONDED) {
        Kpi::NextResponse
    } else {
        Kpi::FirstResponse
    };
    let since = ticket.response_since;
    if since != Timestamp::NEVER && (kpi == Kpi::NextResponse || ticket.has_start()) {
        let what = (kpi, ticket.cohort());
        report_duration(sink, ticket, what, (since, at), StatusSet::EMPTY, at);
    }
    goals::end(sink, ticket, GoalKind::Response, at);
    ticket.response_since = Timestamp::NEVER;
    ticket.flags.set(Flags::RESPONDED, true);
    if ticket.status().is_unsolved() {
        goals::end(sink, ticket, GoalKind::Update, at);
        let rules = sink.rules();
        let calendar = rules.calendar_of(ticket.team_number);
        let start = ClockStart::new(at, calendar);
        ticket.set_updates(rules.has_updates.then_some(start));
    }
    true
}

/// Whether a message belongs to the helpdesk update that solved the ticket, and arrived after the solve.
/// Its order within the update is chance, so it counts as before the solve.
fn is_of_solve(ticket: &Ticket, event_at: Timestamp, at: Timestamp) -> bool {
    ticket.has(Flags::JUST_SOLVED) && event_at == at
}

/// Applies a customer message. Returns whether it concerns a goal.
pub fn customer_message(
    rules: &CompiledRules,
    ticket: &mut Ticket,
    event_at: Timestamp,
    at: Timestamp,
) -> bool {
    if !ticket.status().is_unsolved() {
        let waits = ticket.has(Flags::CUSTOMER_WAITS) || !is_of_solve(ticket, event_at, at);
        ticket.flags.set(Flags::CUSTOMER_WAITS, waits);
        return false;
    }
    let starts = ticket.has(Flags::RESPONDED) && ticket.response_since == Timestamp::NEVER;
    if starts {
        ticket.start_response(at, rules.calendar_of(ticket.team_number));
    }
    starts
}

/// Applies worklogs, escalations and ratings.
pub fn other_activity<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
    at: Timestamp,
) {
    match event.kind {
        EventType::Worklog if !ticket.has(Flags::FINALIZED) => {
            let length = event.handle.unwrap_or(0);
            ticket.flags.set(Flags::WORKED, true);
            let extra = ticket.extra_mut();
            extra.handle = extra.handle.saturating_add(length);
        }
        EventType::Escalated => {
            ticket.flags.set(Flags::ESCALATED, true);
            sink.report(ticket, at, Fact::Escalated);
        }
        EventType::CsatOffered => sink.report(ticket, at, Fact::CsatOffered),
        EventType::CsatRated => rate(sink, ticket, event.rating.unwrap_or(0.0), at),
        _ => {}
    }
}

fn rate<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    position: f64,
    at: Timestamp,
) {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "only to see whether it changed"
    )]
    let stored = position as f32;
    if ticket.rating.is_nan() {
        let rules = &sink.rules().rules;
        let rating = if position >= rules.csat_good {
            Rating::Good
        } else if position <= rules.csat_bad {
            Rating::Bad
        } else {
            Rating::Neutral
        };
        sink.report(ticket, at, Fact::Rated(rating));
    } else if ticket.rating.to_bits() != stored.to_bits() {
        sink.report(ticket, at, Fact::RatingChanged);
    }
    ticket.rating = stored;
}
