//! The position and the anchor of every partition.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::anchor::{Anchor, EarlierAnchors};
use super::loss::{Loss, RecordsLost};
use super::stored::{KEY, StoredOffset};
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::engine::{Engine, PartitionId};

/// Time between two verifications of a partition while connections come and go: each one reads the
/// records of some seconds again.
pub(super) const VERIFICATION_INTERVAL: Duration = Duration::from_secs(10);

/// One partition.
#[derive(Debug)]
pub struct SourceOffset {
    pub source: TopicPartition,
    pub partition: PartitionId,
    /// Offset of the first record that was not applied; `None` before the first record.
    pub next: Option<i64>,
    anchor: Option<Anchor>,
    earlier: EarlierAnchors,
    topic_id: Option<String>,
    /// The anchor that the next record must match.
    unverified: Option<Anchor>,
    /// The topic was deleted and removed from the configuration. Its records stay counted.
    retired: bool,
    changed: bool,
}

impl SourceOffset {
    /// Whether no anchor waits for its record.
    pub fn is_verified(&self) -> bool {
        self.unverified.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordAction {
    Apply(PartitionId),
    /// The record was applied before, or belongs to a partition of another instance.
    Skip,
}

/// Every partition that was ever assigned, or restored.
#[derive(Debug, Default)]
pub struct SourceOffsets {
    offsets: Vec<SourceOffset>,
    /// Index of each partition in `offsets`, without retired ones.
    index: HashMap<TopicPartition, usize>,
    /// The consumer's index of the last record's partition, and its index here.
    current: Option<(usize, usize)>,
    /// IDs of existing topics, also of topics without a partition here.
    topic_ids: HashMap<Arc<str>, String>,
    lost: Option<RecordsLost>,
}

impl SourceOffsets {
    /// All partitions, except retired ones whose topic exists and is configured again.
    pub fn iter(&self) -> impl Iterator<Item = &SourceOffset> {
        self.offsets
            .iter()
            .filter(|offset| !offset.retired || !self.index.contains_key(&offset.source))
    }

    pub fn get(&self, source: &TopicPartition) -> Option<&SourceOffset> {
        Some(&self.offsets[*self.index.get(source)?])
    }

    fn get_mut(&mut self, source: &TopicPartition) -> Option<&mut SourceOffset> {
        Some(&mut self.offsets[*self.index.get(source)?])
    }

    /// Adds a partition without records.
    pub fn add(&mut self, source: &TopicPartition, partition: PartitionId) {
        self.insert(SourceOffset {
            source: source.clone(),
            partition,
            next: None,
            anchor: None,
            earlier: EarlierAnchors::default(),
            topic_id: self.topic_ids.get(&source.topic).cloned(),
            unverified: None,
            retired: false,
            changed: true,
        });
    }

    pub(super) fn add_stored(&mut self, stored: StoredOffset, partition: PartitionId) {
        self.insert(SourceOffset {
            source: TopicPartition::new(stored.topic, stored.partition),
            partition,
            next: stored.next,
            anchor: stored.anchor,
            earlier: EarlierAnchors::of(stored.anchor),
            topic_id: stored.topic_id,
            unverified: None,
            retired: stored.retired,
            changed: false,
        });
    }

    /// Retires a deleted topic that is no longer configured. Its records stay counted.
    pub fn retire(&mut self, topic: &str, engine: &mut Engine) {
        let mut was_consumed = false;
        for offset in &mut self.offsets {
            if !offset.retired && *offset.source.topic == *topic {
                offset.retired = true;
                offset.changed = true;
                self.index.remove(&offset.source);
                engine.retire(offset.partition);
                was_consumed = true;
            }
        }
        self.current = None;
        if was_consumed {
            warn!(
                %topic,
                "the topic was deleted and is no longer configured: its events stay counted, and its \
                 open tickets leave the backlog"
            );
        }
    }

    /// The offset to start from: the anchor, if there is one.
    pub fn start(&mut self, source: &TopicPartition) -> Option<i64> {
        let offset = self.get_mut(source)?;
        // The latest anchor may be from another log, after brokers came back with older disks.
        let anchor = offset.earlier.old.or(offset.anchor);
        offset.earlier = EarlierAnchors::of(anchor);
        offset.unverified = anchor;
        anchor.map_or(offset.next, |anchor| Some(anchor.offset))
    }

    /// The offset to start from in a partition that now begins at `begin`: the anchor, or the position
    /// if retention has removed the anchor's record.
    pub fn start_at(&mut self, source: &TopicPartition, begin: Option<i64>) -> Option<i64> {
        let start = self.start(source);
        if begin.is_none_or(|begin| start.is_some_and(|start| begin <= start)) {
            return start;
        }
        let offset = self.get_mut(source)?;
        offset.unverified = None;
        offset.next
    }

    /// The partition has another leader or connection.
    pub fn reconnected(&mut self, source: &TopicPartition) {
        if let Some(offset) = self.get_mut(source) {
            offset.earlier.reconnected = true;
        }
    }

    /// Partitions to read again, each from the anchor to verify.
    pub fn anchors_to_verify(&mut self, now: Instant) -> Vec<(TopicPartition, i64)> {
        let mut partitions = Vec::new();
        for offset in &mut self.offsets {
            let earlier = &mut offset.earlier;
            earlier.age(offset.anchor, now);
            let is_recent = |at| now.saturating_duration_since(at) < VERIFICATION_INTERVAL;
            if !earlier.reconnected || earlier.verified_at.is_some_and(is_recent) {
                continue;
            }
            earlier.reconnected = false;
            // An anchor that is unverified already will be verified over the new connection.
            if let Some(anchor) = earlier.old
                && offset.unverified.is_none()
            {
                earlier.verified_at = Some(now);
                earlier.recent = None;
                offset.unverified = Some(anchor);
                partitions.push((offset.source.clone(), anchor.offset));
            }
        }
        partitions
    }

    /// Moves the position past control records and aborted records.
    pub fn skip_to(&mut self, source: &TopicPartition, position: i64) {
        if let Some(offset) = self.get_mut(source)
            && offset.unverified.is_none()
            && offset.next.is_none_or(|next| next < position)
        {
            offset.next = Some(position);
            offset.changed = true;
        }
    }

    /// Moves the position past a record, and decides whether the engine applies it.
    pub fn advance(&mut self, record: &KafkaRecord<'_>) -> RecordAction {
        let index = match self.current {
            Some((consumer_index, index)) if consumer_index == record.index => index,
            _ => {
                let Some(index) = self.index.get(record.partition).copied() else {
                    return RecordAction::Skip;
                };
                self.current = Some((record.index, index));
                index
            }
        };
        let offset = &mut self.offsets[index];
        // Compaction may have removed the anchor's record: then another offset comes first.
        if let Some(anchor) = offset.unverified.take()
            && anchor.offset == record.offset
            && anchor != Anchor::of(record)
        {
            let loss = Loss::Replaced {
                offset: record.offset,
            };
            self.lost
                .get_or_insert(RecordsLost::new(&offset.source, loss));
        }
        if self.lost.is_some() || offset.next.is_some_and(|next| record.offset < next) {
            return RecordAction::Skip;
        }
        offset.next = Some(record.offset + 1);
        offset.changed = true;
        RecordAction::Apply(offset.partition)
    }

    /// Makes the last record of each partition in a batch its anchor.
    pub fn set_anchors(&mut self, records: &[KafkaRecord<'_>]) {
        let mut seen = Vec::new();
        let mut last = None;
        for record in records.iter().rev() {
            // Records of a partition mostly follow each other.
            if last == Some(record.index) || seen.contains(&record.index) {
                continue;
            }
            last = Some(record.index);
            seen.push(record.index);
            if let Some(offset) = self.get_mut(record.partition)
                && offset.next == Some(record.offset + 1)
            {
                offset.anchor = Some(Anchor::of(record));
                // In the first seconds there is no older anchor.
                let earlier = &mut offset.earlier;
                earlier.old = earlier.old.or(offset.anchor);
            }
        }
    }

    /// The first partition whose anchor did not match.
    pub fn lost(&self) -> Option<&RecordsLost> {
        self.lost.as_ref()
    }

    /// Stores the topic IDs, by topic name.
    ///
    /// # Errors
    /// A consumed topic that now has another ID.
    pub fn set_topic_ids(&mut self, topics: &[(Arc<str>, String)]) -> Result<(), RecordsLost> {
        for (topic, id) in topics {
            self.topic_ids.insert(Arc::clone(topic), id.clone());
            for offset in &mut self.offsets {
                let same = offset.source.topic == *topic;
                if offset.retired || !same || offset.topic_id.as_ref() == Some(id) {
                    continue;
                }
                if let (Some(_), Some(next)) = (&offset.topic_id, offset.next) {
                    return Err(RecordsLost::new(&offset.source, Loss::Recreated { next }));
                }
                offset.topic_id = Some(id.clone());
                offset.changed = true;
            }
        }
        Ok(())
    }

    /// Checks a partition that was read up to `position`, its end, against its `end` offset.
    ///
    /// # Errors
    /// The partition ends before the position.
    pub fn verify_end(
        &mut self,
        source: &TopicPartition,
        position: Option<i64>,
        end: i64,
    ) -> Result<(), RecordsLost> {
        if let Some(offset) = self.get_mut(source)
            && offset.unverified.is_some()
            && let Some(next) = offset.next
        {
            if end < next {
                return Err(RecordsLost::new(source, Loss::Shorter { next, end }));
            }
            if position >= Some(next) {
                offset.unverified = None; // compaction has removed the anchor's record
            }
        }
        Ok(())
    }

    /// Judges why the start offset is not in a partition. `extent`: its first and end offset, if known.
    /// No record is lost if only the anchor's record was removed.
    ///
    /// # Errors
    /// The loss.
    pub fn check_out_of_range(
        &self,
        source: &TopicPartition,
        extent: Option<(i64, i64)>,
    ) -> Result<(), RecordsLost> {
        let Some(next) = self.get(source).and_then(|offset| offset.next) else {
            return Ok(());
        };
        let loss = match extent {
            None => Loss::OutOfRange { next },
            Some((begin, _)) if next < begin => Loss::Deleted { next, begin },
            Some((_, end)) if end < next => Loss::Shorter { next, end },
            Some(_) => return Ok(()),
        };
        Err(RecordsLost::new(source, loss))
    }

    /// Checks that all consumed partitions of existing topics are in `partitions`.
    ///
    /// # Errors
    /// The first partition that is not.
    pub fn check_existence(&self, partitions: &[TopicPartition]) -> Result<(), RecordsLost> {
        let gone = self.offsets.iter().find(|offset| {
            let mut topics = partitions.iter().map(|partition| &partition.topic);
            !offset.retired
                && offset.next.is_some()
                && topics.any(|topic| *topic == offset.source.topic)
                && !partitions.contains(&offset.source)
        });
        gone.map_or(Ok(()), |gone| {
            Err(RecordsLost::new(&gone.source, Loss::Gone))
        })
    }

    /// Writes the changes since the last call, or everything.
    pub fn write(&mut self, everything: bool, put: &mut dyn FnMut(&[u8], &[u8])) {
        for offset in &mut self.offsets {
            if !std::mem::take(&mut offset.changed) && !everything {
                continue;
            }
            let stored = StoredOffset {
                topic: offset.source.topic.to_string(),
                partition: offset.source.partition,
                next: offset.next,
                anchor: offset.anchor,
                topic_id: offset.topic_id.clone(),
                retired: offset.retired,
            };
            let [high, low] = offset.partition.number().to_be_bytes();
            // Numbers and strings always become JSON.
            let value = serde_json::to_vec(&stored).unwrap_or_default();
            put(&[KEY, high, low], &value);
        }
    }

    fn insert(&mut self, offset: SourceOffset) {
        match self.index.get(&offset.source) {
            _ if offset.retired => self.offsets.push(offset),
            Some(index) => self.offsets[*index] = offset,
            None => {
                self.index.insert(offset.source.clone(), self.offsets.len());
                self.offsets.push(offset);
            }
        }
    }
}
