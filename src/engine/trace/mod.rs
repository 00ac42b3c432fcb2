//! A trace: everything that became of one ticket, written down as it happens.
//!
//! Off, it costs a look at an empty option. It only listens: with and without it the engine's
//! state is the same. It holds times, labels and ids, never content or people.

mod hooks;
mod measures;

pub use measures::goal;

use compact_str::CompactString;
use serde::{Serialize, Serializer};

use super::rules::Kpi;
use super::ticket::{GoalState, Slot, Ticket};
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};

/// Something that happened to the ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceEntry {
    /// As of when, in event time.
    pub at: Timestamp,
    /// The time of the event that told, where that was later than `at`; else `at`.
    pub known: Timestamp,
    #[serde(flatten)]
    pub what: Happening,
}

/// See [`TraceEntry`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    Event(EventTrace),
    /// The creation time became known later than the ticket, or was corrected.
    StartLearned {
        created: Timestamp,
    },
    Observation(Observation),
    Goal(GoalTrace),
    Finalized {
        team: String,
        priority: String,
        /// `None` where the creation is unknown: then it is not counted.
        first_contact: Option<bool>,
        /// What speaks against first contact resolution.
        because: Vec<&'static str>,
        /// Whether it was final before, and was reopened.
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

/// An event of the ticket, or of one that was merged into it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventTrace {
    pub kind: &'static str,
    /// Who wrote, where it is a message that counts: `agent` or `customer`.
    pub message_of: Option<&'static str>,
    /// Agent time that a worklog reports.
    #[serde(rename = "handle_seconds", serialize_with = "as_some_seconds")]
    pub handle: Option<Milliseconds>,
    /// `applied`, `duplicate`, or why it was ignored: `withdrawn`, `merged_away`.
    pub outcome: &'static str,
    /// The event's own time, where it was earlier than that of the event before.
    pub out_of_order: Option<Timestamp>,
    /// It opened the ticket.
    pub opened: bool,
    /// The merged ticket it names, where that is another one.
    pub named: Option<String>,
    /// The ticket it went to, where this one was merged into that.
    pub passed_on_to: Option<String>,
    pub changes: Vec<AttributeChange>,
}

/// An attribute that an event changed; `from` is `None` for the event that opened the ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttributeChange {
    pub attribute: &'static str,
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
    /// Older changes that are kept as a sum: not all the time between `from` and `to` counted.
    #[serde(rename = "sum", skip_serializing_if = "std::ops::Not::not")]
    pub is_sum: bool,
    /// The opening hours in it, where there are any and it is not too long.
    pub open: Vec<(Timestamp, Timestamp)>,
}

/// A duration that went into a histogram.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    #[serde(serialize_with = "kpi_name")]
    pub kpi: Kpi,
    pub team: String,
    pub priority: String,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Statuses whose time does not count.
    pub excluded: Vec<&'static str>,
    pub spans: Vec<CountedSpan>,
    /// Name of the team's business calendar.
    pub business_calendar: String,
    /// Value in `clock="calendar"` (handle time: `source="reported"`).
    #[serde(rename = "calendar_seconds", serialize_with = "as_some_seconds")]
    pub calendar: Option<Milliseconds>,
    /// Value in `clock="business"` (handle time: `source="derived"`).
    #[serde(rename = "business_seconds", serialize_with = "as_some_seconds")]
    pub business: Option<Milliseconds>,
}

/// What happened to a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalStep {
    Begun,
    /// Judged anew: by another policy, or from another beginning.
    Rebased,
    Paused,
    Resumed,
    Met,
    Breached,
    /// It had breached before; now it is no longer overdue.
    EndedOverdue,
    /// Ended uncounted.
    Cancelled,
}

/// A goal at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalTrace {
    pub step: GoalStep,
    pub target: &'static str,
    pub team: String,
    pub priority: String,
    pub policy: String,
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub length: Milliseconds,
    pub clock: &'static str,
    /// Name of the calendar it runs on; `None`: it runs all the time.
    pub calendar: Option<String>,
    /// Statuses that pause it.
    pub pauses: Vec<&'static str>,
    pub start: Timestamp,
    /// Running time until then, on its own clock.
    #[serde(rename = "running_seconds", serialize_with = "as_seconds")]
    pub running: Milliseconds,
    /// The stretches in which it ran; `business` is on its own clock.
    pub spans: Vec<CountedSpan>,
    /// `None` while paused, and once decided.
    pub deadline: Option<Timestamp>,
}

/// See the module.
#[derive(Debug)]
pub struct Trace {
    id: CompactString,
    entries: Vec<TraceEntry>,
}

/// What an event can change, before and after it.
#[derive(Debug)]
pub struct Facts {
    attributes: [(&'static str, String); 5],
    last_at: Timestamp,
}

/// A goal before it is judged anew.
#[derive(Clone, Copy, Debug)]
pub struct GoalBefore {
    state: GoalState,
    deadline: Timestamp,
    policy: u16,
}

impl GoalBefore {
    pub fn of(ticket: &Ticket, slot: Slot, policy: u16) -> Self {
        Self {
            state: ticket.states[slot as usize],
            deadline: ticket.deadlines[slot as usize],
            policy,
        }
    }
}

impl Trace {
    /// Listens to one ticket.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            entries: Vec::new(),
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// How much is written down so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the ticket was forgotten since there were so many entries.
    pub fn forgotten_since(&self, entries: usize) -> bool {
        self.entries[entries..]
            .iter()
            .any(|entry| entry.what == Happening::Forgotten)
    }

    /// Puts an event before what it led to: before the entries after the first `position`.
    pub fn insert(&mut self, position: usize, entry: TraceEntry) {
        self.entries.insert(position, entry);
    }

    /// All of it in the order of time; what has one time, in the order in which it happened.
    pub fn into_entries(mut self) -> Vec<TraceEntry> {
        self.entries.sort_by_key(|entry| entry.known);
        self.entries
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType, Status};
    use crate::domain::policy::{Clock, Match, Policy, Target};
    use crate::domain::timestamp::HOUR;
    use crate::engine::{Engine, Rules};

    fn event(id: &str, kind: EventType, hour: i64) -> Event<'_> {
        let identity = EventIdentity(hour.unsigned_abs() << 8 | kind as u64);
        Event::new(id, kind, Timestamp(hour * HOUR), identity)
    }

    /// Resolution within four hours of elapsed time.
    fn rules() -> Arc<Rules> {
        let mut targets = [None; 4];
        targets[Target::Resolution as usize] = Some(4 * HOUR);
        Arc::new(Rules {
            policies: vec![Policy {
                name: "standard".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets,
                pauses: Policy::default_pauses(),
            }],
            ..Rules::default()
        })
    }

    fn traced(events: &[Event<'_>]) -> Vec<TraceEntry> {
        let mut engine = Engine::new(rules(), Timestamp(0));
        engine.trace("a");
        let partition = engine.only_partition();
        for event in events {
            engine.apply(partition, event);
        }
        engine.take_trace()
    }

    fn steps(entries: &[TraceEntry]) -> Vec<(i64, GoalStep, i64)> {
        let goals = entries.iter().filter_map(|entry| match &entry.what {
            Happening::Goal(goal) => Some((entry.at.0 / HOUR, goal.step, goal.running / HOUR)),
            _ => None,
        });
        goals.collect()
    }

    #[test]
    fn only_the_traced_ticket_is_written_down() {
        let entries = traced(&[event("b", EventType::Created, 1)]);
        assert_eq!(entries, []);
    }

    #[test]
    fn goals_pause_run_again_and_breach() {
        let mut waits = event("a", EventType::StatusChanged, 2);
        waits.status = Some(Status::Pending);
        let mut answered = event("a", EventType::StatusChanged, 10);
        answered.status = Some(Status::Open);
        let entries = traced(&[
            event("a", EventType::Created, 1),
            waits,
            answered,
            event("b", EventType::Created, 20),
        ]);
        assert_eq!(
            steps(&entries),
            [
                (1, GoalStep::Begun, 0),
                (2, GoalStep::Paused, 1),
                (10, GoalStep::Resumed, 1),
                (13, GoalStep::Breached, 4),
            ]
        );
    }

    #[test]
    fn withdrawal_cancels_and_undeleting_begins_again() {
        let entries = traced(&[
            event("a", EventType::Created, 1),
            event("a", EventType::Deleted, 2),
            event("a", EventType::Undeleted, 5),
        ]);
        assert_eq!(
            steps(&entries),
            [
                (1, GoalStep::Begun, 0),
                (2, GoalStep::Cancelled, 1),
                (5, GoalStep::Begun, 1),
            ]
        );
        assert!(
            entries
                .iter()
                .any(|entry| entry.what == Happening::Restored)
        );
    }

    #[test]
    fn an_event_stands_before_what_it_led_to_and_after_the_timers_before_it() {
        let mut reply = event("a", EventType::Message, 9);
        reply.actor = Some(Actor::Agent);
        let entries = traced(&[event("a", EventType::Created, 1), reply]);
        let kinds: Vec<&str> = entries
            .iter()
            .map(|entry| match &entry.what {
                Happening::Event(event) => event.kind,
                Happening::Goal(_) => "goal",
                Happening::Observation(_) => "observation",
                _ => "other",
            })
            .collect();
        assert_eq!(kinds, ["created", "goal", "goal", "message", "observation"]);
    }

    #[test]
    fn a_duplicate_is_named_and_changes_nothing() {
        let entries = traced(&[
            event("a", EventType::Created, 1),
            event("a", EventType::Created, 1),
        ]);
        let outcomes: Vec<&str> = entries
            .iter()
            .filter_map(|entry| match &entry.what {
                Happening::Event(event) => Some(event.outcome),
                _ => None,
            })
            .collect();
        assert_eq!(outcomes, ["applied", "duplicate"]);
    }
}
