//! An explanation as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::explanation::Explanation;
use crate::domain::duration;
use crate::domain::policy::Policy;
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};
use crate::engine::{
    AttributeChange, CountedSpan, EventTrace, GoalStep, GoalTrace, GoalView, Kpi, Observation,
    PendingObservation, StaleStatement, TicketView, TraceEntry, TraceEvent,
};

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// Writes an explanation, with times in UTC.
pub fn words(explanation: &Explanation, colors: bool) -> String {
    let mut writer = Writer {
        text: String::new(),
        colors,
    };
    writer.line(0, &format!("Ticket {}, times in UTC", explanation.ticket));
    if let Some(history) = &explanation.history {
        writer.history(history);
        if explanation.state.is_empty() {
            writer.line(0, "");
            writer.line(
                0,
                "It is forgotten: an event now would open it as an unknown one.",
            );
        }
    }
    for view in &explanation.state {
        writer.line(0, "");
        writer.view(view, explanation.state.len() > 1);
    }
    writer.text
}

struct Writer {
    text: String,
    colors: bool,
}

impl Writer {
    fn line(&mut self, depth: usize, text: &str) {
        if text.is_empty() {
            self.text.push('\n');
            return;
        }
        let _ = writeln!(self.text, "{:indent$}{text}", "", indent = 4 * depth);
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.colors {
            format!("{color}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }

    /// Writes each event, or the time at which a timer fired, with its consequences below.
    fn history(&mut self, entries: &[TraceEntry]) {
        let mut last = None;
        for entry in entries {
            if let TraceEvent::Event(event) = &entry.what {
                self.headline(entry.at, &event_words(event));
                for stale in &event.stale {
                    self.line(1, &stale_words(stale));
                }
            } else {
                if last != Some(entry.known) {
                    self.headline(entry.known, "without an event");
                }
                self.consequence(entry);
            }
            last = Some(entry.known);
        }
    }

    fn headline(&mut self, at: Timestamp, text: &str) {
        let at = self.paint(BOLD, &instant(at));
        self.line(0, "");
        self.line(0, &format!("{at}  {text}"));
    }

    fn consequence(&mut self, entry: &TraceEntry) {
        match &entry.what {
            TraceEvent::Event(_) => {}
            TraceEvent::StartLearned { created } => {
                let created = instant(*created);
                self.line(1, &format!("known from now on: created {created}"));
            }
            TraceEvent::WrittenByRequester => self.line(1, "the author is the requester"),
            TraceEvent::OpeningMessage => self.line(1, "the opening message, no reply"),
            TraceEvent::Observation(observation) => self.observation(observation, entry),
            TraceEvent::Goal(goal) => self.goal(goal, entry),
            TraceEvent::Finalized {
                team,
                priority,
                attributes,
                first_contact,
                because,
                reopened,
                retained_until,
            } => {
                let again = if *reopened { " again" } else { "" };
                let counted = match first_contact {
                    None => "not counted, since its creation is unknown".to_owned(),
                    Some(true) => "solved by the first contact".to_owned(),
                    Some(false) => {
                        format!("not solved by the first contact: {}", because.join(", "))
                    }
                };
                let labels = label_words(team, priority, attributes);
                let text = format!("final{again}, {labels}: {counted}");
                self.line(1, &text);
                self.line(1, &format!("remembered until {}", instant(*retained_until)));
            }
            TraceEvent::Withdrawn {
                reason,
                into,
                retained_until,
            } => {
                let into = into
                    .as_ref()
                    .map(|into| format!(" into {into}"))
                    .unwrap_or_default();
                let text = format!("withdrawn: {reason}{into}; nothing more is counted");
                self.line(1, &text);
                self.line(1, &format!("remembered until {}", instant(*retained_until)));
            }
            TraceEvent::Restored => self.line(1, "restored; the time between counts nowhere"),
            TraceEvent::Forgotten => self.line(1, "forgotten"),
        }
    }

    fn observation(&mut self, observation: &Observation, entry: &TraceEntry) {
        let values = values(
            observation.kpi == Kpi::Handle,
            observation.calendar.map(exact),
            observation.business.map(exact),
        );
        let text = format!(
            "{}{} ticket_{}_seconds: {}; {}",
            as_of(entry),
            self.paint(BOLD, "observed"),
            observation.kpi.name(),
            values,
            label_words(
                &observation.team,
                &observation.priority,
                &observation.attributes
            )
        );
        self.line(1, &text);
        if !observation.excluded.is_empty() {
            let excluded = observation.excluded.join(", ");
            self.line(2, &format!("without the time in {excluded}"));
        }
        let clock = format!("business ({})", observation.business_calendar);
        self.spans(&observation.spans, &clock);
    }

    fn spans(&mut self, spans: &[CountedSpan], clock: &str) {
        for span in spans {
            let mut text = format!(
                "{} to {}: {}{}",
                instant(span.from),
                instant(span.to),
                length(span.calendar),
                if span.is_sum { " in all" } else { "" },
            );
            if span.business != span.calendar {
                let _ = write!(text, ", of which {} {clock}", length(span.business));
            }
            self.line(2, &text);
            if span.business != span.calendar {
                for (from, to) in &span.open {
                    let (opened, closed) = (instant(*from), instant(*to));
                    let open = length(to.since(*from));
                    self.line(3, &format!("open {opened} to {closed}: {open}"));
                }
            }
        }
    }

    fn goal(&mut self, goal: &GoalTrace, entry: &TraceEntry) {
        let name = as_of(entry) + &goal_name(goal);
        let ran = format!("after {} of {}", length(goal.running), length(goal.length));
        let text = match goal.step {
            GoalStep::Begun => format!("{name} runs: {}", course(goal, entry.at)),
            GoalStep::Rebased => format!("{name} judged again: {}", course(goal, entry.at)),
            GoalStep::Paused => format!("{name} paused {ran}"),
            GoalStep::Resumed => format!("{name} runs again {ran}, {}", deadline_words(goal)),
            GoalStep::Met => format!("{name} {} {ran}", self.paint(GREEN, "met")),
            GoalStep::Breached => {
                let breached = self.paint(RED, "breached");
                let labels = label_words(&goal.team, &goal.priority, &goal.attributes);
                format!("{name} {breached} {ran}; {labels}")
            }
            GoalStep::EndedOverdue => format!("{name} ended, breached before"),
            GoalStep::Cancelled => format!("{name} ended uncounted {ran}"),
        };
        self.line(1, &text);
        if matches!(goal.step, GoalStep::Met | GoalStep::Breached) {
            self.spans(&goal.spans, &clock_words(goal));
        }
    }

    fn view(&mut self, view: &TicketView, several: bool) {
        let place = if several {
            format!(" in partition {}", view.partition)
        } else {
            String::new()
        };
        let heading = self.paint(BOLD, &format!("As of {}", instant(view.clock)));
        self.line(0, &format!("{heading}{place}"));
        self.line(1, &status_words(view));
        let created = view.created.map_or_else(|| "unknown".to_owned(), instant);
        let text = format!("created {created}, last event {}", instant(view.last_event));
        self.line(1, &text);
        let facts = [
            (view.reopened, "reopened"),
            (view.escalated, "escalated"),
            (view.moved, "another team after the first reply"),
        ];
        let facts: Vec<&str> = facts
            .into_iter()
            .filter_map(|(holds, fact)| holds.then_some(fact))
            .collect();
        let replies = match view.replies {
            0 => "no human reply",
            1 => "one human reply",
            _ => "more than one human reply",
        };
        self.line(1, &[&[replies], facts.as_slice()].concat().join(", "));
        if let Some(earlier) = &view.earlier {
            let (from, to) = (instant(earlier.from), instant(earlier.to));
            let count = earlier.count;
            self.line(
                2,
                &format!("{count} earlier changes {from} to {to}, kept as sums"),
            );
        }
        for phase in &view.phases {
            let to = phase.to.map_or_else(|| "now".to_owned(), instant);
            let withdrawn = if phase.withdrawn { ", withdrawn" } else { "" };
            let mut text = format!(
                "{}{withdrawn} {} to {to}: {}",
                phase.status,
                instant(phase.from),
                length(phase.calendar),
            );
            if phase.business != phase.calendar {
                let business = length(phase.business);
                let calendar = &view.business_calendar;
                let _ = write!(text, ", of which {business} business ({calendar})");
            }
            self.line(2, &text);
        }
        for goal in &view.goals {
            self.goal_view(goal);
        }
        for pending in &view.pending {
            self.line(1, &pending_words(pending));
        }
        if let Some(at) = view.finalized_at {
            self.line(1, &format!("final since {}", instant(at)));
        }
        match &view.next {
            Some(next) => self.line(1, &format!("next: {} at {}", next.what, instant(next.at))),
            None => self.line(1, "next: nothing without an event"),
        }
    }

    fn goal_view(&mut self, view: &GoalView) {
        let goal = &view.goal;
        let state = match view.state {
            "overdue" => self.paint(RED, "overdue"),
            state => state.to_owned(),
        };
        let mut text = format!(
            "{} {state}: {}, counted from {}",
            goal_name(goal),
            goal_words(goal),
            instant(goal.start)
        );
        if let Some(left) = view.left {
            let _ = write!(text, ", {} left", length(left));
        }
        if goal.deadline.is_some() {
            let _ = write!(text, ", {}", deadline_words(goal));
        }
        self.line(1, &text);
        self.spans(&goal.spans, &clock_words(goal));
    }
}

fn event_words(event: &EventTrace) -> String {
    let mut text = match event.message_of {
        Some("agent") => "message of an agent".to_owned(),
        Some(actor) => format!("message of a {actor}"),
        None if event.kind == "message" => {
            "message, no reply: a note, a bot, or an unknown actor".to_owned()
        }
        None => event.kind.to_owned(),
    };
    if let Some(handle) = event.handle {
        let _ = write!(text, " of {}", length(handle));
    }
    if let Some(named) = &event.named {
        let _ = write!(text, " (of ticket {named}, merged into this one)");
    }
    match event.outcome {
        "applied" => {}
        "duplicate" => text.push_str(": a duplicate, dropped"),
        "merged_away" if event.goes_on => {
            text.push_str(": ignored, its ticket was merged into one that is not here");
        }
        "merged_away" => {
            text.push_str(": ignored, it states or changes a ticket that was merged");
        }
        _ => text.push_str(": ignored, the ticket is withdrawn"),
    }
    if let Some(to) = &event.passed_on_to {
        let _ = write!(text, ": goes to ticket {to}");
    }
    let changes: Vec<String> = event.changes.iter().filter_map(change_words).collect();
    if !changes.is_empty() {
        let _ = write!(text, ": {}", changes.join(", "));
    }
    if let Some(own) = event.out_of_order {
        let _ = write!(text, " (stamped {}, out of order)", instant(own));
    }
    text
}

/// `status ignored: as of 10:00, and the known one is as of 10:05`, with whole times.
fn stale_words(stale: &StaleStatement) -> String {
    let (stated, last) = (instant(stale.stated), instant(stale.last_stated));
    format!(
        "{} ignored: as of {stated}, and the known one is as of {last}",
        stale.member
    )
}

fn change_words(change: &AttributeChange) -> Option<String> {
    match (change.attribute.as_str(), &change.from, change.to.as_str()) {
        ("assigned", None, "no") | (_, None, "none") => None,
        ("assigned", _, "yes") => Some("assigned".to_owned()),
        ("assigned", _, _) => Some("no longer assigned".to_owned()),
        (attribute, None, to) => Some(format!("{attribute} {to}")),
        (attribute, Some(from), to) => Some(format!("{attribute} {from} → {to}")),
    }
}

/// `team network, priority p1, tier gold`.
fn label_words(team: &str, priority: &str, attributes: &BTreeMap<String, String>) -> String {
    let mut words = format!("team {team}, priority {priority}");
    for (name, value) in attributes {
        let _ = write!(words, ", {name} {value}");
    }
    words
}

/// Status, labels, and the ticket into which it was merged.
fn status_words(view: &TicketView) -> String {
    let assigned = if view.assigned {
        "assigned"
    } else {
        "not assigned"
    };
    let mut text = format!(
        "{}, {}, channel {}, {assigned}",
        view.status,
        label_words(&view.team, &view.priority, &view.attributes),
        view.channel
    );
    if let Some(reason) = view.withdrawn {
        let _ = write!(text, "; withdrawn: {reason}");
    }
    if let Some(into) = &view.merged_into {
        let _ = write!(text, " into {into}");
    }
    text
}

/// The time of an entry that became known later, else nothing.
fn as_of(entry: &TraceEntry) -> String {
    if entry.at < entry.known {
        format!("as of {}: ", instant(entry.at))
    } else {
        String::new()
    }
}

/// `goal resolution of urgent`, and the group if it is not the default one.
fn goal_name(goal: &GoalTrace) -> String {
    let mut name = format!("goal {} of {}", goal.target, goal.policy);
    if goal.group != Policy::DEFAULT_GROUP {
        let _ = write!(name, " (group {})", goal.group);
    }
    name
}

/// The target, the time that has run by `at`, and the deadline.
fn course(goal: &GoalTrace, at: Timestamp) -> String {
    let mut text = goal_words(goal);
    if goal.start != at {
        let (start, ran) = (instant(goal.start), length(goal.running));
        let _ = write!(text, ", counted from {start}, has run {ran}");
    }
    let _ = write!(text, ", {}", deadline_words(goal));
    text
}

/// `4h business (office), paused in pending`.
fn goal_words(goal: &GoalTrace) -> String {
    let mut text = format!("{} {}", length(goal.length), clock_words(goal));
    if !goal.pauses.is_empty() {
        let _ = write!(text, ", paused in {}", goal.pauses.join(", "));
    }
    text
}

fn clock_words(goal: &GoalTrace) -> String {
    match (&goal.calendar, goal.clock) {
        (Some(calendar), clock) => format!("{clock} ({calendar})"),
        (None, "business") => "business (24x7)".to_owned(),
        (None, clock) => clock.to_owned(),
    }
}

fn deadline_words(goal: &GoalTrace) -> String {
    goal.deadline.map_or_else(
        || "paused at once".to_owned(),
        |deadline| format!("deadline {}", instant(deadline)),
    )
}

fn pending_words(pending: &PendingObservation) -> String {
    let values = values(
        pending.kpi == Kpi::Handle.name(),
        pending.calendar.map(length),
        pending.business.map(length),
    );
    let kpi = pending.kpi;
    format!("ticket_{kpi}_seconds so far, observed when final: {values}")
}

/// The values that are known, each with its clock, or with its source if it is the handle time.
fn values(is_handle: bool, calendar: Option<String>, business: Option<String>) -> String {
    let names = if is_handle {
        ["reported", "derived"]
    } else {
        ["calendar", "business"]
    };
    let values = [calendar, business].into_iter().zip(names);
    let known = values.filter_map(|(value, name)| Some(format!("{} {name}", value?)));
    known.collect::<Vec<_>>().join(", ")
}

/// `2026-03-06 16:30:00`, with milliseconds where there are any.
fn instant(at: Timestamp) -> String {
    let text = at.rfc3339();
    let text = text.strip_suffix('Z').unwrap_or(&text);
    text.strip_suffix(".000").unwrap_or(text).replace('T', " ")
}

fn length(length: Milliseconds) -> String {
    duration::format(length)
}

/// For example `1h30m (5400 s)`.
fn exact(value: Milliseconds) -> String {
    format!("{} ({} s)", length(value), seconds(value))
}
