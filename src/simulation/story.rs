//! What happens to a ticket, step by step: each step is one event and decides when the next comes.
//!
//! Nobody queues for an agent here: delays depend on the ticket, not on the load, so the backlog
//! is as steady as the arrivals.

use super::distributions::Chance;
use super::office::Office;
use super::profile::{Behaviour, Delays, OFFICE_DAYS, OFFICE_SHIFTS, Profile, Team};
use super::ticket::{Act, Fate, Outcome, Step, Ticket};
use crate::domain::event::Status;
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

/// When customers write, every day of the week.
const WAKING_HOURS: (u16, u16) = (6 * 60 + 30, 22 * 60 + 30);
/// Even a long story ends: the reply of this number solves.
const MOST_REPLIES: u16 = 12;
/// A chat bot thinks for the look of it.
const BOT_DELAY: Milliseconds = 4 * SECOND;
/// A customer who waits less than this does not write again.
const PATIENCE: Milliseconds = 20 * MINUTE;
/// Half of the updates are one event with the reply, half are two.
const TOGETHER: f64 = 0.5;

/// Tells the stories of one desk's tickets.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    pub(super) chance: Chance,
    behaviour: Behaviour,
    delays: Delays,
    profile: Profile,
    /// By team.
    offices: Vec<Office>,
    /// Where a ticket without a team is triaged.
    reception: Office,
    customers: Office,
}

impl Teller {
    pub(super) fn new(seed: u64, profile: &Profile) -> Self {
        let zone = profile.timezone;
        let office = Office::open(
            zone,
            std::array::from_fn(|day| {
                if day < OFFICE_DAYS {
                    OFFICE_SHIFTS.to_vec()
                } else {
                    Vec::new()
                }
            }),
        );
        let of_team = |team: &Team| {
            if team.around_the_clock {
                Office::always(zone)
            } else {
                office.clone()
            }
        };
        Self {
            chance: Chance::new(seed),
            behaviour: profile.behaviour.clone(),
            delays: profile.delays.clone(),
            offices: profile.teams.iter().map(of_team).collect(),
            reception: if profile.teams.iter().all(|team| team.around_the_clock) {
                Office::always(zone)
            } else {
                office.clone()
            },
            customers: Office::open(zone, std::array::from_fn(|_| vec![WAKING_HOURS])),
            profile: profile.clone(),
        }
    }

    /// A new ticket, whose first step is its creation. `broken`: the team whose outage it reports.
    pub(super) fn arrive(&mut self, number: u64, at: Timestamp, broken: Option<u16>) -> Ticket {
        let profile = &self.profile;
        let chance = &mut self.chance;
        let home = broken.or_else(|| chance.pick(profile.teams.iter().map(|team| team.weight)));
        let urgency = chance.pick(profile.priorities.iter().map(|priority| priority.weight));
        let channel = chance.pick(profile.channels.iter().map(|channel| channel.weight));
        let triaged = !chance.happens(self.behaviour.untriaged);
        let mut ticket = Ticket {
            number,
            created: at,
            reply_due: at,
            solved: at,
            fate: Fate::Worked,
            step: Step::Create,
            outcome: Outcome::Solve,
            status: Status::New,
            team: home.filter(|_| triaged),
            home: home.unwrap_or(0),
            agent: None,
            priority: urgency.filter(|_| triaged),
            urgency: urgency.unwrap_or(0),
            channel: channel.unwrap_or(0),
            replies: 0,
            score: 0,
            csat_offered: false,
            reopens: false,
        };
        let rush = match &self.profile.incidents {
            Some(incidents) if broken.is_some() => incidents.slowness,
            _ => 1.0,
        };
        let total = scaled(self.reply_delay(&ticket), rush);
        ticket.reply_due = self.working(&ticket, at, total);
        if self.chance.happens(self.behaviour.spam) {
            ticket.fate = Fate::Spam;
        } else if self.chance.happens(self.behaviour.deleted) {
            ticket.fate = Fate::Deleted;
        }
        ticket
    }

    /// Takes the ticket's step at `at`: what the event says, and when the next step comes, if
    /// there is one.
    pub(super) fn advance(
        &mut self,
        ticket: &mut Ticket,
        at: Timestamp,
    ) -> (Act, Option<Timestamp>) {
        let mut act = self.act(ticket);
        let next = match ticket.step {
            Step::Create => then(ticket, Step::Open, at),
            Step::Open => self.after_opening(ticket, at),
            Step::BotReply if self.chance.happens(self.behaviour.bot_solved) => {
                then(ticket, Step::BotSolve, at.plus(2 * MINUTE))
            }
            Step::BotReply | Step::Undelete => self.take_up(ticket, at),
            Step::Triage => {
                ticket.team = self
                    .profile
                    .teams
                    .get(usize::from(ticket.home))
                    .map(|_| ticket.home);
                ticket.priority = Some(ticket.urgency);
                self.assign(ticket, at)
            }
            Step::Assign => {
                let agents = self.team(ticket).map_or(1, |team| team.agents.max(1));
                ticket.agent = Some(self.chance.below(agents));
                ticket.status = Status::Open;
                self.after_assignment(ticket, at)
            }
            Step::Reprioritise => {
                self.reprioritise(ticket);
                self.await_reply(ticket, at)
            }
            Step::Update | Step::Chase => self.await_reply(ticket, at),
            Step::Note => {
                let due = self.soon(at, 90 * SECOND);
                then(ticket, Step::Reply, due)
            }
            Step::Reply => self.reply(ticket, at),
            Step::Book => {
                act.handle_seconds = Some(self.handle(ticket));
                self.after_reply(ticket, at)
            }
            Step::Ask => {
                ticket.status = Status::Pending;
                self.await_answer(ticket, at)
            }
            Step::Answer if self.chance.happens(TOGETHER) => {
                ticket.status = Status::Open;
                self.reply_again(ticket, at)
            }
            Step::Answer => then(ticket, Step::Reactivate, at.plus(SECOND)),
            Step::Reactivate | Step::Resume => {
                ticket.status = Status::Open;
                self.reply_again(ticket, at)
            }
            Step::Hold => {
                ticket.status = Status::OnHold;
                let wait = self.chance.log_normal(self.delays.hold, self.delays.spread);
                let due = self.working(ticket, at, wait);
                then(ticket, Step::Resume, due)
            }
            Step::Transfer => {
                let teams = self.profile.teams.iter().map(|team| team.weight);
                ticket.team = self.chance.pick(teams).or(ticket.team);
                self.hand_over(ticket, at)
            }
            Step::Escalate => {
                let team = self.profile.escalation_team;
                ticket.team = team
                    .and_then(|team| u16::try_from(team).ok())
                    .or(ticket.team);
                self.hand_over(ticket, at)
            }
            Step::Solve | Step::GiveUp | Step::BotSolve => self.solve(ticket, at),
            Step::OfferCsat => {
                ticket.csat_offered = true;
                self.after_offer(ticket, at)
            }
            Step::RateCsat => {
                ticket.score = self.score(ticket);
                act.score = Some(ticket.score);
                if self.chance.happens(self.behaviour.csat_changed) {
                    let due = self.customers.after(at, 10 * MINUTE);
                    then(ticket, Step::ChangeRating, due)
                } else {
                    self.settle(ticket, at)
                }
            }
            Step::ChangeRating => {
                act.score = Some(if ticket.score > 1 {
                    ticket.score - 1
                } else {
                    3
                });
                self.settle(ticket, at)
            }
            Step::Thank => self.settle(ticket, at),
            Step::Complain => then(ticket, Step::Reopen, at.plus(SECOND)),
            Step::Reopen => {
                ticket.status = Status::Open;
                ticket.reopens = false;
                self.reply_again(ticket, at)
            }
            Step::Close => {
                ticket.status = Status::Closed;
                if self.chance.happens(self.behaviour.reopened_after_close) {
                    let wait = self.chance.log_normal(3 * DAY, 0.8);
                    let due = self.customers.after(at, wait);
                    then(ticket, Step::Complain, due)
                } else {
                    None
                }
            }
            Step::Delete if self.chance.happens(self.behaviour.undeleted) => {
                let wait = self.chance.log_normal(2 * HOUR, self.delays.spread);
                let due = self.working(ticket, at, wait);
                then(ticket, Step::Undelete, due)
            }
            Step::Merge | Step::Spam | Step::Delete => None,
        };
        (act, next)
    }

    /// Type and actor of a step's event.
    fn act(&mut self, ticket: &Ticket) -> Act {
        let channel = self.profile.channels.get(usize::from(ticket.channel));
        let opener = if channel.is_some_and(|channel| channel.opened_by_agent) {
            "agent"
        } else {
            "customer"
        };
        match ticket.step {
            Step::Create => Act::new("created", opener),
            Step::Open => Act::new("message", opener),
            Step::BotReply => Act::new("message", "bot"),
            // Helpdesks disagree on how to say it; the contract takes both.
            Step::Solve if self.chance.happens(0.1) => Act::new("status_changed", "agent"),
            Step::Solve => Act::new("solved", "agent"),
            Step::BotSolve => Act::new("solved", "bot"),
            Step::GiveUp => Act::new("solved", "system"),
            Step::Triage if self.chance.happens(TOGETHER) => Act::new("updated", "agent"),
            Step::Triage | Step::Transfer => Act::new("team_changed", "agent"),
            Step::Assign => Act::new("agent_changed", "agent"),
            Step::Reprioritise => Act::new("priority_changed", "agent"),
            Step::Update => Act::new("updated", "agent"),
            Step::Answer | Step::Chase | Step::Thank | Step::Complain => {
                Act::new("message", "customer")
            }
            Step::Note => Act {
                public: false,
                ..Act::new("message", "agent")
            },
            Step::Reply => Act::new("message", "agent"),
            Step::Book => Act::new("worklog", "agent"),
            Step::Ask | Step::Hold | Step::Resume => Act::new("status_changed", "agent"),
            Step::Reactivate => Act::new("status_changed", "system"),
            Step::Escalate => Act::new("escalated", "agent"),
            Step::OfferCsat => Act::new("csat_offered", "system"),
            Step::RateCsat | Step::ChangeRating => Act::new("csat_rated", "customer"),
            Step::Reopen => Act::new("reopened", "system"),
            Step::Close => Act::new("closed", "system"),
            Step::Merge => Act {
                into: match ticket.fate {
                    Fate::Merged(survivor) => Some(survivor),
                    Fate::Worked | Fate::Spam | Fate::Deleted => None,
                },
                ..Act::new("merged", "agent")
            },
            Step::Spam => Act::new("spam", "system"),
            Step::Delete => Act::new("deleted", "agent"),
            Step::Undelete => Act::new("undeleted", "agent"),
        }
    }

    fn after_opening(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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
    fn take_up(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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
    fn assign(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let part = 0.2 + 0.6 * self.chance.uniform();
        let wait = scaled(ticket.reply_due.since(at), part);
        let due = self.working(ticket, at.plus(wait), 0);
        then(ticket, Step::Assign, due)
    }

    fn after_assignment(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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

    fn await_reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let due = ticket.reply_due.max(self.soon(at, 30 * SECOND));
        let noted = self.chance.happens(self.behaviour.noted);
        then(ticket, if noted { Step::Note } else { Step::Reply }, due)
    }

    /// A later reply, after an answer, a hold or a reopening.
    fn reply_again(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        let wait = self.reply_delay(ticket);
        ticket.reply_due = self.working(ticket, at, wait);
        if ticket.agent.is_none() {
            // A bot had solved it: nobody holds the ticket.
            return self.take_up(ticket, at);
        }
        self.await_reply(ticket, at)
    }

    /// The next team starts from the beginning.
    fn hand_over(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        ticket.agent = None;
        let wait = self.reply_delay(ticket) / 2;
        ticket.reply_due = self.working(ticket, at, wait);
        self.assign(ticket, at)
    }

    fn reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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

    fn after_reply(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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

    fn await_answer(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if self.chance.happens(self.behaviour.silent) {
            return then(ticket, Step::GiveUp, at.plus(self.delays.give_up));
        }
        let wait = self.chance.log_normal(self.delays.answer, 1.2);
        let due = self.customers.after(at, wait.min(self.delays.give_up / 2));
        then(ticket, Step::Answer, due)
    }

    fn solve(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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

    fn after_offer(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
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
    fn settle(&mut self, ticket: &mut Ticket, at: Timestamp) -> Option<Timestamp> {
        if ticket.reopens {
            let wait = self.chance.log_normal(self.delays.reopen, 1.0);
            return self.before_close(ticket, at, wait, Step::Complain);
        }
        let due = ticket.solved.plus(self.delays.close).max(at);
        then(ticket, Step::Close, due)
    }

    /// A customer's step, if its time comes before the ticket is closed.
    fn before_close(
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

    fn reprioritise(&mut self, ticket: &mut Ticket) {
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

    /// Working time to the next human reply.
    fn reply_delay(&mut self, ticket: &Ticket) -> Milliseconds {
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
    fn handle(&mut self, ticket: &Ticket) -> i64 {
        let usual = self.team(ticket).map_or(5 * MINUTE, |team| team.handle);
        self.chance.log_normal(usual, 0.6) / SECOND
    }

    /// 1 to 5 stars; a ticket that took many replies loses some of the good will.
    fn score(&mut self, ticket: &Ticket) -> u8 {
        let satisfaction = self.team(ticket).map_or(0.75, |team| team.satisfaction);
        let good_will = satisfaction * (1.0 - 0.04 * f64::from(ticket.replies.saturating_sub(1)));
        (0..4).fold(1, |stars, _| {
            stars + u8::from(self.chance.happens(good_will))
        })
    }

    /// The holder, or whose work it will be.
    fn team(&self, ticket: &Ticket) -> Option<&Team> {
        let position = ticket.team.unwrap_or(ticket.home);
        self.profile.teams.get(usize::from(position))
    }

    fn working(&self, ticket: &Ticket, at: Timestamp, wait: Milliseconds) -> Timestamp {
        let position = usize::from(ticket.team.unwrap_or(ticket.home));
        self.offices
            .get(position)
            .unwrap_or(&self.reception)
            .after(at, wait)
    }

    /// A moment later, by the hand of whoever is at it: never cut by the end of a shift.
    fn soon(&mut self, at: Timestamp, about: Milliseconds) -> Timestamp {
        at.plus(about / 2 + i64::from(self.chance.below(u32::try_from(about).unwrap_or(0))))
    }
}

fn then(ticket: &mut Ticket, step: Step, at: Timestamp) -> Option<Timestamp> {
    ticket.step = step;
    Some(at)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "days in milliseconds"
)]
fn scaled(length: Milliseconds, factor: f64) -> Milliseconds {
    (length as f64 * factor) as Milliseconds
}
