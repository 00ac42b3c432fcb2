//! The partitions that were ever assigned, each with an index, and the progress of the assigned ones.

use hashbrown::{Equivalent, HashMap};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::edge::kafka::client_statistics::LeaderConnection;
use crate::edge::kafka::progress::PartitionProgress;
use crate::edge::kafka::topic_partition::TopicPartition;

#[derive(Default)]
pub(super) struct AssignedPartitions {
    /// Every partition ever assigned; the place is the index.
    known: Vec<TopicPartition>,
    indexes: HashMap<TopicPartition, usize>,
    /// By index; `None` for a partition that is not assigned now.
    progress: Vec<Option<PartitionProgress>>,
    /// By index, from the last statistics.
    connections: Vec<Option<LeaderConnection>>,
}

impl AssignedPartitions {
    pub(super) fn known(&self) -> &[TopicPartition] {
        &self.known
    }

    /// The assigned partitions.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &PartitionProgress)> {
        let all = self.known.iter().zip(&self.progress);
        all.filter_map(|(partition, progress)| Some((partition, progress.as_ref()?)))
    }

    pub(super) fn iter_mut(
        &mut self,
    ) -> impl Iterator<Item = (&TopicPartition, &mut PartitionProgress)> {
        let all = self.known.iter().zip(&mut self.progress);
        all.filter_map(|(partition, progress)| Some((partition, progress.as_mut()?)))
    }

    pub(super) fn progress_mut(&mut self) -> impl Iterator<Item = &mut PartitionProgress> {
        self.progress.iter_mut().flatten()
    }

    /// The progress of an assigned partition.
    pub(super) fn get(&self, partition: &TopicPartition) -> Option<&PartitionProgress> {
        self.progress[*self.indexes.get(partition)?].as_ref()
    }

    pub(super) fn get_mut(&mut self, partition: &TopicPartition) -> Option<&mut PartitionProgress> {
        self.progress[*self.indexes.get(partition)?].as_mut()
    }

    pub(super) fn index(&self, topic: &str, partition: i32) -> Option<usize> {
        self.indexes.get(&PartitionKey(topic, partition)).copied()
    }

    pub(super) fn at_mut(&mut self, index: usize) -> Option<&mut PartitionProgress> {
        self.progress[index].as_mut()
    }

    pub(super) fn is_assigned(&self, index: usize) -> bool {
        self.progress[index].is_some()
    }

    /// Assigns a partition.
    pub(super) fn insert(&mut self, partition: &TopicPartition, progress: PartitionProgress) {
        let index = match self.indexes.get(partition) {
            Some(&index) => index,
            None => {
                let index = self.known.len();
                self.known.push(partition.clone());
                self.progress.push(None);
                self.connections.push(None);
                self.indexes.insert(partition.clone(), index);
                index
            }
        };
        self.progress[index] = Some(progress);
        self.connections[index] = None;
    }

    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        if let Some(&index) = self.indexes.get(partition) {
            self.progress[index] = None;
        }
    }

    /// Takes the connection of a partition; returns whether it has changed.
    pub(super) fn set_connection(
        &mut self,
        partition: &TopicPartition,
        connection: LeaderConnection,
    ) -> bool {
        let Some(&index) = self.indexes.get(partition) else {
            return false;
        };
        let earlier = self.connections[index].replace(connection);
        earlier.is_some_and(|earlier| earlier.differs_from(connection))
    }
}

/// A [`TopicPartition`] to look up without owning it.
#[derive(Hash)]
struct PartitionKey<'a>(&'a str, i32);

impl Equivalent<TopicPartition> for PartitionKey<'_> {
    fn equivalent(&self, other: &TopicPartition) -> bool {
        self.1 == other.partition && *self.0 == *other.topic
    }
}

/// Adds a partition at an offset to a list; `None` is the beginning of the partition.
pub(super) fn add(list: &mut TopicPartitionList, partition: &TopicPartition, next: Option<i64>) {
    let offset = next.map_or(Offset::Beginning, Offset::Offset);
    log_failure(list.add_partition_offset(&partition.topic, partition.partition, offset));
}

pub(super) fn log_failure(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "partition assignment not changed");
    }
}
