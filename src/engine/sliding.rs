//! One sliding window of one series: observations by slot, in HDR buckets, with exact sums.
//!
//! A dense histogram takes 8 KB and most windows hold a handful of tickets, so slots are kept
//! sparse: an entry is one bucket of one slot.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::domain::timestamp::{DAY, Milliseconds};

/// Two significant digits: an error below 1 % (contract, section 6).
const SIGNIFICANT_DIGITS: u8 = 2;
/// Longer durations count as this long in quantiles (contract, section 6); sums stay exact.
const HIGHEST: Milliseconds = 3_653 * DAY;

/// A histogram to merge the entries of a window in.
pub type Scratch = Histogram<u64>;

/// An empty scratch histogram: 1 ms to 10 years.
pub fn scratch() -> Scratch {
    // The bounds are constants that the crate accepts; auto-resizing would only cost a check.
    Histogram::new_with_bounds(1, HIGHEST.unsigned_abs(), SIGNIFICANT_DIGITS)
        .unwrap_or_else(|_| unreachable!("constant bounds"))
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    slot: i64,
    /// Lowest value of the bucket; values of a bucket are the same within 1 %.
    value: Milliseconds,
    sum: Milliseconds,
    count: u32,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sliding {
    entries: VecDeque<Entry>,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    pub count: u64,
    pub sum: Milliseconds,
}

impl Sliding {
    /// Adds one observation. `value` as measured; 0 for a plain event.
    pub fn add(&mut self, slot: i64, value: Milliseconds, scratch: &Scratch) {
        let clamped = value.clamp(0, HIGHEST).unsigned_abs();
        let bucket = i64::try_from(scratch.lowest_equivalent(clamped)).unwrap_or(HIGHEST);
        let position = self
            .entries
            .partition_point(|entry| (entry.slot, entry.value) < (slot, bucket));
        match self.entries.get_mut(position) {
            Some(entry)
                if entry.slot == slot && entry.value == bucket && entry.count < u32::MAX =>
            {
                entry.count += 1;
                entry.sum = entry.sum.saturating_add(value);
            }
            _ => self.entries.insert(
                position,
                Entry {
                    slot,
                    value: bucket,
                    sum: value,
                    count: 1,
                },
            ),
        }
    }

    /// Drops all slots before `first`; whether there were any.
    pub fn expire(&mut self, first: i64) -> bool {
        let expired = self.entries.partition_point(|entry| entry.slot < first);
        self.entries.drain(..expired);
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
        expired > 0
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn content(&self) -> Content {
        self.entries
            .iter()
            .fold(Content { count: 0, sum: 0 }, |content, entry| Content {
                count: content.count + u64::from(entry.count),
                sum: content.sum.saturating_add(entry.sum),
            })
    }

    /// The values of rank ceil(q·n), in milliseconds; `permille` ascending. Not for an empty
    /// window.
    pub fn quantiles<const N: usize>(&self, permille: [u64; N], scratch: &mut Scratch) -> [f64; N] {
        scratch.reset();
        for entry in &self.entries {
            scratch.saturating_record_n(entry.value.unsigned_abs(), u64::from(entry.count));
        }
        let total = scratch.len();
        let mut values = [0.0; N];
        let mut next = 0;
        let mut seen = 0;
        for step in scratch.iter_recorded() {
            seen += step.count_since_last_iteration();
            while next < N && seen >= (permille[next] * total).div_ceil(1_000) {
                // The middle of the bucket halves the error.
                let value = scratch.median_equivalent(step.value_iterated_to());
                #[allow(clippy::cast_precision_loss, reason = "ten years are below 2^53 ms")]
                let milliseconds = value as f64;
                values[next] = milliseconds;
                next += 1;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_ranks_within_one_percent() {
        let mut scratch = scratch();
        let mut window = Sliding::default();
        for value in 1..=1_000 {
            window.add(value % 7, value * 1_000, &scratch);
        }
        let [half, high] = window.quantiles([500, 990], &mut scratch);
        assert!((half / 500_000.0 - 1.0).abs() < 0.01, "{half}");
        assert!((high / 990_000.0 - 1.0).abs() < 0.01, "{high}");
        assert_eq!(
            window.content(),
            Content {
                count: 1_000,
                sum: 500_500_000
            }
        );
    }

    #[test]
    fn a_single_value_is_every_quantile() {
        let mut scratch = scratch();
        for value in [0, 1, 255, 256, 999_999_999, HIGHEST, HIGHEST * 3] {
            let mut window = Sliding::default();
            window.add(0, value, &scratch);
            let quantiles = window.quantiles([500, 900, 950, 990], &mut scratch);
            #[allow(clippy::cast_precision_loss)]
            let expected = value.min(HIGHEST) as f64;
            for quantile in quantiles {
                assert!(
                    (quantile - expected).abs() <= expected * 0.01,
                    "{value}: {quantile}"
                );
            }
        }
    }

    #[test]
    fn expiry_takes_whole_slots_and_keeps_the_rest_exact() {
        let scratch = scratch();
        let mut window = Sliding::default();
        for (slot, value) in [(3, 30), (1, 10), (2, 20), (1, 10)] {
            window.add(slot, value, &scratch);
        }
        assert!(window.expire(2));
        assert!(!window.expire(2));
        assert_eq!(window.content(), Content { count: 2, sum: 50 });
        window.expire(9);
        assert!(window.is_empty());
    }
}
