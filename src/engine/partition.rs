//! The stream clock of a partition and the timers that wait on it (contract, section 2).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::TicketSlot;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// See the module. A ticket may stand here several times; only the entry it names itself counts.
#[derive(Debug)]
pub struct Partition {
    greatest_event: Timestamp,
    clock: Timestamp,
    timers: BinaryHeap<Reverse<(Timestamp, TicketSlot)>>,
}

impl Partition {
    pub fn new() -> Self {
        Self {
            greatest_event: Timestamp(i64::MIN),
            clock: Timestamp(i64::MIN),
            timers: BinaryHeap::new(),
        }
    }

    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    pub fn greatest_event(&self) -> Timestamp {
        self.greatest_event
    }

    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    /// An event time was seen.
    pub fn see(&mut self, at: Timestamp, lateness: Milliseconds) {
        if at > self.greatest_event {
            self.greatest_event = at;
            self.advance(at.minus(lateness));
        }
    }

    /// Moves the clock; it never moves back.
    pub fn advance(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
    }

    pub fn schedule(&mut self, due: Timestamp, slot: TicketSlot) {
        self.timers.push(Reverse((due, slot)));
    }

    /// Takes the earliest timer that the clock has passed.
    pub fn take_due(&mut self) -> Option<(Timestamp, TicketSlot)> {
        let Reverse((due, _)) = self.timers.peek()?;
        if *due >= self.clock {
            return None;
        }
        self.timers.pop().map(|Reverse(timer)| timer)
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
        assert_eq!(partition.clock(), Timestamp(11), "never back");
    }
}
