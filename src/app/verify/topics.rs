//! Reads the topics from their earliest records up to given offsets, into a fresh engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::VerifyError;
use super::claim::Extent;
use super::series::Texts;
use crate::app::ingest::leave;
use crate::config::Config;
use crate::decode::{self, Rejection};
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{Batch, Consumer, Record, Settings, Step, TopicPartition, Trouble};
use crate::edge::wall_clock;
use crate::engine::{Engine, PartitionId};

/// Longest wait for records: the pace at which ends are seen.
const POLL: Duration = Duration::from_millis(100);
/// Time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Without anything new for so long, nothing more will come: brokers that can be reached answer
/// within seconds, and a person waits.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a look at the topics' partitions waits for the brokers.
const PARTITIONS_PATIENCE: Duration = Duration::from_secs(5);
/// Events looked up in one go, as in the exporter's own loop.
const CHUNK: usize = 64;

/// How far the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Records read.
    pub records: u64,
    /// Records to go, at most.
    pub left: u64,
}

/// What the topics give.
#[derive(Debug)]
pub struct Recomputed {
    pub texts: Texts,
    /// Records read.
    pub records: u64,
    /// Records left out because they are later than anything that was counted: the exporter
    /// rejected them as being from the future.
    pub future: u64,
    /// Partitions that do not begin at offset 0 any more, and where they do.
    pub begun_later: Vec<(TopicPartition, i64)>,
}

/// Computes the series of these partitions once more. In a consumer group of its own, which
/// commits nothing: the exporter's would take partitions away from it.
///
/// # Errors
/// Records that cannot be had, whatever the reason.
pub fn recompute(
    config: &Config,
    partitions: &[Extent],
    progress: &mut dyn FnMut(Progress),
) -> Result<Recomputed, VerifyError> {
    let foreign = partitions.iter().find(|extent| {
        !config
            .kafka
            .topics
            .iter()
            .any(|topic| **topic == *extent.source.topic)
    });
    if let Some(foreign) = foreign {
        return Err(VerifyError::OtherTopic(foreign.source.topic.to_string()));
    }
    let mut settings = Settings::from(&config.kafka);
    settings.group_id = group(&config.kafka.group_id, wall_clock::now());
    let engine = Engine::new(Arc::new(config.rules.clone()), Timestamp::LATEST);
    let mut reader = Reader::new(engine, partitions);
    if !reader.is_done() {
        let mut consumer = Consumer::start(&settings)?;
        let result = reader.run(&mut consumer, progress);
        leave(consumer);
        result?;
    }
    Ok(reader.finish())
}

/// Process ids repeat, in containers above all; two members of a group would share partitions.
fn group(exporters: &str, now: Timestamp) -> String {
    format!("{exporters}-verify-{}-{}", std::process::id(), now.0)
}

/// One partition that is to be read.
#[derive(Debug)]
struct Part {
    extent: Extent,
    partition: PartitionId,
    /// Offset of the first record there is; `None`: not known yet.
    first: Option<i64>,
    /// Offset after the last record taken.
    position: Option<i64>,
    done: bool,
}

impl Part {
    /// Offset of the first record that is not wanted.
    fn end(&self) -> i64 {
        self.extent.next.unwrap_or_default()
    }

    fn left(&self) -> u64 {
        let from = self.position.or(self.first).unwrap_or_default();
        let left = if self.done { 0 } else { self.end() - from };
        left.try_into().unwrap_or_default()
    }
}

/// See the module.
#[derive(Debug)]
struct Reader {
    engine: Engine,
    parts: Vec<Part>,
    places: HashMap<TopicPartition, usize>,
    records: u64,
    future: u64,
    /// When something last came.
    heard: Instant,
    /// The last trouble with Kafka since then.
    trouble: Option<String>,
}

impl Reader {
    fn new(mut engine: Engine, partitions: &[Extent]) -> Self {
        let mut parts = Vec::new();
        let mut places = HashMap::new();
        for extent in partitions {
            let partition = engine.partition();
            places.insert(extent.source.clone(), parts.len());
            parts.push(Part {
                extent: extent.clone(),
                partition,
                first: None,
                position: None,
                done: false,
            });
            if extent.clock.is_some() {
                // Windows follow the partition furthest behind; so that they wait for this one
                // from the start, it has to have a clock.
                engine.advance(partition, Timestamp::EARLIEST);
            }
        }
        let mut reader = Self {
            engine,
            parts,
            places,
            records: 0,
            future: 0,
            heard: Instant::now(),
            trouble: None,
        };
        for place in 0..reader.parts.len() {
            if reader.parts[place].end() == 0 {
                reader.end(place);
            }
        }
        reader
    }

    fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.done)
    }

    fn run(
        &mut self,
        consumer: &mut Consumer,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), VerifyError> {
        let mut next_progress = Instant::now() + PROGRESS_INTERVAL;
        while !self.is_done() {
            self.step(consumer)?;
            self.look_at_ends(consumer)?;
            if self.heard.elapsed() > PATIENCE {
                return Err(self.stalled(consumer));
            }
            if Instant::now() >= next_progress {
                progress(self.progress());
                next_progress = Instant::now() + PROGRESS_INTERVAL;
            }
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress {
            records: self.records,
            left: self.parts.iter().map(Part::left).sum(),
        }
    }

    fn step(&mut self, consumer: &mut Consumer) -> Result<(), VerifyError> {
        match consumer.next(POLL) {
            Step::Records(batch) => self.take(&batch),
            Step::Assigned(_) => {
                consumer.begin(|source| {
                    let place = self.places.get(source)?;
                    self.parts[*place].position
                });
                self.heard = Instant::now();
                if let Some(gone) = self.gone(consumer) {
                    return Err(VerifyError::Gone(gone));
                }
            }
            Step::Revoked(_) | Step::Identified(_) | Step::Idle => {}
            Step::Trouble(Trouble::Retrying(text)) => {
                warn!(%text, "kafka");
                self.trouble = Some(text);
            }
            Step::Trouble(Trouble::OutOfRange { partition, .. }) => {
                return Err(VerifyError::Deleted(partition));
            }
            Step::Trouble(Trouble::Fatal(text) | Trouble::Fenced(text)) => {
                return Err(VerifyError::Fatal(text));
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: &Batch<'_>) {
        let records: Vec<Record<'_>> = batch.iter().collect();
        for run in records.chunk_by(|one, next| one.index == next.index) {
            // Partitions that are newer than what is verified have no place.
            let place = run
                .first()
                .and_then(|record| self.places.get(record.partition));
            if let Some(place) = place {
                self.take_run(*place, run);
            }
        }
    }

    /// Takes records of one partition, up to its end.
    fn take_run(&mut self, place: usize, records: &[Record<'_>]) {
        let part = &mut self.parts[place];
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return;
        };
        if part.done {
            return;
        }
        part.first.get_or_insert(first.offset);
        let (end, position) = (part.end(), last.offset + 1);
        let wanted = records.partition_point(|record| record.offset < end);
        let (partition, latest) = (part.partition, part.extent.latest);
        part.position = Some(position);
        for chunk in records[..wanted].chunks(CHUNK) {
            self.apply(partition, latest, chunk);
        }
        if position >= end {
            self.end(place);
        }
    }

    fn apply(&mut self, partition: PartitionId, latest: Option<Timestamp>, chunk: &[Record<'_>]) {
        let mut events = Vec::with_capacity(chunk.len());
        for record in chunk {
            match decode::decode(record.value.unwrap_or_default(), latest) {
                Ok(event) => events.push(event),
                Err(Rejection::Future) => self.future += 1,
                // The exporter has left it out as well.
                Err(_) => {}
            }
        }
        self.engine.warm(events.iter());
        for event in &events {
            self.engine.apply(partition, event);
        }
        self.records += chunk.len() as u64;
        self.heard = Instant::now();
        self.trouble = None;
    }

    /// Ends partitions whose last wanted records are not there any more.
    fn look_at_ends(&mut self, consumer: &Consumer) -> Result<(), VerifyError> {
        for place in 0..self.parts.len() {
            let part = &mut self.parts[place];
            if part.done || !consumer.read_to_end(&part.extent.source) {
                continue;
            }
            let Some((begin, end)) = consumer.extent(&part.extent.source) else {
                continue;
            };
            if end < part.end() {
                return Err(VerifyError::Shorter {
                    partition: part.extent.source.clone(),
                    next: part.end(),
                    end,
                });
            }
            part.first.get_or_insert(begin.max(0));
            self.end(place);
        }
        Ok(())
    }

    /// A partition has been read: its clock goes to where it stood.
    fn end(&mut self, place: usize) {
        let part = &mut self.parts[place];
        part.done = true;
        if let Some(clock) = part.extent.clock {
            self.engine.advance(part.partition, clock);
        }
    }

    /// A partition to be read that the brokers do not have.
    fn gone(&self, consumer: &Consumer) -> Option<TopicPartition> {
        let all = consumer.partitions(PARTITIONS_PATIENCE)?;
        let unread = self.parts.iter().filter(|part| !part.done);
        let mut sources = unread.map(|part| &part.extent.source);
        sources.find(|source| !all.contains(source)).cloned()
    }

    fn stalled(&self, consumer: &Consumer) -> VerifyError {
        if let Some(gone) = self.gone(consumer) {
            return VerifyError::Gone(gone);
        }
        let trouble = self.trouble.as_ref();
        VerifyError::Stalled {
            seconds: PATIENCE.as_secs(),
            left: self.progress().left,
            why: trouble.map(|text| format!("; {text}")).unwrap_or_default(),
        }
    }

    fn finish(mut self) -> Recomputed {
        let begun_later = self.parts.iter().filter_map(|part| {
            let first = part.first.filter(|first| *first > 0)?;
            Some((part.extent.source.clone(), first))
        });
        Recomputed {
            begun_later: begun_later.collect(),
            texts: Texts::of(&self.engine.snapshot()),
            records: self.records,
            future: self.future,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(partition: i32) -> TopicPartition {
        TopicPartition::new("tickets", partition)
    }

    fn extent(partition: i32, next: i64) -> Extent {
        Extent {
            source: source(partition),
            next: Some(next),
            clock: Some(Timestamp(50_000)),
            latest: Some(Timestamp(40_000)),
        }
    }

    fn reader(partitions: &[Extent]) -> Reader {
        Reader::new(Engine::new(Arc::default(), Timestamp::LATEST), partitions)
    }

    /// A new ticket with the offset as its id.
    fn event(offset: i64, at: i64) -> (i64, String) {
        let event = format!("{{\"ticket_id\":{offset},\"type\":\"created\",\"at\":{at}}}");
        (offset, event)
    }

    fn records<'a>(source: &'a TopicPartition, events: &'a [(i64, String)]) -> Vec<Record<'a>> {
        let record = |(offset, value): &'a (i64, String)| Record {
            partition: source,
            index: 0,
            offset: *offset,
            timestamp: None,
            key: None,
            value: Some(value.as_bytes()),
        };
        events.iter().map(record).collect()
    }

    #[test]
    fn records_count_up_to_the_offset_and_the_clock_goes_to_where_it_stood() {
        let mut reader = reader(&[extent(0, 13), extent(1, 0)]);
        let events = [
            event(10, 1_000),
            event(11, 2_000),
            event(12, 3_000),
            event(13, 4_000),
        ];
        let source = source(0);
        let records = records(&source, &events);
        reader.take_run(0, &records[..1]);
        assert_eq!(
            reader.progress(),
            Progress {
                records: 1,
                left: 2
            }
        );
        assert!(!reader.is_done());
        reader.take_run(0, &records[1..]);
        reader.take_run(0, &records[3..]);
        assert!(reader.is_done());
        assert_eq!(
            reader.progress(),
            Progress {
                records: 3,
                left: 0
            }
        );
        assert_eq!(reader.engine.tickets(), 3);
        for part in &reader.parts {
            let clock = reader.engine.clock_of(part.partition);
            assert_eq!(clock, Some(Timestamp(50_000)));
        }
        assert_eq!(reader.finish().begun_later, [(source.clone(), 10)]);
    }

    #[test]
    fn what_is_later_than_anything_counted_was_rejected() {
        let mut reader = reader(&[extent(0, 3)]);
        let events = [
            event(0, 40_000),
            event(1, 40_001),
            (2, "nonsense".to_owned()),
        ];
        let source = source(0);
        reader.take_run(0, &records(&source, &events));
        assert!(reader.is_done());
        assert_eq!(reader.engine.tickets(), 1);
        let recomputed = reader.finish();
        assert_eq!((recomputed.records, recomputed.future), (3, 1));
        assert_eq!(recomputed.begun_later, []);
    }

    #[test]
    fn windows_wait_for_partitions_that_are_not_begun() {
        let reader = reader(&[extent(0, 3), extent(1, 3)]);
        let clock = |partition: usize| reader.engine.clock_of(reader.parts[partition].partition);
        assert_eq!(clock(0), Some(Timestamp::EARLIEST));
        let mut unread = extent(0, 3);
        unread.clock = None;
        let reader = self::reader(&[unread]);
        assert_eq!(reader.engine.clock_of(reader.parts[0].partition), None);
    }

    #[test]
    fn topics_that_are_not_configured_are_not_waited_for() {
        let other = Extent {
            source: TopicPartition::new("other", 0),
            ..extent(0, 3)
        };
        let error = recompute(&Config::default(), &[other], &mut |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::OtherTopic(topic) if topic == "other"));
    }

    #[test]
    fn the_group_is_never_the_exporters() {
        let group = group("desk", Timestamp(7));
        assert_eq!(group, format!("desk-verify-{}-7", std::process::id()));
    }
}
