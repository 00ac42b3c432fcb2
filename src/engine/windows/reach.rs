//! The place of windows in time.

use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Steps in the length of a window.
pub(super) const STEPS: i64 = 60;
/// The clock before its first move.
pub(super) const UNREAD: Timestamp = Timestamp(i64::MIN);

/// How far windows reach into the past.
#[derive(Clone, Copy, Debug)]
pub struct WindowsReach {
    pub(super) clock: Timestamp,
    pub(super) past_since: Option<Timestamp>,
}

impl WindowsReach {
    /// The reach of the windows of two shards together.
    pub fn and(self, other: Self) -> Self {
        Self {
            clock: self.clock.max(other.clock),
            past_since: self.past_since.max(other.past_since),
        }
    }

    /// For each window, whether the whole window before is known. `start`: the time of the first event.
    pub fn knows_before(
        self,
        lengths: impl Iterator<Item = Milliseconds>,
        start: Timestamp,
    ) -> Vec<bool> {
        let knows = |length: Milliseconds| {
            let first = first_slot(length, self.clock);
            let begin = |slot: i64| Timestamp(slot.saturating_mul(length / STEPS));
            self.clock != UNREAD
                && begin(first - STEPS) >= start
                && self.past_since.is_none_or(|since| begin(first) >= since)
        };
        lengths.map(knows).collect()
    }
}

/// The first step of a window at clock t: the window is (s - W, t], and s is t rounded down to a step.
pub(super) fn first_slot(length: Milliseconds, clock: Timestamp) -> i64 {
    clock.0.div_euclid(length / STEPS) - STEPS
}
