//! The turns a story may take: which step follows, and when.

use super::story::{TOGETHER, Teller, scaled, then};
use super::ticket::{Fate, Outcome, Step, Ticket};
use crate::domain::event::Status;
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

/// Even a long story ends: the reply of this number solves.
const MOST_REPLIES: u16 = 12;
/// A chat bot thinks for the look of it.
const BOT_DELAY: Milliseconds = 4 * SECOND;
/// A customer who waits less than this does not write again.
const PATIENCE: Milliseconds = 20 * MINUTE;

impl Teller {
    pub(super) fn after_opening(
        &mut self,
        ticket: &mut Ticket,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let (step, due) = match ticket.fate {
            #[allow(clippy::cast_precision_loss, reason = "20 minutes")]
            Fate::Spam => (
                Step::Spam,
                at.plus(self.chance.exponential((20 * MINUTE) as f64)),
            ),
            Fate::Merged(_) => (Step::Merge, self.working(ticket, at, 6 * MINUTE)),
            Fate::Deleted => (Step::Delete, self.working(ticket, at, 12 * MINUTE)),
            Fate::Worked => {
                let channel = self.profile.channels.get(usize::from(ticket.channel));
                if !self
                    .chance
                    .happens(channel.map_or(0.0, |channel| channel.bot_reply))
                {
                    return self.take_up(ticket, at);
                }
                (Step::BotReply, at.plus(BOT_DELAY))
            }
        };
        then(ticket, step, due)
    }

    /// Triage where nobody holds the ticket yet, else assignment.
    pub(super) fn take_up(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if ticket.team.is_some() {
            return self.assign(ticket, at);
        }
        let wait = self
            .chance
            .log_normal(self.delays.triage, self.delays.spread);
        let due = self.reception.after(at, wait);
        then(ticket, Step::Triage, due)
    }

    /// Somebody takes the ticket some time before replying.
    pub(super) fn assign(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let part = 0.2 + 0.6 * self.chance.uniform();
        let wait = scaled(ticket.reply_due.since(at), part);
        let due = self.working(ticket, at.plus(wait), 0);
        then(ticket, Step::Assign, due)
    }

    pub(super) fn after_assignment(
        &mut self,
        ticket: &mut Ticket,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let behaviour = &self.behaviour;
        let chance = &mut self.chance;
        let (step, wait) = if chance.happens(behaviour.transferred) {
            (Step::Transfer, 5 * MINUTE)
        } else if chance.happens(behaviour.reprioritised) {
            (Step::Reprioritise, 40 * SECOND)
        } else if chance.happens(behaviour.updated) {
            (Step::Update, 25 * SECOND)
        } else if ticket.reply_due.since(at) > PATIENCE && chance.happens(behaviour.chased) {
            (Step::Chase, ticket.reply_due.since(at) / 2)
        } else {
            return self.await_reply(ticket, at);
        };
        then(ticket, step, at.plus(wait))
    }

    pub(super) fn await_reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let due = ticket.reply_due.max(self.soon(at, 30 * SECOND));
        let noted = self.chance.happens(self.behaviour.noted);
        then(ticket, if noted { Step::Note } else { Step::Reply }, due)
    }

    /// A later reply, after an answer, a hold or a reopening.
    pub(super) fn reply_again(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let wait = self.reply_delay(ticket);
        ticket.reply_due = self.working(ticket, at, wait);
        if ticket.agent.is_none() {
            // A bot had solved it: nobody holds the ticket.
            return self.take_up(ticket, at);
        }
        self.await_reply(ticket, at)
    }

    /// The next team starts from the beginning.
    pub(super) fn hand_over(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        ticket.agent = None;
        let wait = self.reply_delay(ticket) / 2;
        ticket.reply_due = self.working(ticket, at, wait);
        self.assign(ticket, at)
    }

    pub(super) fn reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        ticket.replies = ticket.replies.saturating_add(1);
        let held = self.team(ticket).map_or(0.0, |team| team.held);
        let can_escalate = self
            .profile
            .escalation_team
            .is_some_and(|team| ticket.team.map(usize::from) != Some(team));
        ticket.outcome = if ticket.replies >= MOST_REPLIES {
            Outcome::Solve
        } else if can_escalate && self.chance.happens(self.behaviour.escalated) {
            Outcome::Escalate
        } else if self.chance.happens(held) {
            Outcome::Hold
        } else if self.chance.happens(self.behaviour.asked) {
            Outcome::Ask
        } else {
            Outcome::Solve
        };
        if ticket.outcome == Outcome::Ask && self.chance.happens(TOGETHER) {
            ticket.status = Status::Pending;
        }
        if self.chance.happens(self.behaviour.booked) {
            let due = self.soon(at, 15 * SECOND);
            return then(ticket, Step::Book, due);
        }
        self.after_reply(ticket, at)
    }

    pub(super) fn after_reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if ticket.status == Status::Pending {
            return self.await_answer(ticket, at);
        }
        let step = match ticket.outcome {
            Outcome::Ask => Step::Ask,
            Outcome::Hold => Step::Hold,
            Outcome::Escalate => Step::Escalate,
            Outcome::Solve => Step::Solve,
        };
        let due = self.soon(at, 5 * SECOND);
        then(ticket, step, due)
    }

    pub(super) fn await_answer(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if self.chance.happens(self.behaviour.silent) {
            return then(ticket, Step::GiveUp, at.plus(self.delays.give_up));
        }
        let wait = self.chance.log_normal(self.delays.answer, 1.2);
        let due = self.customers.after(at, wait.min(self.delays.give_up / 2));
        then(ticket, Step::Answer, due)
    }

    pub(super) fn solve(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        // A bot's solution is worth half of an agent's.
        let doubt = if ticket.step == Step::BotSolve {
            2.0
        } else {
            1.0
        };
        ticket.reopens = self.chance.happens(self.behaviour.reopened * doubt);
        ticket.status = Status::Solved;
        ticket.solved = at;
        if !ticket.csat_offered && self.chance.happens(self.behaviour.csat_offered) {
            return then(ticket, Step::OfferCsat, at.plus(SECOND));
        }
        self.after_offer(ticket, at)
    }

    pub(super) fn after_offer(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let rates = ticket.csat_offered
            && ticket.score == 0
            && self.chance.happens(self.behaviour.csat_rated);
        let (step, wait) = if rates {
            (Step::RateCsat, self.delays.rating)
        } else if self.chance.happens(self.behaviour.thanked) {
            (Step::Thank, 40 * MINUTE)
        } else {
            return self.settle(ticket, at);
        };
        let wait = self.chance.log_normal(wait, 1.0);
        self.before_close(ticket, at, wait, step)
    }

    /// Nothing but a complaint or the closing can still come.
    pub(super) fn settle(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if ticket.reopens {
            let wait = self.chance.log_normal(self.delays.reopen, 1.0);
            return self.before_close(ticket, at, wait, Step::Complain);
        }
        let due = ticket.solved.plus(self.delays.close).max(at);
        then(ticket, Step::Close, due)
    }

    /// A customer's step, if its time comes before the ticket is closed.
    pub(super) fn before_close(
        &self,
        ticket: &mut Ticket,
        at: Timestamp,
        wait: Milliseconds,
        step: Step,
    ) -> Option<Timestamp> {
        let closes = ticket.solved.plus(self.delays.close).max(at);
        let due = self.customers.after(at, wait);
        if due.plus(HOUR) < closes {
            then(ticket, step, due)
        } else {
            then(ticket, Step::Close, closes)
        }
    }
}
