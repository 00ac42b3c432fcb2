//! Starts reading at the caller's offsets, and moves positions.

use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::Consumer;
use super::assigned_partitions::{add, log_failure};
use crate::edge::kafka::progress::PartitionProgress;
use crate::edge::kafka::queue::consumed_offsets;
use crate::edge::kafka::topic_partition::TopicPartition;

impl Consumer {
    /// Starts reading the partitions of the last
    /// [`ConsumerEvent::Assigned`](super::ConsumerEvent::Assigned). `start` returns the offset of the
    /// first record to read; `None` is the beginning of the partition.
    pub fn start_reading(&mut self, mut start: impl FnMut(&TopicPartition) -> Option<i64>) {
        let partitions = std::mem::take(&mut self.new);
        self.pass_control_records();
        let consumed = consumed_offsets(&self.client, partitions.iter());
        let now = Instant::now();
        let mut list = TopicPartitionList::new();
        for (place, partition) in partitions.iter().enumerate() {
            let next = start(partition);
            self.queue.forward(partition);
            let consumed = consumed.get(place).copied().flatten();
            let progress = PartitionProgress::begin(next, consumed, now);
            self.partitions.insert(partition, progress);
            add(&mut list, partition, next);
        }
        self.compare_soon();
        self.assign(&list);
        self.seek_to_positions(|partition| !partitions.contains(partition));
    }

    /// Reads an assigned partition from another offset; `None` is its beginning. This ends
    /// [`KafkaProblem::OutOfRange`](super::KafkaProblem::OutOfRange). The caller must adapt its state
    /// of the partition.
    pub fn restart_at(&mut self, partition: &TopicPartition, start: Option<i64>) {
        if !self.move_to(partition, start) {
            return;
        }
        // A fetcher that gave up does not seek; it has to be stopped and started.
        if self.is_cooperative() {
            let mut list = TopicPartitionList::new();
            add(&mut list, partition, start);
            log_failure(self.client.incremental_unassign(&list));
            log_failure(self.client.incremental_assign(&list));
        } else {
            let mut list = TopicPartitionList::new();
            for (other, progress) in self.partitions.iter() {
                add(&mut list, other, progress.next);
            }
            log_failure(self.client.assign(&list));
        }
        for other in self.assigned() {
            self.queue.forward(other);
        }
    }

    /// Reads an assigned partition again from an offset before its position, including its held
    /// records.
    pub fn reread_from(&mut self, partition: &TopicPartition, from: i64) {
        if self.move_to(partition, Some(from)) {
            let known = self.partitions.known();
            self.entries
                .retain(|entry| known[entry.index] != *partition);
            self.seek(|one| one == partition);
        }
    }

    /// Changes the position of a partition; `false` if it is not assigned.
    fn move_to(&mut self, partition: &TopicPartition, next: Option<i64>) -> bool {
        self.pass_control_records();
        let consumed = self.consumed_offset(partition);
        let Some(progress) = self.partitions.get_mut(partition) else {
            return false;
        };
        progress.restart_at(next, consumed, Instant::now());
        self.compare_soon();
        true
    }

    /// The brokers deny read access to a partition, so its end may have changed. Only a seek makes the
    /// fetcher forget the end that it knows.
    pub(super) fn refuse(&mut self, partition: &TopicPartition) {
        let consumed = self.consumed_offset(partition);
        if let Some(progress) = self.partitions.get_mut(partition)
            && progress.refuse(consumed, Instant::now())
        {
            self.seek_to_positions(|one| one == partition);
        }
    }

    fn consumed_offset(&self, partition: &TopicPartition) -> Option<i64> {
        let consumed = consumed_offsets(&self.client, std::iter::once(partition));
        consumed.first().copied().flatten()
    }

    fn compare_soon(&mut self) {
        self.end_offsets.ask_all_soon();
        self.next_comparison = Instant::now();
    }

    /// Seeks partitions to the consumer's positions. The messages fetched before are outdated then.
    pub(super) fn seek_to_positions(&mut self, is_meant: impl Fn(&TopicPartition) -> bool) {
        self.pass_control_records();
        self.seek(is_meant);
    }

    fn seek(&mut self, is_meant: impl Fn(&TopicPartition) -> bool) {
        let mut list = TopicPartitionList::new();
        for (partition, progress) in self.partitions.iter_mut() {
            if is_meant(partition) {
                progress.fetcher_restarted();
                add(&mut list, partition, progress.next);
            }
        }
        if list.count() > 0
            // Without a timeout the call does not wait, and the order of operations is kept.
            && let Err(error) = self.client.seek_partitions(list, Duration::ZERO)
        {
            tracing::warn!(%error, "partitions not moved to their positions");
        }
    }

    pub(super) fn assign(&self, list: &TopicPartitionList) {
        log_failure(if self.is_cooperative() {
            self.client.incremental_assign(list)
        } else {
            self.client.assign(list)
        });
    }

    fn is_cooperative(&self) -> bool {
        matches!(
            self.client.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        )
    }
}
