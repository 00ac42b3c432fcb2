//! Section 4, messages and ratings: KPI 1 (first response), KPI 2 (next response), KPI 9 (CSAT).

use super::event::Event;
use super::labels::Holder;
use super::lifecycle::NOTHING;
use super::ticket::{Since, Ticket};
use super::world::World;

impl World<'_> {
    // ---- Messages: KPI 1 and 2 ----

    pub(super) fn message(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        let holder = ticket.holder();
        let actor = if ticket.is_by_requester(event) {
            Some("customer")
        } else {
            event.actor.as_deref()
        };
        let opens = ticket
            .created
            .is_some_and(|created| at - created <= self.opening);
        // Section 1, one update: such a message counts as if it came just before the solve.
        let with_solve = ticket.is_done()
            && event.at == at
            && ticket
                .solves
                .last()
                .is_some_and(|(solved, _)| *solved == at);
        match actor {
            Some("customer") if with_solve => {}
            Some("customer") if ticket.is_done() => {
                ticket.asked_while_done |= ticket.answered;
            }
            Some("customer") if ticket.answered && ticket.asked.is_none() => {
                self.ask(ticket, at);
            }
            Some("agent") if event.public && !opens => {
                self.book.count("ticket_replies_total", &holder, &[]);
                self.book.event(at, &holder, "replied");
                if ticket.replies.is_empty() {
                    ticket.teams_since_reply.push(ticket.team.clone());
                }
                ticket.replies.push(at);
                if with_solve {
                    // The goals have ended with the solve. The clock of the first response did not run
                    // then if the creation was unknown.
                    ticket.answered |= !ticket.known_at_solve;
                    ticket.asked = ticket.asked_at_solve.take();
                    self.answer(ticket, &holder, at);
                } else if ticket.is_done() {
                    ticket.asked_while_done = false;
                } else {
                    self.answer(ticket, &holder, at);
                    self.note_rule("update at a reply");
                    self.end_goal(ticket, "update", &holder, at);
                    self.start_goal(ticket, "update", Since::Instant(at));
                }
            }
            _ => {}
        }
    }

    /// A human reply inside a cycle.
    pub(super) fn answer(&mut self, ticket: &mut Ticket, holder: &Holder, at: i64) {
        if !ticket.answered {
            ticket.answered = true;
            let since = match ticket.reopenings.last() {
                Some(reopening) => Since::Instant(*reopening),
                None => Since::Creation,
            };
            if let (Some(_), Some(from)) = (ticket.created, ticket.instant(since)) {
                self.observe(ticket, holder, "first_response", from, at, at, &NOTHING);
            }
            self.end_goal(ticket, "first_response", holder, at);
        }
        if let Some(asked) = ticket.asked.take() {
            self.observe(ticket, holder, "next_response", asked, at, at, &NOTHING);
            self.end_goal(ticket, "next_response", holder, at);
        }
    }

    pub(super) fn ask(&mut self, ticket: &mut Ticket, at: i64) {
        ticket.asked = Some(at);
        self.start_goal(ticket, "next_response", Since::Instant(at));
    }

    // ---- KPI 9 ----

    pub(super) fn csat(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        let holder = match ticket.solves.last() {
            Some((_, holder)) => holder.clone(),
            None => ticket.holder(),
        };
        if event.kind == "csat_offered" {
            self.book.count("ticket_csat_offered_total", &holder, &[]);
            return;
        }
        let Some(score) = event.score else { return };
        let position = (score - 1.0) / (event.score_max - 1.0);
        match ticket.ratings.last() {
            None => {
                let rating = if position >= self.setup.csat_good {
                    "good"
                } else if position <= self.setup.csat_bad {
                    "bad"
                } else {
                    "neutral"
                };
                self.book
                    .count("ticket_csat_ratings_total", &holder, &[("rating", rating)]);
                if rating != "neutral" {
                    self.book.event(at, &holder, &format!("csat_{rating}"));
                }
            }
            Some(last) if (last - position).abs() > 1e-12 => {
                self.book.count("ticket_csat_changes_total", &holder, &[]);
            }
            Some(_) => {}
        }
        ticket.ratings.push(position);
    }
}
