//! The windows of a team at a read, and those of several shards together. All shards must have read them
//! at the same clock.

use crate::engine::rules::Kpi;
use crate::engine::series::Basis;
use crate::engine::sliding::{BucketCount, Scratch, StepTotals};

/// The exposed quantiles in thousandths, and their label values.
pub const QUANTILES: [(u64, &str); 4] = [(500, "0.5"), (900, "0.9"), (950, "0.95"), (990, "0.99")];

/// The windows of a team at the last read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeamWindows {
    pub durations: Vec<DurationWindow>,
    /// Counts by event, then window.
    pub events: Vec<u64>,
    /// Of the windows before.
    pub means_before: Vec<MeanBefore>,
    pub events_before: Vec<u64>,
}

/// One duration in one window, if it has an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationWindow {
    pub kpi: Kpi,
    pub basis: Basis,
    /// Position in [`Rules::windows`].
    pub window: usize,
    pub totals: StepTotals,
    /// Seconds, in the order of [`QUANTILES`].
    pub quantiles: [f64; 4],
    /// Ascending. Empty unless the windows are those of a shard.
    pub(super) buckets: Box<[BucketCount]>,
}

/// One duration in the window before, if it has an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanBefore {
    pub kpi: Kpi,
    pub basis: Basis,
    /// Position in [`Rules::windows`].
    pub window: usize,
    pub totals: StepTotals,
}

impl TeamWindows {
    pub fn is_empty(&self) -> bool {
        let counts = self.events.iter().chain(&self.events_before);
        self.durations.is_empty() && self.means_before.is_empty() && counts.sum::<u64>() == 0
    }

    /// The windows of all shards together, from windows with buckets.
    pub fn merged(shards: &[&Self], scratch: &mut Scratch) -> Self {
        Self {
            durations: durations(shards, scratch),
            events: sums(shards, |one| &one.events),
            means_before: means_before(shards),
            events_before: sums(shards, |one| &one.events_before),
        }
    }
}

fn durations(shards: &[&TeamWindows], scratch: &mut Scratch) -> Vec<DurationWindow> {
    let mut all: Vec<&DurationWindow> = shards.iter().flat_map(|one| &one.durations).collect();
    all.sort_by_key(|one| (one.kpi, one.basis, one.window));
    let same = |one: &&DurationWindow, next: &&DurationWindow| {
        (one.kpi, one.basis, one.window) == (next.kpi, next.basis, next.window)
    };
    all.chunk_by(same)
        .map(|parts| match parts {
            [alone] => DurationWindow::clone(alone),
            _ => {
                scratch.collect(parts.iter().flat_map(|part| &part.buckets));
                DurationWindow {
                    totals: totals(parts.iter().map(|part| part.totals)),
                    quantiles: quantiles(scratch),
                    buckets: scratch.distribution(),
                    ..*parts[0]
                }
            }
        })
        .collect()
}

fn means_before(shards: &[&TeamWindows]) -> Vec<MeanBefore> {
    let mut all: Vec<&MeanBefore> = shards.iter().flat_map(|one| &one.means_before).collect();
    all.sort_by_key(|one| (one.kpi, one.basis, one.window));
    let same = |one: &&MeanBefore, next: &&MeanBefore| {
        (one.kpi, one.basis, one.window) == (next.kpi, next.basis, next.window)
    };
    all.chunk_by(same)
        .map(|parts| MeanBefore {
            totals: totals(parts.iter().map(|part| part.totals)),
            ..*parts[0]
        })
        .collect()
}

fn totals(parts: impl Iterator<Item = StepTotals>) -> StepTotals {
    parts.sum()
}

fn sums(shards: &[&TeamWindows], counts: impl Fn(&TeamWindows) -> &Vec<u64>) -> Vec<u64> {
    let mut sums = Vec::new();
    for shard in shards {
        let counts = counts(shard);
        sums.resize(counts.len().max(sums.len()), 0);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    sums
}

/// The exposed quantiles of the collected buckets, in seconds.
pub(super) fn quantiles(scratch: &Scratch) -> [f64; 4] {
    scratch
        .quantiles(QUANTILES.map(|quantile| quantile.0))
        .map(|milliseconds| milliseconds / 1_000.0)
}
