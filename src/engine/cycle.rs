//! The cycles of a ticket: solve, reopening and end; and the legs, its stays with a team.

use super::cohort::CohortKey;
use super::compiled_rules::CompiledRules;
use super::elapsed::Elapsed;
use super::fact::{Fact, Measure, ObservedDuration, Observer};
use super::goals::{self, PastDeadline};
use super::measure::{
    UNTIL_THE_LAST_SOLVE, enter, life_start, report_duration, report_status_time,
};
use super::open_goals::GoalKind;
use super::rules::Kpi;
use super::series::Ending;
use super::sink::FactSink;
use super::ticket::{Flags, Ticket};
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::Timestamp;

pub fn change_status<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    status: Status,
    at: Timestamp,
) {
    let before = ticket.status();
    if status == before {
        return;
    }
    report_status_time(sink, ticket, at);
    match (before.is_unsolved(), status.is_unsolved()) {
        (true, false) => solve(sink, ticket, at),
        (false, true) => {
            reopen(sink, ticket, status, at);
            goals::evaluate(sink, ticket, at, PastDeadline::BreachNow);
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
        enter(sink.rules(), ticket, status, at);
        finalize(sink, ticket, solved_at, at);
    } else {
        enter(sink.rules(), ticket, status, at);
    }
    goals::evaluate(sink, ticket, at, PastDeadline::BreachNow);
}

pub fn begin_leg(rules: &CompiledRules, ticket: &mut Ticket, at: Timestamp) {
    if ticket.status().is_unsolved() && !ticket.team().is_none() {
        ticket.start_leg(at, rules.calendar_of(ticket.team_number));
    }
}

pub fn end_leg<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
) {
    if ticket.leg_since == Timestamp::NEVER {
        return;
    }
    let what = (Kpi::TeamOwnership, ticket.cohort());
    let stretch = (ticket.leg_since, at);
    report_duration(sink, ticket, what, stretch, StatusSet::EMPTY, at);
    goals::end(sink, ticket, GoalKind::Ownership, at);
    ticket.leg_since = Timestamp::NEVER;
    ticket.flags.set(Flags::FIRST_LEG, false);
}

/// Ends a cycle.
fn solve<O: Observer + ?Sized>(sink: &mut FactSink<'_, O>, ticket: &mut Ticket, at: Timestamp) {
    let cohort = ticket.cohort();
    sink.report(ticket, at, Fact::Solved);
    if ticket.has_start() && !ticket.has(Flags::SOLVED_ONCE) {
        let stretch = (ticket.created, at);
        let what = (Kpi::FirstResolution, cohort);
        report_duration(sink, ticket, what, stretch, StatusSet::EMPTY, at);
    }
    end_leg(sink, ticket, at);
    ticket.stop_breached_resolutions(sink.rules().groups());
    for kind in [
        GoalKind::Response,
        GoalKind::Resolution,
        GoalKind::Assignment,
        GoalKind::Update,
    ] {
        goals::end(sink, ticket, kind, at);
    }
    ticket.set_updates(None);
    ticket.flags.set(Flags::SOLVED_ONCE, true);
    // The start of the response stays for a reply of the same instant.
    ticket.flags.set(Flags::JUST_SOLVED, true);
    ticket.flags.set(Flags::CUSTOMER_WAITS, false);
    ticket.note_solve_labels();
}

/// Begins a new cycle.
fn reopen<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    status: Status,
    at: Timestamp,
) {
    sink.report(ticket, at, Fact::Reopened);
    enter(sink.rules(), ticket, status, at);
    if ticket.has(Flags::FINALIZED) {
        ticket.flags.set(Flags::FINALIZED, false);
        ticket.flags.set(Flags::SECOND_LIFE, true);
        ticket.flags.set(Flags::WORKED, false);
        ticket.begin_second_life(at);
        ticket.stop_resolutions();
    }
    ticket.flags.set(Flags::REOPENED, true);
    ticket.pass_solve();
    if !ticket.has(Flags::RESPONDED) || ticket.has(Flags::CUSTOMER_WAITS) {
        ticket.start_response(at, sink.rules().calendar_of(ticket.team_number));
    }
    ticket.flags.set(Flags::CUSTOMER_WAITS, false);
    if ticket.has_start() || ticket.has(Flags::SECOND_LIFE) {
        ticket.start_resolutions(at, sink.rules().calendar_of(ticket.team_number));
    }
    begin_leg(sink.rules(), ticket, at);
}

/// Ends the life of a ticket: reports the KPIs that could still change until now.
pub fn finalize<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    solved_at: Timestamp,
    at: Timestamp,
) {
    let cohort = ticket.cohort_at_solve();
    let mut ending = None;
    if ticket.has_start() {
        let stretch = (life_start(ticket), solved_at);
        for (kpi, excluded) in UNTIL_THE_LAST_SOLVE {
            report_duration(sink, ticket, (kpi, cohort), stretch, excluded, at);
        }
        ending = Some(if ticket.has(Flags::SECOND_LIFE) {
            Ending::Again
        } else if is_first_contact(sink.rules(), ticket) {
            Ending::FirstContact
        } else {
            Ending::Later
        });
    }
    report_handle_time(sink, ticket, cohort, at);
    sink.report(ticket, at, Fact::Finalized(ending));
    ticket.flags.set(Flags::FINALIZED, true);
    ticket.resolution_since = at;
}

fn is_first_contact(rules: &CompiledRules, ticket: &Ticket) -> bool {
    let replied = match ticket.replies() {
        0 => rules.rules.allow_unanswered,
        replies => replies == 1,
    };
    replied
        && !ticket.has(Flags::REOPENED)
        && !ticket.has(Flags::MOVED)
        && !ticket.has(Flags::ESCALATED)
}

/// Reports the worklogs or, without any, the derived handle time if the rules ask for it.
fn report_handle_time<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &Ticket,
    cohort: CohortKey,
    at: Timestamp,
) {
    let rules = sink.rules();
    let mut observed = ObservedDuration {
        kpi: Kpi::Handle,
        cohort,
        start: life_start(ticket),
        end: at,
        measure: Measure::Reported,
        elapsed: Elapsed::default(),
    };
    if ticket.has(Flags::WORKED) {
        observed.elapsed.calendar = ticket.extra.as_ref().map_or(0, |extra| extra.handle);
    } else if rules.rules.derive_handle {
        let calendar = rules.calendar(rules.calendar_of(cohort.team));
        observed.measure = Measure::Derived;
        observed.elapsed = ticket.history().worked(calendar, observed.start, at);
    } else {
        return;
    }
    sink.report(ticket, at, Fact::Observed(observed));
}
