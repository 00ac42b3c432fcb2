//! Counts the topics again in a fresh engine, up to given offsets.

use std::io;
use std::sync::Arc;

use super::VerifyError;
use super::claim::PartitionExtent;
use super::series::SeriesTexts;
use crate::app::schemas;
use crate::app::topics::{self, ReadProgress, RecordSink, WantedPartitions};
use crate::config::Config;
use crate::decode::{Decoder, Rejection};
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::engine::{Engine, PartitionId};

/// RecountedPartition of the name of the consumer group.
const PURPOSE: &str = "verify";
/// Events looked up together, as in the exporter.
const CHUNK: usize = 64;

/// The recomputed series.
#[derive(Debug)]
pub struct Recomputed {
    pub texts: SeriesTexts,
    pub records: u64,
    /// Records left out because they are later than every counted one: the exporter rejected them as
    /// coming from the future.
    pub future: u64,
    /// Partitions that no longer begin at offset 0, with their first offsets.
    pub begun_later: Vec<(TopicPartition, i64)>,
}

/// Computes the series of these partitions again.
pub fn recompute(
    config: &Config,
    partitions: &[PartitionExtent],
    progress: &mut dyn FnMut(ReadProgress),
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
    let engine = Engine::new(Arc::new(config.rules.clone()), Timestamp::LATEST);
    let decoder = schemas::decoder(config);
    let mut recount = TopicRecount::new(engine, decoder.clone(), partitions)?;
    let ends = partitions
        .iter()
        .map(|extent| (extent.source.clone(), extent.next.unwrap_or_default()));
    let wanted = WantedPartitions::UpTo(ends.collect());
    let reading = topics::read(config, PURPOSE, wanted, &decoder, &mut recount, progress)?;
    let begun_later = reading.begun_later();
    Ok(Recomputed {
        begun_later: begun_later
            .map(|(source, first)| (source.clone(), first))
            .collect(),
        texts: SeriesTexts::of(&recount.engine.snapshot()),
        records: reading.records,
        future: recount.future,
    })
}

/// A partition to count.
#[derive(Debug)]
struct RecountedPartition {
    partition: PartitionId,
    clock: Option<Timestamp>,
    latest: Option<Timestamp>,
}

/// Counts the records that the reader delivers.
#[derive(Debug)]
struct TopicRecount {
    engine: Engine,
    decoder: Decoder,
    parts: Vec<RecountedPartition>,
    future: u64,
}

impl TopicRecount {
    fn new(
        mut engine: Engine,
        decoder: Decoder,
        partitions: &[PartitionExtent],
    ) -> Result<Self, VerifyError> {
        let mut parts = Vec::new();
        for extent in partitions {
            let partition = engine
                .add_partition()
                .ok_or(VerifyError::TooManyPartitions)?;
            parts.push(RecountedPartition {
                partition,
                clock: extent.clock,
                latest: extent.latest,
            });
            if extent.clock.is_some() {
                // Windows follow the slowest partition. They wait for this one from the
                // start if it has a clock.
                engine.advance(partition, Timestamp::EARLIEST);
            }
        }
        Ok(Self {
            engine,
            decoder,
            parts,
            future: 0,
        })
    }

    fn apply(&mut self, place: usize, chunk: &[KafkaRecord<'_>]) {
        let RecountedPartition {
            partition, latest, ..
        } = self.parts[place];
        let mut events = Vec::with_capacity(chunk.len());
        for record in chunk {
            let decoded = self.decoder.decode(&record.to_decode(), latest);
            // The exporter left out every other rejected record as well.
            if decoded.rejection() == Some(Rejection::Future) {
                self.future += 1;
            }
            decoded.append_events_to(&mut events);
        }
        self.engine.warm(events.iter());
        for event in &events {
            self.engine.apply(partition, event);
        }
    }
}

impl RecordSink for TopicRecount {
    fn add(&mut self, _source: &TopicPartition) -> io::Result<()> {
        Ok(())
    }

    fn take(&mut self, place: usize, records: &[KafkaRecord<'_>]) -> io::Result<()> {
        for chunk in records.chunks(CHUNK) {
            self.apply(place, chunk);
        }
        Ok(())
    }

    /// Moves the partition's clock to its claimed time.
    fn end(&mut self, place: usize) {
        let part = &self.parts[place];
        if let Some(clock) = part.clock {
            self.engine.advance(part.partition, clock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(partition: i32) -> TopicPartition {
        TopicPartition::new("tickets", partition)
    }

    fn extent(partition: i32, next: i64) -> PartitionExtent {
        PartitionExtent {
            source: source(partition),
            next: Some(next),
            clock: Some(Timestamp(50_000)),
            latest: Some(Timestamp(40_000)),
        }
    }

    fn recount(partitions: &[PartitionExtent]) -> TopicRecount {
        TopicRecount::new(
            Engine::new(Arc::default(), Timestamp::LATEST),
            Decoder::default(),
            partitions,
        )
        .unwrap()
    }

    /// A new ticket with the offset as its id.
    fn event(offset: i64, at: i64) -> (i64, String) {
        let event = format!("{{\"ticket_id\":{offset},\"type\":\"created\",\"at\":{at}}}");
        (offset, event)
    }

    fn records<'a>(
        source: &'a TopicPartition,
        events: &'a [(i64, String)],
    ) -> Vec<KafkaRecord<'a>> {
        let record = |(offset, value): &'a (i64, String)| KafkaRecord {
            partition: source,
            index: 0,
            offset: *offset,
            timestamp: None,
            key: None,
            headers: &[],
            value: Some(value.as_bytes()),
        };
        events.iter().map(record).collect()
    }

    #[test]
    fn the_clock_goes_to_where_it_stood() {
        let mut recount = recount(&[extent(0, 13), extent(1, 0)]);
        let events = [event(10, 1_000), event(11, 2_000), event(12, 3_000)];
        let source = source(0);
        recount.take(0, &records(&source, &events)).unwrap();
        recount.end(0);
        recount.end(1);
        assert_eq!(recount.engine.tickets(), 3);
        for part in &recount.parts {
            let clock = recount.engine.clock_of(part.partition);
            assert_eq!(clock, Some(Timestamp(50_000)));
        }
    }

    #[test]
    fn what_is_later_than_anything_counted_was_rejected() {
        let mut recount = recount(&[extent(0, 3)]);
        let events = [
            event(0, 40_000),
            event(1, 40_001),
            (2, "nonsense".to_owned()),
        ];
        let source = source(0);
        recount.take(0, &records(&source, &events)).unwrap();
        assert_eq!((recount.engine.tickets(), recount.future), (1, 1));
    }

    #[test]
    fn windows_wait_for_partitions_that_are_not_begun() {
        let begun = recount(&[extent(0, 3), extent(1, 3)]);
        let clock = |place: usize| begun.engine.clock_of(begun.parts[place].partition);
        assert_eq!(clock(0), Some(Timestamp::EARLIEST));
        let mut unread = extent(0, 3);
        unread.clock = None;
        let unread = recount(&[unread]);
        assert_eq!(unread.engine.clock_of(unread.parts[0].partition), None);
    }

    #[test]
    fn topics_that_are_not_configured_are_not_waited_for() {
        let other = PartitionExtent {
            source: TopicPartition::new("other", 0),
            ..extent(0, 3)
        };
        let error = recompute(&Config::default(), &[other], &mut |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::OtherTopic(topic) if topic == "other"));
    }
}
