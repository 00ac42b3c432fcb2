//! The next step of a ticket, and its time.

use super::story::{Due, Storyteller, TOGETHER, scaled, then};
use super::ticket::{ReplyOutcome, SimulatedTicket, StoryStep, TicketFate};
use crate::domain::event::Status;
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

/// This reply solves the ticket, so that every story ends.
const MOST_REPLIES: u16 = 12;
/// Delay of a chat bot.
const BOT_DELAY: Milliseconds = 4 * SECOND;
/// A customer who waits less than this does not write again.
const PATIENCE: Milliseconds = 20 * MINUTE;

impl Storyteller {
    pub(super) fn after_opening(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let (step, due) = match ticket.fate {
            #[allow(clippy::cast_precision_loss, reason = "20 minutes")]
            TicketFate::Spam => (
                StoryStep::Spam,
                at.plus(self.chance.exponential((20 * MINUTE) as f64)),
            ),
            TicketFate::Merged(_) => (StoryStep::Merge, self.working(ticket, at, 6 * MINUTE)),
            TicketFate::Deleted => (StoryStep::Delete, self.working(ticket, at, 12 * MINUTE)),
            TicketFate::Worked => {
                let channel = self.profile.channels.get(usize::from(ticket.channel));
                if !self
                    .chance
                    .happens(channel.map_or(0.0, |channel| channel.bot_reply))
                {
                    return self.take_up(ticket, at);
                }
                (StoryStep::BotReply, at.plus(BOT_DELAY))
            }
        };
        then(ticket, step, due)
    }

    /// Triage if the ticket has no holder, else assignment.
    pub(super) fn take_up(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        if ticket.team.is_some() {
            return self.assign(ticket, at);
        }
        let wait = self
            .chance
            .log_normal(self.delays.triage, self.delays.spread);
        let due = self.reception.after(at, wait);
        then(ticket, StoryStep::Triage, due)
    }

    /// An agent takes the ticket some time before replying.
    pub(super) fn assign(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let part = 0.2 + 0.6 * self.chance.uniform();
        let wait = scaled(ticket.reply_due.since(at), part);
        let due = self.working(ticket, at.plus(wait), 0);
        then(ticket, StoryStep::Assign, due)
    }

    pub(super) fn after_assignment(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let behavior = &self.behavior;
        let chance = &mut self.chance;
        let (step, wait) = if chance.happens(behavior.transferred) {
            (StoryStep::Transfer, 5 * MINUTE)
        } else if chance.happens(behavior.reprioritized) {
            (StoryStep::Reprioritize, 40 * SECOND)
        } else if chance.happens(behavior.updated) {
            (StoryStep::Update, 25 * SECOND)
        } else if ticket.reply_due.since(at) > PATIENCE && chance.happens(behavior.chased) {
            (StoryStep::Chase, ticket.reply_due.since(at) / 2)
        } else {
            return self.await_reply(ticket, at);
        };
        then(ticket, step, at.plus(wait))
    }

    pub(super) fn await_reply(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let due = ticket.reply_due.max(self.soon(at, 30 * SECOND));
        let noted = self.chance.happens(self.behavior.noted);
        then(
            ticket,
            if noted {
                StoryStep::Note
            } else {
                StoryStep::Reply
            },
            due,
        )
    }

    /// A later reply, after an answer, a hold or a reopening.
    pub(super) fn reply_again(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let wait = self.reply_delay(ticket);
        ticket.reply_due = self.working(ticket, at, wait);
        if ticket.agent.is_none() {
            // A bot had solved it, so it has no holder.
            return self.take_up(ticket, at);
        }
        self.await_reply(ticket, at)
    }

    /// The next team begins again.
    pub(super) fn hand_over(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        ticket.agent = None;
        let wait = self.reply_delay(ticket) / 2;
        ticket.reply_due = self.working(ticket, at, wait);
        self.assign(ticket, at)
    }

    pub(super) fn reply(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        ticket.replies = ticket.replies.saturating_add(1);
        let held = self.team(ticket).map_or(0.0, |team| team.held);
        let can_escalate = self
            .profile
            .escalation_team
            .is_some_and(|team| ticket.team.map(usize::from) != Some(team));
        ticket.outcome = if ticket.replies >= MOST_REPLIES {
            ReplyOutcome::Solve
        } else if can_escalate && self.chance.happens(self.behavior.escalated) {
            ReplyOutcome::Escalate
        } else if self.chance.happens(held) {
            ReplyOutcome::Hold
        } else if self.chance.happens(self.behavior.asked) {
            ReplyOutcome::Ask
        } else {
            ReplyOutcome::Solve
        };
        if ticket.outcome == ReplyOutcome::Ask && self.chance.happens(TOGETHER) {
            ticket.status = Status::Pending;
        }
        if self.chance.happens(self.behavior.booked) {
            let due = self.soon(at, 15 * SECOND);
            return then(ticket, StoryStep::Book, due);
        }
        self.after_reply(ticket, at)
    }

    pub(super) fn after_reply(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        if ticket.status == Status::Pending {
            return self.await_answer(ticket, at);
        }
        let step = match ticket.outcome {
            ReplyOutcome::Ask => StoryStep::Ask,
            ReplyOutcome::Hold => StoryStep::Hold,
            ReplyOutcome::Escalate => StoryStep::Escalate,
            ReplyOutcome::Solve => StoryStep::Solve,
        };
        let due = self.soon(at, 5 * SECOND);
        then(ticket, step, due)
    }

    pub(super) fn await_answer(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        if self.chance.happens(self.behavior.silent) {
            return then(ticket, StoryStep::GiveUp, at.plus(self.delays.give_up));
        }
        let wait = self.chance.log_normal(self.delays.answer, 1.2);
        let due = self.customers.after(at, wait.min(self.delays.give_up / 2));
        then(ticket, StoryStep::Answer, due)
    }

    pub(super) fn solve(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        // A bot's solution is trusted half as much as an agent's.
        let doubt = if ticket.step == StoryStep::BotSolve {
            2.0
        } else {
            1.0
        };
        ticket.reopens = self.chance.happens(self.behavior.reopened * doubt);
        ticket.status = Status::Solved;
        ticket.solved = at;
        if !ticket.csat_offered && self.chance.happens(self.behavior.csat_offered) {
            return then(ticket, StoryStep::OfferCsat, at.plus(SECOND));
        }
        self.after_offer(ticket, at)
    }

    pub(super) fn after_offer(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        let rates = ticket.csat_offered
            && ticket.score == 0
            && self.chance.happens(self.behavior.csat_rated);
        let (step, wait) = if rates {
            (StoryStep::RateCsat, self.delays.rating)
        } else if self.chance.happens(self.behavior.thanked) {
            (StoryStep::Thank, 40 * MINUTE)
        } else {
            return self.settle(ticket, at);
        };
        let wait = self.chance.log_normal(wait, 1.0);
        self.before_close(ticket, at, wait, step)
    }

    /// Only a complaint or the closing can follow.
    pub(super) fn settle(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> Due {
        if ticket.reopens {
            let wait = self.chance.log_normal(self.delays.reopen, 1.0);
            return self.before_close(ticket, at, wait, StoryStep::Complain);
        }
        let due = ticket.solved.plus(self.delays.close).max(at);
        then(ticket, StoryStep::Close, due)
    }

    /// A customer's step, if its time comes before the ticket is closed.
    pub(super) fn before_close(
        &self,
        ticket: &mut SimulatedTicket,
        at: Timestamp,
        wait: Milliseconds,
        step: StoryStep,
    ) -> Due {
        let closes = ticket.solved.plus(self.delays.close).max(at);
        let due = self.customers.after(at, wait);
        if due.plus(HOUR) < closes {
            then(ticket, step, due)
        } else {
            then(ticket, StoryStep::Close, closes)
        }
    }
}
