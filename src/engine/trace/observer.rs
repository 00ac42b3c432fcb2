//! The observer that traces one ticket: it writes down every fact about it.
//!
//! A trace holds times, labels and ids, never content or names of persons.

use compact_str::CompactString;

use super::entry::{
    AttributeChange, EventTrace, GoalStep, Observation, StaleStatement, TraceEntry, TraceEvent,
};
use super::measures::{goal, spans, status_names};
use crate::domain::event::{Actor, Event, EventType};
use crate::domain::timestamp::Timestamp;
use crate::engine::apply::goes_on;
use crate::engine::cohort::CohortKey;
use crate::engine::compiled_rules::CompiledRules;
use crate::engine::fact::{Fact, GoalBefore, KnownTickets, Measure, ObservedDuration, Observer};
use crate::engine::open_goals::GoalKey;
use crate::engine::outcome::Outcome;
use crate::engine::series::Ending;
use crate::engine::ticket::{Flags, Ticket, Withdrawal};

/// Everything that happened to one ticket, in any partition.
#[derive(Debug)]
pub struct TicketTrace {
    id: CompactString,
    entries: Vec<TraceEntry>,
    current: Option<CurrentEvent>,
}

/// An event that concerns the traced ticket, while the engine applies it.
#[derive(Debug)]
struct CurrentEvent {
    /// The event names the traced ticket itself.
    is_own: bool,
    /// The number of entries before the event.
    position: usize,
    before: Option<Attributes>,
    stale: Vec<StaleStatement>,
}

/// The attributes that an event can change.
#[derive(Debug)]
struct Attributes {
    values: Vec<(String, String)>,
    last_at: Timestamp,
}

impl TicketTrace {
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            entries: Vec::new(),
            current: None,
        }
    }

    /// All entries in order of time. Entries of one time keep the order in which the engine
    /// reported them.
    pub fn into_entries(mut self) -> Vec<TraceEntry> {
        self.entries.sort_by_key(|entry| entry.known);
        self.entries
    }

    fn add(&mut self, ticket: &Ticket, at: Timestamp, what: TraceEvent) {
        let known = at.max(ticket.last_at);
        self.entries.push(TraceEntry { at, known, what });
    }
}

impl Observer for TicketTrace {
    fn event_begins(&mut self, tickets: KnownTickets<'_>, event: &Event<'_>) {
        let is_own = event.ticket_id == self.id.as_str();
        // An event of another ticket applies to this one if that ticket was merged into it.
        let is_merged = || {
            let ticket = tickets.find(&event.ticket_id);
            ticket.is_some_and(|ticket| ticket.withdrawal == Some(Withdrawal::Merged))
        };
        self.current = (is_own || is_merged()).then(|| CurrentEvent {
            is_own,
            position: self.entries.len(),
            before: tickets
                .find(&self.id)
                .map(|ticket| Attributes::of(tickets.rules, ticket)),
            stale: Vec::new(),
        });
    }

    fn event_ends(&mut self, tickets: KnownTickets<'_>, event: &Event<'_>, outcome: Outcome) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        let passes_on = outcome == Outcome::Applied && event.kind != EventType::Merged;
        let survivor = passes_on
            .then(|| tickets.survivor(&event.ticket_id))
            .flatten()
            .map(|ticket| ticket.id.as_str());
        if !current.is_own && survivor != Some(self.id.as_str()) {
            return;
        }
        let since = &self.entries[current.position..];
        if since
            .iter()
            .any(|entry| entry.what == TraceEvent::Forgotten)
        {
            current.before = None;
        }
        let after = tickets.find(&self.id);
        let after = after.map(|ticket| Attributes::of(tickets.rules, ticket));
        let by_requester = since
            .iter()
            .any(|entry| entry.what == TraceEvent::WrittenByRequester);
        let (at, mut trace) = event_trace(event, outcome, current.before.as_ref(), after.as_ref());
        trace.stale = current.stale;
        if by_requester {
            trace.message_of = Some(Actor::Customer.name());
        }
        if current.is_own {
            let other = survivor.filter(|survivor| *survivor != self.id.as_str());
            trace.passed_on_to = other.map(str::to_owned);
        } else {
            trace.named = Some(event.ticket_id.to_string());
        }
        // The event comes before its effects.
        let entry = TraceEntry {
            at,
            known: at,
            what: TraceEvent::Event(trace),
        };
        self.entries.insert(current.position, entry);
    }

    fn fact(&mut self, rules: &CompiledRules, ticket: &Ticket, at: Timestamp, fact: Fact) {
        if ticket.id != self.id {
            return;
        }
        if let Some(current) = &mut self.current {
            current.stale.extend(stale_statement(rules, fact));
        }
        if let Some(what) = trace_event(rules, ticket, at, fact) {
            self.add(ticket, at, what);
        }
    }
}

fn stale_statement(rules: &CompiledRules, fact: Fact) -> Option<StaleStatement> {
    let (member, stated, last_stated) = match fact {
        Fact::StaleState {
            member,
            stated,
            known,
        } => (member.name(), stated, known),
        Fact::StaleAttribute {
            position,
            stated,
            known,
        } => (
            rules.labels.attributes[position].name.as_str(),
            stated,
            known,
        ),
        _ => return None,
    };
    Some(StaleStatement {
        member: member.to_owned(),
        stated,
        last_stated,
    })
}

/// `None`: the fact is not worth an entry, or the event's own entry says it.
fn trace_event(
    rules: &CompiledRules,
    ticket: &Ticket,
    at: Timestamp,
    fact: Fact,
) -> Option<TraceEvent> {
    let goal_event =
        |ticket: &Ticket, key, step| goal(rules, ticket, key, step, at).map(TraceEvent::Goal);
    match fact {
        Fact::StartLearned { before, event_at } => {
            let created = ticket.created;
            let is_news = before != Timestamp::NEVER
                || created < event_at
                || ticket.history().start() < created;
            is_news.then_some(TraceEvent::StartLearned { created })
        }
        Fact::WrittenByRequester => Some(TraceEvent::WrittenByRequester),
        Fact::OpeningMessage => Some(TraceEvent::OpeningMessage),
        Fact::Observed(observed) => Some(TraceEvent::Observation(observation(
            rules, ticket, &observed,
        ))),
        Fact::GoalEvaluated { key, before } => match evaluation_step(ticket, key, before)? {
            GoalStep::Cancelled => {
                // The goal was on the earlier policy.
                let mut former = ticket.clone();
                former.set_policy(key.group, before.policy);
                goal_event(&former, key, GoalStep::Cancelled)
            }
            step => goal_event(ticket, key, step),
        },
        Fact::GoalMet(key) => goal_event(ticket, key, GoalStep::Met),
        Fact::GoalBreached(key) => goal_event(ticket, key, GoalStep::Breached),
        Fact::OverdueGoalEnded(key) => goal_event(ticket, key, GoalStep::EndedOverdue),
        Fact::GoalCancelled(key) => goal_event(ticket, key, GoalStep::Cancelled),
        Fact::Finalized(ending) => Some(finalized(rules, ticket, ending, at)),
        Fact::Withdrawn(reason) => Some(TraceEvent::Withdrawn {
            reason: reason.name(),
            into: ticket.merged_into().map(str::to_owned),
            retained_until: at.plus(rules.rules.retain),
        }),
        Fact::Restored => Some(TraceEvent::Restored),
        Fact::Forgotten => Some(TraceEvent::Forgotten),
        Fact::Created
        | Fact::StaleState { .. }
        | Fact::StaleAttribute { .. }
        | Fact::HumanReply
        | Fact::Escalated
        | Fact::Transferred
        | Fact::StatusTime { .. }
        | Fact::Solved
        | Fact::Reopened
        | Fact::CsatOffered
        | Fact::Rated(_)
        | Fact::RatingChanged => None,
    }
}

/// The step that an evaluation took with a goal. `None`: nothing changed.
fn evaluation_step(ticket: &Ticket, key: GoalKey, before: GoalBefore) -> Option<GoalStep> {
    match (before.goal, ticket.goal(key)) {
        (Some(_), None) => Some(GoalStep::Cancelled),
        (Some(then), Some(now)) => {
            let is_paused = now.deadline == Timestamp::NEVER;
            let was_paused = then.deadline == Timestamp::NEVER;
            let has_moved = !is_paused && !was_paused && now.deadline != then.deadline;
            if before.policy != ticket.policy_in(key.group) || has_moved {
                Some(GoalStep::Rebased)
            } else if is_paused && !was_paused {
                Some(GoalStep::Paused)
            } else if was_paused && !is_paused {
                Some(GoalStep::Resumed)
            } else {
                None
            }
        }
        (None, Some(_)) => Some(GoalStep::Begun),
        (None, None) => None,
    }
}

/// An observation with the stretches of the history that counted.
fn observation(rules: &CompiledRules, ticket: &Ticket, observed: &ObservedDuration) -> Observation {
    let CohortKey { team, priority, .. } = observed.cohort;
    let calendar_id = rules.calendar_of(team);
    let calendar = rules.calendar(calendar_id);
    let (start, end) = (observed.start, observed.end);
    let mut observation = Observation {
        kpi: observed.kpi,
        team: rules.team_label(team).to_owned(),
        priority: rules.priority_label(priority).to_owned(),
        attributes: rules.attribute_labels(observed.cohort),
        start,
        end,
        excluded: Vec::new(),
        spans: Vec::new(),
        business_calendar: rules.calendar_name(calendar_id),
        calendar: Some(observed.elapsed.calendar),
        business: Some(observed.elapsed.business),
    };
    let stretches = match observed.measure {
        Measure::Elapsed { excluded } => {
            observation.excluded = status_names(excluded);
            ticket.history().stretches(calendar, start, end, excluded)
        }
        Measure::Derived => {
            observation.calendar = None;
            ticket.history().worked_stretches(calendar, start, end)
        }
        Measure::Reported => {
            observation.business = None;
            observation.start = ticket.history().start();
            return observation;
        }
    };
    observation.spans = spans(calendar, &stretches);
    observation
}

fn finalized(
    rules: &CompiledRules,
    ticket: &Ticket,
    ending: Option<Ending>,
    at: Timestamp,
) -> TraceEvent {
    let cohort = ticket.cohort_at_solve();
    let CohortKey { team, priority, .. } = cohort;
    let is_unanswered = ticket.replies() == 0 && !rules.rules.allow_unanswered;
    let reasons = [
        (is_unanswered, "no human reply"),
        (ticket.replies() > 1, "more than one human reply"),
        (ticket.has(Flags::REOPENED), "reopened"),
        (
            ticket.has(Flags::MOVED),
            "another team after the first reply",
        ),
        (ticket.has(Flags::ESCALATED), "escalated"),
    ];
    TraceEvent::Finalized {
        team: rules.team_label(team).to_owned(),
        priority: rules.priority_label(priority).to_owned(),
        attributes: rules.attribute_labels(cohort),
        first_contact: ending.map(|ending| ending == Ending::FirstContact),
        because: reasons
            .into_iter()
            .filter_map(|(holds, reason)| holds.then_some(reason))
            .collect(),
        reopened: ticket.has(Flags::SECOND_LIFE),
        retained_until: at.plus(rules.rules.retain),
    }
}

/// An event with its effective time and the attributes that it changed.
fn event_trace(
    event: &Event<'_>,
    outcome: Outcome,
    before: Option<&Attributes>,
    after: Option<&Attributes>,
) -> (Timestamp, EventTrace) {
    let is_applied = outcome == Outcome::Applied;
    let after = after.filter(|_| is_applied);
    let at = after.map_or(event.at, |after| after.last_at);
    let message_of = event
        .actor
        .filter(|_| event.kind == EventType::Message)
        .filter(|actor| *actor == Actor::Customer || *actor == Actor::Agent && event.public)
        .map(Actor::name);
    let trace = EventTrace {
        kind: event.kind.name(),
        message_of,
        handle: event.handle.filter(|_| event.kind == EventType::Worklog),
        outcome: outcome.name(),
        goes_on: goes_on(event.kind),
        out_of_order: (event.at < at).then_some(event.at),
        opened: is_applied && before.is_none(),
        named: None,
        passed_on_to: None,
        stale: Vec::new(),
        changes: after.map_or_else(Vec::new, |after| after.changes_since(before)),
    };
    (at, trace)
}

impl Attributes {
    fn of(rules: &CompiledRules, ticket: &Ticket) -> Self {
        let assigned = if ticket.has(Flags::ASSIGNED) {
            "yes"
        } else {
            "no"
        };
        let own = rules.all_attributes(ticket.cohort());
        let values = [
            ("team", rules.team_label(ticket.team_number)),
            ("priority", rules.priority_label(ticket.priority)),
            ("channel", rules.labels.channels.exposed(ticket.channel)),
            ("assigned", assigned),
            ("status", ticket.status().name()),
        ];
        Self {
            values: values
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .chain(own)
                .collect(),
            last_at: ticket.last_at,
        }
    }

    fn changes_since(&self, before: Option<&Self>) -> Vec<AttributeChange> {
        let mut changes = Vec::new();
        for (position, (attribute, to)) in self.values.iter().enumerate() {
            let from = before.map(|before| before.values[position].1.clone());
            if from.as_ref() != Some(to) {
                changes.push(AttributeChange {
                    attribute: attribute.clone(),
                    from,
                    to: to.clone(),
                });
            }
        }
        changes
    }
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
        let mut targets = [None; Target::ALL.len()];
        targets[Target::Resolution as usize] = Some(4 * HOUR);
        Arc::new(Rules {
            policies: vec![Policy {
                name: "standard".to_owned(),
                matches: Match::default(),
                clock: Clock::Calendar,
                calendar: None,
                targets,
                pauses: Policy::default_pauses(),
                ..Policy::new("")
            }],
            ..Rules::default()
        })
    }

    fn traced(events: &[Event<'_>]) -> Vec<TraceEntry> {
        let mut engine = Engine::new(rules(), Timestamp(0));
        let mut trace = TicketTrace::new("a");
        let partition = engine.only_partition();
        for event in events {
            engine.apply_observed(partition, event, &mut trace);
        }
        trace.into_entries()
    }

    fn steps(entries: &[TraceEntry]) -> Vec<(i64, GoalStep, i64)> {
        let goals = entries.iter().filter_map(|entry| match &entry.what {
            TraceEvent::Goal(goal) => Some((entry.at.0 / HOUR, goal.step, goal.running / HOUR)),
            _ => None,
        });
        goals.collect()
    }

    #[test]
    fn the_trace_contains_only_the_traced_ticket() {
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
                .any(|entry| entry.what == TraceEvent::Restored)
        );
    }

    #[test]
    fn an_event_is_listed_before_its_effects_and_after_earlier_timers() {
        let mut reply = event("a", EventType::Message, 9);
        reply.actor = Some(Actor::Agent);
        let entries = traced(&[event("a", EventType::Created, 1), reply]);
        let kinds: Vec<&str> = entries
            .iter()
            .map(|entry| match &entry.what {
                TraceEvent::Event(event) => event.kind,
                TraceEvent::Goal(_) => "goal",
                TraceEvent::Observation(_) => "observation",
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
                TraceEvent::Event(event) => Some(event.outcome),
                _ => None,
            })
            .collect();
        assert_eq!(outcomes, ["applied", "duplicate"]);
    }
}
