//! Asks leaders for the ends of their partitions and compares the positions with them.

use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::Consumer;
use crate::edge::kafka::queue::{cached_watermarks, consumed_offsets};
use crate::edge::kafka::topic_partition::TopicPartition;

/// Time between two comparisons of positions and ends, which cost some time for each partition.
const COMPARISON_INTERVAL: Duration = Duration::from_millis(50);

impl Consumer {
    pub(super) fn take_end_offsets(&mut self) {
        while let Some(answer) = self.end_offsets.answer() {
            for (partition, offset) in answer.offsets {
                if let Some(progress) = self.partitions.get_mut(&partition) {
                    progress.answer(answer.end, answer.asked, offset);
                }
            }
        }
    }

    /// Asks the leaders that are due, and compares the positions with the known ends.
    pub(super) fn compare_ends(&mut self) {
        let now = Instant::now();
        if now < self.next_comparison {
            return;
        }
        self.next_comparison = now + COMPARISON_INTERVAL;
        self.ask_leaders(now);
        self.pass_control_records();
        for (partition, progress) in self.partitions.iter_mut() {
            let low = match progress.next {
                Some(_) => None,
                None => cached_watermarks(&self.client, partition).map(|(low, _)| low),
            };
            progress.compare(low);
        }
    }

    fn ask_leaders(&mut self, now: Instant) {
        let mut due: HashMap<Option<i32>, Vec<&TopicPartition>> = HashMap::new();
        for (partition, progress) in self.partitions.iter_mut() {
            if self.end_offsets.is_due(progress.leader, now) {
                progress.ask(now);
                due.entry(progress.leader).or_default().push(partition);
            }
        }
        for (leader, partitions) in due {
            self.end_offsets
                .ask(leader, &partitions.iter().copied(), now);
        }
    }

    /// Moves positions behind the control records that were taken from the queue.
    pub(super) fn pass_control_records(&mut self) {
        let assigned = self.partitions.iter().map(|(partition, _)| partition);
        let consumed = consumed_offsets(&self.client, assigned);
        for (progress, consumed) in self.partitions.progress_mut().zip(consumed) {
            progress.pass_control_records(consumed);
        }
    }
}
