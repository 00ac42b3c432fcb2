//! The records of one [`ConsumerEvent::Records`](super::ConsumerEvent::Records), in the client's
//! memory.

use std::borrow::Cow;

use super::queue::PrivateQueue;
use super::topic_partition::TopicPartition;
use crate::decode;

/// A message that is a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchEntry {
    /// Index of the message in the queue.
    pub(super) message: usize,
    /// Index of the partition, as [`KafkaRecord::index`].
    pub(super) index: usize,
}

/// Records in the client's memory. The next call to the consumer frees them.
pub struct RecordBatch<'a> {
    queue: &'a PrivateQueue,
    partitions: &'a [TopicPartition],
    entries: &'a [BatchEntry],
}

/// Name and value of a header.
pub type RecordHeader<'a> = (&'a str, &'a [u8]);

/// Name and value of a header in a dead letter. The value may be null.
pub type DeadLetterHeader<'a> = (Cow<'a, str>, Option<&'a [u8]>);

#[derive(Clone, Copy, Debug)]
pub struct KafkaRecord<'a> {
    pub partition: &'a TopicPartition,
    /// A small number for the partition, the same for the life of the consumer.
    pub index: usize,
    pub offset: i64,
    /// Milliseconds since the epoch, as the producer or the broker set it.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    /// Empty where the caller did not ask for headers.
    pub headers: &'a [RecordHeader<'a>],
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl<'a> KafkaRecord<'a> {
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
        partitions: &'a [TopicPartition],
        entries: &'a [BatchEntry],
    ) -> Self {
        Self {
            queue,
            partitions,
            entries,
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The headers of each record, for a mapping: without those whose name is not UTF-8 or that have no
    /// value.
    pub fn headers(&self) -> Vec<Vec<RecordHeader<'a>>> {
        let queue = self.queue;
        let entries = self.entries.iter();
        entries
            .map(|entry| queue.message(entry.message).headers())
            .collect()
    }

    /// Every header of one record, also those without a value. Bytes of a name that are not UTF-8
    /// become replacement characters, as in Kafka's own clients.
    pub fn all_headers(&self, record: usize) -> Vec<DeadLetterHeader<'a>> {
        let Some(entry) = self.entries.get(record) else {
            return Vec::new();
        };
        let headers = self.queue.message(entry.message).all_headers().into_iter();
        headers
            .map(|(name, value)| (name.to_string_lossy(), value))
            .collect()
    }

    /// The records, those of one partition in the order of their offsets. `headers` are those of
    /// [`Self::headers`], or empty.
    pub fn iter<'h>(
        &self,
        headers: &'h [Vec<RecordHeader<'a>>],
    ) -> impl ExactSizeIterator<Item = KafkaRecord<'h>> + use<'a, 'h>
    where
        'a: 'h,
    {
        let Self {
            queue, partitions, ..
        } = *self;
        self.entries.iter().enumerate().map(move |(place, entry)| {
            let message = queue.message(entry.message);
            KafkaRecord {
                partition: &partitions[entry.index],
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
