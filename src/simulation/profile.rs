//! What a desk is like: its people, their hours, and how often what happens to a ticket.
//!
//! All of it is data; a test, a demonstration or a user changes a field and keeps the rest.

use chrono_tz::Tz;

use crate::domain::timestamp::Milliseconds;

/// Office hours in minutes of the local day: 08:00 to 17:00 with an hour of lunch.
pub(super) const OFFICE_SHIFTS: [(u16, u16); 2] = [(8 * 60, 12 * 60), (13 * 60, 17 * 60)];
/// Office days: Monday to Friday.
pub(super) const OFFICE_DAYS: usize = 5;

/// A kind of ticket holder. Names must be unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    pub name: String,
    /// Share of the new tickets, relative to the other teams.
    pub weight: f64,
    pub agents: u32,
    /// Works through nights and weekends.
    pub around_the_clock: bool,
    /// Factor on every delay of its agents.
    pub slowness: f64,
    /// Share of replies that wait for a third party: spare parts, a supplier, a visit.
    pub held: f64,
    /// Chance that a rating gives each star above the first: 0.75 is 4 of 5 on average.
    pub satisfaction: f64,
    /// What one reply costs an agent.
    pub handle: Milliseconds,
}

/// An urgency, with what is usual and what is promised for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Priority {
    pub name: String,
    pub weight: f64,
    /// Working time to the first human reply, median.
    pub first_reply: Milliseconds,
    /// Working time to each later reply, median.
    pub next_reply: Milliseconds,
    /// SLA targets.
    pub first_response: Milliseconds,
    pub next_response: Milliseconds,
    pub resolution: Milliseconds,
    pub ownership: Option<Milliseconds>,
}

/// A way in. Names must be unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    pub name: String,
    pub weight: f64,
    /// Share of tickets that a bot answers first.
    pub bot_reply: f64,
    /// An agent writes the ticket down, so the opening message is not the customer's.
    pub opened_by_agent: bool,
    /// Factor on the delay of every agent's reply: people at the other end of a line do not wait.
    pub slowness: f64,
}

/// When tickets come: weights by local hour and weekday (Monday first).
#[derive(Clone, Debug, PartialEq)]
pub struct Week {
    pub hours: [f64; 24],
    pub weekdays: [f64; 7],
}

/// Outages: days on which one team is flooded.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidents {
    /// Share of the working days with an outage.
    pub share: f64,
    /// The team that owns what broke.
    pub team: usize,
    /// Extra arrivals in the first hour, in average hours of the whole desk; half as many in each
    /// hour after.
    pub burst: f64,
    pub hours: u32,
    /// Share of the burst's tickets that are merged into the first report.
    pub merged: f64,
    /// Factor on the delay of the first reply to the burst's tickets.
    pub slowness: f64,
}

/// How often what happens to a ticket; shares of 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// Of the new tickets: without team and priority until triage.
    pub untriaged: f64,
    /// Of the tickets with a bot's answer: solved by it.
    pub bot_solved: f64,
    /// Of the new tickets: the customer writes again before anyone replied.
    pub chased: f64,
    /// Of the assignments: handed to another team instead of answered.
    pub transferred: f64,
    /// Of the assignments: given another priority.
    pub reprioritised: f64,
    /// Of the assignments: a tag or custom field changes and nothing else.
    pub updated: f64,
    /// Of the replies: a private note comes first.
    pub noted: f64,
    /// Of the replies: asks the customer something and waits in pending.
    pub asked: f64,
    /// Of the questions: never answered, so the ticket is solved by the system.
    pub silent: f64,
    /// Of the replies: escalated afterwards.
    pub escalated: f64,
    /// Of the replies: time is booked.
    pub booked: f64,
    /// Of the solved tickets: a survey is sent.
    pub csat_offered: f64,
    /// Of the surveys: answered.
    pub csat_rated: f64,
    /// Of the ratings: changed afterwards.
    pub csat_changed: f64,
    /// Of the solved tickets: the customer says thank you.
    pub thanked: f64,
    /// Of the solved tickets: reopened before they are closed.
    pub reopened: f64,
    /// Of the closed tickets: reopened.
    pub reopened_after_close: f64,
    /// Of the new tickets.
    pub merged: f64,
    /// Of the new tickets.
    pub spam: f64,
    /// Of the new tickets.
    pub deleted: f64,
    /// Of the deleted tickets: brought back.
    pub undeleted: f64,
}

/// How long people take, apart from the replies: medians.
#[derive(Clone, Debug, PartialEq)]
pub struct Delays {
    /// Standard deviation of the logarithm of every delay of agents.
    pub spread: f64,
    /// Working time to triage.
    pub triage: Milliseconds,
    /// A customer's answer, in waking hours.
    pub answer: Milliseconds,
    /// A third party, in working time.
    pub hold: Milliseconds,
    /// A customer's dissatisfaction with a solution, in waking hours.
    pub reopen: Milliseconds,
    /// The answer to a survey, in waking hours.
    pub rating: Milliseconds,
    /// The system solves what stayed pending this long.
    pub give_up: Milliseconds,
    /// The system closes what stayed solved this long.
    pub close: Milliseconds,
}

/// Imperfections of delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Share of records delivered twice.
    pub duplicates: f64,
    /// Share of records whose event time is behind their place in the stream.
    pub late: f64,
    /// How far behind at most, half of it for a duplicate's distance from its original.
    pub lateness: Milliseconds,
}

/// See the module. `Default` is the desk of demonstrations.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The zone of the agents and customers.
    pub timezone: Tz,
    pub tickets_a_day: f64,
    /// Tickets created in all; `None`: no end.
    pub tickets: Option<u64>,
    pub first_ticket: u64,
    /// Slow swing of the demand over a year, as a share of it.
    pub season: f64,
    pub week: Week,
    pub teams: Vec<Team>,
    /// Most urgent first.
    pub priorities: Vec<Priority>,
    pub channels: Vec<Channel>,
    /// Position of the team that takes escalations.
    pub escalation_team: Option<usize>,
    pub incidents: Option<Incidents>,
    pub behaviour: Behaviour,
    pub delays: Delays,
    pub delivery: Delivery,
}
