//! Histories in files and in topics.

use std::io;

use super::error::HistoryError;
use super::part::HistoryPartition;
use crate::app::event_files::EventFiles;
use crate::app::samples::SampleRecord;
use crate::app::schemas;
use crate::app::topics::{self, ReadError, ReadProgress, RecordSink, WantedPartitions};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::edge::spool::{Spool, SpoolWriter, SpooledRecord};

/// A history that can be read several times.
#[derive(Debug)]
pub enum EventHistory {
    /// One partition.
    Files(EventFiles),
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
    /// Copies the records of the topics to disk, because processing them may take longer than a
    /// consumer may be silent. `now` is the wall clock.
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

    /// Samples that are in memory, as one partition in their order.
    pub fn of_samples(samples: &[SampleRecord], decoder: Decoder) -> Result<Self, HistoryError> {
        let mut writer = SpoolWriter::create().map_err(ReadError::from)?;
        for (sample, offset) in samples.iter().zip(0..) {
            writer
                .push(&sample.spooled(offset))
                .map_err(ReadError::from)?;
        }
        let topic = samples.first().map_or("", |sample| &sample.topic);
        Ok(Self::Topics {
            partitions: vec![(
                TopicPartition::new(topic, 0),
                writer.finish().map_err(ReadError::from)?,
            )],
            decoder,
            latest: Timestamp::LATEST,
            records: samples.len() as u64,
            begun_later: Vec::new(),
        })
    }

    /// Standard input can be read only once.
    pub fn is_standard_input(&self) -> bool {
        match self {
            Self::Files(files) => files.is_standard_input(),
            Self::Topics { .. } => false,
        }
    }

    /// Returns the partitions, each at its first record. Files are opened when they are read.
    pub fn parts(&self) -> Result<Vec<HistoryPartition>, HistoryError> {
        match self {
            Self::Files(files) => Ok(vec![HistoryPartition::of_files(files)?]),
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
#[derive(Default)]
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
