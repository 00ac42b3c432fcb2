//! The properties of a helpdesk: its teams, their hours, and the shares of what happens to tickets.
//!
//! All of it is data. A test or a demonstration changes a field and keeps the rest.

use chrono_tz::Tz;

use crate::domain::policy::Policy;
use crate::domain::timestamp::Milliseconds;

/// As many as the exporter's configuration takes.
pub(super) const MOST_ATTRIBUTES: usize = 4;
/// With an hour of lunch.
pub(super) const OFFICE_HOURS: [&str; 2] = ["08:00-12:00", "13:00-17:00"];
/// Monday to Friday.
pub(super) const OFFICE_DAYS: usize = 5;

/// A team. Names must be unique.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedTeam {
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
    /// Probability of each star above the first: 0.75 is 4 of 5 on average.
    pub satisfaction: f64,
    /// Handle time of one reply.
    pub handle: Milliseconds,
}

/// A priority with its usual delays and its SLA targets.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPriority {
    pub name: String,
    pub weight: f64,
    /// Median working time to the first human reply.
    pub first_reply: Milliseconds,
    /// Median working time to each later reply.
    pub next_reply: Milliseconds,
    /// SLA targets.
    pub first_response: Milliseconds,
    pub next_response: Milliseconds,
    pub resolution: Milliseconds,
}

/// An attribute of the user's own. Names must be unique.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedAttribute {
    pub name: String,
    /// The values, each with its share of the tickets relative to the others.
    pub values: Vec<(String, f64)>,
    /// The configuration makes it a label, with all its values.
    pub is_label: bool,
    /// Share of the new tickets that have no value until an agent updates them.
    pub unknown: f64,
}

/// A channel. Names must be unique.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedChannel {
    pub name: String,
    pub weight: f64,
    /// Share of tickets that a bot answers first.
    pub bot_reply: f64,
    /// An agent writes the opening message, not the customer.
    pub opened_by_agent: bool,
    /// Factor on the delay of every agent's reply: customers on the phone do not wait.
    pub slowness: f64,
}

/// Weights of arrivals by local hour and weekday (Monday first).
#[derive(Clone, Debug, PartialEq)]
pub struct ArrivalWeek {
    pub hours: [f64; 24],
    pub weekdays: [f64; 7],
}

/// Outages: days on which one team gets very many tickets.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidents {
    /// Share of the working days with an outage.
    pub share: f64,
    /// The team that is responsible.
    pub team: usize,
    /// Additional arrivals in the first hour, in average hours of the whole helpdesk; half as many in
    /// each later hour.
    pub burst: f64,
    pub hours: u32,
    /// Share of these tickets that are merged into the first report.
    pub merged: f64,
    /// Factor on the delay of the first reply to these tickets.
    pub slowness: f64,
}

/// Shares from 0 to 1 of what happens to tickets.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// Of the new tickets: without team and priority until triage.
    pub untriaged: f64,
    /// Of the tickets with a bot's answer: solved by it.
    pub bot_solved: f64,
    /// Of the new tickets: the customer writes again before the first reply.
    pub chased: f64,
    /// Of the assignments: handed to another team instead of answered.
    pub transferred: f64,
    /// Of the assignments: given another priority.
    pub reprioritized: f64,
    /// Of the assignments: only a tag or custom field changes.
    pub updated: f64,
    /// Of the replies: a private note comes first.
    pub noted: f64,
    /// Of the replies: asks the customer something and waits in pending.
    pub asked: f64,
    /// Of the questions: never answered, so the system solves the ticket.
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
    /// Of the deleted tickets: restored.
    pub undeleted: f64,
}

/// Median delays, apart from the replies.
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
    /// A reopening by the customer, in waking hours.
    pub reopen: Milliseconds,
    /// The answer to a survey, in waking hours.
    pub rating: Milliseconds,
    /// The system solves a ticket that was pending for this long.
    pub give_up: Milliseconds,
    /// The system closes a ticket that was solved for this long.
    pub close: Milliseconds,
}

/// Imperfect delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Share of records delivered twice.
    pub duplicates: f64,
    /// Share of records whose event time is behind their place in the stream.
    pub late: f64,
    /// The largest such delay; half of it is for the distance between a duplicate and its original.
    pub lateness: Milliseconds,
}

/// A helpdesk. `Default` is the one for demonstrations.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The zone of agents and customers.
    pub timezone: Tz,
    pub tickets_a_day: f64,
    /// Number of tickets to create; `None`: no end.
    pub tickets: Option<u64>,
    pub first_ticket: u64,
    /// Seasonal variation of the demand, as a share of it.
    pub season: f64,
    pub week: ArrivalWeek,
    pub teams: Vec<SimulatedTeam>,
    /// Most urgent first.
    pub priorities: Vec<SimulatedPriority>,
    pub channels: Vec<SimulatedChannel>,
    /// Further ones than the exporter's configuration takes are ignored.
    pub attributes: Vec<SimulatedAttribute>,
    /// Policies that the configuration has besides those of the priorities.
    pub policies: Vec<Policy>,
    /// Index of the team that takes escalations.
    pub escalation_team: Option<usize>,
    pub incidents: Option<Incidents>,
    pub behavior: Behavior,
    pub delays: Delays,
    pub delivery: Delivery,
}
