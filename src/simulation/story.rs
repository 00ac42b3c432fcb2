//! The life of a ticket in steps. Each step is one event and decides when the next one comes.
//!
//! Delays depend on the ticket and not on the load, so the backlog is as steady as the arrivals.

use super::distributions::{Chance, mixed};
use super::office::Office;
use super::profile::{Behavior, Delays, OFFICE_DAYS, OFFICE_HOURS, Profile, SimulatedTeam};
use super::ticket::{Act, ReplyOutcome, SimulatedTicket, StoryStep, TicketFate};
use crate::domain::event::Status;
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

/// Hours in which customers write, on every day of the week.
const WAKING_HOURS: &str = "06:30-22:30";
/// Half of the updates are one event with the reply, half are two events.
pub(super) const TOGETHER: f64 = 0.5;

/// When the next step of a ticket is due. `None`: its story is over.
pub(super) type Due = Option<Timestamp>;

/// Performs the steps of tickets.
#[derive(Clone, Debug)]
pub(super) struct Storyteller {
    pub(super) chance: Chance,
    /// A stream of its own, so that attributes do not change the other events of a seed.
    pub(super) attribute_chance: Chance,
    pub(super) behavior: Behavior,
    pub(super) delays: Delays,
    pub(super) profile: Profile,
    /// By team.
    pub(super) offices: Vec<Office>,
    /// The hours of triage for tickets without a team.
    pub(super) reception: Office,
    pub(super) customers: Office,
}

impl Storyteller {
    pub(super) fn new(seed: u64, profile: &Profile) -> Self {
        let zone = profile.timezone;
        let office = Office::open(zone, OFFICE_DAYS, &OFFICE_HOURS);
        let of_team = |team: &SimulatedTeam| {
            if team.around_the_clock {
                Office(None)
            } else {
                office.clone()
            }
        };
        Self {
            chance: Chance::new(seed),
            attribute_chance: Chance::new(mixed(mixed(seed))),
            behavior: profile.behavior.clone(),
            delays: profile.delays.clone(),
            offices: profile.teams.iter().map(of_team).collect(),
            reception: if profile.teams.iter().all(|team| team.around_the_clock) {
                Office(None)
            } else {
                office.clone()
            },
            customers: Office::open(zone, 7, &[WAKING_HOURS]),
            profile: profile.clone(),
        }
    }

    /// A new ticket, whose first step is its creation. `broken` is the team whose outage it reports.
    pub(super) fn arrive(
        &mut self,
        number: u64,
        at: Timestamp,
        broken: Option<u16>,
    ) -> SimulatedTicket {
        let profile = &self.profile;
        let chance = &mut self.chance;
        let home = broken.or_else(|| chance.pick(profile.teams.iter().map(|team| team.weight)));
        let urgency = chance.pick(profile.priorities.iter().map(|priority| priority.weight));
        let channel = chance.pick(profile.channels.iter().map(|channel| channel.weight));
        let triaged = !chance.happens(self.behavior.untriaged);
        let attributes = self.first_attributes();
        let mut ticket = SimulatedTicket {
            number,
            created: at,
            reply_due: at,
            solved: at,
            fate: TicketFate::Worked,
            step: StoryStep::Create,
            outcome: ReplyOutcome::Solve,
            status: Status::New,
            team: home.filter(|_| triaged),
            home: home.unwrap_or(0),
            agent: None,
            priority: urgency.filter(|_| triaged),
            urgency: urgency.unwrap_or(0),
            channel: channel.unwrap_or(0),
            attributes,
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
        if self.chance.happens(self.behavior.spam) {
            ticket.fate = TicketFate::Spam;
        } else if self.chance.happens(self.behavior.deleted) {
            ticket.fate = TicketFate::Deleted;
        }
        ticket
    }

    /// Performs the ticket's step at `at`. Returns the content of the event, and the time of the next
    /// step if there is one.
    pub(super) fn advance(&mut self, ticket: &mut SimulatedTicket, at: Timestamp) -> (Act, Due) {
        let mut act = self.act(ticket);
        let next = match ticket.step {
            StoryStep::Create => then(ticket, StoryStep::Open, at),
            StoryStep::Open => self.after_opening(ticket, at),
            StoryStep::BotReply if self.chance.happens(self.behavior.bot_solved) => {
                then(ticket, StoryStep::BotSolve, at.plus(2 * MINUTE))
            }
            StoryStep::BotReply | StoryStep::Undelete => self.take_up(ticket, at),
            StoryStep::Triage => {
                ticket.team = self
                    .profile
                    .teams
                    .get(usize::from(ticket.home))
                    .map(|_| ticket.home);
                ticket.priority = Some(ticket.urgency);
                self.assign(ticket, at)
            }
            StoryStep::Assign => {
                let agents = self.team(ticket).map_or(1, |team| team.agents.max(1));
                ticket.agent = Some(self.chance.below(agents));
                ticket.status = Status::Open;
                self.after_assignment(ticket, at)
            }
            StoryStep::Reprioritize => {
                self.reprioritize(ticket);
                self.await_reply(ticket, at)
            }
            StoryStep::Update => {
                self.classify(ticket);
                self.await_reply(ticket, at)
            }
            StoryStep::Chase => self.await_reply(ticket, at),
            StoryStep::Note => {
                let due = self.soon(at, 90 * SECOND);
                then(ticket, StoryStep::Reply, due)
            }
            StoryStep::Reply => self.reply(ticket, at),
            StoryStep::Book => {
                act.handle_seconds = Some(self.handle(ticket));
                self.after_reply(ticket, at)
            }
            StoryStep::Ask => {
                ticket.status = Status::Pending;
                self.await_answer(ticket, at)
            }
            StoryStep::Answer if self.chance.happens(TOGETHER) => {
                ticket.status = Status::Open;
                self.reply_again(ticket, at)
            }
            StoryStep::Answer => then(ticket, StoryStep::Reactivate, at.plus(SECOND)),
            StoryStep::Reactivate | StoryStep::Resume => {
                ticket.status = Status::Open;
                self.reply_again(ticket, at)
            }
            StoryStep::Hold => {
                ticket.status = Status::OnHold;
                let wait = self.chance.log_normal(self.delays.hold, self.delays.spread);
                let due = self.working(ticket, at, wait);
                then(ticket, StoryStep::Resume, due)
            }
            StoryStep::Transfer => {
                let teams = self.profile.teams.iter().map(|team| team.weight);
                ticket.team = self.chance.pick(teams).or(ticket.team);
                self.hand_over(ticket, at)
            }
            StoryStep::Escalate => {
                let team = self.profile.escalation_team;
                ticket.team = team
                    .and_then(|team| u16::try_from(team).ok())
                    .or(ticket.team);
                self.hand_over(ticket, at)
            }
            StoryStep::Solve | StoryStep::GiveUp | StoryStep::BotSolve => self.solve(ticket, at),
            StoryStep::OfferCsat => {
                ticket.csat_offered = true;
                self.after_offer(ticket, at)
            }
            StoryStep::RateCsat => {
                ticket.score = self.score(ticket);
                act.score = Some(ticket.score);
                if self.chance.happens(self.behavior.csat_changed) {
                    let due = self.customers.after(at, 10 * MINUTE);
                    then(ticket, StoryStep::ChangeRating, due)
                } else {
                    self.settle(ticket, at)
                }
            }
            StoryStep::ChangeRating => {
                act.score = Some(if ticket.score > 1 {
                    ticket.score - 1
                } else {
                    3
                });
                self.settle(ticket, at)
            }
            StoryStep::Thank => self.settle(ticket, at),
            StoryStep::Complain => then(ticket, StoryStep::Reopen, at.plus(SECOND)),
            StoryStep::Reopen => {
                ticket.status = Status::Open;
                ticket.reopens = false;
                self.reply_again(ticket, at)
            }
            StoryStep::Close => {
                ticket.status = Status::Closed;
                if self.chance.happens(self.behavior.reopened_after_close) {
                    let wait = self.chance.log_normal(3 * DAY, 0.8);
                    let due = self.customers.after(at, wait);
                    then(ticket, StoryStep::Complain, due)
                } else {
                    None
                }
            }
            StoryStep::Delete if self.chance.happens(self.behavior.undeleted) => {
                let wait = self.chance.log_normal(2 * HOUR, self.delays.spread);
                let due = self.working(ticket, at, wait);
                then(ticket, StoryStep::Undelete, due)
            }
            StoryStep::Merge | StoryStep::Spam | StoryStep::Delete => None,
        };
        (act, next)
    }
}

pub(super) fn then(ticket: &mut SimulatedTicket, step: StoryStep, at: Timestamp) -> Due {
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
