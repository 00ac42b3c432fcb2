//! A ticket as it is remembered, for people: what the state alone can say, without its events.

use serde::Serialize;

use super::core::Engine;
use super::lifecycle;
use super::recorder::Recorder;
use super::rules::Kpi;
use super::ticket::{Flags, GoalState, Slot, Ticket};
use super::trace::{self, GoalStep, GoalTrace};
use crate::domain::event::Status;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A stretch of the ticket's life in one status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseView {
    pub status: &'static str,
    /// Withdrawn meanwhile: it counts nowhere.
    pub withdrawn: bool,
    pub from: Timestamp,
    /// `None`: it is in it now.
    pub to: Option<Timestamp>,
    /// Until now, for the last one.
    #[serde(rename = "calendar_seconds", serialize_with = "trace::as_seconds")]
    pub calendar: Milliseconds,
    /// On the calendar of the team that holds the ticket now.
    #[serde(rename = "business_seconds", serialize_with = "trace::as_seconds")]
    pub business: Milliseconds,
}

/// Phases that are no longer known one by one.
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
    /// What is left of the target; `None` once it breached.
    #[serde(rename = "left_seconds", serialize_with = "trace::as_some_seconds")]
    pub left: Option<Milliseconds>,
}

/// A duration that is not observed before the ticket is final.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pending {
    pub kpi: &'static str,
    #[serde(rename = "calendar_seconds", serialize_with = "trace::as_some_seconds")]
    pub calendar: Option<Milliseconds>,
    #[serde(rename = "business_seconds", serialize_with = "trace::as_some_seconds")]
    pub business: Option<Milliseconds>,
}

/// What happens next without an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTimer {
    pub at: Timestamp,
    /// `breach of …`, `finalised` or `forgotten`.
    pub what: String,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TicketView {
    /// Number of the partition, in the order in which the engine got them.
    pub partition: u16,
    /// The stream clock up to which this holds.
    pub clock: Timestamp,
    /// `None`: unknown, so no durations from creation and no goals.
    pub created: Option<Timestamp>,
    pub last_event: Timestamp,
    pub team: String,
    pub priority: String,
    pub channel: String,
    pub assigned: bool,
    pub status: &'static str,
    /// Why it is withdrawn.
    pub withdrawn: Option<&'static str>,
    pub merged_into: Option<String>,
    /// Human replies, counted up to 2.
    pub replies: u8,
    pub reopened: bool,
    pub escalated: bool,
    /// Another team since the first human reply.
    pub moved: bool,
    pub finalized_at: Option<Timestamp>,
    /// Name of the calendar of the business times below.
    pub business_calendar: String,
    /// Older phases of a long life, which are kept as sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierPhases>,
    /// Of this life: a reopening after the end begins a new one.
    pub phases: Vec<PhaseView>,
    pub goals: Vec<GoalView>,
    pub pending: Vec<Pending>,
    pub next: Option<NextTimer>,
}

impl Engine {
    /// The ticket in each partition that knows it: one, unless records were misrouted.
    pub fn describe(&self, id: &str) -> Vec<TicketView> {
        self.known(id)
            .map(|ticket| {
                let clock = self.clock_of_number(ticket.partition);
                view(self.recorder(), ticket, clock)
            })
            .collect()
    }
}

fn view(recorder: &Recorder, ticket: &Ticket, clock: Timestamp) -> TicketView {
    let known = |at: Timestamp| (at != Timestamp::NEVER).then_some(at);
    let now = clock.max(ticket.last_at);
    let finalized = ticket.has(Flags::FINALIZED);
    TicketView {
        partition: ticket.partition,
        clock,
        created: known(ticket.created),
        last_event: ticket.last_at,
        team: recorder.team_label(ticket.team_number),
        priority: recorder.priority_label(ticket.priority),
        channel: recorder.labels.channels.exposed(ticket.channel).to_owned(),
        assigned: ticket.has(Flags::ASSIGNED),
        status: ticket.status().name(),
        withdrawn: ticket.withdrawal.map(|reason| reason.name()),
        merged_into: ticket
            .extra
            .as_ref()
            .and_then(|extra| extra.into.as_ref())
            .filter(|_| ticket.is_withdrawn())
            .map(ToString::to_string),
        replies: ticket.replies(),
        reopened: ticket.has(Flags::REOPENED),
        escalated: ticket.has(Flags::ESCALATED),
        moved: ticket.has(Flags::MOVED),
        finalized_at: known(ticket.resolution_since).filter(|_| finalized),
        business_calendar: recorder.calendar_name(recorder.calendar_of(ticket.team_number)),
        earlier: ticket.history().past.map(|past| EarlierPhases {
            count: past.phases,
            from: past.start(),
            to: past.end,
        }),
        phases: phases(recorder, ticket, now),
        goals: goals(recorder, ticket, now),
        pending: pending(recorder, ticket, now),
        next: next(recorder, ticket),
    }
}

fn phases(recorder: &Recorder, ticket: &Ticket, now: Timestamp) -> Vec<PhaseView> {
    let calendar = recorder.calendar(recorder.calendar_of(ticket.team_number));
    let mut views: Vec<PhaseView> = Vec::new();
    for (from, to, phase) in ticket.timeline.phases() {
        let end = to.unwrap_or(now);
        let length = end.since(from);
        let business = calendar.map_or(length, |calendar| calendar.between(from, end));
        match views.last_mut() {
            // Who is assigned matters to derived handle time alone.
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

fn goals(recorder: &Recorder, ticket: &Ticket, now: Timestamp) -> Vec<GoalView> {
    let mut views = Vec::new();
    for slot in Slot::ALL {
        let paused = ticket.deadlines[slot as usize] == Timestamp::NEVER;
        let (state, step) = match ticket.states[slot as usize] {
            GoalState::Undecided if paused => ("paused", GoalStep::Paused),
            GoalState::Undecided => ("running", GoalStep::Begun),
            GoalState::Breached if ticket.is_open() => ("overdue", GoalStep::Breached),
            _ => continue,
        };
        if let Some(goal) = trace::goal(recorder, ticket, slot, step, now) {
            let left = (state != "overdue").then_some((goal.length - goal.running).max(0));
            views.push(GoalView { state, goal, left });
        }
    }
    views
}

/// Full resolution and handle time as they would be observed if nothing more came.
fn pending(recorder: &Recorder, ticket: &Ticket, now: Timestamp) -> Vec<Pending> {
    if ticket.has(Flags::FINALIZED) || ticket.is_withdrawn() {
        return Vec::new();
    }
    let (team, _) = ticket.labels_at_solve();
    let calendar = recorder.calendar(recorder.calendar_of(team));
    let mut pending = Vec::new();
    if ticket.has_start() {
        let end = if ticket.status() == Status::Solved {
            ticket.history().solved_since().0
        } else {
            now
        };
        let start = lifecycle::life_start(ticket);
        let history = ticket.history();
        let elapsed = history.elapsed(calendar, start, end, lifecycle::SOLVED);
        pending.push(Pending {
            kpi: Kpi::FullResolution.name(),
            calendar: Some(elapsed.calendar),
            business: Some(elapsed.business),
        });
    }
    let reported = ticket.extra.as_ref().map_or(0, |extra| extra.handle);
    let derived = || {
        let start = lifecycle::life_start(ticket);
        ticket.history().worked(calendar, start, now).business
    };
    let worked = ticket.has(Flags::WORKED);
    if worked || recorder.rules.derive_handle {
        pending.push(Pending {
            kpi: Kpi::Handle.name(),
            calendar: worked.then_some(reported),
            business: (!worked).then(derived),
        });
    }
    pending
}

fn next(recorder: &Recorder, ticket: &Ticket) -> Option<NextTimer> {
    let at = lifecycle::next_timer(recorder, ticket);
    if at == Timestamp::NEVER {
        return None;
    }
    let what = if ticket.is_withdrawn() || ticket.has(Flags::FINALIZED) {
        "forgotten".to_owned()
    } else {
        let mut slots = Slot::ALL.into_iter();
        slots
            .find(|slot| ticket.deadlines[*slot as usize] == at)
            .map_or_else(
                || "finalised".to_owned(),
                |slot| format!("breach of {}", ticket.target(slot).name()),
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
    fn phases_tell_the_history_and_what_comes_next() {
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
        assert_eq!((next.at, next.what.as_str()), (due, "finalised"));
    }

    #[test]
    fn a_final_ticket_is_kept_a_while_and_then_unknown() {
        let closed = event("a", EventType::StatusChanged, 5, Some(Status::Closed));
        let events = [event("a", EventType::Created, 1, None), closed];
        let view = &views(7, &events)[0];
        assert_eq!(view.finalized_at, Some(Timestamp(5 * HOUR)));
        assert_eq!(view.next.as_ref().unwrap().what, "forgotten");
        assert_eq!(view.pending, []);
        assert_eq!(views(40 * 24, &events), []);
    }
}
