//! Source offsets, restored from a store.

use std::collections::{BTreeMap, BTreeSet};

use super::offsets::SourceOffsets;
use super::stored::{KEY, StoredOffset};
use crate::edge::kafka::TopicPartition;
use crate::engine::Engine;

/// Why the offsets of a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoredOffsetsError {
    #[error("offset record: the key has a wrong length")]
    Key,
    #[error("offset record: deleted")]
    Deleted,
    #[error("offset record: {0}")]
    Value(#[from] serde_json::Error),
    #[error("offset record: the engine has no such partition")]
    Partition,
}

/// The offset records of a store, by the engine's number of the partition.
#[derive(Debug, Default)]
pub struct StoredOffsets(BTreeMap<u16, StoredOffset>);

impl StoredOffsets {
    /// Whether a key belongs to an offset record.
    pub fn is_key(key: &[u8]) -> bool {
        key.first() == Some(&KEY)
    }

    /// Adds a record. The last record of a key counts.
    pub fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoredOffsetsError> {
        let [KEY, high, low] = *key else {
            return Err(StoredOffsetsError::Key);
        };
        let stored = serde_json::from_slice(value.ok_or(StoredOffsetsError::Deleted)?)?;
        self.0.insert(u16::from_be_bytes([high, low]), stored);
        Ok(())
    }

    /// Consumed topics that are not in `topics`.
    pub fn topics_not_in(&self, topics: &[String]) -> Vec<String> {
        let consumed = self.0.values().filter(|stored| !stored.retired);
        let consumed: BTreeSet<&String> = consumed.map(|stored| &stored.topic).collect();
        let gone = consumed.into_iter().filter(|topic| !topics.contains(topic));
        gone.cloned().collect()
    }

    /// Each partition, sorted, with the offset of the first record that was not applied.
    pub fn positions(&self) -> Vec<(TopicPartition, i64)> {
        let position = |stored: &StoredOffset| {
            let source = TopicPartition::new(stored.topic.as_str(), stored.partition);
            Some((source, stored.next?))
        };
        let mut positions: Vec<_> = self.0.values().filter_map(position).collect();
        positions.sort();
        positions
    }

    /// Restores the offsets beside a restored engine.
    pub fn restore(self, engine: &Engine) -> Result<SourceOffsets, StoredOffsetsError> {
        let mut offsets = SourceOffsets::default();
        for (number, stored) in self.0 {
            let partition = engine.partition_numbered(number);
            offsets.add_stored(stored, partition.ok_or(StoredOffsetsError::Partition)?);
        }
        Ok(offsets)
    }
}
