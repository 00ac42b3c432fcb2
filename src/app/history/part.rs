//! Reads one partition of a history record by record.

use super::error::HistoryError;
use crate::app::event_files::{EventFiles, EventReader, ReadCounts};
use crate::decode::{Decoder, Record};
use crate::domain::event::Event;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::TopicPartition;
use crate::edge::spool::{Spool, SpoolReader, SpooledRecord};

/// One partition, read record by record.
pub struct HistoryPartition(PartitionSource);

enum PartitionSource {
    Files(EventReader),
    Spool(SpooledPartition),
}

struct SpooledPartition {
    partition: TopicPartition,
    reader: SpoolReader,
    spooled: SpooledRecord,
    decoder: Decoder,
    latest: Timestamp,
    counts: ReadCounts,
}

impl HistoryPartition {
    pub(super) fn of_files(files: &EventFiles) -> Result<Self, HistoryError> {
        Ok(Self(PartitionSource::Files(files.read()?)))
    }

    pub(super) fn of_spool(
        partition: &TopicPartition,
        spool: &Spool,
        decoder: Decoder,
        latest: Timestamp,
    ) -> Result<Self, HistoryError> {
        let reader = spool.open().map_err(|source| HistoryError::Spool {
            partition: partition.clone(),
            source,
        })?;
        Ok(Self(PartitionSource::Spool(SpooledPartition {
            partition: partition.clone(),
            reader,
            spooled: SpooledRecord::default(),
            decoder,
            latest,
            counts: ReadCounts::default(),
        })))
    }

    pub fn counts(&self) -> &ReadCounts {
        match &self.0 {
            PartitionSource::Files(reader) => reader.counts(),
            PartitionSource::Spool(spooled) => &spooled.counts,
        }
    }

    /// Passes the events of the next record that has any to `take`, and returns whether there was one.
    /// Other records are counted and skipped.
    pub fn next(&mut self, take: &mut dyn FnMut(&Event<'_>)) -> Result<bool, HistoryError> {
        match &mut self.0 {
            PartitionSource::Files(reader) => Ok(reader.next_record(take)?),
            PartitionSource::Spool(spooled) => spooled.next(take),
        }
    }
}

impl SpooledPartition {
    fn next(&mut self, take: &mut dyn FnMut(&Event<'_>)) -> Result<bool, HistoryError> {
        loop {
            let spooled = &mut self.spooled;
            let found = self.reader.next(spooled);
            let found = found.map_err(|source| HistoryError::Spool {
                partition: self.partition.clone(),
                source,
            })?;
            if !found {
                return Ok(false);
            }
            let headers = spooled.headers.iter();
            let record = Record {
                value: spooled.value.as_deref(),
                key: spooled.key.as_deref(),
                headers: headers
                    .map(|(name, value)| (name.as_str(), value.as_slice()))
                    .collect(),
                timestamp: spooled.timestamp,
                topic: &self.partition.topic,
            };
            let decoded = self.decoder.decode(&record, Some(self.latest));
            let place = || format!("{} offset {}", self.partition, spooled.offset);
            self.counts.note(&decoded, place);
            let events = decoded.events();
            if !events.is_empty() {
                events.iter().for_each(take);
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Rejection;

    fn times(part: &mut HistoryPartition) -> Vec<i64> {
        let mut times = Vec::new();
        while part.next(&mut |event| times.push(event.at.0)).unwrap() {}
        times
    }

    #[test]
    fn records_set_aside_are_named_by_their_offsets() {
        let mut writer = crate::edge::spool::SpoolWriter::create().unwrap();
        for (offset, value) in [
            (7, "{\"ticket_id\":1,\"type\":\"updated\",\"at\":5}"),
            (8, ""),
            (9, "{\"ticket_id\":1,\"type\":\"updated\",\"at\":50}"),
        ] {
            let record = SpooledRecord {
                offset,
                value: Some(value.into()),
                ..SpooledRecord::default()
            };
            writer.push(&record).unwrap();
        }
        let spool = writer.finish().unwrap();
        let partition = TopicPartition::new("t", 2);
        let mut part =
            HistoryPartition::of_spool(&partition, &spool, Decoder::default(), Timestamp(10))
                .unwrap();
        assert_eq!(times(&mut part), [5]);
        let rejected: Vec<_> = part.counts().rejected.iter().collect();
        assert_eq!(
            rejected
                .iter()
                .map(|(rejection, rejected)| (**rejection, rejected.places[0].as_str()))
                .collect::<Vec<_>>(),
            [
                (Rejection::EmptyValue, "t/2 offset 8"),
                (Rejection::Future, "t/2 offset 9")
            ]
        );
    }
}
