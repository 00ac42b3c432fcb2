//! Measures and reports durations of a ticket.

use super::cohort::CohortKey;
use super::compiled_rules::CompiledRules;
use super::fact::{Fact, Measure, ObservedDuration, Observer};
use super::rules::Kpi;
use super::sink::FactSink;
use super::ticket::{Flags, Ticket};
use super::timeline::Phase;
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::Timestamp;

/// The durations that are observed at the end of a life, with the statuses that they leave out: in
/// `pending` the ticket waits for the requester.
pub const UNTIL_THE_LAST_SOLVE: [(Kpi, StatusSet); 3] = [
    (Kpi::FullResolution, SOLVED),
    (Kpi::RequesterWait, SOLVED.with(Status::Pending)),
    (
        Kpi::AgentWait,
        SOLVED
            .with(Status::New)
            .with(Status::Open)
            .with(Status::OnHold),
    ),
];

const SOLVED: StatusSet = StatusSet::EMPTY.with(Status::Solved);

/// Reports a duration on both clocks. Business time is that of the team whose label the
/// observation carries (contract, section 3). Time in `excluded` does not count.
pub fn report_duration<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &Ticket,
    (kpi, cohort): (Kpi, CohortKey),
    (start, end): (Timestamp, Timestamp),
    excluded: StatusSet,
    at: Timestamp,
) {
    let rules = sink.rules();
    let calendar = rules.calendar(rules.calendar_of(cohort.team));
    let elapsed = ticket.history().elapsed(calendar, start, end, excluded);
    let observed = ObservedDuration {
        kpi,
        cohort,
        start,
        end,
        measure: Measure::Elapsed { excluded },
        elapsed,
    };
    sink.report(ticket, at, Fact::Observed(observed));
}

/// Reports the time in the current status since the last report.
pub fn report_status_time<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    at: Timestamp,
) {
    let length = ticket
        .history()
        .elapsed(None, ticket.accounted, at, StatusSet::EMPTY)
        .calendar;
    ticket.accounted = at;
    let status = ticket.status();
    if length > 0 && status != Status::Closed {
        sink.report(ticket, at, Fact::StatusTime { status, length });
    }
}

/// Enters a status in the ticket's history.
pub fn enter(rules: &CompiledRules, ticket: &mut Ticket, status: Status, at: Timestamp) {
    let phase = Phase {
        status,
        withdrawn: ticket.is_withdrawn(),
        assigned: rules.rules.derive_handle && ticket.has(Flags::ASSIGNED),
    };
    ticket.enter(at, phase, &rules.rules.calendars);
}

/// The start of the durations that are observed at the end of a life: the creation, or the
/// reopening of a final ticket. The first event if neither is known.
pub fn life_start(ticket: &Ticket) -> Timestamp {
    if ticket.has(Flags::SECOND_LIFE) || !ticket.has_start() {
        ticket.history().start()
    } else {
        ticket.created
    }
}
