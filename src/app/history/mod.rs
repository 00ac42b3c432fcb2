//! The history of a desk: the events of files, or of the topics as they stand, one partition after
//! the other in the order of arrival, to be read as often as wanted.

mod part;

pub use part::{Part, Rejected, Tally};

use std::io;
use std::path::{Path, PathBuf};

use super::schemas;
use super::topics::{self, Progress, ReadError, Sink, Wanted};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::edge::files::STANDARD_INPUT;
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::edge::spool::{Spool, SpoolWriter, Spooled};
use crate::engine::limits;

/// What to do with a file of CSV.
pub const CSV_ADVICE: &str = "this looks like CSV, which is not supported as input yet; convert it to \
     JSON Lines, an object for each row, such as with mlr --icsv --ojsonl cat FILE, and say with a \
     mapping what the columns mean: infer-mapping proposes one";

/// A history that cannot be read.
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

/// See the module.
#[derive(Debug)]
pub enum History {
    /// One partition.
    Files {
        paths: Vec<PathBuf>,
        decoder: Decoder,
    },
    Topics {
        partitions: Vec<(TopicPartition, Spool)>,
        decoder: Decoder,
        /// Later events come from the future and are rejected, as live.
        latest: Timestamp,
        records: u64,
        /// Partitions that do not begin at offset 0 any more, and where they do.
        begun_later: Vec<(TopicPartition, i64)>,
    },
}

impl History {
    /// Files of the same kind of records as the topics.
    pub fn of_files(paths: Vec<PathBuf>, decoder: Decoder) -> Self {
        Self::Files { paths, decoder }
    }

    /// The topics of the configuration as they stand, set aside on disk: what is made of them may
    /// take longer than a member of a consumer group may be silent. `now` is the wall clock.
    ///
    /// # Errors
    /// Records that cannot be had, and a full disk.
    pub fn of_topics(
        config: &Config,
        purpose: &str,
        now: Timestamp,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, HistoryError> {
        let decoder = schemas::decoder(config);
        let mut aside = Aside::default();
        let wanted = Wanted::Everything;
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

    /// Whether it can be read only once.
    pub fn is_standard_input(&self) -> bool {
        match self {
            Self::Files { paths, .. } => paths.iter().any(|path| path == Path::new(STANDARD_INPUT)),
            Self::Topics { .. } => false,
        }
    }

    /// The partitions, from their first records on.
    ///
    /// # Errors
    /// What was set aside and cannot be read; files are opened only when they are read.
    pub fn parts(&self) -> Result<Vec<Part>, HistoryError> {
        match self {
            Self::Files { paths, decoder } => Ok(vec![Part::of_files(paths, decoder.clone())]),
            Self::Topics {
                partitions,
                decoder,
                latest,
                ..
            } => partitions
                .iter()
                .map(|(source, spool)| Part::of_spool(source, spool, decoder.clone(), *latest))
                .collect(),
        }
    }
}

/// Sets records aside, by partition.
#[derive(Debug, Default)]
struct Aside(Vec<SpoolWriter>);

impl Sink for Aside {
    fn add(&mut self, _source: &TopicPartition) -> io::Result<()> {
        self.0.push(SpoolWriter::create()?);
        Ok(())
    }

    fn take(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()> {
        for record in records {
            self.0[place].push(&Spooled::from(record))?;
        }
        Ok(())
    }

    fn end(&mut self, _place: usize) {}
}
