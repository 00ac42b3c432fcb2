//! Applies events and fires timers.

use super::core::{Engine, PartitionId};
use super::fact::{KnownTickets, NoObserver, Observer};
use super::lifecycle::{self, Arrival, Fired};
use super::outcome::{Ignored, Outcome};
use super::partition::Partition;
use super::sink::FactSink;
use super::statement::{StateMember, StateMembers};
use super::table::{LONGEST_MERGE_CHAIN, TicketLookup, TicketSlot};
use super::ticket::{Ticket, Withdrawal};
use super::timers::next_timer;
use crate::domain::event::{Event, EventType};
use crate::domain::timestamp::Timestamp;

impl Engine {
    /// Applies one event, after the timers that its time makes due. The events of a partition must
    /// come in the order of arrival.
    pub fn apply(&mut self, partition: PartitionId, event: &Event<'_>) -> Outcome {
        self.apply_with(partition, event, &mut NoObserver)
    }

    /// Like [`Self::apply`]; the observer receives the facts.
    pub fn apply_observed(
        &mut self,
        partition: PartitionId,
        event: &Event<'_>,
        observer: &mut dyn Observer,
    ) -> Outcome {
        self.apply_with(partition, event, observer)
    }

    /// Moves the stream clock of a partition that has been read to its end.
    pub fn advance(&mut self, partition: PartitionId, clock: Timestamp) {
        self.advance_with(partition, clock, &mut NoObserver);
    }

    /// Like [`Self::advance`]; the observer receives the facts.
    pub fn advance_observed(
        &mut self,
        partition: PartitionId,
        clock: Timestamp,
        observer: &mut dyn Observer,
    ) {
        self.advance_with(partition, clock, observer);
    }

    /// Loads the tickets of the next events into the processor's cache. That is faster for a few
    /// dozen events at once.
    pub fn warm<'a>(&self, events: impl Iterator<Item = &'a Event<'a>>) {
        self.tickets
            .warm(events.map(|event| event.ticket_id.as_ref()));
    }

    /// Ends a partition whose topic is gone. Its tickets leave the gauges, but their counts remain.
    /// The partition no longer holds back the clock of the windows.
    pub fn retire(&mut self, partition: PartitionId) {
        for slot in self.tickets.slots_of(partition.number()) {
            self.forget(slot);
        }
        self.partitions[usize::from(partition.number())] = Partition::new();
    }

    fn apply_with<O: Observer + ?Sized>(
        &mut self,
        partition: PartitionId,
        event: &Event<'_>,
        observer: &mut O,
    ) -> Outcome {
        self.start.see(event.at);
        let number = partition.number();
        let lateness = self.rules().rules.lateness;
        self.partitions[usize::from(number)].see(event.at, lateness);
        self.fire_due(number, observer);
        observer.event_begins(self.known_tickets(number), event);
        let outcome = self.apply_to_ticket(number, event, observer);
        observer.event_ends(self.known_tickets(number), event, outcome);
        // A late event may set timers that are due already.
        self.fire_due(number, observer);
        match outcome {
            Outcome::Applied => self.counts.applied += 1,
            Outcome::Duplicate => self.counts.duplicate += 1,
            Outcome::Ignored(Ignored::Withdrawn) => self.counts.withdrawn += 1,
            Outcome::Ignored(Ignored::MergedAway) => self.counts.merged_away += 1,
        }
        if self.recorder.windows.is_full() {
            self.recorder.windows.advance(self.clock());
        }
        outcome
    }

    fn advance_with<O: Observer + ?Sized>(
        &mut self,
        partition: PartitionId,
        clock: Timestamp,
        observer: &mut O,
    ) {
        let number = partition.number();
        self.partitions[usize::from(number)].advance(clock);
        self.fire_due(number, observer);
    }

    fn known_tickets(&self, partition: u16) -> KnownTickets<'_> {
        KnownTickets {
            rules: self.rules(),
            tickets: &self.tickets,
            partition,
        }
    }

    fn apply_to_ticket<O: Observer + ?Sized>(
        &mut self,
        partition: u16,
        event: &Event<'_>,
        observer: &mut O,
    ) -> Outcome {
        let slot = match self.tickets.find(partition, &event.ticket_id) {
            TicketLookup::Here(slot) => slot,
            lookup => {
                self.counts.misrouted += u64::from(lookup == TicketLookup::Elsewhere);
                self.open(partition, event, observer);
                return Outcome::Applied;
            }
        };
        if !self.fire_before(slot, event.at, observer) {
            // The ticket was forgotten before the time of the event, so it is unknown.
            self.open(partition, event, observer);
            return Outcome::Applied;
        }
        if !self
            .tickets
            .get_mut(slot)
            .is_some_and(|ticket| ticket.memory.remember(event.identity))
        {
            self.settle(slot);
            return Outcome::Duplicate;
        }
        let mut arrival = Arrival::Own;
        let ticket = self.tickets.get(slot);
        if ticket.is_some_and(|ticket| ticket.withdrawal == Some(Withdrawal::Merged)) {
            let learns_survivor = self.learn_survivor(slot, event);
            self.settle(slot);
            if learns_survivor {
                return Outcome::Applied;
            }
            if !goes_on(event.kind) {
                return Outcome::Ignored(Ignored::MergedAway);
            }
            let by_requester = self.is_requester_of_merged(slot, event);
            arrival = Arrival::Forwarded { by_requester };
        }
        let Some(survivor) = self.survivor(slot, event.at, observer) else {
            return Outcome::Ignored(Ignored::MergedAway);
        };
        let outcome = self.apply_to(survivor, event, arrival, observer);
        self.settle(survivor);
        outcome
    }

    /// Takes the survivor of a merged ticket from a further merge. Returns whether it names one that
    /// counts.
    fn learn_survivor(&mut self, slot: TicketSlot, event: &Event<'_>) -> bool {
        let (EventType::Merged, Some(into), Some(ticket)) =
            (event.kind, &event.into, self.tickets.get_mut(slot))
        else {
            return false;
        };
        let withdrawal = StateMembers::NONE.with(StateMember::Withdrawal);
        let is_stale = !ticket.memory.state(withdrawal, event.at).is_empty();
        if is_stale && ticket.merged_into().is_some() {
            return false;
        }
        ticket.extra_mut().into = Some(into.as_ref().into());
        true
    }

    /// Whether the author of an event is the requester of its merged ticket, or of a merged ticket on
    /// the way to the survivor.
    fn is_requester_of_merged(&self, slot: TicketSlot, event: &Event<'_>) -> bool {
        let Some(author) = &event.author else {
            return false;
        };
        let author = Some(self.recorder.accounts.digest(author));
        let mut ticket = self.tickets.get(slot);
        for _ in 0..LONGEST_MERGE_CHAIN {
            let Some(merged) = ticket else {
                return false;
            };
            if merged.memory.requester() == author {
                return true;
            }
            let into = merged.merged_into();
            ticket = into.and_then(|into| self.tickets.get_in(merged.partition, into));
        }
        false
    }

    fn apply_to<O: Observer + ?Sized>(
        &mut self,
        slot: TicketSlot,
        event: &Event<'_>,
        arrival: Arrival,
        observer: &mut O,
    ) -> Outcome {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return Outcome::Ignored(Ignored::MergedAway);
        };
        let mut sink = FactSink::new(&mut self.recorder, observer);
        let at = event.at.max(ticket.last_at);
        if ticket.is_withdrawn() {
            let grace = sink.rules().rules.undelete_grace;
            let is_within_grace = at.since(ticket.timeline.since()) <= grace;
            let restores = event.kind == EventType::Undeleted && is_within_grace;
            let states = restores || lifecycle::withdrawal(event.kind).is_some();
            if !states || !state_again(&mut sink, ticket, event) || !restores {
                return Outcome::Ignored(Ignored::Withdrawn);
            }
            lifecycle::restore(&mut sink, ticket, at);
        }
        self.counts.out_of_order += u64::from(event.at < ticket.last_at);
        if at > ticket.last_at {
            ticket.pass_solve();
        }
        ticket.last_at = at;
        if arrival == Arrival::Own && lifecycle::learn_start(&mut sink, ticket, event) {
            // Deadlines may have passed before the start was known.
            self.fire_before(slot, at, observer);
        }
        if let Some(ticket) = self.tickets.get_mut(slot) {
            let mut sink = FactSink::new(&mut self.recorder, observer);
            lifecycle::apply(&mut sink, ticket, event, at, arrival);
        }
        Outcome::Applied
    }

    /// Opens an unknown ticket: as created, or as partial (contract, section 1).
    fn open<O: Observer + ?Sized>(&mut self, partition: u16, event: &Event<'_>, observer: &mut O) {
        let at = match event.created_at {
            Some(created_at) if event.kind != EventType::Created => created_at.min(event.at),
            _ => event.at,
        };
        let mut ticket = Ticket::open(&event.ticket_id, partition, at);
        ticket.memory.remember(event.identity);
        ticket.last_at = event.at;
        let mut sink = FactSink::new(&mut self.recorder, observer);
        lifecycle::initialize(&mut sink, &mut ticket, event);
        lifecycle::learn_start(&mut sink, &mut ticket, event);
        let slot = self.tickets.insert(ticket);
        // A partial ticket may have deadlines between its creation and its first event.
        self.fire_before(slot, event.at, observer);
        if let Some(ticket) = self.tickets.get_mut(slot) {
            let mut sink = FactSink::new(&mut self.recorder, observer);
            lifecycle::apply(&mut sink, ticket, event, event.at, Arrival::Opens);
        }
        self.settle(slot);
    }

    /// The ticket that an event applies to: the named one, or the one it was merged into. `None`:
    /// that one is not in this partition, or forgotten.
    fn survivor<O: Observer + ?Sized>(
        &mut self,
        slot: TicketSlot,
        at: Timestamp,
        observer: &mut O,
    ) -> Option<TicketSlot> {
        let mut current = slot;
        for _ in 0..LONGEST_MERGE_CHAIN {
            if current != slot && !self.fire_before(current, at, observer) {
                return None;
            }
            let ticket = self.tickets.get(current)?;
            if ticket.withdrawal != Some(Withdrawal::Merged) {
                return Some(current);
            }
            match self.tickets.find(ticket.partition, ticket.merged_into()?) {
                TicketLookup::Here(next) => current = next,
                TicketLookup::Elsewhere | TicketLookup::Nowhere => return None,
            }
        }
        None
    }

    /// Fires the timers of one ticket that are due before `at`. Returns whether the ticket is still
    /// known.
    fn fire_before<O: Observer + ?Sized>(
        &mut self,
        slot: TicketSlot,
        at: Timestamp,
        observer: &mut O,
    ) -> bool {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return false;
        };
        let at = at.max(ticket.last_at);
        let mut sink = FactSink::new(&mut self.recorder, observer);
        loop {
            let due = next_timer(sink.rules(), ticket);
            if due >= at {
                return true;
            }
            if lifecycle::fire(&mut sink, ticket, due) == Fired::Forgotten {
                self.forget(slot);
                return false;
            }
        }
    }

    /// Fires the timers before the clock of a partition, in order of time.
    fn fire_due<O: Observer + ?Sized>(&mut self, partition: u16, observer: &mut O) {
        while let Some((due, slot)) = self.partitions[usize::from(partition)].take_due() {
            let Some(ticket) = self.tickets.get_mut(slot) else {
                continue;
            };
            if ticket.scheduled != due || ticket.partition != partition {
                continue;
            }
            ticket.scheduled = Timestamp::NEVER;
            let mut sink = FactSink::new(&mut self.recorder, observer);
            // The ticket's timer may have moved. Then only the next one is set.
            if next_timer(sink.rules(), ticket) == due
                && lifecycle::fire(&mut sink, ticket, due) == Fired::Forgotten
            {
                self.forget(slot);
            } else {
                self.settle(slot);
            }
        }
    }

    /// Sets the timers of all tickets of an engine that has none yet.
    pub(super) fn schedule_all(&mut self) {
        for (slot, ticket) in self.tickets.iter_mut() {
            ticket.scheduled = next_timer(&self.recorder.compiled, ticket);
            if ticket.scheduled != Timestamp::NEVER {
                let partition = &mut self.partitions[usize::from(ticket.partition)];
                partition.schedule(ticket.scheduled, slot);
            }
        }
    }

    /// Sets the timer of a changed ticket and marks it for the next checkpoint.
    fn settle(&mut self, slot: TicketSlot) {
        let Some(ticket) = self.tickets.get_mut(slot) else {
            return;
        };
        let due = next_timer(&self.recorder.compiled, ticket);
        if due < ticket.scheduled {
            ticket.scheduled = due;
            self.partitions[usize::from(ticket.partition)].schedule(due, slot);
        }
        if let Some(changes) = &mut self.changes {
            changes.mark(ticket, slot);
        }
    }

    fn forget(&mut self, slot: TicketSlot) {
        if let Some(ticket) = self.tickets.remove(slot)
            && let Some(changes) = &mut self.changes
        {
            changes.forget(ticket.partition, ticket.id);
        }
    }
}

/// Notes what an event of a withdrawn ticket states about the withdrawal. Returns whether it is not
/// earlier than the known statement.
fn state_again<O: Observer + ?Sized>(
    sink: &mut FactSink<'_, O>,
    ticket: &mut Ticket,
    event: &Event<'_>,
) -> bool {
    let stated = StateMembers::NONE.with(StateMember::Withdrawal);
    let at = event.at.max(ticket.last_at);
    !lifecycle::state(sink, ticket, stated, event.at, at).is_empty()
}

/// Whether an event of a merged ticket goes on to the ticket that it was merged into: what happened
/// does, and what states or changes the merged ticket does not.
pub fn goes_on(kind: EventType) -> bool {
    matches!(
        kind,
        EventType::Message
            | EventType::Worklog
            | EventType::CsatOffered
            | EventType::CsatRated
            | EventType::Escalated
    )
}
