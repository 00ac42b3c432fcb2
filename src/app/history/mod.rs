//! The history of a helpdesk: the events of files, or of topics as they are now, one partition after the
//! other in the order of arrival. It can be read several times.

mod part;

pub use part::{HistoryPartition, ReadCounts, Rejected};

use std::io;
use std::path::{Path, PathBuf};

use super::schemas;
use super::topics::{self, ReadError, ReadProgress, RecordSink, WantedPartitions};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::edge::files::STANDARD_INPUT;
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::edge::spool::{Spool, SpoolWriter, SpooledRecord};
use crate::engine::limits;

/// Advice for a CSV file.
pub const CSV_ADVICE: &str = "this looks like CSV, which is not supported as input yet; convert it to \
     JSON Lines, an object for each row, such as with mlr --icsv --ojsonl cat FILE, and say with a \
     mapping what the columns mean: infer-mapping proposes one";

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot read again what was set aside of {partition}: {source}")]
    Spool {
        partition: TopicPartition,
        source: io::Error,
    },
    #[error(transparent)]
    Topics(#[from] ReadError),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
}

/// A history that can be read several times.
#[derive(Debug)]
pub enum EventHistory {
    /// One partition.
    Files {
        paths: Vec<PathBuf>,
        decoder: Decoder,
    },
    Topics {
        partitions: Vec<(TopicPartition, Spool)>,
        decoder: Decoder,
        /// Later events are rejected because they come from the future, as in the exporter.
        latest: Timestamp,
        records: u64,
        /// Partitions that no longer begin at offset 0, with their first offsets.
        begun_later: Vec<(TopicPartition, i64)>,
    },
}

impl EventHistory {
    pub fn of_files(paths: Vec<PathBuf>, decoder: Decoder) -> Self {
        Self::Files { paths, decoder }
    }

    /// Copies the records of the topics to disk, because processing them may take longer than a
    /// consumer may be silent. `now` is the wall clock.
    ///
    /// # Errors
    /// Records cannot be fetched, or the disk is full.
    pub fn of_topics(
        config: &Config,
        purpose: &str,
        now: Timestamp,
        progress: &mut dyn FnMut(ReadProgress),
    ) -> Result<Self, HistoryError> {
        let decoder = schemas::decoder(config);
        let mut aside = SetAside::default();
        let wanted = WantedPartitions::Everything;
        let reading = topics::read(config, purpose, wanted, &decoder, &mut aside, progress)?;
        let begun_later = reading.begun_later();
        let begun_later = begun_later
            .map(|(source, first)| (source.clone(), first))
            .collect();
        let mut partitions = Vec::new();
        for ((source, _), writer) in reading.partitions.into_iter().zip(aside.0) {
            partitions.push((source, writer.finish().map_err(ReadError::from)?));
        }
        Ok(Self::Topics {
            partitions,
            decoder,
            latest: now.plus(config.stream.max_future),
            records: reading.records,
            begun_later,
        })
    }

    /// Standard input can be read only once.
    pub fn is_standard_input(&self) -> bool {
        match self {
            Self::Files { paths, .. } => paths.iter().any(|path| path == Path::new(STANDARD_INPUT)),
            Self::Topics { .. } => false,
        }
    }

    /// Returns the partitions, each at its first record. Files are opened when they are read.
    ///
    /// # Errors
    /// The copied records cannot be read.
    pub fn parts(&self) -> Result<Vec<HistoryPartition>, HistoryError> {
        match self {
            Self::Files { paths, decoder } => {
                Ok(vec![HistoryPartition::of_files(paths, decoder.clone())])
            }
            Self::Topics {
                partitions,
                decoder,
                latest,
                ..
            } => partitions
                .iter()
                .map(|(source, spool)| {
                    HistoryPartition::of_spool(source, spool, decoder.clone(), *latest)
                })
                .collect(),
        }
    }
}

/// Copies records to disk by partition.
#[derive(Debug, Default)]
struct SetAside(Vec<SpoolWriter>);

impl RecordSink for SetAside {
    fn add(&mut self, _source: &TopicPartition) -> io::Result<()> {
        self.0.push(SpoolWriter::create()?);
        Ok(())
    }

    fn take(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()> {
        for record in records {
            self.0[place].push(&SpooledRecord::from(record))?;
        }
        Ok(())
    }

    fn end(&mut self, _place: usize) {}
}
