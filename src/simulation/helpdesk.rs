//! The helpdesk: arrivals and live tickets, merged into one stream of events.
//!
//! Memory holds only live tickets and the records that will be delivered twice.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

use super::arrivals::{Arrivals, TicketArrival};
use super::distributions::{Chance, mixed};
use super::profile::Profile;
use super::story::Storyteller;
use super::text::{EventWriter, ticket_id};
use super::ticket::{SimulatedTicket, TicketFate};
use crate::domain::timestamp::Timestamp;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedEvent {
    /// Event time, as in the JSON.
    pub at: Timestamp,
    /// The record's key.
    pub ticket_id: String,
    /// The record's value: one canonical event of some 250 bytes, without a newline.
    pub json: String,
}

/// A simulated helpdesk. The same seed, profile and start give the same bytes.
#[derive(Clone, Debug)]
pub struct SimulatedHelpdesk {
    seed: u64,
    profile: Profile,
}

impl SimulatedHelpdesk {
    /// Shares and weights that are negative or not finite count as 0. With a profile without teams,
    /// priorities or channels, tickets have none.
    pub fn new(seed: u64, profile: Profile) -> Self {
        Self { seed, profile }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the events from `from`, when the helpdesk opens without tickets, to before `to`, or
    /// without end. They are in the order of event time, except that [`super::Delivery`] delays some by
    /// at most its `lateness`. Records of one ticket are always in the order of events.
    pub fn events(&self, from: Timestamp, to: Option<Timestamp>) -> SimulatedEvents {
        let mut events = SimulatedEvents {
            arrivals: Arrivals::new(self.seed, &self.profile),
            arrival_chance: Chance::new(mixed(self.seed)),
            teller: Storyteller::new(self.seed, &self.profile),
            writer: EventWriter::new(&self.profile),
            next_arrival: None,
            agenda: BinaryHeap::new(),
            tickets: Vec::new(),
            free: Vec::new(),
            again: VecDeque::new(),
            last_report: vec![None; self.profile.teams.len()],
            outage: None,
            number: self.profile.first_ticket,
            left: self.profile.tickets.unwrap_or(u64::MAX),
            sequence: 0,
            event: mixed(self.seed) & !0xffff_ffff,
            until: to.unwrap_or(Timestamp::LATEST).min(Timestamp::LATEST),
            profile: self.profile.clone(),
        };
        events.schedule_arrival(from.max(Timestamp::EARLIEST));
        events
    }
}

/// The next step of a ticket. The sequence number orders equal times.
type Appointment = Reverse<(Timestamp, u64, usize)>;

/// The stream of a helpdesk's events.
#[derive(Clone, Debug)]
pub struct SimulatedEvents {
    profile: Profile,
    arrivals: Arrivals,
    arrival_chance: Chance,
    teller: Storyteller,
    writer: EventWriter,
    next_arrival: Option<TicketArrival>,
    agenda: BinaryHeap<Appointment>,
    /// Live tickets by slot.
    tickets: Vec<SimulatedTicket>,
    /// Unused slots.
    free: Vec<usize>,
    /// Records to deliver a second time, with their times.
    again: VecDeque<(Timestamp, SimulatedEvent)>,
    /// By team: the last ticket into which others may be merged.
    last_report: Vec<Option<u64>>,
    /// Day and first report of the last outage.
    outage: Option<(i64, u64)>,
    number: u64,
    /// Tickets still to create.
    left: u64,
    sequence: u64,
    /// Number of events in the lower half.
    event: u64,
    until: Timestamp,
}

impl SimulatedEvents {
    /// Number of live tickets: created, and neither withdrawn nor closed for good.
    pub fn live(&self) -> usize {
        self.agenda.len()
    }

    fn schedule_arrival(&mut self, after: Timestamp) {
        self.next_arrival = if self.left > 0 {
            self.arrivals.next(&mut self.arrival_chance, after)
        } else {
            None
        };
    }

    /// Schedules the creation of an arriving ticket.
    fn admit(&mut self, arrival: TicketArrival) {
        let number = self.number;
        self.number = self.number.wrapping_add(1);
        self.left -= 1;
        self.schedule_arrival(arrival.at);
        let incidents = self.profile.incidents.as_ref();
        let broken = arrival
            .outage
            .and(incidents)
            .and_then(|incidents| u16::try_from(incidents.team).ok());
        let mut ticket = self.teller.arrive(number, arrival.at, broken);
        self.merge(&mut ticket, arrival.outage);
        let slot = self.free.pop().unwrap_or(self.tickets.len());
        match self.tickets.get_mut(slot) {
            Some(place) => *place = ticket,
            None => self.tickets.push(ticket),
        }
        self.sequence += 1;
        self.agenda.push(Reverse((arrival.at, self.sequence, slot)));
    }

    /// Decides whether a ticket repeats an earlier one and is merged into it.
    fn merge(&mut self, ticket: &mut SimulatedTicket, outage: Option<i64>) {
        if ticket.fate != TicketFate::Worked {
            return;
        }
        let chance = &mut self.teller.chance;
        if let (Some(day), Some(incidents)) = (outage, &self.profile.incidents) {
            match self.outage {
                Some((known, first)) if known == day => {
                    if chance.happens(incidents.merged) {
                        ticket.fate = TicketFate::Merged(first);
                    }
                }
                _ => self.outage = Some((day, ticket.number)),
            }
            return;
        }
        let Some(last) = self.last_report.get_mut(usize::from(ticket.home)) else {
            return;
        };
        match *last {
            Some(survivor) if chance.happens(self.profile.behavior.merged) => {
                ticket.fate = TicketFate::Merged(survivor);
            }
            _ => *last = Some(ticket.number),
        }
    }

    /// The event time of a record at `place` in the stream.
    fn event_time(&mut self, place: Timestamp, created: Timestamp) -> Timestamp {
        let delivery = &self.profile.delivery;
        if place == created || !self.teller.chance.happens(delivery.late) {
            return place;
        }
        // A duplicate adds the other half of the lateness.
        let lateness = u32::try_from(delivery.lateness / 2).unwrap_or(0);
        let behind = self.teller.chance.below(lateness.saturating_add(1));
        place.minus(i64::from(behind)).max(created)
    }

    /// Performs the step that is due first.
    fn step(&mut self) -> Option<SimulatedEvent> {
        let &Reverse((place, _, slot)) = self.agenda.peek()?;
        let ticket = &mut self.tickets[slot];
        let (act, next) = self.teller.advance(ticket, place);
        let ticket = *ticket;
        if let Some(mut top) = self.agenda.peek_mut() {
            if let Some(due) = next {
                self.sequence += 1;
                *top = Reverse((due.max(place), self.sequence, slot));
            } else {
                PeekMut::pop(top);
                self.free.push(slot);
            }
        }
        let at = self.event_time(place, ticket.created);
        self.event = self.event.wrapping_add(1);
        let told = SimulatedEvent {
            at,
            ticket_id: ticket_id(ticket.number),
            json: self.writer.event(&ticket, &act, at, mixed(self.event)),
        };
        let delivery = &self.profile.delivery;
        if delivery.duplicates > 0.0 && self.teller.chance.happens(delivery.duplicates) {
            let when = place.plus(delivery.lateness.max(0) / 2);
            self.again.push_back((when, told.clone()));
        }
        Some(told)
    }
}

impl Iterator for SimulatedEvents {
    type Item = SimulatedEvent;

    fn next(&mut self) -> Option<SimulatedEvent> {
        loop {
            let due = self
                .agenda
                .peek()
                .map_or(Timestamp::NEVER, |Reverse((at, _, _))| *at);
            if let Some(arrival) = self.next_arrival.filter(|arrival| arrival.at <= due) {
                if arrival.at >= self.until {
                    return None;
                }
                self.admit(arrival);
                continue;
            }
            if let Some((when, _)) = self.again.front().filter(|(when, _)| *when <= due) {
                if *when >= self.until {
                    return None;
                }
                return self.again.pop_front().map(|(_, event)| event);
            }
            return if due >= self.until { None } else { self.step() };
        }
    }
}
