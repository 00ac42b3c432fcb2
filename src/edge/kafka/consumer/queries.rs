//! The state of the consumer, for the caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaRespErr;

use super::{Consumer, HeldRecords};
use crate::edge::kafka::progress::{EndStatus, PartitionProgress};
use crate::edge::kafka::queue::cached_watermarks;
use crate::edge::kafka::topic_partition::TopicPartition;

/// Older statistics do not show that the brokers answer.
const STATISTICS_VALIDITY: Duration = Duration::from_secs(5);

impl Consumer {
    /// The configured topics.
    pub fn topics(&self) -> &[String] {
        &self.topics.names
    }

    /// The topics that have none of these partitions. If `partitions` is complete, they do not exist.
    pub fn topics_without<'a>(&'a self, partitions: &[TopicPartition]) -> Vec<&'a str> {
        let has_none = |topic: &&str| partitions.iter().all(|one| *one.topic != **topic);
        let topics = self.topics.names.iter().map(String::as_str);
        topics.filter(has_none).collect()
    }

    /// Configured topics that do not exist, by several answers of the brokers.
    pub fn missing_topics(&self) -> impl Iterator<Item = &str> {
        self.topics.missing()
    }

    /// The reason why nothing can be read, in the words of the last
    /// [`ConsumerEvent::Problem`](super::ConsumerEvent::Problem); `None` while all assigned partitions
    /// can be read.
    pub fn problem(&self) -> Option<&str> {
        let current = self.problems.explainer().current();
        current.filter(|_| !self.can_read())
    }

    /// The assigned partitions that are read.
    pub fn assigned(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter().map(|(partition, _)| partition)
    }

    /// The offset after the last record handed out and the control records behind it, or the start
    /// offset.
    /// `None` before the first record from the beginning, for partitions that are not assigned, and while
    /// records are held.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.progress_unless_held(partition)?.next
    }

    /// First and end offset of a partition, from the last fetch; `None` before the first fetch.
    pub fn cached_watermarks(&self, partition: &TopicPartition) -> Option<(i64, i64)> {
        cached_watermarks(&self.client, partition)
    }

    /// First and end offset of a partition as its leader has them now. The cached ones do not follow
    /// from a fetch out of range. Waits up to `timeout`; `None` if there is no answer.
    pub fn fetch_watermarks(
        &self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Option<(i64, i64)> {
        let (topic, number) = (&partition.topic, partition.partition);
        self.client.fetch_watermarks(topic, number, timeout).ok()
    }

    /// All partitions of the configured topics, those of other instances included, as the brokers have
    /// them now. A topic that does not exist has none. Waits up to `timeout`; `None` if there is no
    /// answer.
    pub fn partitions(&self, timeout: Duration) -> Option<Vec<TopicPartition>> {
        let mut partitions = Vec::new();
        for topic in &self.topics.names {
            let metadata = self.client.fetch_metadata(Some(topic), timeout).ok()?;
            for found in metadata.topics() {
                let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
                if found.error() == Some(denied) {
                    // The topic may exist, so the answer is not complete.
                    return None;
                }
                let name: Arc<str> = found.name().into();
                let numbers = found.partitions().iter().map(|partition| partition.id());
                partitions
                    .extend(numbers.map(|number| TopicPartition::new(Arc::clone(&name), number)));
            }
        }
        Some(partitions)
    }

    /// Number of records between the position, or the first held record, and the last stable offset
    /// from the leader; `None` before the leader has answered.
    pub fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        let progress = self.partitions.get(partition)?;
        let low = self.cached_watermarks(partition).map(|(low, _)| low);
        Some(progress.lag(low)? + self.held_records(partition, progress.next))
    }

    /// Number of offsets from the first held record to the position.
    fn held_records(&self, partition: &TopicPartition, position: Option<i64>) -> i64 {
        if self.held == HeldRecords::None {
            return 0;
        }
        let known = self.partitions.known();
        let mut entries = self.entries.iter();
        let first = entries.find(|entry| known[entry.index] == *partition);
        let first = first.map(|entry| self.queue.message(entry.message).offset());
        first.zip(position).map_or(0, |(first, next)| next - first)
    }

    /// The known facts about the end of a partition; none while records are held.
    pub fn end_status(&self, partition: &TopicPartition) -> EndStatus {
        self.progress_unless_held(partition)
            .map(|progress| progress.end_status(Instant::now()))
            .unwrap_or_default()
    }

    /// Whether every record that could be read a few seconds ago was handed out; `false` while the
    /// leader does not answer. It also works after transactions and compaction and in empty partitions.
    /// Records that an open transaction hides cannot be read.
    pub fn read_to_end(&self, partition: &TopicPartition) -> bool {
        self.end_status(partition).read_to_end
    }

    /// Whether the brokers answer and have refused nothing lately.
    pub fn can_read(&self) -> bool {
        let is_recent = |at: Instant| at.elapsed() < STATISTICS_VALIDITY;
        let mut assigned = self.partitions.iter().peekable();
        assigned.peek().is_some()
            && !self.problems.is_refused()
            && self.statistics.is_some_and(is_recent)
            && assigned.all(|(_, progress)| progress.is_readable())
    }

    fn progress_unless_held(&self, partition: &TopicPartition) -> Option<&PartitionProgress> {
        let progress = self.partitions.get(partition)?;
        (self.held == HeldRecords::None).then_some(progress)
    }
}
