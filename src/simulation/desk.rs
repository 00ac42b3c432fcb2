//! The desk: arrivals and tickets under way, merged into one stream of events.
//!
//! In memory are the tickets that are not closed yet and the records about to be delivered twice,
//! never the history.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

use super::arrivals::{Arrival, Arrivals};
use super::distributions::{Chance, mixed};
use super::profile::Profile;
use super::story::Teller;
use super::text::{Writer, ticket_id};
use super::ticket::{Fate, Ticket};
use crate::domain::timestamp::Timestamp;

/// One record of the invented desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedEvent {
    /// Event time, as in the JSON.
    pub at: Timestamp,
    /// The record's key.
    pub ticket_id: String,
    /// The record's value: one canonical event, without a newline; some 250 bytes.
    pub json: String,
}

/// An invented support desk. The same seed, profile and start give the same bytes.
#[derive(Clone, Debug)]
pub struct Desk {
    seed: u64,
    profile: Profile,
}

impl Desk {
    /// Shares and weights that are no sensible numbers count as 0; a profile without teams,
    /// priorities or channels gives tickets without them.
    pub fn new(seed: u64, profile: Profile) -> Self {
        Self { seed, profile }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The events from the opening of the desk, without any ticket, at `from`, until before `to`;
    /// without `to` the desk never closes. They come in the order of their event time, except
    /// that [`super::Delivery`] lets some be behind by at most its `lateness`; the records of a
    /// ticket are always in the order in which things happened.
    pub fn events(&self, from: Timestamp, to: Option<Timestamp>) -> Events {
        let mut events = Events {
            arrivals: Arrivals::new(self.seed, &self.profile),
            arrival_chance: Chance::new(mixed(self.seed)),
            teller: Teller::new(self.seed, &self.profile),
            writer: Writer::new(&self.profile),
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

/// When a ticket's next step is due; the sequence makes the order of equal times certain.
type Appointment = Reverse<(Timestamp, u64, usize)>;

/// The stream of a desk's events; see [`Desk::events`].
#[derive(Clone, Debug)]
pub struct Events {
    profile: Profile,
    arrivals: Arrivals,
    arrival_chance: Chance,
    teller: Teller,
    writer: Writer,
    next_arrival: Option<Arrival>,
    agenda: BinaryHeap<Appointment>,
    /// Tickets under way, by slot.
    tickets: Vec<Ticket>,
    /// Slots to be used again.
    free: Vec<usize>,
    /// Records that will be delivered a second time, and when.
    again: VecDeque<(Timestamp, SimulatedEvent)>,
    /// By team: the last ticket that others may be merged into.
    last_report: Vec<Option<u64>>,
    /// Day and first report of the last outage.
    outage: Option<(i64, u64)>,
    number: u64,
    /// Tickets still to be created.
    left: u64,
    sequence: u64,
    /// Events so far, in the lower half.
    event: u64,
    until: Timestamp,
}

impl Events {
    /// Tickets under way: created, and neither withdrawn nor closed for good.
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

    /// Puts the ticket that arrives on the agenda, to be created at once.
    fn admit(&mut self, arrival: Arrival) {
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

    /// Decides whether a ticket repeats an earlier one, which survives.
    fn merge(&mut self, ticket: &mut Ticket, outage: Option<i64>) {
        if ticket.fate != Fate::Worked {
            return;
        }
        let chance = &mut self.teller.chance;
        if let (Some(day), Some(incidents)) = (outage, &self.profile.incidents) {
            match self.outage {
                Some((known, first)) if known == day => {
                    if chance.happens(incidents.merged) {
                        ticket.fate = Fate::Merged(first);
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
            Some(survivor) if chance.happens(self.profile.behaviour.merged) => {
                ticket.fate = Fate::Merged(survivor);
            }
            _ => *last = Some(ticket.number),
        }
    }

    /// The event time of a record that is placed at `place` in the stream.
    fn event_time(&mut self, place: Timestamp, created: Timestamp) -> Timestamp {
        let delivery = &self.profile.delivery;
        if place == created || !self.teller.chance.happens(delivery.late) {
            return place;
        }
        // Half of the lateness, as a duplicate adds the other half.
        let lateness = u32::try_from(delivery.lateness / 2).unwrap_or(0);
        let behind = self.teller.chance.below(lateness.saturating_add(1));
        place.minus(i64::from(behind)).max(created)
    }

    /// Takes the step that is due first.
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

impl Iterator for Events {
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
