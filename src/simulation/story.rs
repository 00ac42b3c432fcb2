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
/// Half of the updates are one event with the reply, half are two.
pub(super) const TOGETHER: f64 = 0.5;

/// Tells the stories of one desk's tickets.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    pub(super) chance: Chance,
    pub(super) behaviour: Behaviour,
    pub(super) delays: Delays,
    pub(super) profile: Profile,
    /// By team.
    pub(super) offices: Vec<Office>,
    /// Where a ticket without a team is triaged.
    pub(super) reception: Office,
    pub(super) customers: Office,
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
}

pub(super) fn then(ticket: &mut Ticket, step: Step, at: Timestamp) -> Option<Timestamp> {
    ticket.step = step;
    Some(at)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "days in milliseconds"
)]
pub(super) fn scaled(length: Milliseconds, factor: f64) -> Milliseconds {
    (length as f64 * factor) as Milliseconds
}
