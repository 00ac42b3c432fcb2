//! One sliding window of one series: observations by step, in HDR buckets, with exact sums.
//!
//! A dense histogram takes 8 KB, and most windows hold a handful of tickets. So a step lists only its
//! buckets that are not empty.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::iter::Sum;

use hdrhistogram::Histogram;

use crate::domain::timestamp::{DAY, Milliseconds, seconds};

/// Two significant digits: an error below 1 % (contract, section 6).
const SIGNIFICANT_DIGITS: u8 = 2;
/// Quantiles treat longer durations as this long (contract, section 6). Sums stay exact.
const HIGHEST: Milliseconds = 3_653 * DAY;

/// More than the buckets of all durations up to [`HIGHEST`]: 128 for each doubling.
pub const BUCKETS: u16 = 128 * 40;

/// A bucket and its count.
pub type BucketCount = (u16, u32);

/// Room to merge the steps of a window in.
#[derive(Debug)]
pub struct Scratch {
    /// Knows the buckets; it counts nothing. Most windows fill few of its thousands of buckets, so a list
    /// is faster.
    layout: Histogram<u64>,
    buckets: Vec<BucketCount>,
}

impl Scratch {
    pub fn new() -> Self {
        Self {
            layout: layout(),
            buckets: Vec::new(),
        }
    }

    /// Replaces the buckets. A bucket may occur several times.
    pub fn collect<'a>(&mut self, buckets: impl Iterator<Item = &'a BucketCount>) {
        self.buckets.clear();
        self.buckets.extend(buckets);
        self.buckets.sort_unstable_by_key(|entry| entry.0);
    }

    /// The collected buckets, each once.
    pub fn distribution(&self) -> Box<[BucketCount]> {
        let same = self.buckets.chunk_by(|one, next| one.0 == next.0);
        let total = |entries: &[BucketCount]| {
            let counts = entries.iter().map(|entry| entry.1);
            (entries[0].0, counts.fold(0, u32::saturating_add))
        };
        same.map(total).collect()
    }

    /// The values of rank ceil(q·n) among the collected observations, in milliseconds. `permille`
    /// ascends. There must be an observation.
    pub fn quantiles<const N: usize>(&self, permille: [u64; N]) -> [f64; N] {
        let total: u64 = self.buckets.iter().map(|entry| u64::from(entry.1)).sum();
        let mut values = [0.0; N];
        let mut next = 0;
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u64::from(*count);
            while next < N && seen >= (permille[next] * total).div_ceil(1_000) {
                // The middle of a bucket halves the error.
                let value = self.layout.median_equivalent(lowest_value(*bucket));
                #[allow(clippy::cast_precision_loss, reason = "ten years are below 2^53 ms")]
                let milliseconds = value as f64;
                values[next] = milliseconds;
                next += 1;
            }
        }
        values
    }
}

/// 1 ms to 10 years.
fn layout() -> Histogram<u64> {
    // The bounds are constants that the crate accepts; auto-resizing would only cost a check.
    Histogram::new_with_bounds(1, HIGHEST.unsigned_abs(), SIGNIFICANT_DIGITS)
        .unwrap_or_else(|_| unreachable!("constant bounds"))
}

/// The bucket of a value, as in an HDR histogram with two significant digits: exact below 256, then
/// 128 buckets for each doubling.
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
pub struct WindowStep {
    pub number: i64,
    pub count: u64,
    pub sum: Milliseconds,
    /// Bucket and count, ascending. Empty in the window before.
    pub buckets: Vec<(u16, u32)>,
}

/// A step of the window before: 24 bytes instead of a [`WindowStep`] with its buckets.
#[derive(Clone, Copy, Debug)]
struct PastStep {
    number: i64,
    totals: StepTotals,
}

impl WindowStep {
    pub fn new(number: i64) -> Self {
        Self {
            number,
            count: 0,
            sum: 0,
            buckets: Vec::new(),
        }
    }

    fn totals(&self) -> StepTotals {
        StepTotals {
            count: self.count,
            sum: self.sum,
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

/// One sliding window, and the totals of the window before it.
#[derive(Clone, Debug, Default)]
pub struct SlidingWindow {
    slots: VecDeque<WindowStep>,
    /// The steps of the window before, ascending.
    past: Vec<PastStep>,
    /// The changed steps: a bit for each number modulo 128. The window and the window before have
    /// at most 121 steps.
    changed: u128,
}

/// The number of observations and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepTotals {
    pub count: u64,
    pub sum: Milliseconds,
}

impl StepTotals {
    /// There must be an observation.
    pub fn mean_seconds(self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let count = self.count as f64;
        seconds(self.sum) / count
    }
}

impl PastStep {
    fn to_step(self) -> WindowStep {
        WindowStep {
            count: self.totals.count,
            sum: self.totals.sum,
            ..WindowStep::new(self.number)
        }
    }
}

impl Sum for StepTotals {
    fn sum<I: Iterator<Item = Self>>(contents: I) -> Self {
        contents.fold(Self::default(), |total, totals| Self {
            count: total.count + totals.count,
            sum: total.sum.saturating_add(totals.sum),
        })
    }
}

fn mark_of(number: i64) -> u128 {
    1 << number.rem_euclid(128)
}

impl SlidingWindow {
    /// Adds one observation to a step. `value` is 0 for an event without duration.
    pub fn add(&mut self, number: i64, value: Milliseconds) {
        // Most observations belong to the last step.
        if let Some(last) = self.slots.back_mut()
            && last.number == number
        {
            return last.add(value);
        }
        let position = self.slots.partition_point(|slot| slot.number < number);
        if self
            .slots
            .get(position)
            .is_none_or(|slot| slot.number != number)
        {
            self.slots.insert(position, WindowStep::new(number));
        }
        self.slots[position].add(value);
    }

    /// Adds one observation to a step of the window before.
    pub fn add_to_past(&mut self, number: i64, value: Milliseconds) {
        let totals = self.past_totals(number);
        totals.count += 1;
        totals.sum = totals.sum.saturating_add(value);
    }

    /// Moves the steps before `first` to the window before, and drops its steps before
    /// `first_past`. Returns whether there were any.
    pub fn expire(&mut self, first: i64, first_past: i64) -> bool {
        let dropped = self.past.partition_point(|step| step.number < first_past);
        self.past.drain(..dropped);
        let expired = self.slots.partition_point(|slot| slot.number < first);
        let expired_slots = self.slots.drain(..expired);
        self.past.extend(
            expired_slots
                .filter(|slot| slot.number >= first_past)
                .map(|slot| PastStep {
                    number: slot.number,
                    totals: slot.totals(),
                }),
        );
        if self.slots.is_empty() {
            self.slots.shrink_to_fit();
        }
        if self.past.is_empty() {
            self.past.shrink_to_fit();
        }
        dropped + expired > 0
    }

    /// Marks a step as changed. Returns whether no other step is marked.
    pub fn mark(&mut self, number: i64) -> bool {
        let is_first = self.changed == 0;
        self.changed |= mark_of(number);
        is_first
    }

    /// The steps marked since the last call that still exist.
    pub fn take_changed(&mut self) -> impl Iterator<Item = Cow<'_, WindowStep>> {
        let changed = std::mem::take(&mut self.changed);
        // Most calls follow no mark, or one: look at the steps only where there is one.
        let steps = (changed != 0).then(|| self.steps());
        steps
            .into_iter()
            .flatten()
            .filter(move |step| changed & mark_of(step.number) != 0)
    }

    /// The steps of the window before, then those of the window.
    pub fn steps(&self) -> impl Iterator<Item = Cow<'_, WindowStep>> {
        let past = self.past.iter().map(|step| Cow::Owned(step.to_step()));
        past.chain(self.slots.iter().map(Cow::Borrowed))
    }

    /// Inserts a step, or replaces the one of the same number.
    pub fn restore(&mut self, step: WindowStep) {
        let position = self.slots.partition_point(|slot| slot.number < step.number);
        match self.slots.get_mut(position) {
            Some(slot) if slot.number == step.number => *slot = step,
            _ => self.slots.insert(position, step),
        }
    }

    /// The same for a step of the window before.
    pub fn restore_past(&mut self, step: &WindowStep) {
        *self.past_totals(step.number) = step.totals();
    }

    fn past_totals(&mut self, number: i64) -> &mut StepTotals {
        let position = self.past.partition_point(|step| step.number < number);
        if self
            .past
            .get(position)
            .is_none_or(|step| step.number != number)
        {
            let totals = StepTotals::default();
            self.past.insert(position, PastStep { number, totals });
        }
        &mut self.past[position].totals
    }

    /// Whether neither the window nor the window before holds anything.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.past.is_empty()
    }

    pub fn totals(&self) -> StepTotals {
        self.slots.iter().map(WindowStep::totals).sum()
    }

    /// The totals of the window before.
    pub fn totals_before(&self) -> StepTotals {
        self.past.iter().map(|step| step.totals).sum()
    }

    /// Collects the buckets of the window.
    pub fn collect_buckets(&self, scratch: &mut Scratch) {
        scratch.collect(self.slots.iter().flat_map(|slot| &slot.buckets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_the_library() {
        let layout = layout();
        for value in (0..40).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits, (1 << bits) * 3 / 2])
        {
            let value = value.min(HIGHEST.unsigned_abs());
            assert_eq!(
                lowest_value(bucket_of(value)),
                layout.lowest_equivalent(value),
                "{value}"
            );
        }
    }

    #[test]
    fn quantiles_are_ranks_within_one_percent() {
        let mut scratch = Scratch::new();
        let mut window = SlidingWindow::default();
        for value in 1..=1_000 {
            window.add(value % 7, value * 1_000);
        }
        window.collect_buckets(&mut scratch);
        let [half, high] = scratch.quantiles([500, 990]);
        assert!((half / 500_000.0 - 1.0).abs() < 0.01, "{half}");
        assert!((high / 990_000.0 - 1.0).abs() < 0.01, "{high}");
        assert_eq!(
            window.totals(),
            StepTotals {
                count: 1_000,
                sum: 500_500_000
            }
        );
    }

    #[test]
    fn a_single_value_is_every_quantile() {
        let mut scratch = Scratch::new();
        for value in [0, 1, 255, 256, 999_999_999, HIGHEST, HIGHEST * 3] {
            let mut window = SlidingWindow::default();
            window.add(0, value);
            window.collect_buckets(&mut scratch);
            let quantiles = scratch.quantiles([500, 900, 950, 990]);
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
    fn steps_expire_as_a_whole() {
        let mut window = SlidingWindow::default();
        for (slot, value) in [(3, 30), (1, 10), (2, 20), (1, 10)] {
            window.add(slot, value);
        }
        assert!(window.expire(2, -58));
        assert!(!window.expire(2, -58));
        assert_eq!(window.totals(), StepTotals { count: 2, sum: 50 });
        assert_eq!(window.totals_before(), StepTotals { count: 2, sum: 20 });
        window.add_to_past(0, 5);
        window.add_to_past(1, 5);
        assert_eq!(window.totals_before(), StepTotals { count: 4, sum: 30 });
        window.expire(9, 1);
        assert_eq!(window.totals(), StepTotals::default());
        assert_eq!(window.totals_before(), StepTotals { count: 5, sum: 75 });
        window.expire(90, 30);
        assert!(window.is_empty());
    }
}
