//! The calls into librdkafka that the safe bindings do not offer: one private queue to which
//! every assigned partition is forwarded, batches from it, the cached watermarks, and the topics'
//! ids. It does not know about rebalances; the consumer above does.
//!
//! This is the only module with `unsafe`, with what lies in its folder. What makes it sound:
//!
//! * The queue holds an `Arc` of the client and destroys its handle before releasing it, so no
//!   handle outlives its client.
//! * Messages are owned by the queue's list and freed by it alone, at the next call that needs
//!   `&mut self`; what is handed out borrows the queue, so no message is read after that.
//! * librdkafka's handles may be used from any thread, so the queue may move between threads.

#![allow(unsafe_code)]

mod admin;
mod end_offsets;
mod token;
mod topic_configs;
mod topic_ids;

pub(super) use admin::{
    AdminError, AllowedOperations, group_operations, topic_operations, topic_settings,
};
pub(super) use end_offsets::{End, EndOffsets, taken_up_to};
pub(super) use token::{Token, set_token};
pub(super) use topic_configs::TopicConfigs;
pub(super) use topic_ids::{TopicDescriptions, TopicIds};

use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::TopicPartition;
use super::consumer_callbacks::Context;

/// The most messages of one batch. Enough that the calls around a batch cost nothing, little
/// enough that its messages stay in the processor's cache.
const BATCH: usize = 4096;

/// The private queue and the messages last taken from it.
pub(super) struct PrivateQueue {
    handle: NonNull<native::rd_kafka_queue_t>,
    messages: Vec<*mut native::rd_kafka_message_t>,
    // Last: released after the handle is destroyed in `drop`.
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
}

// SAFETY: librdkafka locks its queues, and a message may be read and freed on any thread; the
// borrow checker keeps both to one at a time.
unsafe impl Send for PrivateQueue {}

/// One message as it lies in the client's memory: a record, or an error in its place.
#[derive(Clone, Copy)]
pub(super) struct QueuedMessage<'a>(&'a native::rd_kafka_message_t);

impl PrivateQueue {
    pub(super) fn new(client: Arc<BaseConsumer<ConsumerCallbacks>>) -> Option<Self> {
        // SAFETY: the client's pointer is valid as long as `client` is held.
        let handle = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        Some(Self {
            handle: NonNull::new(handle)?,
            messages: Vec::with_capacity(BATCH),
            client,
        })
    }

    /// Sends everything fetched for the partition, now and later, to this queue.
    ///
    /// To be called before the partition is assigned: the fetcher then never sees another queue
    /// (`rd_kafka_toppar_op_fetch_start` leaves a queue that the application forwarded as it
    /// is), and nothing reaches the client's own one. Stopping the fetcher clears it.
    pub(super) fn forward(&self, partition: &TopicPartition) -> bool {
        let Ok(topic) = CString::new(&*partition.topic) else {
            return false;
        };
        // SAFETY: both handles are valid here; forwarding takes its own reference to the target,
        // so the handle of the source can go at once.
        unsafe {
            let source = native::rd_kafka_queue_get_partition(
                self.client.client().native_ptr(),
                topic.as_ptr(),
                partition.partition,
            );
            if source.is_null() {
                return false;
            }
            native::rd_kafka_queue_forward(source, self.handle.as_ptr());
            native::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Frees the last batch and takes the next one: all that is queued, up to [`BATCH`], after
    /// waiting up to `wait` for the first. Returns whether the queue was seen empty.
    pub(super) fn take(&mut self, wait: Duration) -> bool {
        self.release();
        // With a wait the library collects until the batch is full, so wait for one only.
        self.take_up_to(BATCH, Duration::ZERO);
        if self.messages.is_empty() && !wait.is_zero() && self.take_up_to(1, wait) > 0 {
            self.take_up_to(BATCH - 1, Duration::ZERO);
        }
        self.messages.len() < BATCH
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = QueuedMessage<'_>> {
        (0..self.messages.len()).map(|index| self.message(index))
    }

    pub(super) fn message(&self, index: usize) -> QueuedMessage<'_> {
        // SAFETY: the list holds messages that were returned to us and not yet freed; freeing
        // needs `&mut self`, so they outlive this borrow.
        QueuedMessage(unsafe { &*self.messages[index] })
    }

    pub(super) fn release(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: ours, and freed once: it leaves the list here.
            unsafe { native::rd_kafka_message_destroy(message) };
        }
    }

    fn take_up_to(&mut self, most: usize, wait: Duration) -> usize {
        let held = self.messages.len();
        let milliseconds = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        self.messages.reserve(most);
        // SAFETY: the list has room for `most` pointers behind the `held` ones, and the call
        // fills as many as it says, each a message that we then own.
        unsafe {
            let count = native::rd_kafka_consume_batch_queue(
                self.handle.as_ptr(),
                milliseconds,
                self.messages.as_mut_ptr().add(held),
                most,
            );
            let count = usize::try_from(count).unwrap_or(0).min(most);
            self.messages.set_len(held + count);
            count
        }
    }
}

impl Drop for PrivateQueue {
    fn drop(&mut self) {
        self.release();
        // SAFETY: created in `new`, destroyed here once, while the client is still held.
        unsafe { native::rd_kafka_queue_destroy(self.handle.as_ptr()) };
    }
}

impl<'a> QueuedMessage<'a> {
    /// The topic's name; empty for an error that concerns no topic.
    pub(super) fn topic(self) -> &'a str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: the message holds a reference to its topic, whose name does not change.
        let name = unsafe { CStr::from_ptr(native::rd_kafka_topic_name(self.0.rkt)) };
        // Kafka allows letters, digits, dots, underscores and hyphens only.
        name.to_str().unwrap_or("")
    }

    /// Identity of the topic among the messages of one batch.
    pub(super) fn topic_identity(self) -> usize {
        self.0.rkt.addr()
    }

    pub(super) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.0.offset
    }

    /// librdkafka's error code; 0 for a record. Read as a number: a broker may send a code that
    /// the enumeration of the bindings does not have.
    pub(super) fn error(self) -> i32 {
        // SAFETY: the field is a C enumeration, which has the layout of an `i32`.
        unsafe { ptr::from_ref(&self.0.err).cast::<i32>().read() }
    }

    /// The record's value, or the error's text.
    pub(super) fn value(self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length come from the message and live as long as it.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    pub(super) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: as above. For an error the field has no meaning and is not asked for.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    /// Names and values of the headers, for a mapping. Those whose name is no text, or that have no
    /// value, are left out.
    pub(super) fn headers(self) -> Vec<(&'a str, &'a [u8])> {
        let headers = self.all_headers().into_iter();
        headers
            .filter_map(|(name, value)| Some((name.to_str().ok()?, value?)))
            .collect()
    }

    /// Every header as it is. A value may be null.
    ///
    /// The library reads them at the first call and keeps them in the message: that this is asked
    /// on one thread only, follows from the queue not being `Sync`.
    pub(super) fn all_headers(self) -> Vec<(&'a CStr, Option<&'a [u8]>)> {
        let mut headers = Vec::new();
        let mut list = ptr::null_mut();
        // SAFETY: the message is valid; the list it gives belongs to it and lives as long.
        let code = unsafe { native::rd_kafka_message_headers(self.0, &raw mut list) };
        if code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return headers; // it has none
        }
        for place in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the list is valid, and the call only writes the three places.
            let code = unsafe {
                native::rd_kafka_header_get_all(
                    list,
                    place,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                break; // the end of the list
            }
            // SAFETY: the name ends with a zero, the value is as long as said; both live as long
            // as the message.
            headers.push(unsafe { (CStr::from_ptr(name), bytes(value.cast(), size)) });
        }
        headers
    }

    /// Milliseconds since the epoch, where the record has a time.
    pub(super) fn timestamp(self) -> Option<i64> {
        // SAFETY: reads the message; the kind of time is not wanted.
        let time = unsafe { native::rd_kafka_message_timestamp(self.0, ptr::null_mut()) };
        (time >= 0).then_some(time)
    }
}

/// A list of partitions for the client library, freed when dropped.
struct PartitionList(NonNull<native::rd_kafka_topic_partition_list_t>);

impl PartitionList {
    /// Each partition with the same offset. `None` where there is nothing to list.
    fn new<'p>(partitions: impl Iterator<Item = &'p TopicPartition>, offset: i64) -> Option<Self> {
        let size = c_int::try_from(partitions.size_hint().0).unwrap_or(0);
        // SAFETY: a new list, ours until it is dropped; adding copies the name.
        unsafe {
            let list = native::rd_kafka_topic_partition_list_new(size);
            let list = Self(NonNull::new(list)?);
            for partition in partitions {
                let topic = CString::new(&*partition.topic).ok()?;
                let entry = native::rd_kafka_topic_partition_list_add(
                    list.0.as_ptr(),
                    topic.as_ptr(),
                    partition.partition,
                );
                (*entry).offset = offset;
            }
            (list.0.as_ref().cnt > 0).then_some(list)
        }
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed here once.
        unsafe { native::rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) };
    }
}

/// # Safety
/// `start` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract of this function.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, length) })
}

/// The partition's first and end offset as the last fetch response said, without asking the
/// broker; `None` where there was none. After a partition comes back they are still those of
/// the earlier time, until the first fetch.
pub(super) fn cached_watermarks(
    client: &BaseConsumer<ConsumerCallbacks>,
    partition: &TopicPartition,
) -> Option<(i64, i64)> {
    let topic = CString::new(&*partition.topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the pointers are valid for the call, which only writes the two numbers.
    let code = unsafe {
        native::rd_kafka_get_watermark_offsets(
            client.client().native_ptr(),
            topic.as_ptr(),
            partition.partition,
            &raw mut low,
            &raw mut high,
        )
    };
    let known = code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
    known.then_some((low, high))
}

/// Sets how long the embedded broker's groups wait for more members before the first assignment.
/// `client` is one that was created with `test.mock.num.brokers`; another is left alone.
pub(super) fn set_group_rebalance_delay(client: &BaseProducer, delay: Duration) {
    let milliseconds = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the cluster belongs to the client, which is held; the call only stores a number.
    unsafe {
        let cluster = native::rd_kafka_handle_mock_cluster(client.client().native_ptr());
        if !cluster.is_null() {
            native::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, milliseconds);
        }
    }
}
