//! How far each partition has been read: the offsets that count, whatever the group says, and how
//! to know again, after a restart, that the partition is still the one that was read.
//!
//! An offset alone does not tell that: a topic that was deleted and created anew has the same
//! offsets with other records. So the last record applied is kept as an *anchor*, by offset and
//! digest. Reading begins with it, and goes on only if it is the same. While it goes on, the topic's
//! id tells that the topic is another one. A log can also become shorter under the same id, when a
//! broker comes back with an older disk; so wherever the connection to a leader is another one, an
//! anchor from before is compared once more.
//!
//! The position passes control records and aborted records too, which no application sees: it may
//! lie behind the anchor by more than one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::engine::{Engine, PartitionId};

/// The first byte of the keys of these records; the engine's are below.
const KEY: u8 = 0x80;

/// Age that an anchor has at least when it is compared after a reconnection: older than the time in
/// which the client's statistics, which come twice a second, tell of it.
const ANCHOR_AGE: Duration = Duration::from_secs(2);

/// Time between two comparisons of a partition while connections come and go: each reads the
/// records of some seconds once more.
const COMPARISON_INTERVAL: Duration = Duration::from_secs(10);

/// A record that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Anchor {
    offset: i64,
    digest: u64,
}

impl Anchor {
    fn of(record: &KafkaRecord<'_>) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&record.timestamp.unwrap_or_default().to_le_bytes());
        hash.update(record.key.unwrap_or_default());
        hash.update(record.value.unwrap_or_default());
        Self {
            offset: record.offset,
            digest: hash.digest(),
        }
    }
}

/// What is kept of a partition.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    topic: String,
    partition: i32,
    next: Option<i64>,
    anchor: Option<Anchor>,
    /// Absent in stores of version 0.1 and with brokers that have no ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic_id: Option<String>,
    /// Its topic was deleted and taken out of the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retired: bool,
}

/// One partition.
#[derive(Debug)]
pub struct Reading {
    pub source: TopicPartition,
    pub partition: PartitionId,
    /// Offset of the first record that was not applied; `None`: nothing was read.
    pub next: Option<i64>,
    anchor: Option<Anchor>,
    earlier: Earlier,
    /// Of the topic that it was read from.
    topic_id: Option<String>,
    /// The record that has to come first, as it was.
    unchecked: Option<Anchor>,
    /// Its topic was deleted and is no longer configured: it is not read, but what was read of it
    /// stays counted.
    retired: bool,
    changed: bool,
}

impl Reading {
    /// Whether nothing waits to be compared before reading goes on.
    pub fn is_checked(&self) -> bool {
        self.unchecked.is_none()
    }
}

/// Anchors of some seconds ago.
#[derive(Clone, Copy, Debug, Default)]
struct Earlier {
    /// At least [`ANCHOR_AGE`] old, where there was one then.
    old: Option<Anchor>,
    /// The one that becomes old, and since when.
    recent: Option<(Instant, Option<Anchor>)>,
    /// The partition's records come from elsewhere, and were not compared yet.
    reconnected: bool,
    compared: Option<Instant>,
}

impl Earlier {
    fn of(anchor: Option<Anchor>) -> Self {
        Self {
            old: anchor,
            ..Self::default()
        }
    }

    fn age(&mut self, anchor: Option<Anchor>, now: Instant) {
        if self.reconnected {
            return; // what is older than that is still needed
        }
        match self.recent {
            Some((since, _)) if now.saturating_duration_since(since) < ANCHOR_AGE => {}
            Some((_, recent)) => {
                self.old = recent.or(self.old);
                self.recent = Some((now, anchor));
            }
            None => self.recent = Some((now, anchor)),
        }
    }
}

/// A partition that cannot be read on, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{partition}: {loss}")]
pub struct Lost {
    pub partition: TopicPartition,
    pub loss: Loss,
}

/// How the records that should come next were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    #[error(
        "record {offset} is not the one that was counted: the topic was deleted and created anew"
    )]
    Replaced { offset: i64 },
    #[error(
        "it was read up to offset {next}, but ends at {end}: the topic was deleted and created \
         anew, or brokers lost records"
    )]
    Shorter { next: i64, end: i64 },
    #[error(
        "the records from offset {next} on were deleted before they were read; it begins at \
         {begin} now"
    )]
    Deleted { next: i64, begin: i64 },
    #[error("it was read up to offset {next}; since then the topic was deleted and created anew")]
    Recreated { next: i64 },
    #[error("offset {next} cannot be read any more")]
    OutOfRange { next: i64 },
    #[error("the partition does not exist any more")]
    Gone,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Apply(PartitionId),
    /// It was applied before, or is not ours.
    Skip,
}

/// Every partition ever assigned, or restored.
#[derive(Debug, Default)]
pub struct Readings {
    list: Vec<Reading>,
    places: HashMap<TopicPartition, usize>,
    /// The consumer's index of the last record's partition, and its place here.
    current: Option<(usize, usize)>,
    /// Of topics that exist, by name, also before any partition of theirs is read.
    topic_ids: HashMap<Arc<str>, String>,
    lost: Option<Lost>,
}

impl Readings {
    /// Those that are read, and those whose topic was deleted and taken out of the configuration,
    /// unless a new topic of the same name is read.
    pub fn iter(&self) -> impl Iterator<Item = &Reading> {
        self.list
            .iter()
            .filter(|reading| !reading.retired || !self.places.contains_key(&reading.source))
    }

    /// Stops reading a topic that was deleted: gives its partitions, which the engine has to
    /// retire.
    pub fn retire(&mut self, topic: &str) -> Vec<PartitionId> {
        let mut retired = Vec::new();
        for reading in &mut self.list {
            if !reading.retired && *reading.source.topic == *topic {
                reading.retired = true;
                reading.changed = true;
                self.places.remove(&reading.source);
                retired.push(reading.partition);
            }
        }
        self.current = None;
        retired
    }

    pub fn get(&self, source: &TopicPartition) -> Option<&Reading> {
        Some(&self.list[*self.places.get(source)?])
    }

    /// Adds a partition of which nothing was read.
    pub fn add(&mut self, source: &TopicPartition, partition: PartitionId) {
        self.insert(Reading {
            source: source.clone(),
            partition,
            next: None,
            anchor: None,
            earlier: Earlier::default(),
            topic_id: self.topic_ids.get(&source.topic).cloned(),
            unchecked: None,
            retired: false,
            changed: true,
        });
    }

    /// Where to begin reading: with the anchor, if there is one.
    pub fn start(&mut self, source: &TopicPartition) -> Option<i64> {
        let reading = &mut self.list[*self.places.get(source)?];
        // The latest one may be of another log already, where the brokers came back differently.
        let anchor = reading.earlier.old.or(reading.anchor);
        reading.earlier = Earlier::of(anchor);
        reading.unchecked = anchor;
        anchor.map_or(reading.next, |anchor| Some(anchor.offset))
    }

    /// Where to begin in a partition that begins at `begin` by now: with the anchor, or behind it
    /// where its record is gone, which was applied.
    pub fn start_at(&mut self, source: &TopicPartition, begin: Option<i64>) -> Option<i64> {
        let start = self.start(source);
        if begin.is_none_or(|begin| start.is_some_and(|start| begin <= start)) {
            return start;
        }
        let reading = &mut self.list[*self.places.get(source)?];
        reading.unchecked = None;
        reading.next
    }

    /// The partition's records come from another leader or over another connection.
    pub fn reconnected(&mut self, source: &TopicPartition) {
        if let Some(place) = self.places.get(source) {
            self.list[*place].earlier.reconnected = true;
        }
    }

    /// Partitions to read once more, each from the anchor that is to be compared.
    pub fn to_compare(&mut self, now: Instant) -> Vec<(TopicPartition, i64)> {
        let mut partitions = Vec::new();
        for reading in &mut self.list {
            let earlier = &mut reading.earlier;
            earlier.age(reading.anchor, now);
            let is_recent = |at| now.saturating_duration_since(at) < COMPARISON_INTERVAL;
            if !earlier.reconnected || earlier.compared.is_some_and(is_recent) {
                continue;
            }
            earlier.reconnected = false;
            // One that waits to be compared is compared over the new connection.
            if let Some(anchor) = earlier.old
                && reading.unchecked.is_none()
            {
                earlier.compared = Some(now);
                earlier.recent = None;
                reading.unchecked = Some(anchor);
                partitions.push((reading.source.clone(), anchor.offset));
            }
        }
        partitions
    }

    /// Moves the position behind control records and aborted ones, which are no records for us.
    pub fn pass_to(&mut self, source: &TopicPartition, position: i64) {
        if let Some(place) = self.places.get(source) {
            let reading = &mut self.list[*place];
            if reading.unchecked.is_none() && reading.next.is_none_or(|next| next < position) {
                reading.next = Some(position);
                reading.changed = true;
            }
        }
    }

    /// Moves the position past a record.
    pub fn pass(&mut self, record: &KafkaRecord<'_>) -> Pass {
        let place = match self.current {
            Some((index, place)) if index == record.index => place,
            _ => {
                let Some(place) = self.places.get(record.partition).copied() else {
                    return Pass::Skip;
                };
                self.current = Some((record.index, place));
                place
            }
        };
        let reading = &mut self.list[place];
        if let Some(anchor) = reading.unchecked.take() {
            // Compaction may have removed it.
            if anchor.offset == record.offset && anchor != Anchor::of(record) {
                self.lost.get_or_insert(Lost {
                    partition: reading.source.clone(),
                    loss: Loss::Replaced {
                        offset: record.offset,
                    },
                });
            }
        }
        if self.lost.is_some() || reading.next.is_some_and(|next| record.offset < next) {
            return Pass::Skip;
        }
        reading.next = Some(record.offset + 1);
        reading.changed = true;
        Pass::Apply(reading.partition)
    }

    /// Makes the last record of each partition in a batch its anchor.
    pub fn anchor(&mut self, records: &[KafkaRecord<'_>]) {
        let mut seen = Vec::new();
        let mut run = None;
        for record in records.iter().rev() {
            // Records of a partition lie together, mostly.
            if run == Some(record.index) || seen.contains(&record.index) {
                continue;
            }
            run = Some(record.index);
            seen.push(record.index);
            if let Some(place) = self.places.get(record.partition) {
                let reading = &mut self.list[*place];
                if reading.next == Some(record.offset + 1) {
                    reading.anchor = Some(Anchor::of(record));
                    // Nothing older is to be had in the first seconds.
                    let earlier = &mut reading.earlier;
                    earlier.old = earlier.old.or(reading.anchor);
                }
            }
        }
    }

    /// What the records so far say: `Some` where a partition is not the one that was read.
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// Notes the topics' ids, by name.
    ///
    /// # Errors
    /// A topic of which records were read under another id.
    pub fn identify(&mut self, topics: &[(Arc<str>, String)]) -> Result<(), Lost> {
        for (topic, id) in topics {
            self.topic_ids.insert(Arc::clone(topic), id.clone());
            for reading in &mut self.list {
                let same = reading.source.topic == *topic;
                if reading.retired || !same || reading.topic_id.as_ref() == Some(id) {
                    continue;
                }
                if let (Some(_), Some(next)) = (&reading.topic_id, reading.next) {
                    return Err(lost(&reading.source, Loss::Recreated { next }));
                }
                reading.topic_id = Some(id.clone());
                reading.changed = true;
            }
        }
        Ok(())
    }

    /// What the extent (first and end offset) of a partition that is read to its end, up to
    /// `position`, means: the anchor cannot lie behind it.
    ///
    /// # Errors
    /// That it is not the partition that was read.
    pub fn at_end(
        &mut self,
        source: &TopicPartition,
        position: Option<i64>,
        (_, end): (i64, i64),
    ) -> Result<(), Lost> {
        let Some(place) = self.places.get(source) else {
            return Ok(());
        };
        let reading = &mut self.list[*place];
        if reading.unchecked.is_some()
            && let Some(next) = reading.next
        {
            if end < next {
                return Err(lost(source, Loss::Shorter { next, end }));
            }
            if position >= Some(next) {
                // Its record did not come: compaction has removed it.
                reading.unchecked = None;
            }
        }
        Ok(())
    }

    /// What it means that the start offset is not in the partition, whose extent is this, where
    /// known. Nothing, where only the anchor's record is gone.
    ///
    /// # Errors
    /// What was lost.
    pub fn out_of_range(
        &self,
        source: &TopicPartition,
        extent: Option<(i64, i64)>,
    ) -> Result<(), Lost> {
        let Some(next) = self.get(source).and_then(|reading| reading.next) else {
            return Ok(());
        };
        let loss = match extent {
            None => Loss::OutOfRange { next },
            Some((begin, _)) if next < begin => Loss::Deleted { next, begin },
            Some((_, end)) if end < next => Loss::Shorter { next, end },
            Some(_) => return Ok(()),
        };
        Err(lost(source, loss))
    }

    /// Looks for partitions with records read that are not among these, though their topic is.
    ///
    /// # Errors
    /// The first one.
    pub fn all_among(&self, partitions: &[TopicPartition]) -> Result<(), Lost> {
        let gone = self.live().find(|reading| {
            let topic_exists = partitions
                .iter()
                .any(|partition| partition.topic == reading.source.topic);
            reading.next.is_some() && topic_exists && !partitions.contains(&reading.source)
        });
        gone.map_or(Ok(()), |gone| Err(lost(&gone.source, Loss::Gone)))
    }

    /// Hands over the records of what changed since the last time, or of everything.
    pub fn write(&mut self, everything: bool, put: &mut dyn FnMut(&[u8], &[u8])) {
        for reading in &mut self.list {
            if !std::mem::take(&mut reading.changed) && !everything {
                continue;
            }
            let kept = Kept {
                topic: reading.source.topic.to_string(),
                partition: reading.source.partition,
                next: reading.next,
                anchor: reading.anchor,
                topic_id: reading.topic_id.clone(),
                retired: reading.retired,
            };
            let [high, low] = reading.partition.number().to_be_bytes();
            // Numbers and text always become JSON.
            let value = serde_json::to_vec(&kept).unwrap_or_default();
            put(&[KEY, high, low], &value);
        }
    }

    fn insert(&mut self, reading: Reading) {
        match self.places.get(&reading.source) {
            _ if reading.retired => self.list.push(reading),
            Some(place) => self.list[*place] = reading,
            None => {
                self.places.insert(reading.source.clone(), self.list.len());
                self.list.push(reading);
            }
        }
    }

    fn live(&self) -> impl Iterator<Item = &Reading> {
        self.list.iter().filter(|reading| !reading.retired)
    }
}

/// The records of readings, on their way back.
#[derive(Debug, Default)]
pub struct KeptReadings(BTreeMap<u16, Kept>);

impl KeptReadings {
    /// Whether a key is one of ours.
    pub fn is_key(key: &[u8]) -> bool {
        key.first() == Some(&KEY)
    }

    /// Takes a record. Of several with the same key the last one counts.
    ///
    /// # Errors
    /// Bytes that [`Readings::write`] did not write.
    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        let [KEY, high, low] = *key else {
            return Err("offset record: key of a wrong length".to_owned());
        };
        let value = value.ok_or("offset record: deleted")?;
        let kept =
            serde_json::from_slice(value).map_err(|error| format!("offset record: {error}"))?;
        self.0.insert(u16::from_be_bytes([high, low]), kept);
        Ok(())
    }

    /// Topics that were read and are not among these.
    pub fn topics_not_among(&self, topics: &[String]) -> Vec<String> {
        let read = self.0.values().filter(|kept| !kept.retired);
        let read: BTreeSet<&String> = read.map(|kept| &kept.topic).collect();
        let gone = read.into_iter().filter(|topic| !topics.contains(topic));
        gone.cloned().collect()
    }

    /// Offset of the first record that was not applied, by partition, in their order.
    pub fn positions(&self) -> Vec<(TopicPartition, i64)> {
        let kept = self.0.values();
        let mut positions: Vec<(TopicPartition, i64)> = kept
            .filter_map(|kept| {
                let source = TopicPartition::new(kept.topic.as_str(), kept.partition);
                Some((source, kept.next?))
            })
            .collect();
        positions.sort();
        positions
    }

    /// Goes on with the partitions of an engine.
    ///
    /// # Errors
    /// A partition that the engine does not have.
    pub fn resume(self, engine: &Engine) -> Result<Readings, String> {
        let mut readings = Readings::default();
        for (number, kept) in self.0 {
            let partition = engine
                .partition_numbered(number)
                .ok_or("offset record: no such partition")?;
            readings.insert(Reading {
                source: TopicPartition::new(kept.topic, kept.partition),
                partition,
                next: kept.next,
                anchor: kept.anchor,
                earlier: Earlier::of(kept.anchor),
                topic_id: kept.topic_id,
                unchecked: None,
                retired: kept.retired,
                changed: false,
            });
        }
        Ok(readings)
    }
}

fn lost(partition: &TopicPartition, loss: Loss) -> Lost {
    Lost {
        partition: partition.clone(),
        loss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    fn record<'a>(source: &'a TopicPartition, offset: i64, value: &'a str) -> KafkaRecord<'a> {
        KafkaRecord {
            partition: source,
            index: 0,
            offset,
            timestamp: Some(5),
            key: None,
            headers: &[],
            value: Some(value.as_bytes()),
        }
    }

    fn source() -> TopicPartition {
        TopicPartition::new("tickets", 3)
    }

    /// Two records read, kept and restored.
    fn restored() -> Readings {
        let source = source();
        let mut engine = Engine::new(Arc::default(), Timestamp(0));
        let partition = engine.only_partition();
        let mut readings = Readings::default();
        readings.add(&source, partition);
        assert_eq!(readings.start(&source), None);
        let records = [record(&source, 7, "a"), record(&source, 9, "b")];
        for one in &records {
            assert_eq!(readings.pass(one), Pass::Apply(partition));
        }
        readings.anchor(&records);
        let mut kept = KeptReadings::default();
        readings.write(false, &mut |key, value| {
            kept.take(key, Some(value)).unwrap();
        });
        readings.write(false, &mut |_, _| panic!("nothing changed since"));
        assert!(kept.topics_not_among(&["tickets".to_owned()]).is_empty());
        assert_eq!(kept.topics_not_among(&[]).len(), 1);
        kept.resume(&engine).unwrap()
    }

    #[test]
    fn reading_goes_on_behind_the_anchor() {
        let source = source();
        let mut readings = restored();
        assert_eq!(readings.start(&source), Some(9));
        assert_eq!(readings.pass(&record(&source, 9, "b")), Pass::Skip);
        assert_ne!(readings.pass(&record(&source, 10, "c")), Pass::Skip);
        assert_eq!(readings.lost(), None);
        assert_eq!(readings.get(&source).unwrap().next, Some(11));
    }

    #[test]
    fn another_record_in_its_place_is_another_topic() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        assert_eq!(readings.pass(&record(&source, 9, "x")), Pass::Skip);
        assert_eq!(readings.pass(&record(&source, 10, "y")), Pass::Skip);
        let lost = readings.lost().unwrap();
        assert!(
            lost.to_string().starts_with("tickets/3: record 9"),
            "{lost}"
        );
    }

    #[test]
    fn a_compacted_anchor_cannot_be_compared() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        assert_ne!(readings.pass(&record(&source, 12, "d")), Pass::Skip);
        assert_eq!(readings.lost(), None);
    }

    #[test]
    fn retention_may_take_the_anchor_but_nothing_unread() {
        let source = source();
        let mut readings = restored();
        assert_eq!(readings.out_of_range(&source, Some((10, 10))), Ok(()));
        assert_eq!(readings.start_at(&source, Some(9)), Some(9));
        assert!(!readings.get(&source).unwrap().is_checked());
        assert_eq!(readings.start_at(&source, Some(10)), Some(10));
        assert!(readings.get(&source).unwrap().is_checked());
        for (extent, loss) in [
            (
                (11, 20),
                Loss::Deleted {
                    next: 10,
                    begin: 11,
                },
            ),
            ((0, 4), Loss::Shorter { next: 10, end: 4 }),
        ] {
            let found = readings.out_of_range(&source, Some(extent)).unwrap_err();
            assert_eq!(found.loss, loss);
        }
        assert!(readings.out_of_range(&source, None).is_err());
    }

    #[test]
    fn a_topic_that_ends_before_the_position_is_another_one() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        assert!(readings.at_end(&source, Some(9), (0, 9)).is_err());
        assert_eq!(readings.at_end(&source, Some(9), (0, 10)), Ok(()));
        assert!(!readings.get(&source).unwrap().is_checked());
        assert_eq!(readings.at_end(&source, Some(10), (0, 10)), Ok(()));
        assert!(readings.get(&source).unwrap().is_checked(), "compacted");
    }

    #[test]
    fn control_records_are_passed_once_the_anchor_was_compared() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        readings.pass_to(&source, 12);
        assert_eq!(readings.get(&source).unwrap().next, Some(10));
        readings.pass(&record(&source, 9, "b"));
        readings.pass_to(&source, 12);
        readings.pass_to(&source, 11);
        assert_eq!(readings.get(&source).unwrap().next, Some(12));
        // Retention removes them: no record is lost.
        assert_eq!(readings.out_of_range(&source, Some((12, 12))), Ok(()));
        assert_eq!(readings.start_at(&source, Some(12)), Some(12));
        assert_ne!(readings.pass(&record(&source, 12, "c")), Pass::Skip);
    }

    #[test]
    fn an_anchor_from_before_a_reconnection_is_compared() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        readings.pass(&record(&source, 9, "b"));
        let start = Instant::now();
        assert!(readings.to_compare(start).is_empty());
        // A record of the other log is applied before the client tells.
        let other = [record(&source, 10, "x")];
        readings.pass(&other[0]);
        readings.anchor(&other);
        readings.reconnected(&source);
        let compared = [(source.clone(), 9)];
        assert_eq!(readings.to_compare(start + ANCHOR_AGE / 2), compared);
        assert!(!readings.get(&source).unwrap().is_checked());
        assert_eq!(readings.pass(&record(&source, 9, "b")), Pass::Skip);
        assert_eq!(readings.pass(&record(&source, 10, "x")), Pass::Skip);
        assert_eq!(readings.lost(), None);

        // Connections that come and go do not make it read the same all the time.
        readings.reconnected(&source);
        let later = start + ANCHOR_AGE;
        assert!(readings.to_compare(later).is_empty());
        let later = later + COMPARISON_INTERVAL;
        assert_eq!(readings.to_compare(later), compared);
        readings.pass(&record(&source, 9, "y"));
        assert_eq!(readings.lost().unwrap().loss, Loss::Replaced { offset: 9 });
    }

    #[test]
    fn anchors_grow_old() {
        let source = source();
        let mut readings = restored();
        readings.start(&source);
        readings.pass(&record(&source, 9, "b"));
        let start = Instant::now();
        let more = [record(&source, 10, "c")];
        readings.pass(&more[0]);
        readings.anchor(&more);
        // A rebalance compares one from before it as well.
        assert_eq!(readings.start(&source), Some(9));
        assert_eq!(readings.pass(&record(&source, 9, "b")), Pass::Skip);
        for ages in 0..3 {
            assert!(readings.to_compare(start + ANCHOR_AGE * ages).is_empty());
        }
        readings.reconnected(&source);
        let compared = readings.to_compare(start + ANCHOR_AGE * 3);
        assert_eq!(compared, [(source, 10)]);
    }

    #[test]
    fn a_partition_that_is_gone_is_lost() {
        let readings = restored();
        assert_eq!(readings.all_among(&[source()]), Ok(()));
        assert_eq!(readings.all_among(&[]), Ok(()), "the topic may come back");
        let other = TopicPartition::new("tickets", 0);
        assert_eq!(readings.all_among(&[other]).unwrap_err().loss, Loss::Gone);
    }

    #[test]
    fn a_retired_topic_is_counted_and_no_longer_read() {
        let source = source();
        let mut engine = Engine::new(Arc::default(), Timestamp(0));
        let first = engine.add_partition().unwrap();
        let mut readings = restored();
        assert_eq!(readings.retire("others"), []);
        assert_eq!(readings.retire("tickets"), [first]);
        assert_eq!(readings.retire("tickets"), [], "once");
        assert_eq!(readings.get(&source).map(|reading| reading.next), None);
        let other = [(Arc::clone(&source.topic), "two".to_owned())];
        assert_eq!(readings.identify(&other), Ok(()));
        assert_eq!(
            readings.all_among(&[TopicPartition::new("tickets", 0)]),
            Ok(())
        );

        // A restart knows it, and a new topic of that name begins from nothing.
        let mut kept = KeptReadings::default();
        readings.write(true, &mut |key, value| kept.take(key, Some(value)).unwrap());
        assert!(kept.topics_not_among(&[]).is_empty());
        let mut readings = kept.resume(&engine).unwrap();
        assert_eq!(readings.iter().count(), 1, "its offset is still shown");
        readings.add(&source, engine.add_partition().unwrap());
        assert_eq!(readings.start(&source), None);
        assert_eq!(readings.iter().count(), 1);
        let mut written = 0;
        readings.write(true, &mut |_, _| written += 1);
        assert_eq!(written, 2);
    }

    #[test]
    fn another_id_is_another_topic_once_records_were_read() {
        let mut engine = Engine::new(Arc::default(), Timestamp(0));
        let mut readings = Readings::default();
        let source = source();
        readings.add(&source, engine.only_partition());
        let id = |id: &str| [(Arc::clone(&source.topic), id.to_owned())];
        assert_eq!(readings.identify(&id("one")), Ok(()));
        assert_eq!(readings.identify(&id("two")), Ok(()), "nothing was read");
        readings.pass(&record(&source, 0, "a"));
        assert_eq!(readings.identify(&id("two")), Ok(()));
        let expected = lost(&source, Loss::Recreated { next: 1 });
        assert_eq!(readings.identify(&id("three")), Err(expected.clone()));

        // Kept, and so known after a restart.
        let mut kept = KeptReadings::default();
        readings.write(true, &mut |key, value| kept.take(key, Some(value)).unwrap());
        let mut readings = kept.resume(&engine).unwrap();
        assert_eq!(readings.identify(&id("two")), Ok(()));
        assert_eq!(readings.identify(&id("three")), Err(expected));
        // A store that knows no id learns it.
        let mut kept = KeptReadings::default();
        let old = br#"{"topic":"tickets","partition":0,"next":7,"anchor":null}"#;
        kept.take(&[KEY, 0, 0], Some(old)).unwrap();
        let mut readings = kept.resume(&engine).unwrap();
        let tickets = [("tickets".into(), "one".to_owned())];
        assert_eq!(readings.identify(&tickets), Ok(()));
        let other = [("tickets".into(), "two".to_owned())];
        assert!(readings.identify(&other).is_err());
    }
}
