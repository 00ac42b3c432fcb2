//! Section 1, withdrawn and merged tickets.

use super::event::Event;
use super::ticket::{Ticket, Withdrawal};
use super::world::World;
use std::collections::BTreeMap;

/// The types that go on to the surviving ticket.
const FORWARDED: [&str; 5] = [
    "message",
    "worklog",
    "csat_offered",
    "csat_rated",
    "escalated",
];

/// The greatest number of merges between a ticket and its survivor.
const LONGEST_CHAIN: usize = 15;

impl World<'_> {
    pub(super) fn withdraw(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        if !self.states(ticket, "withdrawal", event.at) {
            return;
        }
        let holder = ticket.holder();
        self.book.count(
            "ticket_withdrawn_total",
            &holder,
            &[("reason", &event.kind)],
        );
        ticket.withdrawals.push(Withdrawal {
            from: at,
            to: None,
            merged: event.kind == "merged",
            into: event.into.clone(),
        });
    }

    /// An event of a ticket that was deleted or marked as spam.
    pub(super) fn read_deleted(
        &mut self,
        ticket: &mut Ticket,
        withdrawal: &Withdrawal,
        event: &Event,
    ) {
        let at = event.at.max(ticket.last);
        let in_time = at - withdrawal.from <= self.undelete_grace;
        match event.kind.as_str() {
            "undeleted" if in_time && self.states(ticket, "withdrawal", event.at) => {
                ticket.withdrawals.last_mut().unwrap().to = Some(at);
                self.apply(ticket, event);
                return;
            }
            "merged" | "spam" | "deleted" => {
                self.states(ticket, "withdrawal", event.at);
            }
            _ => {}
        }
        self.ignore("withdrawn");
    }

    /// An event of a merged ticket.
    pub(super) fn read_merged(&mut self, ticket: &mut Ticket, event: &Event, clock: i64) {
        if event.kind == "merged" && event.into.is_some() {
            let withdrawal = ticket.withdrawals.last_mut().unwrap();
            let stated = ticket.stated["withdrawal"];
            if withdrawal.into.is_none() || event.at >= stated {
                withdrawal.into.clone_from(&event.into);
                ticket
                    .stated
                    .insert("withdrawal".to_owned(), stated.max(event.at));
                return;
            }
        }
        if !FORWARDED.contains(&event.kind.as_str()) {
            self.ignore("merged_away");
            return;
        }
        let mut forwarded = Event {
            created_at: None,
            team: None,
            agent: None,
            priority: None,
            channel: None,
            status: None,
            requester: None,
            attributes: BTreeMap::new(),
            ..event.clone()
        };
        if ticket.is_by_requester(event) {
            forwarded.actor = Some("customer".to_owned());
        }
        if !event.attributes.is_empty() {
            self.note_rule("forwarded without own attributes");
        }
        let mut passed = vec![event.ticket.clone()];
        let mut next = ticket.withdrawal().unwrap().into.clone();
        while let Some(name) = next {
            if passed.contains(&name) || passed.len() > LONGEST_CHAIN {
                break;
            }
            let Some(mut survivor) = self.take(&name, clock, event.at) else {
                break;
            };
            if survivor.is_by_requester(event) {
                forwarded.actor = Some("customer".to_owned());
            }
            next = match survivor.withdrawal().cloned() {
                None => {
                    self.apply(&mut survivor, &forwarded);
                    self.tickets.insert(name, survivor);
                    return;
                }
                Some(withdrawal) if withdrawal.merged => withdrawal.into,
                Some(_) => {
                    self.ignore("withdrawn");
                    self.tickets.insert(name, survivor);
                    return;
                }
            };
            self.tickets.insert(name.clone(), survivor);
            passed.push(name);
        }
        self.ignore("merged_away");
    }
}
