//! A trace: everything that became of one ticket, written down as it happens.
//!
//! Off, it costs a look at an empty option. It only listens: with and without it the engine's
//! state is the same. It holds times, labels and ids, never content or people.

use compact_str::CompactString;
use serde::{Serialize, Serializer};

use super::recorder::Recorder;
use super::rules::Kpi;
use super::series::Basis;
use super::ticket::{Flags, GoalState, Slot, Ticket};
use super::timeline::Stretches;
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::{Event, EventType, Status};
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp, seconds};

/// Opening hours are listed one by one in stretches up to this long; beyond, nobody reads them.
const OPENINGS_LISTED: Milliseconds = 14 * DAY;
/// The calendar of who has none.
const ALWAYS_OPEN: &str = "24x7";

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

/// The hooks. Each does nothing unless the ticket is the traced one.
impl Recorder {
    fn traces(&self, ticket: &Ticket) -> bool {
        self.trace
            .as_ref()
            .is_some_and(|trace| trace.id == ticket.id)
    }

    pub fn note(&mut self, ticket: &Ticket, at: Timestamp, what: impl FnOnce(&Self) -> Happening) {
        if !self.traces(ticket) {
            return;
        }
        let what = what(self);
        if let Some(trace) = &mut self.trace {
            let known = at.max(ticket.last_at);
            trace.entries.push(TraceEntry { at, known, what });
        }
    }

    /// Something was decided about a goal.
    pub fn note_goal(&mut self, ticket: &Ticket, slot: Slot, step: GoalStep, at: Timestamp) {
        if self.traces(ticket)
            && let Some(goal) = goal(self, ticket, slot, step, at)
        {
            self.note(ticket, at, |_| Happening::Goal(goal));
        }
    }

    /// A goal was judged anew; not yet whether it breaches by that.
    pub fn note_judged(&mut self, ticket: &Ticket, slot: Slot, before: GoalBefore, at: Timestamp) {
        if !self.traces(ticket) {
            return;
        }
        let deadline = ticket.deadlines[slot as usize];
        let (paused, was_paused) = (
            deadline == Timestamp::NEVER,
            before.deadline == Timestamp::NEVER,
        );
        let step = match (before.state, ticket.states[slot as usize]) {
            (GoalState::Undecided, GoalState::Absent) => GoalStep::Cancelled,
            (GoalState::Undecided, GoalState::Undecided) => {
                if before.policy != ticket.policy
                    || (!paused && !was_paused && deadline != before.deadline)
                {
                    GoalStep::Rebased
                } else if paused && !was_paused {
                    GoalStep::Paused
                } else if was_paused && !paused {
                    GoalStep::Resumed
                } else {
                    return;
                }
            }
            (_, GoalState::Undecided) => GoalStep::Begun,
            _ => return,
        };
        if step == GoalStep::Cancelled {
            // The goal was on the former policy.
            let mut former = ticket.clone();
            former.policy = before.policy;
            self.note_goal(&former, slot, step, at);
        } else {
            self.note_goal(ticket, slot, step, at);
        }
    }

    /// Both values of a duration, from the stretches of the timeline that count.
    pub fn note_observation(
        &mut self,
        ticket: &Ticket,
        (kpi, basis): (Kpi, Option<Basis>),
        (team, priority): (u16, u8),
        stretches: impl FnOnce() -> Stretches,
        at: Timestamp,
    ) {
        self.note(ticket, at, |recorder| {
            let stretches = stretches();
            let id = recorder.calendar_of(team);
            let spans = spans(recorder.calendar(id), &stretches.counted);
            let calendar = spans.iter().map(|span| span.calendar).sum();
            let business = spans.iter().map(|span| span.business).sum();
            Happening::Observation(Observation {
                kpi,
                team: recorder.team_label(team),
                priority: recorder.priority_label(priority),
                start: stretches.start,
                end: stretches.end,
                excluded: names(stretches.excluded),
                spans,
                business_calendar: recorder.calendar_name(id),
                calendar: (basis != Some(Basis::Business)).then_some(calendar),
                business: (basis != Some(Basis::Calendar)).then_some(business),
            })
        });
    }

    /// Handle time that was reported: there are no stretches, only a sum.
    pub fn note_reported(
        &mut self,
        ticket: &Ticket,
        (team, priority): (u16, u8),
        value: Milliseconds,
        at: Timestamp,
    ) {
        self.note(ticket, at, |recorder| {
            Happening::Observation(Observation {
                kpi: Kpi::Handle,
                team: recorder.team_label(team),
                priority: recorder.priority_label(priority),
                start: ticket.timeline.start(),
                end: at,
                excluded: Vec::new(),
                spans: Vec::new(),
                business_calendar: recorder.calendar_name(recorder.calendar_of(team)),
                calendar: Some(value),
                business: None,
            })
        });
    }

    /// What an event says, with what it changed; `before` is `None` where it opened the ticket.
    pub fn event_trace(
        &self,
        event: &Event<'_>,
        outcome: &'static str,
        before: Option<&Facts>,
        after: Option<&Facts>,
    ) -> (Timestamp, EventTrace) {
        let applied = outcome == "applied";
        let at = after
            .filter(|_| applied)
            .map_or(event.at, |after| after.last_at);
        let changes = match after {
            Some(after) if applied => changes(before, after),
            _ => Vec::new(),
        };
        let message_of = if event.is_human_reply() {
            Some("agent")
        } else if event.is_customer_message() {
            Some("customer")
        } else {
            None
        };
        let trace = EventTrace {
            kind: kind_name(event.kind),
            message_of,
            handle: event.handle.filter(|_| event.kind == EventType::Worklog),
            outcome,
            out_of_order: (event.at < at).then_some(event.at),
            opened: applied && before.is_none(),
            named: None,
            passed_on_to: None,
            changes,
        };
        (at, trace)
    }

    pub fn facts(&self, ticket: &Ticket) -> Facts {
        let channels = self.labels.channels.names();
        let channel = self.labels.channels.label(ticket.channel.into());
        Facts {
            attributes: [
                ("team", self.team_label(ticket.team_number)),
                ("priority", self.priority_label(ticket.priority)),
                ("channel", channels[usize::from(channel)].to_string()),
                ("assigned", yes(ticket.has(Flags::ASSIGNED)).to_owned()),
                ("status", ticket.status().name().to_owned()),
            ],
            last_at: ticket.last_at,
        }
    }

    pub fn team_label(&self, team: u16) -> String {
        let label = self.labels.teams.label(team);
        self.labels.teams.names()[usize::from(label)].to_string()
    }

    pub fn priority_label(&self, priority: u8) -> String {
        let label = self.labels.priorities.label(priority.into());
        self.labels.priorities.names()[usize::from(label)].to_string()
    }

    pub fn calendar_name(&self, id: Option<CalendarId>) -> String {
        calendar_name(&self.rules.calendar_names, id)
    }
}

/// The goal in a slot as of `at`, with its running time until then; `None` where no policy
/// promises one.
pub fn goal(
    recorder: &Recorder,
    ticket: &Ticket,
    slot: Slot,
    step: GoalStep,
    at: Timestamp,
) -> Option<GoalTrace> {
    let policy = recorder.policy(ticket.policy)?;
    let target = ticket.target(slot);
    let length = policy.target(target)?;
    let start = match slot {
        Slot::Response => ticket.response_since,
        Slot::Resolution => ticket.resolution_since,
        Slot::Ownership => ticket.leg_since,
    };
    let calendar_id = policy.calendar.unwrap_or(ticket.slot_calendar(slot));
    let calendar = recorder.goal_calendar(policy, ticket.slot_calendar(slot));
    let pauses = policy.pauses[target as usize];
    let excluded = pauses.with(Status::Solved).with(Status::Closed);
    let known = start != Timestamp::NEVER;
    let stretches = ticket.timeline.stretches(start, at, excluded);
    let spans = if known {
        spans(calendar, &stretches.counted)
    } else {
        Vec::new()
    };
    let deadline = ticket.deadlines[slot as usize];
    Some(GoalTrace {
        step,
        target: target.name(),
        team: recorder.team_label(ticket.team_number),
        priority: recorder.priority_label(ticket.priority),
        policy: policy.name.clone(),
        length,
        clock: policy.clock.name(),
        calendar: calendar.map(|_| recorder.calendar_name(calendar_id)),
        pauses: names(pauses),
        start: if known { start } else { at },
        running: spans.iter().map(|span| span.business).sum(),
        spans,
        deadline: (deadline != Timestamp::NEVER).then_some(deadline),
    })
}

/// Stretches with their lengths on both clocks and their opening hours.
pub fn spans(
    calendar: Option<&Calendar>,
    stretches: &[(Timestamp, Timestamp)],
) -> Vec<CountedSpan> {
    stretches
        .iter()
        .map(|(from, to)| {
            let length = to.since(*from);
            CountedSpan {
                from: *from,
                to: *to,
                calendar: length,
                business: calendar.map_or(length, |calendar| calendar.between(*from, *to)),
                open: calendar
                    .filter(|_| length <= OPENINGS_LISTED)
                    .map(|calendar| calendar.openings(*from, *to))
                    .unwrap_or_default(),
            }
        })
        .collect()
}

pub fn calendar_name(names: &[String], id: Option<CalendarId>) -> String {
    match id {
        None => ALWAYS_OPEN.to_owned(),
        Some(id) => names
            .get(usize::from(id.0))
            .cloned()
            .unwrap_or_else(|| format!("calendar {}", id.0)),
    }
}

fn changes(before: Option<&Facts>, after: &Facts) -> Vec<AttributeChange> {
    let mut changes = Vec::new();
    for (position, (attribute, to)) in after.attributes.iter().enumerate() {
        let from = before.map(|before| before.attributes[position].1.clone());
        if from.as_ref() != Some(to) {
            changes.push(AttributeChange {
                attribute,
                from,
                to: to.clone(),
            });
        }
    }
    changes
}

pub fn names(statuses: StatusSet) -> Vec<&'static str> {
    let all = Status::ALL.into_iter();
    all.filter(|status| statuses.contains(*status))
        .map(Status::name)
        .collect()
}

const fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

const fn kind_name(kind: EventType) -> &'static str {
    match kind {
        EventType::Created => "created",
        EventType::Message => "message",
        EventType::StatusChanged => "status_changed",
        EventType::TeamChanged => "team_changed",
        EventType::AgentChanged => "agent_changed",
        EventType::PriorityChanged => "priority_changed",
        EventType::Updated => "updated",
        EventType::Worklog => "worklog",
        EventType::Escalated => "escalated",
        EventType::CsatOffered => "csat_offered",
        EventType::CsatRated => "csat_rated",
        EventType::Merged => "merged",
        EventType::Spam => "spam",
        EventType::Deleted => "deleted",
        EventType::Undeleted => "undeleted",
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
    use crate::domain::event::{Actor, EventIdentity};
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
        let partition = engine.partition();
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
