//! The next timer of a ticket: what happens to it without an event.

use super::compiled_rules::CompiledRules;
use super::ticket::{Flags, Ticket};
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;

/// The time of the ticket's next timer: a deadline, its end, or the end of its retention.
pub fn next_timer(rules: &CompiledRules, ticket: &Ticket) -> Timestamp {
    if ticket.is_withdrawn() {
        return ticket.timeline.since().plus(rules.rules.retain);
    }
    if ticket.has(Flags::FINALIZED) {
        return ticket.resolution_since.plus(rules.rules.retain);
    }
    let mut next = ticket.next_deadline();
    if ticket.status() == Status::Solved {
        next = next.min(finalization_due(rules, ticket));
    }
    next
}

fn finalization_due(rules: &CompiledRules, ticket: &Ticket) -> Timestamp {
    let (_, earlier) = ticket.history().solved_since();
    ticket
        .timeline
        .since()
        .plus(rules.rules.finalize_after - earlier)
}
