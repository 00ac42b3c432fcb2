//! Shards: engines that each have a part of the partitions, and together the same series as one engine
//! with all of them.
//!
//! The windows of all shards are read at the same clock: that of the shard furthest behind, or a later one if
//! too many events wait for it. So a snapshot takes two rounds. In the first one each shard moves its windows
//! to that clock and says how far they are. In the second one it moves them to the furthest of these
//! answers and takes its part.

use super::core::Engine;
use super::merge::merge;
use super::shared_places::SharedLimits;
use super::snapshot::Snapshot;
use crate::domain::timestamp::Timestamp;

/// The part of one shard in a snapshot. Its windows can be merged.
#[derive(Clone, Debug)]
pub struct ShardSnapshot(Snapshot);

impl ShardSnapshot {
    /// The parts of all shards as one snapshot. `None` without a part.
    pub fn merge(parts: impl IntoIterator<Item = Self>) -> Option<Snapshot> {
        merge(parts.into_iter().map(|part| part.0))
    }
}

impl Engine {
    /// Shares the limits of labels with the other shards, from now on. Values that have a label keep it.
    #[must_use]
    pub fn sharing(mut self, limits: &SharedLimits) -> Self {
        self.recorder.share_limits(limits);
        self
    }

    /// The clock of the slowest partition of the shard; `None` before the first event.
    pub fn shard_clock(&self) -> Option<Timestamp> {
        self.stream_clock()
    }

    /// The first round: `clock` is the stream clock of the shard furthest behind. Until the next call, the
    /// windows do not pass it unless too many events wait. Returns where they are.
    pub fn move_shard_windows(&mut self, clock: Timestamp) -> Timestamp {
        self.shards_clock = Some(clock);
        self.recorder.windows.keep_buckets();
        self.recorder.windows.advance(clock);
        self.windows_clock().unwrap_or(clock)
    }

    /// The second round: `windows` is the furthest clock that the shards returned in the first one.
    pub fn shard_snapshot(&mut self, windows: Timestamp) -> ShardSnapshot {
        self.recorder.windows.advance(windows);
        ShardSnapshot(self.snapshot_at(self.shards_clock.unwrap_or(windows)))
    }
}

/// Everything that a scrape may see, from shards on the same thread. `None` without shards.
pub fn snapshot_of_shards(shards: &mut [Engine]) -> Option<Snapshot> {
    let clocks = shards.iter().filter_map(Engine::shard_clock);
    let clock = clocks.min().unwrap_or(Timestamp(0));
    let windows = shards
        .iter_mut()
        .map(|shard| shard.move_shard_windows(clock));
    let windows = windows.max()?;
    ShardSnapshot::merge(shards.iter_mut().map(|shard| shard.shard_snapshot(windows)))
}
