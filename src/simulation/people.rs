//! Agents and customers: how long they take, and how satisfied they are.

use super::profile::SimulatedTeam;
use super::story::{Storyteller, scaled};
use super::ticket::SimulatedTicket;
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

impl Storyteller {
    pub(super) fn reprioritize(&mut self, ticket: &mut SimulatedTicket) {
        let count = u16::try_from(self.profile.priorities.len()).unwrap_or(u16::MAX);
        let up = self.chance.happens(0.6);
        let moved = if up && ticket.urgency > 0 {
            ticket.urgency - 1
        } else {
            ticket.urgency + 1
        };
        if moved < count {
            ticket.urgency = moved;
            ticket.priority = Some(moved);
        }
    }

    /// Working time until the next human reply.
    pub(super) fn reply_delay(&mut self, ticket: &SimulatedTicket) -> Milliseconds {
        let Some(priority) = self.profile.priorities.get(usize::from(ticket.urgency)) else {
            return HOUR;
        };
        let median = if ticket.replies == 0 {
            priority.first_reply
        } else {
            priority.next_reply
        };
        let channel = self.profile.channels.get(usize::from(ticket.channel));
        let slowness = self.team(ticket).map_or(1.0, |team| team.slowness)
            * channel.map_or(1.0, |channel| channel.slowness);
        let median = scaled(median, slowness);
        self.chance.log_normal(median, self.delays.spread)
    }

    /// Seconds booked for one reply.
    pub(super) fn handle(&mut self, ticket: &SimulatedTicket) -> i64 {
        let usual = self.team(ticket).map_or(5 * MINUTE, |team| team.handle);
        self.chance.log_normal(usual, 0.6) / SECOND
    }

    /// 1 to 5 stars; many replies lower the score.
    pub(super) fn score(&mut self, ticket: &SimulatedTicket) -> u8 {
        let satisfaction = self.team(ticket).map_or(0.75, |team| team.satisfaction);
        let good_will = satisfaction * (1.0 - 0.04 * f64::from(ticket.replies.saturating_sub(1)));
        (0..4).fold(1, |stars, _| {
            stars + u8::from(self.chance.happens(good_will))
        })
    }

    /// The team that holds the ticket, or will.
    pub(super) fn team(&self, ticket: &SimulatedTicket) -> Option<&SimulatedTeam> {
        let position = ticket.team.unwrap_or(ticket.home);
        self.profile.teams.get(usize::from(position))
    }

    pub(super) fn working(
        &self,
        ticket: &SimulatedTicket,
        at: Timestamp,
        wait: Milliseconds,
    ) -> Timestamp {
        let position = usize::from(ticket.team.unwrap_or(ticket.home));
        self.offices
            .get(position)
            .unwrap_or(&self.reception)
            .after(at, wait)
    }

    /// A short delay, which the end of a shift does not interrupt.
    pub(super) fn soon(&mut self, at: Timestamp, about: Milliseconds) -> Timestamp {
        at.plus(about / 2 + i64::from(self.chance.below(u32::try_from(about).unwrap_or(0))))
    }
}
