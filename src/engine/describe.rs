//! A description of one ticket from the engine's state, without its events.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compiled_rules::CompiledRules;
use super::core::Engine;
use super::measure::{UNTIL_THE_LAST_SOLVE, life_start};
use super::open_goals::OpenGoal;
use super::rules::Kpi;
use super::ticket::{Flags, Ticket};
use super::timers::next_timer;
use super::trace::{self, GoalStep, GoalTrace};
use crate::domain::event::Status;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A phase of the ticket: a stretch of time in one status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseView {
    pub status: &'static str,
    /// The ticket was withdrawn, so the time does not count.
    pub withdrawn: bool,
    pub from: Timestamp,
    /// `None`: the current phase.
    pub to: Option<Timestamp>,
    /// Up to now for the current phase.
    #[serde(rename = "calendar_seconds", serialize_with = "trace::as_seconds")]
    pub calendar: Milliseconds,
    /// On the calendar of the ticket's current team.
    #[serde(rename = "business_seconds", serialize_with = "trace::as_seconds")]
    pub business: Milliseconds,
}

/// Older phases that are kept as sums.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlierPhases {
    pub count: u64,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A goal that is running, paused, or overdue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoalView {
    /// `running`, `paused` or `overdue`.
    pub state: &'static str,
    #[serde(flatten)]
    pub goal: GoalTrace,
    /// The time left until the target; `None` after the breach.
    #[serde(rename = "left_seconds", serialize_with = "trace::as_some_seconds")]
    pub left: Option<Milliseconds>,
}

/// A duration that is observed when the ticket becomes final.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PendingObservation {
    pub kpi: &'static str,
    #[serde(rename = "calendar_seconds", serialize_with = "trace::as_some_seconds")]
    pub calendar: Option<Milliseconds>,
    #[serde(rename = "business_seconds", serialize_with = "trace::as_some_seconds")]
    pub business: Option<Milliseconds>,
}

/// The next change without an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTimer {
    pub at: Timestamp,
    /// `breach of …`, `finalized` or `forgotten`.
    pub what: String,
}

/// The state of a ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TicketView {
    /// The engine's number of the partition.
    pub partition: u16,
    /// The stream clock as of which this holds.
    pub clock: Timestamp,
    /// `None`: unknown, so there are no goals and no durations from the creation.
    pub created: Option<Timestamp>,
    pub last_event: Timestamp,
    pub team: String,
    pub priority: String,
    /// The user's own attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub channel: String,
    pub assigned: bool,
    pub status: &'static str,
    /// The reason of the withdrawal.
    pub withdrawn: Option<&'static str>,
    pub merged_into: Option<String>,
    /// The number of human replies; 2 means two or more.
    pub replies: u8,
    pub reopened: bool,
    pub escalated: bool,
    /// The team changed after the first human reply.
    pub moved: bool,
    pub finalized_at: Option<Timestamp>,
    /// Name of the calendar for the business times below.
    pub business_calendar: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierPhases>,
    /// The phases of this life. A reopening after the end begins a new life.
    pub phases: Vec<PhaseView>,
    pub goals: Vec<GoalView>,
    pub pending: Vec<PendingObservation>,
    pub next: Option<NextTimer>,
}

impl Engine {
    /// The ticket in each partition that knows it. There is more than one only if records were
    /// misrouted.
    pub fn describe(&self, id: &str) -> Vec<TicketView> {
        self.known(id)
            .map(|ticket| {
                let clock = self.clock_of_number(ticket.partition);
                view(self.rules(), ticket, clock)
            })
            .collect()
    }
}

fn view(rules: &CompiledRules, ticket: &Ticket, clock: Timestamp) -> TicketView {
    let known = |at: Timestamp| (at != Timestamp::NEVER).then_some(at);
    let now = clock.max(ticket.last_at);
    let finalized = ticket.has(Flags::FINALIZED);
    TicketView {
        partition: ticket.partition,
        clock,
        created: known(ticket.created),
        last_event: ticket.last_at,
        team: rules.team_label(ticket.team_number).to_owned(),
        priority: rules.priority_label(ticket.priority).to_owned(),
        attributes: rules.all_attributes(ticket.cohort()),
        channel: rules.labels.channels.exposed(ticket.channel).to_owned(),
        assigned: ticket.has(Flags::ASSIGNED),
        status: ticket.status().name(),
        withdrawn: ticket.withdrawal.map(|reason| reason.name()),
        merged_into: ticket
            .merged_into()
            .filter(|_| ticket.is_withdrawn())
            .map(str::to_owned),
        replies: ticket.replies(),
        reopened: ticket.has(Flags::REOPENED),
        escalated: ticket.has(Flags::ESCALATED),
        moved: ticket.has(Flags::MOVED),
        finalized_at: known(ticket.resolution_since).filter(|_| finalized),
        business_calendar: rules.calendar_name(rules.calendar_of(ticket.team_number)),
        earlier: ticket.history().past.map(|past| EarlierPhases {
            count: past.phases,
            from: past.start(),
            to: past.end,
        }),
        phases: phases(rules, ticket, now),
        goals: goals(rules, ticket, now),
        pending: pending(rules, ticket, now),
        next: next(rules, ticket),
    }
}

fn phases(rules: &CompiledRules, ticket: &Ticket, now: Timestamp) -> Vec<PhaseView> {
    let calendar = rules.calendar(rules.calendar_of(ticket.team_number));
    let mut views: Vec<PhaseView> = Vec::new();
    for (from, to, phase) in ticket.timeline.phases() {
        let end = to.unwrap_or(now);
        let length = end.since(from);
        let business = calendar.map_or(length, |calendar| calendar.between(from, end));
        match views.last_mut() {
            // Phases differ by the assignee only for derived handle time.
            Some(last)
                if last.status == phase.status.name() && last.withdrawn == phase.withdrawn =>
            {
                last.to = to;
                last.calendar += length;
                last.business += business;
            }
            _ => views.push(PhaseView {
                status: phase.status.name(),
                withdrawn: phase.withdrawn,
                from,
                to,
                calendar: length,
                business,
            }),
        }
    }
    views
}

fn goals(rules: &CompiledRules, ticket: &Ticket, now: Timestamp) -> Vec<GoalView> {
    let mut views = Vec::new();
    let mut open: Vec<OpenGoal> = ticket.goals().collect();
    open.sort_unstable_by_key(|goal| goal.key);
    for goal in open {
        let (state, step) = match goal.is_breached {
            false if goal.deadline == Timestamp::NEVER => ("paused", GoalStep::Paused),
            false => ("running", GoalStep::Begun),
            true if ticket.is_open() => ("overdue", GoalStep::Breached),
            true => continue,
        };
        if let Some(goal) = trace::goal(rules, ticket, goal.key, step, now) {
            let left = (state != "overdue").then_some((goal.length - goal.running).max(0));
            views.push(GoalView { state, goal, left });
        }
    }
    views
}

/// Full resolution, waiting and handle times, as they would be observed if no event followed.
fn pending(rules: &CompiledRules, ticket: &Ticket, now: Timestamp) -> Vec<PendingObservation> {
    if ticket.has(Flags::FINALIZED) || ticket.is_withdrawn() {
        return Vec::new();
    }
    let team = ticket.cohort_at_solve().team;
    let calendar = rules.calendar(rules.calendar_of(team));
    let mut pending = Vec::new();
    if ticket.has_start() {
        let end = if ticket.status() == Status::Solved {
            ticket.history().solved_since().0
        } else {
            now
        };
        let start = life_start(ticket);
        let history = ticket.history();
        for (kpi, excluded) in UNTIL_THE_LAST_SOLVE {
            let elapsed = history.elapsed(calendar, start, end, excluded);
            pending.push(PendingObservation {
                kpi: kpi.name(),
                calendar: Some(elapsed.calendar),
                business: Some(elapsed.business),
            });
        }
    }
    let reported = ticket.extra.as_ref().map_or(0, |extra| extra.handle);
    let derived = || {
        let start = life_start(ticket);
        ticket.history().worked(calendar, start, now).business
    };
    let worked = ticket.has(Flags::WORKED);
    if worked || rules.rules.derive_handle {
        pending.push(PendingObservation {
            kpi: Kpi::Handle.name(),
            calendar: worked.then_some(reported),
            business: (!worked).then(derived),
        });
    }
    pending
}

fn next(rules: &CompiledRules, ticket: &Ticket) -> Option<NextTimer> {
    let at = next_timer(rules, ticket);
    if at == Timestamp::NEVER {
        return None;
    }
    let what = if ticket.is_withdrawn() || ticket.has(Flags::FINALIZED) {
        "forgotten".to_owned()
    } else {
        let due = ticket.goals().filter(|goal| goal.deadline == at);
        due.map(|goal| goal.key).min().map_or_else(
            || "finalized".to_owned(),
            |key| format!("breach of {}", ticket.target(key.kind).name()),
        )
    };
    Some(NextTimer { at, what })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Event, EventIdentity, EventType};
    use crate::domain::timestamp::{DAY, HOUR};
    use crate::engine::Rules;

    fn event(id: &str, kind: EventType, hour: i64, status: Option<Status>) -> Event<'_> {
        let identity = EventIdentity(hour.unsigned_abs());
        Event {
            status,
            ..Event::new(id, kind, Timestamp(hour * HOUR), identity)
        }
    }

    fn views(until: i64, events: &[Event<'_>]) -> Vec<TicketView> {
        let mut engine = Engine::new(Arc::new(Rules::default()), Timestamp(0));
        let partition = engine.only_partition();
        for event in events {
            engine.apply(partition, event);
        }
        engine.advance(partition, Timestamp(until * HOUR));
        engine.describe("a")
    }

    #[test]
    fn phases_show_the_history_and_the_next_timer() {
        let solved = event("a", EventType::StatusChanged, 5, Some(Status::Solved));
        let view = &views(7, &[event("a", EventType::Created, 1, None), solved])[0];
        let phases: Vec<(&str, i64)> = view
            .phases
            .iter()
            .map(|phase| (phase.status, phase.calendar / HOUR))
            .collect();
        assert_eq!(phases, [("new", 4), ("solved", 2)]);
        assert_eq!(
            view.pending[0].calendar,
            Some(4 * HOUR),
            "less the solved time"
        );
        let next = view.next.as_ref().unwrap();
        let due = Timestamp(5 * HOUR + 4 * DAY);
        assert_eq!((next.at, next.what.as_str()), (due, "finalized"));
    }

    #[test]
    fn a_final_ticket_is_retained_and_then_forgotten() {
        let closed = event("a", EventType::StatusChanged, 5, Some(Status::Closed));
        let events = [event("a", EventType::Created, 1, None), closed];
        let view = &views(7, &events)[0];
        assert_eq!(view.finalized_at, Some(Timestamp(5 * HOUR)));
        assert_eq!(view.next.as_ref().unwrap().what, "forgotten");
        assert_eq!(view.pending, []);
        assert_eq!(views(40 * 24, &events), []);
    }
}
