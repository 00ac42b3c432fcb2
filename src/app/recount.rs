//! The command `recount`: marks a store, so that the next start sets it aside and counts all records
//! again. Before that, it reports the consequences. Nothing is deleted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::kafka_clients::end_client;
use super::recovery::RecoveryError;
use super::source_offsets::StoredOffsets;
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{
    ConsumerSettings, InspectError, Inspector, OffsetRange, StartError, TopicPartition,
};
use crate::edge::store::{StoreDirectory, StoreError, StoreRecord};
use crate::engine::STATE_VERSION;

/// A store that this process has locked.
#[derive(Debug)]
pub struct RecountableStore {
    directory: StoreDirectory,
    /// `None`: the store is unreadable.
    pub summary: Option<StoreSummary>,
    /// Why the store is unreadable. A recount is possible all the same.
    pub damage: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSummary {
    pub created: Timestamp,
    /// Offset of the first record that was not counted, by partition.
    pub counted: Vec<(TopicPartition, i64)>,
}

/// The records of a topic that a recount would count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableRecords {
    pub topic: String,
    pub partitions: Vec<OffsetRange>,
    /// Time of the oldest record, if the brokers have returned one.
    pub oldest: Option<Timestamp>,
    /// Kafka only keeps the last record of each key.
    pub is_compacted: bool,
}

impl AvailableRecords {
    /// Offsets from the first to the end, with control records.
    pub fn records(&self) -> i64 {
        let partitions = self.partitions.iter();
        partitions.map(|one| one.end - one.begin).sum()
    }

    /// Offsets before the first: their records cannot be counted again.
    pub fn gone(&self) -> i64 {
        self.partitions.iter().map(|one| one.begin).sum()
    }
}

impl RecountableStore {
    /// Locks the checkpoint directory and reads its store.
    pub fn prepare(config: &Config) -> Result<Self, RecoveryError> {
        let path = &config.checkpoint.directory;
        if !path.is_dir() {
            // The lock would create it.
            return Err(RecoveryError::NoCheckpoint(path.clone()));
        }
        let directory = StoreDirectory::lock(path, STATE_VERSION)?;
        let mut offsets = StoredOffsets::default();
        let loaded = directory.load(&mut |record: StoreRecord<'_>| {
            if StoredOffsets::is_key(record.key) {
                offsets.add(record.key, record.value)?;
            }
            Ok(())
        });
        let (summary, damage) = match loaded {
            Ok(None) => return Err(RecoveryError::NoCheckpoint(path.clone())),
            Ok(Some(loaded)) => {
                let created = loaded.created;
                let counted = offsets.positions();
                (Some(StoreSummary { created, counted }), None)
            }
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Newer { .. })) => {
                (None, Some(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            directory,
            summary,
            damage,
        })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn is_requested(&self) -> bool {
        self.directory.is_recount_requested()
    }

    /// Marks the store.
    pub fn request(&self) -> Result<(), StoreError> {
        self.directory.request_recount()
    }

    /// Removes the mark.
    pub fn cancel(&self) -> Result<(), StoreError> {
        self.directory.clear_recount_request()
    }
}

/// Asks the brokers which records of a topic are available.
pub fn available_records(
    inspector: &mut Inspector,
    topic: &str,
    patience: Duration,
) -> Result<AvailableRecords, InspectError> {
    let deadline = Instant::now() + patience;
    let mut partitions = Vec::new();
    for partition in &inspector.partitions(topic, deadline)? {
        partitions.push(inspector.offset_range(partition, deadline)?);
    }
    let mut oldest: Option<Timestamp> = None;
    for range in &partitions {
        // The other facts are useful without the time.
        let _ = inspector.read(std::slice::from_ref(range), 1, deadline, &mut |record| {
            let at = record.timestamp.map(Timestamp);
            oldest = oldest.into_iter().chain(at).min();
        });
    }
    let settings = inspector.settings(topic, deadline);
    Ok(AvailableRecords {
        topic: topic.to_owned(),
        partitions,
        oldest,
        is_compacted: settings.is_ok_and(|settings| settings.is_compacted),
    })
}

/// A topic and its records, or the reason why they are unknown.
pub type InspectedTopic = (String, Result<AvailableRecords, InspectError>);

/// Inspects all configured topics.
pub fn inspect_topics(
    config: &Config,
    patience: Duration,
) -> Result<Vec<InspectedTopic>, StartError> {
    let mut inspector = Inspector::start(&ConsumerSettings::from(&config.kafka))?;
    let mut topics = Vec::new();
    let mut is_silent = false;
    for topic in &config.kafka.topics {
        // After one timeout the other topics would time out, too.
        let patience = if is_silent { Duration::ZERO } else { patience };
        let one = available_records(&mut inspector, topic, patience);
        is_silent |= matches!(one, Err(InspectError::NoAnswer(_)));
        topics.push((topic.clone(), one));
    }
    end_client(inspector);
    Ok(topics)
}

/// The folder for a store that the next start sets aside.
pub fn set_aside_path(directory: &Path) -> PathBuf {
    directory.join("set-aside-…")
}
