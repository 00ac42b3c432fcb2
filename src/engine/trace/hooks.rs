//! Where the engine tells the trace what happens. Each hook does nothing unless the ticket is the
//! traced one.

use super::measures::{calendar_name, goal, names, spans};
use super::{
    AttributeChange, EventTrace, Facts, GoalBefore, GoalStep, Happening, Observation, TraceEntry,
};
use crate::domain::calendar::CalendarId;
use crate::domain::event::{Event, EventType};
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::engine::history::{NumberedCalendar, Stretches};
use crate::engine::recorder::Recorder;
use crate::engine::rules::Kpi;
use crate::engine::series::Basis;
use crate::engine::ticket::{Flags, GoalState, Slot, Ticket};

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
        stretches: impl FnOnce(Option<NumberedCalendar<'_>>) -> Stretches,
        at: Timestamp,
    ) {
        self.note(ticket, at, |recorder| {
            let id = recorder.calendar_of(team);
            let stretches = stretches(recorder.calendar(id));
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
                start: ticket.history().start(),
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
        Facts {
            attributes: [
                ("team", self.team_label(ticket.team_number)),
                ("priority", self.priority_label(ticket.priority)),
                (
                    "channel",
                    self.labels.channels.exposed(ticket.channel).to_owned(),
                ),
                ("assigned", yes(ticket.has(Flags::ASSIGNED)).to_owned()),
                ("status", ticket.status().name().to_owned()),
            ],
            last_at: ticket.last_at,
        }
    }

    pub fn team_label(&self, team: u16) -> String {
        self.labels.teams.exposed(team).to_owned()
    }

    pub fn priority_label(&self, priority: u8) -> String {
        self.labels.priorities.exposed(priority).to_owned()
    }

    pub fn calendar_name(&self, id: Option<CalendarId>) -> String {
        calendar_name(&self.rules.calendar_names, id)
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
