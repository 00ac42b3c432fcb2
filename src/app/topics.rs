//! Reads the topics once, from the earliest records up to certain offsets. `verify`, `backfill` and
//! `suggest-targets` share it.
//!
//! It uses its own consumer group and commits nothing, because the exporter's group would lose partitions
//! to it.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use tracing::warn;

use super::kafka_clients::end_consumer;
use super::schemas::{SchemaFetchError, SchemaFetcher};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{
    Consumer, ConsumerEvent, ConsumerSettings, KafkaProblem, KafkaRecord, RecordBatch, StartError,
    TopicPartition,
};
use crate::edge::wall_clock;

/// Longest wait for records.
const POLL: Duration = Duration::from_millis(100);
/// Time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Time without any record after which the reading fails: reachable brokers answer within seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time for which a refusal is tolerated: not every broker knows a new user at once.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(8);
/// Time to wait for an answer of the brokers.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// Why the records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    Schemas(#[from] SchemaFetchError),
    #[error("{0}")]
    Fatal(String),
    #[error("no record has come for {seconds} s{left}{why}")]
    Stalled {
        seconds: u64,
        /// Number of missing records, after a comma; empty if it is not known.
        left: String,
        /// The last error, after a semicolon; empty if there was none.
        why: String,
    },
    #[error("{0} is counted there, but no longer exists")]
    Gone(TopicPartition),
    #[error(
        "{partition} ends at offset {end}, but was counted up to offset {next}: the topic was \
         deleted and created again, or brokers lost records"
    )]
    Shorter {
        partition: TopicPartition,
        next: i64,
        end: i64,
    },
    #[error("records of {0} were deleted while they were read; begin again")]
    Deleted(TopicPartition),
    #[error("the leader of {0} does not say where it ends")]
    Endless(TopicPartition),
    /// The sink failed.
    #[error("cannot keep what was read: {0}")]
    RecordSink(#[from] io::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadProgress {
    pub records: u64,
    /// Most records still to read.
    pub left: u64,
}

/// The partitions to read.
#[derive(Clone, Debug)]
pub enum WantedPartitions {
    /// These partitions, each up to the offset of the first record that is not wanted.
    UpTo(Vec<(TopicPartition, i64)>),
    /// All partitions of the topics, up to their ends at the start of the reading.
    Everything,
}

/// Receives the records. A place is the index of a partition.
pub trait RecordSink {
    /// Adds a partition of [`WantedPartitions::Everything`] at the next place.
    ///
    /// # Errors
    /// Those of the sink; they end the reading.
    fn add(&mut self, source: &TopicPartition) -> io::Result<()>;

    /// Takes records of one partition, in the order of their offsets.
    ///
    /// # Errors
    /// The sink's; they end the reading.
    fn take(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()>;

    /// Ends a partition.
    fn end(&mut self, place: usize);
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicReading {
    /// Partitions by place, with the offset of the first record of each.
    pub partitions: Vec<(TopicPartition, Option<i64>)>,
    pub records: u64,
}

impl TopicReading {
    /// Partitions that no longer begin at offset 0, with their first offsets.
    pub fn begun_later(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        let partitions = self.partitions.iter();
        partitions.filter_map(|(source, first)| Some((source, first.filter(|first| *first > 0)?)))
    }
}

/// Reads the wanted partitions. The sink gets a record once the decoder knows its schema. `purpose` is part
/// of the name of the consumer group.
pub fn read(
    config: &Config,
    purpose: &str,
    wanted: WantedPartitions,
    decoder: &Decoder,
    sink: &mut dyn RecordSink,
    progress: &mut dyn FnMut(ReadProgress),
) -> Result<TopicReading, ReadError> {
    let mut settings = ConsumerSettings::from(&config.kafka);
    settings.group_id = group(&config.kafka.group_id, purpose, wall_clock::now());
    let mut reader = TopicReader::new(wanted, sink);
    reader.headers = decoder.needs_headers();
    reader.schemas = SchemaFetcher::new(config.schema_registry.as_ref(), decoder)?;
    if !reader.is_done() {
        let mut consumer = Consumer::start(&settings)?;
        let result = reader.run(&mut consumer, progress);
        end_consumer(consumer, false);
        result?;
    }
    Ok(reader.finish())
}

/// Process ids repeat, above all in containers, and two members of one group would share partitions.
fn group(exporters: &str, purpose: &str, now: Timestamp) -> String {
    format!("{exporters}-{purpose}-{}-{}", std::process::id(), now.0)
}

/// One partition to read.
#[derive(Debug)]
struct WantedPartition {
    source: TopicPartition,
    /// Offset of the first record that is not wanted.
    end: i64,
    /// Offset of the first record; `None`: not known yet.
    first: Option<i64>,
    /// Offset after the last record taken.
    position: Option<i64>,
    done: bool,
}

impl WantedPartition {
    fn left(&self) -> u64 {
        let from = self.position.or(self.first).unwrap_or_default();
        let left = if self.done { 0 } else { self.end - from };
        left.try_into().unwrap_or_default()
    }
}

/// Reads the wanted partitions with one consumer.
struct TopicReader<'a> {
    sink: &'a mut dyn RecordSink,
    parts: Vec<WantedPartition>,
    places: HashMap<TopicPartition, usize>,
    /// Whether the partitions are still to be found.
    looking: bool,
    /// Whether the decoder needs headers.
    headers: bool,
    /// `None`: records have no schemas.
    schemas: Option<SchemaFetcher>,
    records: u64,
    /// Time of the last record.
    heard: Instant,
    /// The last error of Kafka since then.
    trouble: Option<String>,
    /// Start of a refusal by Kafka.
    refused: Option<Instant>,
}

impl<'a> TopicReader<'a> {
    fn new(wanted: WantedPartitions, sink: &'a mut dyn RecordSink) -> Self {
        let mut reader = Self {
            sink,
            parts: Vec::new(),
            places: HashMap::new(),
            looking: matches!(wanted, WantedPartitions::Everything),
            headers: false,
            schemas: None,
            records: 0,
            heard: Instant::now(),
            trouble: None,
            refused: None,
        };
        if let WantedPartitions::UpTo(wanted) = wanted {
            for (source, end) in wanted {
                reader.add(source, end, None);
            }
        }
        reader
    }

    fn add(&mut self, source: TopicPartition, end: i64, first: Option<i64>) {
        let place = self.parts.len();
        self.places.insert(source.clone(), place);
        self.parts.push(WantedPartition {
            source,
            end,
            first,
            position: None,
            done: false,
        });
        if end <= first.unwrap_or_default() {
            self.end(place);
        }
    }

    fn is_done(&self) -> bool {
        !self.looking && self.parts.iter().all(|part| part.done)
    }

    fn run(
        &mut self,
        consumer: &mut Consumer,
        progress: &mut dyn FnMut(ReadProgress),
    ) -> Result<(), ReadError> {
        let mut next_progress = Instant::now() + PROGRESS_INTERVAL;
        while !self.is_done() {
            self.step(consumer)?;
            self.look_at_ends(consumer)?;
            if self.heard.elapsed() > PATIENCE {
                return Err(self.stalled(consumer));
            }
            if let Some(refusal) = self.refusal(consumer) {
                return Err(ReadError::Fatal(refusal));
            }
            if Instant::now() >= next_progress {
                progress(self.progress());
                next_progress = Instant::now() + PROGRESS_INTERVAL;
            }
        }
        Ok(())
    }

    /// The reason of a refusal that has lasted too long.
    fn refusal(&mut self, consumer: &Consumer) -> Option<String> {
        if consumer.can_read() {
            self.refused = None;
        }
        let refused = self.refused?.elapsed() > REFUSAL_PATIENCE;
        self.trouble.clone().filter(|_| refused)
    }

    fn progress(&self) -> ReadProgress {
        ReadProgress {
            records: self.records,
            left: self.parts.iter().map(WantedPartition::left).sum(),
        }
    }

    fn step(&mut self, consumer: &mut Consumer) -> Result<(), ReadError> {
        match consumer.next(POLL) {
            ConsumerEvent::Records(batch) => self.take(&batch)?,
            ConsumerEvent::Assigned(assigned) => {
                if self.looking {
                    self.find(consumer, assigned)?;
                }
                consumer.start_reading(|source| {
                    let place = self.places.get(source)?;
                    self.parts[*place].position
                });
                self.heard = Instant::now();
                if let Some(gone) = self.gone(consumer) {
                    return Err(ReadError::Gone(gone));
                }
            }
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
            ConsumerEvent::Problem(KafkaProblem::Retrying(text)) => {
                warn!(%text, "kafka");
                self.trouble = Some(text);
            }
            ConsumerEvent::Problem(KafkaProblem::Refused(text)) => {
                warn!(%text, "kafka");
                self.trouble = Some(text);
                self.refused.get_or_insert_with(Instant::now);
            }
            ConsumerEvent::Problem(KafkaProblem::OutOfRange { partition, .. }) => {
                return Err(ReadError::Deleted(partition));
            }
            ConsumerEvent::Problem(KafkaProblem::Fatal(text) | KafkaProblem::Fenced(text)) => {
                return Err(ReadError::Fatal(text));
            }
        }
        Ok(())
    }

    /// The only member of a group is assigned every partition.
    fn find(
        &mut self,
        consumer: &Consumer,
        mut assigned: Vec<TopicPartition>,
    ) -> Result<(), ReadError> {
        assigned.sort();
        for source in assigned {
            let Some((begin, end)) = consumer.fetch_watermarks(&source, ANSWER_PATIENCE) else {
                return Err(ReadError::Endless(source));
            };
            self.sink.add(&source)?;
            self.add(source, end, Some(begin));
        }
        self.looking = false;
        Ok(())
    }

    fn take(&mut self, batch: &RecordBatch<'_>) -> Result<(), ReadError> {
        let headers = if self.headers {
            batch.headers()
        } else {
            Vec::new()
        };
        let records: Vec<KafkaRecord<'_>> = batch.iter(&headers).collect();
        if let Some(schemas) = &self.schemas {
            for record in &records {
                schemas.fetch(record)?;
            }
        }
        for run in records.chunk_by(|one, next| one.index == next.index) {
            // Partitions that are newer than the wanted ones have no place.
            let place = run
                .first()
                .and_then(|record| self.places.get(record.partition));
            if let Some(place) = place {
                self.take_run(*place, run)?;
            }
        }
        Ok(())
    }

    /// Takes records of one partition, up to its end.
    fn take_run(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()> {
        let part = &mut self.parts[place];
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(());
        };
        if part.done {
            return Ok(());
        }
        part.first.get_or_insert(first.offset);
        let position = last.offset + 1;
        part.position = Some(position);
        let end = part.end;
        let wanted = &records[..records.partition_point(|record| record.offset < end)];
        self.sink.take(place, wanted)?;
        self.records += wanted.len() as u64;
        self.heard = Instant::now();
        self.trouble = None;
        if position >= end {
            self.end(place);
        }
        Ok(())
    }

    /// Ends partitions whose last wanted records no longer exist.
    fn look_at_ends(&mut self, consumer: &Consumer) -> Result<(), ReadError> {
        for place in 0..self.parts.len() {
            let part = &mut self.parts[place];
            if part.done || !consumer.read_to_end(&part.source) {
                continue;
            }
            let Some((begin, end)) = consumer.cached_watermarks(&part.source) else {
                continue;
            };
            if end < part.end {
                return Err(ReadError::Shorter {
                    partition: part.source.clone(),
                    next: part.end,
                    end,
                });
            }
            part.first.get_or_insert(begin.max(0));
            self.end(place);
        }
        Ok(())
    }

    fn end(&mut self, place: usize) {
        self.parts[place].done = true;
        self.sink.end(place);
    }

    /// A wanted partition that the brokers do not have.
    fn gone(&self, consumer: &Consumer) -> Option<TopicPartition> {
        let all = consumer.partitions(ANSWER_PATIENCE)?;
        let unread = self.parts.iter().filter(|part| !part.done);
        let mut sources = unread.map(|part| &part.source);
        sources.find(|source| !all.contains(source)).cloned()
    }

    fn stalled(&self, consumer: &Consumer) -> ReadError {
        if let Some(gone) = self.gone(consumer) {
            return ReadError::Gone(gone);
        }
        let left = self.progress().left;
        let trouble = self.trouble.as_ref();
        ReadError::Stalled {
            seconds: PATIENCE.as_secs(),
            left: if self.looking {
                String::new()
            } else {
                format!(", and {left} are missing")
            },
            why: trouble.map(|text| format!("; {text}")).unwrap_or_default(),
        }
    }

    fn finish(self) -> TopicReading {
        let parts = self.parts.into_iter();
        TopicReading {
            partitions: parts.map(|part| (part.source, part.first)).collect(),
            records: self.records,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers offsets and ended partitions.
    #[derive(Default)]
    struct KeptOffsets {
        offsets: Vec<(usize, i64)>,
        ended: Vec<usize>,
    }

    impl RecordSink for KeptOffsets {
        fn add(&mut self, _source: &TopicPartition) -> io::Result<()> {
            Ok(())
        }

        fn take(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()> {
            let offsets = records.iter().map(|record| (place, record.offset));
            self.offsets.extend(offsets);
            Ok(())
        }

        fn end(&mut self, place: usize) {
            self.ended.push(place);
        }
    }

    fn source(partition: i32) -> TopicPartition {
        TopicPartition::new("tickets", partition)
    }

    fn records(source: &TopicPartition, offsets: std::ops::Range<i64>) -> Vec<KafkaRecord<'_>> {
        let record = |offset| KafkaRecord {
            partition: source,
            index: 0,
            offset,
            timestamp: None,
            key: None,
            headers: &[],
            value: None,
        };
        offsets.map(record).collect()
    }

    #[test]
    fn records_count_up_to_the_offset() {
        let mut kept = KeptOffsets::default();
        let wanted = WantedPartitions::UpTo(vec![(source(0), 13), (source(1), 0)]);
        let mut reader = TopicReader::new(wanted, &mut kept);
        let first = source(0);
        let records = records(&first, 10..14);
        reader.take_run(0, &records[..1]).unwrap();
        assert_eq!(
            reader.progress(),
            ReadProgress {
                records: 1,
                left: 2
            }
        );
        assert!(!reader.is_done());
        reader.take_run(0, &records[1..]).unwrap();
        reader.take_run(0, &records[3..]).unwrap();
        assert!(reader.is_done());
        let reading = reader.finish();
        assert_eq!(reading.records, 3);
        assert_eq!(
            reading.begun_later().collect::<Vec<_>>(),
            [(&source(0), 10)]
        );
        assert_eq!(kept.offsets, [(0, 10), (0, 11), (0, 12)]);
        assert_eq!(kept.ended, [1, 0]);
    }

    #[test]
    fn partitions_that_are_empty_now_are_not_waited_for() {
        let mut kept = KeptOffsets::default();
        let mut reader = TopicReader::new(WantedPartitions::Everything, &mut kept);
        assert!(!reader.is_done(), "still looking");
        reader.looking = false;
        reader.add(source(0), 7, Some(7));
        assert!(reader.is_done());
        assert_eq!(reader.finish().begun_later().count(), 1);
    }

    #[test]
    fn the_group_is_never_the_exporters() {
        let group = group("desk", "verify", Timestamp(7));
        assert_eq!(group, format!("desk-verify-{}-7", std::process::id()));
    }
}
