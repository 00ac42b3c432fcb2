//! The records of one step, where they lie in the client's memory.

use std::borrow::Cow;
use std::fmt;

use super::TopicPartition;
use super::queue::PrivateQueue;
use crate::decode;

/// A message of the batch that is a record, and whose.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchEntry {
    /// Place among the messages of the queue.
    pub(super) message: usize,
    /// Place among the known partitions.
    pub(super) index: usize,
}

/// Records in the client's memory; it is freed with the next call to the consumer.
pub struct RecordBatch<'a> {
    queue: &'a PrivateQueue,
    known: &'a [TopicPartition],
    entries: &'a [BatchEntry],
}

/// Name and value of a header.
pub type RecordHeader<'a> = (&'a str, &'a [u8]);

/// Name and value of a header as a dead letter keeps it. The value may be null.
pub type DeadLetterHeader<'a> = (Cow<'a, str>, Option<&'a [u8]>);

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct KafkaRecord<'a> {
    pub partition: &'a TopicPartition,
    /// A small number that stands for the partition as long as the consumer lives.
    pub index: usize,
    pub offset: i64,
    /// Milliseconds since the epoch, as the producer or the broker set it.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    /// Empty where they were not asked for.
    pub headers: &'a [RecordHeader<'a>],
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl<'a> KafkaRecord<'a> {
    /// What is to be decoded.
    pub fn to_decode(&self) -> decode::Record<'a> {
        decode::Record {
            value: self.value,
            key: self.key,
            headers: self.headers.to_vec(),
            timestamp: self.timestamp,
            topic: &self.partition.topic,
        }
    }
}

impl<'a> RecordBatch<'a> {
    pub(super) fn new(
        queue: &'a PrivateQueue,
        known: &'a [TopicPartition],
        entries: &'a [BatchEntry],
    ) -> Self {
        Self {
            queue,
            known,
            entries,
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The headers of each record, for a mapping. Those whose name is no text, or that have no value,
    /// are left out.
    pub fn headers(&self) -> Vec<Vec<RecordHeader<'a>>> {
        let queue = self.queue;
        let entries = self.entries.iter();
        entries
            .map(|entry| queue.message(entry.message).headers())
            .collect()
    }

    /// Every header of the record at a place, also those without a value. Bytes of a name that are
    /// no text become replacement characters, as in Kafka's own clients.
    pub fn all_headers(&self, place: usize) -> Vec<DeadLetterHeader<'a>> {
        let Some(entry) = self.entries.get(place) else {
            return Vec::new();
        };
        let headers = self.queue.message(entry.message).all_headers().into_iter();
        headers
            .map(|(name, value)| (name.to_string_lossy(), value))
            .collect()
    }

    /// The records: each partition in the order of its offsets. `headers` are those of
    /// [`Self::headers`], or none.
    pub fn iter<'h>(
        &self,
        headers: &'h [Vec<RecordHeader<'a>>],
    ) -> impl ExactSizeIterator<Item = KafkaRecord<'h>> + use<'a, 'h>
    where
        'a: 'h,
    {
        let Self { queue, known, .. } = *self;
        self.entries.iter().enumerate().map(move |(place, entry)| {
            let message = queue.message(entry.message);
            KafkaRecord {
                partition: &known[entry.index],
                index: entry.index,
                offset: message.offset(),
                timestamp: message.timestamp(),
                key: message.key(),
                headers: headers.get(place).map_or(&[], Vec::as_slice),
                value: message.value(),
            }
        })
    }
}

impl fmt::Debug for RecordBatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordBatch({} records)", self.len())
    }
}
