//! Sections 1, 2 and 4: the partition, its stream clock, and the ticket that an event or a timer reaches.
//! `statements`, `withdrawn`, `conversation`, `lifecycle` and `goals` have the effects.

use super::Output;
use super::calendar::Calendar;
use super::event::Event;
use super::series::Book;
use super::setup::{Setup, milliseconds};
use super::ticket::Ticket;
use std::collections::{BTreeMap, HashMap};

pub struct World<'a> {
    pub(super) setup: &'a Setup,
    pub(super) calendars: BTreeMap<String, Calendar>,
    pub(super) book: Book<'a>,
    pub(super) tickets: HashMap<String, Ticket>,
    greatest: Option<i64>,
    lateness: i64,
    pub(super) finalize_after: i64,
    retain: i64,
    pub(super) undelete_grace: i64,
    pub(super) opening: i64,
    pub(super) output: Output,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").finish_non_exhaustive()
    }
}

impl<'a> World<'a> {
    pub fn new(setup: &'a Setup, earliest: i64) -> Self {
        Self {
            setup,
            calendars: setup
                .calendars
                .iter()
                .map(|(name, calendar)| (name.clone(), Calendar::new(calendar, earliest)))
                .collect(),
            book: Book::new(setup),
            tickets: HashMap::new(),
            greatest: None,
            lateness: milliseconds(&setup.lateness),
            finalize_after: milliseconds(&setup.finalize_after),
            retain: milliseconds(&setup.retain),
            undelete_grace: milliseconds(&setup.undelete_grace),
            opening: milliseconds(&setup.opening),
            output: Output::default(),
        }
    }

    /// Reads one record, in the order of arrival.
    pub fn read(&mut self, event: &Event) {
        // Section 2: the greatest event time so far, minus the lateness.
        let greatest = self.greatest.map_or(event.at, |seen| seen.max(event.at));
        self.greatest = Some(greatest);
        let clock = greatest - self.lateness;

        let mut ticket = match self.take(&event.ticket, clock, event.at) {
            Some(ticket) => ticket,
            None => {
                let ticket = Ticket::open(event, self.setup);
                if ticket.was_assigned {
                    self.note_rule("assignment before the first event");
                }
                ticket
            }
        };
        if ticket.has_seen(&event.identity) {
            self.output.duplicates += 1;
        } else {
            match ticket.withdrawal().cloned() {
                None => self.apply(&mut ticket, event),
                Some(withdrawal) if withdrawal.merged => {
                    self.read_merged(&mut ticket, event, clock);
                }
                Some(withdrawal) => self.read_deleted(&mut ticket, &withdrawal, event),
            }
        }
        self.tickets.insert(event.ticket.clone(), ticket);
    }

    /// The clock's last move, and the gauges and windows there.
    pub fn finish(mut self, until: Option<i64>) -> Output {
        let end = match (self.greatest, until) {
            (Some(greatest), Some(until)) => Some(greatest.max(until)),
            (greatest, until) => greatest.or(until),
        };
        let mut output = std::mem::take(&mut self.output);
        if let Some(end) = end {
            let mut names: Vec<String> = self.tickets.keys().cloned().collect();
            names.sort_unstable();
            for name in names {
                if let Some(ticket) = self.take(&name, end, i64::MIN) {
                    self.gauges(&ticket, end);
                }
            }
        }
        output.series = self.book.into_series(end);
        output
    }

    /// Takes the ticket out of the table, after the timers that are due before an event at `at` and before
    /// the clock; `None` if it is unknown or forgotten.
    pub(super) fn take(&mut self, name: &str, clock: i64, at: i64) -> Option<Ticket> {
        let mut ticket = self.tickets.remove(name)?;
        let due = |instant: i64| instant < at || instant < clock;
        loop {
            // Section 4, last paragraph: the ticket stays for `retain`.
            let forgotten = match (ticket.withdrawal(), ticket.finalizations.last()) {
                (Some(withdrawal), _) => Some(withdrawal.from + self.retain),
                (None, Some(finalized)) if ticket.is_final => {
                    let restored = ticket.withdrawals.last().and_then(|last| last.to);
                    Some(restored.unwrap_or(*finalized).max(*finalized) + self.retain)
                }
                _ => None,
            };
            if forgotten.is_some_and(due) {
                return None;
            }
            if ticket.withdrawal().is_some() {
                return Some(ticket);
            }
            if let Some(instant) = ticket
                .finalization_due(self.finalize_after)
                .filter(|at| due(*at))
            {
                self.finalize(&mut ticket, instant);
                continue;
            }
            let next = ticket
                .goals
                .iter()
                .filter(|(_, goal)| !goal.breached)
                .filter_map(|(key, goal)| {
                    let deadline = self.judge(&ticket, *key, goal)?.deadline()?;
                    Some((deadline, *key))
                })
                .min();
            match next {
                Some((deadline, key)) if due(deadline) => {
                    self.breach(&mut ticket, key, deadline);
                }
                _ => return Some(ticket),
            }
        }
    }

    pub(super) fn ignore(&mut self, reason: &str) {
        *self.output.ignored.entry(reason.to_owned()).or_default() += 1;
    }

    pub(super) fn note_rule(&mut self, rule: &'static str) {
        *self.output.rules.entry(rule).or_default() += 1;
    }

    /// Section 1: "Order within one event".
    pub(super) fn apply(&mut self, ticket: &mut Ticket, event: &Event) {
        if event.at < ticket.last {
            self.output.out_of_order += 1;
        }
        let at = event.at.max(ticket.last);
        ticket.last = at;
        self.book
            .labels
            .meet(&ticket.holder(), ticket.channel.as_ref());
        self.complete(ticket, event, at);
        self.breach_overdue(ticket, at);

        match event.kind.as_str() {
            "merged" | "spam" | "deleted" => {
                self.withdraw(ticket, event, at);
                return;
            }
            "undeleted" => {
                self.states(ticket, "withdrawal", event.at);
            }
            _ => {}
        }
        let event = &self.without_stale_statements(ticket, event);
        if let Some(requester) = &event.requester {
            ticket.requester = Some(requester.clone());
        }
        match event.kind.as_str() {
            "message" => self.message(ticket, event, at),
            "worklog" => ticket
                .worklogs
                .extend(event.handle_ms.map(|handle| (at, handle))),
            "csat_offered" | "csat_rated" => self.csat(ticket, event, at),
            "escalated" => {
                ticket.escalations += 1;
                let holder = ticket.holder();
                self.book.count("ticket_escalated_total", &holder, &[]);
            }
            _ => {}
        }
        self.change_attributes(ticket, event, at);
        self.assign(ticket, at);
        if event.kind == "created" && !ticket.counted {
            ticket.counted = true;
            let channel = self.book.labels.channel(ticket.channel.as_ref());
            let holder = ticket.holder();
            self.book
                .count("ticket_created_total", &holder, &[("channel", &channel)]);
            self.book.event(at, &holder, "created");
        }
        if let Some(status) = event.status {
            self.change_status(ticket, status, at);
        }
    }

    /// Section 1, unknown ticket: a creation time that becomes known later completes a partial ticket.
    fn complete(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        if event.kind == "created" && !ticket.counted {
            ticket.created = Some(event.at);
        } else if ticket.created.is_none() {
            ticket.created = event.created_at.map(|created| created.min(at));
        }
    }
}
