//! `recount`: marks a store so that the next start sets it aside and counts from the earliest record
//! again, and says before what will come of it. Nothing is deleted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::ingest::{KeptReadings, part_with};
use super::recovery::RecoveryError;
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{
    ConsumerSettings, InspectError, Inspector, OffsetRange, StartError, TopicPartition,
};
use crate::edge::store::{StoreDirectory, StoreError, StoreRecord};
use crate::engine::STATE_VERSION;

/// A store that no other process has, and that may be marked.
#[derive(Debug)]
pub struct Recount {
    directory: StoreDirectory,
    /// `None`: there is nothing in it yet, or it cannot be read.
    pub stored: Option<Stored>,
    /// Why it cannot be read; a recount needs nothing of it.
    pub damage: Option<String>,
}

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub begun: Timestamp,
    /// Offset of the first record that was not counted, by partition.
    pub counted: Vec<(TopicPartition, i64)>,
}

/// The records of one topic that a recount would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    pub topic: String,
    pub partitions: Vec<OffsetRange>,
    /// Time of the oldest record, where one could be read.
    pub oldest: Option<Timestamp>,
    /// Of the records of a key only the last one stays.
    pub is_compacted: bool,
}

impl Available {
    /// Offsets between the first and the end; control records are among them.
    pub fn records(&self) -> i64 {
        let partitions = self.partitions.iter();
        partitions.map(|one| one.end - one.begin).sum()
    }

    /// Offsets before the first that is still there: what was counted of them cannot be counted
    /// again.
    pub fn gone(&self) -> i64 {
        self.partitions.iter().map(|one| one.begin).sum()
    }
}

impl Recount {
    /// Takes the checkpoint directory of a configuration, and looks at what is in it.
    ///
    /// # Errors
    /// No directory, one that another process has, and the disk's.
    pub fn prepare(config: &Config) -> Result<Self, RecoveryError> {
        let path = &config.checkpoint.directory;
        if !path.is_dir() {
            // Taking it would make it.
            return Err(RecoveryError::Nothing(path.clone()));
        }
        let directory = StoreDirectory::lock(path, STATE_VERSION)?;
        let mut readings = KeptReadings::default();
        let found = directory.load(&mut |record: StoreRecord<'_>| {
            if KeptReadings::is_key(record.key) {
                readings.take(record.key, record.value)?;
            }
            Ok(())
        });
        let (stored, damage) = match found {
            Ok(None) => return Err(RecoveryError::Nothing(path.clone())),
            Ok(Some(found)) => {
                let begun = found.created;
                let counted = readings.positions();
                (Some(Stored { begun, counted }), None)
            }
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Newer { .. })) => {
                (None, Some(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            directory,
            stored,
            damage,
        })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Whether it is marked already.
    pub fn is_asked(&self) -> bool {
        self.directory.is_recount_requested()
    }

    /// Marks the store.
    ///
    /// # Errors
    /// The disk's.
    pub fn ask(&self) -> Result<(), StoreError> {
        self.directory.request_recount()
    }

    /// Takes the mark away.
    ///
    /// # Errors
    /// The disk's.
    pub fn cancel(&self) -> Result<(), StoreError> {
        self.directory.clear_recount_request()
    }
}

/// Asks the brokers which records of a topic there are, and waits up to `patience`.
///
/// # Errors
/// [`InspectError`].
pub fn available(
    inspector: &mut Inspector,
    topic: &str,
    patience: Duration,
) -> Result<Available, InspectError> {
    let deadline = Instant::now() + patience;
    let mut partitions = Vec::new();
    for partition in &inspector.partitions(topic, deadline)? {
        partitions.push(inspector.offset_range(partition, deadline)?);
    }
    let mut oldest: Option<Timestamp> = None;
    for extent in &partitions {
        // Without its time the rest is worth telling all the same.
        let _ = inspector.read(std::slice::from_ref(extent), 1, deadline, &mut |record| {
            let at = record.timestamp.map(Timestamp);
            oldest = oldest.into_iter().chain(at).min();
        });
    }
    let settings = inspector.settings(topic, deadline);
    Ok(Available {
        topic: topic.to_owned(),
        partitions,
        oldest,
        is_compacted: settings.is_ok_and(|settings| settings.is_compacted),
    })
}

/// A topic, and what there is of it or why that is not known.
pub type TopicFound = (String, Result<Available, InspectError>);

/// What there is of each topic of a configuration.
///
/// # Errors
/// Properties that are refused.
pub fn look_at_topics(config: &Config, patience: Duration) -> Result<Vec<TopicFound>, StartError> {
    let mut inspector = Inspector::start(&ConsumerSettings::from(&config.kafka))?;
    let mut found = Vec::new();
    let mut silent = false;
    for topic in &config.kafka.topics {
        // Brokers that do not answer once are not waited for once more.
        let patience = if silent { Duration::ZERO } else { patience };
        let one = available(&mut inspector, topic, patience);
        silent |= matches!(one, Err(InspectError::NoAnswer(_)));
        found.push((topic.clone(), one));
    }
    part_with(inspector);
    Ok(found)
}

/// Where stores are put that are set aside, as the directory is written.
pub fn aside(directory: &Path) -> PathBuf {
    directory.join("set-aside-…")
}
