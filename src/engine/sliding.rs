//! One sliding window of one series: observations by slot, in HDR buckets, with exact sums.
//!
//! A dense histogram takes 8 KB and most windows hold a handful of tickets, so slots are kept
//! sparse: a slot lists the buckets it has something in.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::domain::timestamp::{DAY, Milliseconds};

/// Two significant digits: an error below 1 % (contract, section 6).
const SIGNIFICANT_DIGITS: u8 = 2;
/// Longer durations count as this long in quantiles (contract, section 6); sums stay exact.
const HIGHEST: Milliseconds = 3_653 * DAY;

/// Buckets of all durations up to [`HIGHEST`], and some more: 128 to a doubling.
pub const BUCKETS: u16 = 128 * 40;

/// A histogram to merge the entries of a window in.
pub type Scratch = Histogram<u64>;

/// An empty scratch histogram: 1 ms to 10 years.
pub fn scratch() -> Scratch {
    // The bounds are constants that the crate accepts; auto-resizing would only cost a check.
    Histogram::new_with_bounds(1, HIGHEST.unsigned_abs(), SIGNIFICANT_DIGITS)
        .unwrap_or_else(|_| unreachable!("constant bounds"))
}

/// Bucket of a value in the layout of an HDR histogram of two significant digits: exact below
/// 256, then 128 buckets to a doubling. One word instead of the value itself.
fn bucket_of(value: u64) -> u16 {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(8);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "31 doublings of 128 buckets in ten years"
    )]
    let bucket = (u64::from(shift) * 128 + (value >> shift)) as u16;
    bucket
}

/// The lowest value of a bucket.
fn lowest_value(bucket: u16) -> u64 {
    let shift = (bucket / 128).saturating_sub(1);
    u64::from(bucket - shift * 128) << shift
}

/// The observations of one step of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub number: i64,
    pub count: u64,
    pub sum: Milliseconds,
    /// Bucket and count, ascending.
    pub buckets: Vec<(u16, u32)>,
}

impl Step {
    pub fn new(number: i64) -> Self {
        Self {
            number,
            count: 0,
            sum: 0,
            buckets: Vec::new(),
        }
    }

    fn add(&mut self, value: Milliseconds) {
        let bucket = bucket_of(value.clamp(0, HIGHEST).unsigned_abs());
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        match self.buckets.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(position) => self.buckets[position].1 = self.buckets[position].1.saturating_add(1),
            Err(position) => self.buckets.insert(position, (bucket, 1)),
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sliding {
    slots: VecDeque<Step>,
    /// Steps marked as changed: a bit for each number modulo 64, which tells the 61 apart that a
    /// window may hold.
    changed: u64,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    pub count: u64,
    pub sum: Milliseconds,
}

impl Sliding {
    /// Adds one observation to a slot. `value` as measured; 0 for a plain event.
    pub fn add(&mut self, number: i64, value: Milliseconds) {
        // Time mostly goes forward: the last slot is tried first.
        let position = match self.slots.back() {
            Some(last) if last.number == number => self.slots.len() - 1,
            Some(last) if last.number > number => {
                self.slots.partition_point(|slot| slot.number < number)
            }
            _ => self.slots.len(),
        };
        if self
            .slots
            .get(position)
            .is_none_or(|slot| slot.number != number)
        {
            self.slots.insert(position, Step::new(number));
        }
        self.slots[position].add(value);
    }

    /// Drops all slots before `first`; whether there were any.
    pub fn expire(&mut self, first: i64) -> bool {
        let expired = self.slots.partition_point(|slot| slot.number < first);
        self.slots.drain(..expired);
        if self.slots.is_empty() {
            self.slots.shrink_to_fit();
        }
        expired > 0
    }

    /// Marks a step as changed; whether it is the first of the window.
    pub fn mark(&mut self, number: i64) -> bool {
        let is_first = self.changed == 0;
        self.changed |= 1 << number.rem_euclid(64);
        is_first
    }

    /// The steps marked since the last call, as far as they are still there.
    pub fn take_changed(&mut self) -> impl Iterator<Item = &Step> {
        let changed = std::mem::take(&mut self.changed);
        self.slots
            .iter()
            .filter(move |step| changed & 1 << step.number.rem_euclid(64) != 0)
    }

    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.slots.iter()
    }

    /// Puts a step in its place; one of the same number is replaced.
    pub fn restore(&mut self, step: Step) {
        let position = self.slots.partition_point(|slot| slot.number < step.number);
        match self.slots.get_mut(position) {
            Some(slot) if slot.number == step.number => *slot = step,
            _ => self.slots.insert(position, step),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn content(&self) -> Content {
        self.slots
            .iter()
            .fold(Content { count: 0, sum: 0 }, |content, slot| Content {
                count: content.count + slot.count,
                sum: content.sum.saturating_add(slot.sum),
            })
    }

    /// The values of rank ceil(q·n), in milliseconds; `permille` ascending. Not for an empty
    /// window.
    pub fn quantiles<const N: usize>(&self, permille: [u64; N], scratch: &mut Scratch) -> [f64; N] {
        scratch.reset();
        for (bucket, count) in self.slots.iter().flat_map(|slot| &slot.buckets) {
            scratch.saturating_record_n(lowest_value(*bucket), u64::from(*count));
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
    fn buckets_are_those_of_the_library() {
        let scratch = scratch();
        for value in (0..40).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) * 3 / 2])
        {
            let value = value.min(HIGHEST.unsigned_abs());
            assert_eq!(
                lowest_value(bucket_of(value)),
                scratch.lowest_equivalent(value),
                "{value}"
            );
        }
    }

    #[test]
    fn quantiles_are_ranks_within_one_percent() {
        let mut scratch = scratch();
        let mut window = Sliding::default();
        for value in 1..=1_000 {
            window.add(value % 7, value * 1_000);
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
            window.add(0, value);
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
        let mut window = Sliding::default();
        for (slot, value) in [(3, 30), (1, 10), (2, 20), (1, 10)] {
            window.add(slot, value);
        }
        assert!(window.expire(2));
        assert!(!window.expire(2));
        assert_eq!(window.content(), Content { count: 2, sum: 50 });
        window.expire(9);
        assert!(window.is_empty());
    }
}
