//! The entries of a ticket's trace, as `explain` prints them and serializes them.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};
use crate::engine::rules::Kpi;

/// One entry of a ticket's trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceEntry {
    /// The event time as of which it holds.
    pub at: Timestamp,
    /// The time at which the engine learned it: later than `at` if a late event brought it.
    pub known: Timestamp,
    #[serde(flatten)]
    pub what: TraceEvent,
}

/// The content of a [`TraceEntry`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum TraceEvent {
    Event(EventTrace),
    /// The creation time became known after the first event, or was corrected.
    StartLearned {
        created: Timestamp,
    },
    /// The author of the message is the requester, so it is the customer's.
    WrittenByRequester,
    /// The message opens the ticket and is no reply.
    OpeningMessage,
    Observation(Observation),
    Goal(GoalTrace),
    Finalized {
        team: String,
        priority: String,
        /// The user's own attributes that are labels.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, String>,
        /// `None`: the creation time is unknown, so the end is not counted.
        first_contact: Option<bool>,
        /// The reasons against first contact resolution.
        because: Vec<&'static str>,
        /// Whether the ticket was final before, and was reopened.
        reopened: bool,
        retained_until: Timestamp,
    },
    Withdrawn {
        reason: &'static str,
        into: Option<String>,
        retained_until: Timestamp,
    },
    Restored,
    Forgotten,
}

/// An event of the ticket, or of a ticket that was merged into it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventTrace {
    pub kind: &'static str,
    /// The author of a message that counts: `agent` or `customer`.
    pub message_of: Option<&'static str>,
    /// The agent time of a worklog.
    #[serde(rename = "handle_seconds", serialize_with = "as_some_seconds")]
    pub handle: Option<Milliseconds>,
    /// `applied`, `duplicate`, or the reason why it was ignored: `withdrawn`, `merged_away`.
    pub outcome: &'static str,
    /// Whether such an event of a merged ticket goes on to the ticket that it was merged into.
    #[serde(skip)]
    pub goes_on: bool,
    /// The event's own time, if it is earlier than that of the previous event.
    pub out_of_order: Option<Timestamp>,
    /// Whether the event opened the ticket.
    pub opened: bool,
    /// The ticket that the event names, if that one was merged into this one.
    pub named: Option<String>,
    /// The ticket that the event applied to, if this one was merged into it.
    pub passed_on_to: Option<String>,
    pub changes: Vec<AttributeChange>,
    pub stale: Vec<StaleStatement>,
}

/// A statement that does not count, because a later one is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StaleStatement {
    pub member: String,
    pub stated: Timestamp,
    pub last_stated: Timestamp,
}

/// An attribute that an event changed. `from` is `None` for the event that opened the ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttributeChange {
    pub attribute: String,
    pub from: Option<String>,
    pub to: String,
}

/// A stretch of time that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CountedSpan {
    pub from: Timestamp,
    pub to: Timestamp,
    #[serde(rename = "calendar_seconds", serialize_with = "as_seconds")]
    pub calendar: Milliseconds,
    #[serde(rename = "business_seconds", serialize_with = "as_seconds")]
    pub business: Milliseconds,
    /// A sum of older phases: only a part of the time between `from` and `to` counted.
    #[serde(rename = "sum", skip_serializing_if = "std::ops::Not::not")]
    pub is_sum: bool,
    /// The opening hours in the stretch, unless it is too long to list them.
    pub open: Vec<(Timestamp, Timestamp)>,
}

/// A duration that was observed in a histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    #[serde(serialize_with = "kpi_name")]
    pub kpi: Kpi,
    pub team: String,
    pub priority: String,
    /// The user's own attributes that are labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Time in these statuses does not count.
    pub excluded: Vec<&'static str>,
    pub spans: Vec<CountedSpan>,
    /// Name of the team's business calendar.
    pub business_calendar: String,
    /// The value for `clock="calendar"` (handle time: `source="reported"`).
    #[serde(rename = "calendar_seconds", serialize_with = "as_some_seconds")]
    pub calendar: Option<Milliseconds>,
    /// The value for `clock="business"` (handle time: `source="derived"`).
    #[serde(rename = "business_seconds", serialize_with = "as_some_seconds")]
    pub business: Option<Milliseconds>,
}

/// A step in the life of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalStep {
    Begun,
    /// The goal has another policy or another start.
    Rebased,
    Paused,
    Resumed,
    Met,
    Breached,
    /// The goal had breached before; now it is no longer overdue.
    EndedOverdue,
    /// The goal ended without being counted.
    Cancelled,
}

/// A goal at one point in time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalTrace {
    pub step: GoalStep,
    pub target: &'static str,
    pub team: String,
    pub priority: String,
    /// The user's own attributes that are labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub policy: String,
    /// The group of the policy.
    pub group: String,
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub length: Milliseconds,
    pub clock: &'static str,
    /// Name of the goal's calendar. `None`: the goal runs all the time.
    pub calendar: Option<String>,
    /// The statuses that pause the goal.
    pub pauses: Vec<&'static str>,
    pub start: Timestamp,
    /// The running time until then, on the goal's clock.
    #[serde(rename = "running_seconds", serialize_with = "as_seconds")]
    pub running: Milliseconds,
    /// The stretches in which the goal ran; `business` is on the goal's clock.
    pub spans: Vec<CountedSpan>,
    /// `None` while the goal is paused, and after it is decided.
    pub deadline: Option<Timestamp>,
}

fn kpi_name<S: Serializer>(kpi: &Kpi, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kpi.name())
}

pub fn as_seconds<S: Serializer>(value: &Milliseconds, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(seconds(*value))
}

#[allow(clippy::ref_option, reason = "the signature serde asks for")]
pub fn as_some_seconds<S: Serializer>(
    value: &Option<Milliseconds>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.map(seconds).serialize(serializer)
}
