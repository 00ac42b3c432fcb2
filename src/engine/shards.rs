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
        self.recorder.windows.advance_to(windows);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Event, EventIdentity, EventType};
    use crate::domain::timestamp::MINUTE;
    use crate::engine::Rules;

    fn shard(partitions: &[&[i64]]) -> Engine {
        let rules = Rules {
            lateness: 0,
            ..Rules::default()
        };
        let mut engine = Engine::new(Arc::new(rules), Timestamp::LATEST);
        engine.recorder.windows.limit_waiting(100);
        for minutes in partitions {
            let partition = engine.add_partition().unwrap();
            for minute in *minutes {
                let id = minute.to_string();
                let identity = EventIdentity(minute.unsigned_abs());
                let at = Timestamp(minute * MINUTE);
                let event = Event::new(&id, EventType::Created, at, identity);
                engine.apply(partition, &event);
            }
        }
        engine
    }

    fn created_in_a_day(shards: &mut [Engine]) -> u64 {
        let report = snapshot_of_shards(shards).unwrap().report();
        report.teams[0].windows.get("24h").unwrap().count("created")
    }

    #[test]
    fn windows_stay_together_when_one_shard_cannot_wait() {
        let waiting: Vec<i64> = (2..=300).collect();
        // Without a limit, the windows of both would be at the first minute.
        let mut shards = [shard(&[&[1], &[100, 200]]), shard(&[&waiting])];
        assert_eq!(shards[0].shard_clock(), Some(Timestamp(MINUTE)));
        let clock = Timestamp(151 * MINUTE);
        assert_eq!(created_in_a_day(&mut shards), 1 + 1 + 150);
        for shard in &shards {
            assert_eq!(shard.windows_clock(), Some(clock));
        }
        let partition = shards[0].partition_numbered(0).unwrap();
        shards[0].advance(partition, Timestamp(200 * MINUTE));
        assert_eq!(created_in_a_day(&mut shards), 3 + 199);
    }

    #[test]
    fn without_shards_there_is_no_snapshot() {
        assert!(snapshot_of_shards(&mut []).is_none());
    }
}
