//! Section 1, state: the newest statement of each attribute wins.

use super::event::Event;
use super::ticket::Ticket;
use super::world::World;

impl World<'_> {
    /// Whether a statement with this event time counts; it is then the newest one. Counts it if it is stale.
    pub(super) fn states(&mut self, ticket: &mut Ticket, member: &str, at: i64) -> bool {
        if ticket.stated.get(member).is_some_and(|newest| at < *newest) {
            *self.output.stale.entry(member.to_owned()).or_default() += 1;
            return false;
        }
        ticket.stated.insert(member.to_owned(), at);
        true
    }

    /// The event without its stale statements.
    pub(super) fn without_stale_statements(&mut self, ticket: &mut Ticket, event: &Event) -> Event {
        let mut event = event.clone();
        if event.team.is_some() && !self.states(ticket, "team", event.at) {
            event.team = None;
        }
        if event.agent.is_some() && !self.states(ticket, "agent", event.at) {
            event.agent = None;
        }
        if event.priority.is_some() && !self.states(ticket, "priority", event.at) {
            event.priority = None;
        }
        if event.channel.is_some() && !self.states(ticket, "channel", event.at) {
            event.channel = None;
        }
        if event.status.is_some() && !self.states(ticket, "status", event.at) {
            event.status = None;
        }
        if event.requester.is_some() && !self.states(ticket, "requester", event.at) {
            event.requester = None;
        }
        event
            .attributes
            .retain(|name, _| self.states(ticket, name, event.at));
        event
    }
}
