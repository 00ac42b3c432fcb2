//! The stream clock of a partition and the timers that wait on it (contract, section 2).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::table::TicketSlot;
use crate::domain::timestamp::{MINUTE, Milliseconds, Timestamp};

/// The time span of one list of timers. Long enough for well-filled lists at a quiet helpdesk, short
/// enough for a small heap at a busy one.
const SPAN: Milliseconds = 15 * MINUTE;

/// The clock of a partition without events: before every instant.
const UNREAD: Timestamp = Timestamp(i64::MIN);

/// The time and the ticket of a timer.
type Timer = (Timestamp, TicketSlot);

/// Timers in order of time. Later ones are in unsorted lists, one per span, because most timers move
/// before they are due. Sorting them would cost more than the rest of an event.
#[derive(Debug, Default)]
struct Timers {
    /// The timers of the spans that the clock has reached.
    near: BinaryHeap<Reverse<Timer>>,
    /// By span: milliseconds since the start of the span, and the ticket.
    later: BTreeMap<i64, Vec<(u32, TicketSlot)>>,
    reached: i64,
    count: usize,
    /// No timer is due before this. Most events need no more than this check.
    earliest: Timestamp,
}

impl Timers {
    fn push(&mut self, timer: Timer) {
        self.count += 1;
        self.earliest = self.earliest.min(timer.0);
        let span = span(timer.0);
        // A span is 900,000 ms long, so its remainder always fits.
        let Ok(offset) = u32::try_from(timer.0.0.rem_euclid(SPAN)) else {
            return;
        };
        if span <= self.reached {
            self.near.push(Reverse(timer));
            return;
        }
        let list = self.later.entry(span).or_default();
        if list.len() == list.capacity() {
            // Doubling would waste a quarter of the memory.
            list.reserve_exact(list.len() / 8 + 4);
        }
        list.push((offset, timer.1));
    }

    /// Takes the earliest timer before `clock`.
    fn take(&mut self, clock: Timestamp) -> Option<Timer> {
        if self.earliest >= clock {
            return None;
        }
        self.reached = self.reached.max(span(clock));
        while let Some(first) = self.later.first_entry()
            && *first.key() <= self.reached
        {
            let start = Timestamp(first.key() * SPAN);
            let timers = first.remove().into_iter();
            self.near
                .extend(timers.map(|(offset, slot)| Reverse((start.plus(offset.into()), slot))));
        }
        match self.near.peek() {
            Some(Reverse((due, _))) if *due < clock => {
                self.count -= 1;
                self.near.pop().map(|Reverse(timer)| timer)
            }
            nearest => {
                let later = self.later.first_key_value();
                self.earliest = match (nearest, later) {
                    (Some(Reverse((due, _))), _) => *due,
                    (None, Some((span, _))) => Timestamp(span * SPAN),
                    (None, None) => Timestamp::NEVER,
                };
                None
            }
        }
    }
}

fn known(instant: Timestamp) -> Option<Timestamp> {
    (instant != UNREAD).then_some(instant)
}

fn span(at: Timestamp) -> i64 {
    at.0.div_euclid(SPAN)
}

/// The clocks and timers of a partition. A ticket may have several timers here. Only the one at
/// [`scheduled`](super::ticket::Ticket::scheduled) counts.
#[derive(Debug)]
pub struct Partition {
    greatest_event: Timestamp,
    clock: Timestamp,
    timers: Timers,
}

impl Partition {
    pub fn new() -> Self {
        Self {
            greatest_event: UNREAD,
            clock: UNREAD,
            timers: Timers {
                reached: i64::MIN,
                earliest: Timestamp::NEVER,
                ..Timers::default()
            },
        }
    }

    /// A partition with stored clocks and without timers.
    pub fn restored(clock: Option<Timestamp>, greatest_event: Option<Timestamp>) -> Self {
        Self {
            clock: clock.unwrap_or(UNREAD),
            greatest_event: greatest_event.unwrap_or(UNREAD),
            ..Self::new()
        }
    }

    /// `None` before the first event.
    pub fn clock(&self) -> Option<Timestamp> {
        known(self.clock)
    }

    /// `None` before the first event.
    pub fn greatest_event(&self) -> Option<Timestamp> {
        known(self.greatest_event)
    }

    pub fn timers(&self) -> usize {
        self.timers.count
    }

    /// Notes the time of an event.
    pub fn see(&mut self, at: Timestamp, lateness: Milliseconds) {
        if at > self.greatest_event {
            self.greatest_event = at;
            self.advance(at.minus(lateness));
        }
    }

    /// Moves the clock forward. It never moves back.
    pub fn advance(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
    }

    pub fn schedule(&mut self, due: Timestamp, slot: TicketSlot) {
        self.timers.push((due, slot));
    }

    /// Takes the earliest timer before the clock.
    pub fn take_due(&mut self) -> Option<Timer> {
        self.timers.take(self.clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_when_the_clock_has_passed_it() {
        let mut partition = Partition::new();
        partition.schedule(Timestamp(10), 1);
        partition.see(Timestamp(15), 5);
        assert_eq!(partition.take_due(), None, "not at the instant itself");
        partition.see(Timestamp(16), 5);
        assert_eq!(partition.take_due(), Some((Timestamp(10), 1)));
        partition.see(Timestamp(3), 5);
        assert_eq!(partition.clock(), Some(Timestamp(11)), "never back");
    }

    #[test]
    fn timers_fire_in_order_of_time_across_spans() {
        let mut partition = Partition::new();
        for due in [90_000, 5, 60_000, 59_999, 3_600_000, 61_000] {
            partition.schedule(Timestamp(due), 1);
        }
        partition.advance(Timestamp(61_000));
        partition.schedule(Timestamp(7), 1);
        let due: Vec<i64> = std::iter::from_fn(|| partition.take_due())
            .map(|timer| timer.0.0)
            .collect();
        assert_eq!(due, [5, 7, 59_999, 60_000]);
        partition.advance(Timestamp(i64::MAX));
        let due: Vec<i64> = std::iter::from_fn(|| partition.take_due())
            .map(|timer| timer.0.0)
            .collect();
        assert_eq!(due, [61_000, 90_000, 3_600_000]);
        assert_eq!(partition.timers(), 0);
    }
}
