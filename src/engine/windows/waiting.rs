//! Observations that are later than the clock of the windows, in chunks. A checkpoint writes a chunk
//! once, when it is new, and deletes it when it is empty.

use std::collections::BTreeMap;

use super::observation::WindowObservation;
use crate::domain::timestamp::Timestamp;

/// The most waiting observations in a chunk. A checkpoint writes a chunk as a whole.
const CHUNK: usize = 4_096;
/// The most chunks beyond what their observations need. Each read of the windows may add one and visits
/// all; more are joined.
const SPARE_CHUNKS: usize = 1_024;
/// Numbers of chunks that changed since the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct ChunkChanges {
    pub(super) new: Vec<u64>,
    pub(super) empty: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct WaitingObservations {
    /// By running number. In each chunk, the latest is first.
    chunks: BTreeMap<u64, Vec<WindowObservation>>,
    count: usize,
    next_chunk: u64,
    changes: Option<ChunkChanges>,
}

impl WaitingObservations {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The time that half of the observations have.
    pub(super) fn middle(&self) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> = self.chunks.values().flatten().map(|one| one.at).collect();
        let middle = times.len() / 2;
        (!times.is_empty()).then(|| *times.select_nth_unstable(middle).1)
    }

    pub(super) fn add(&mut self, mut observations: Vec<WindowObservation>) {
        self.count += observations.len();
        // Sorted, so that the due ones are at the end.
        observations.sort_unstable_by_key(|one| std::cmp::Reverse(one.at));
        for chunk in observations.chunks(CHUNK) {
            self.chunks.insert(self.next_chunk, chunk.to_vec());
            if let Some(changes) = &mut self.changes {
                changes.new.push(self.next_chunk);
            }
            self.next_chunk += 1;
        }
    }

    /// Removes the observations that the clock has reached.
    pub(super) fn take_due(&mut self, clock: Timestamp) -> Vec<WindowObservation> {
        let mut due = Vec::new();
        self.chunks.retain(|number, chunk| {
            while let Some(one) = chunk.pop_if(|one| one.at <= clock) {
                due.push(one);
            }
            if chunk.is_empty()
                && let Some(changes) = &mut self.changes
            {
                changes.empty.push(*number);
            }
            !chunk.is_empty()
        });
        self.count -= due.len();
        due
    }

    /// Joins the chunks that are mostly empty, if there are too many.
    pub(super) fn join_small_chunks(&mut self) {
        if self.chunks.len() <= SPARE_CHUNKS + 2 * self.count.div_ceil(CHUNK) {
            return;
        }
        let mut joined = Vec::new();
        let changes = &mut self.changes;
        self.chunks.retain(|number, chunk| {
            let is_small = chunk.len() < CHUNK / 2;
            if is_small {
                joined.append(chunk);
                if let Some(changes) = changes {
                    changes.empty.push(*number);
                }
            }
            !is_small
        });
        self.count -= joined.len();
        self.add(joined);
    }

    pub(super) fn track_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    pub(super) fn take_changes(&mut self) -> ChunkChanges {
        let changes = self.changes.as_mut();
        changes.map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn chunk(&self, number: u64) -> Option<&[WindowObservation]> {
        self.chunks.get(&number).map(Vec::as_slice)
    }

    /// The first chunk with at least this number.
    pub(super) fn chunk_from(&self, number: u64) -> Option<(u64, &[WindowObservation])> {
        let (number, chunk) = self.chunks.range(number..).next()?;
        Some((*number, chunk))
    }

    /// Restores a chunk, without the observations that the clock has reached.
    pub(super) fn restore(
        &mut self,
        clock: Timestamp,
        number: u64,
        mut chunk: Vec<WindowObservation>,
    ) {
        chunk.retain(|one| one.at > clock);
        chunk.sort_unstable_by_key(|one| std::cmp::Reverse(one.at));
        self.next_chunk = self.next_chunk.max(number.saturating_add(1));
        if !chunk.is_empty() {
            self.count += chunk.len();
            self.chunks.insert(number, chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_chunks_are_joined_and_the_records_agree() {
        let mut waiting = WaitingObservations::default();
        waiting.track_changes();
        let mut records = BTreeMap::new();
        for at in 1..=3_000 {
            waiting.add(vec![WindowObservation {
                at: Timestamp(at),
                value: 0,
                team: 2,
                series: 5,
            }]);
            waiting.join_small_chunks();
            let changes = waiting.take_changes();
            for number in changes.empty {
                records.remove(&number);
            }
            for number in changes.new {
                records.extend(waiting.chunk(number).map(|chunk| (number, chunk.to_vec())));
            }
        }
        let chunks = waiting.chunks.len();
        assert!(chunks <= SPARE_CHUNKS + 2, "{chunks}");
        assert_eq!(records, waiting.chunks);
        let mut restored = WaitingObservations::default();
        for (number, chunk) in records {
            restored.restore(Timestamp(0), number, chunk);
        }
        assert_eq!(restored.len(), waiting.len());
        for waiting in [&mut waiting, &mut restored] {
            assert_eq!(waiting.take_due(Timestamp(3_000)).len(), 3_000);
            assert_eq!((waiting.len(), waiting.chunks.len()), (0, 0));
        }
    }
}
