//! The private queue: the client library puts the messages of all assigned partitions into it.

use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as native;

use super::client_queue::{ClientQueue, milliseconds};
use crate::edge::kafka::TopicPartition;

/// The most messages of one batch: enough that the calls around a batch cost nothing, and few enough
/// that its messages stay in the processor's cache.
const BATCH: usize = 4096;

/// The private queue and the messages last taken from it.
pub(crate) struct PrivateQueue {
    messages: Vec<*mut native::rd_kafka_message_t>,
    queue: ClientQueue,
}

// SAFETY: any thread may read and free a message; the borrow checker allows one at a time.
unsafe impl Send for PrivateQueue {}

/// One message as it lies in the client's memory: a record, or an error in its place.
#[derive(Clone, Copy)]
pub(crate) struct QueuedMessage<'a>(&'a native::rd_kafka_message_t);

impl PrivateQueue {
    pub(crate) fn new(queue: ClientQueue) -> Self {
        Self {
            messages: Vec::with_capacity(BATCH),
            queue,
        }
    }

    /// Forwards everything fetched for the partition, now and later, to this queue.
    ///
    /// Call it before the partition is assigned. The fetcher then never uses another queue
    /// (`rd_kafka_toppar_op_fetch_start` keeps a queue that the application forwarded), and no message
    /// reaches the client's own queue. Stopping the fetcher clears the forwarding.
    pub(crate) fn forward(&self, partition: &TopicPartition) -> bool {
        let Ok(topic) = CString::new(&*partition.topic) else {
            return false;
        };
        // SAFETY: both handles are valid. Forwarding takes its own reference to the target, so we can
        // destroy the handle of the source at once.
        unsafe {
            let source = native::rd_kafka_queue_get_partition(
                self.queue.client(),
                topic.as_ptr(),
                partition.partition,
            );
            if source.is_null() {
                return false;
            }
            native::rd_kafka_queue_forward(source, self.queue.handle());
            native::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Frees the last batch and takes the next one: all queued messages, up to [`BATCH`]. Waits up to
    /// `wait` for the first. Returns whether the queue was empty afterwards.
    pub(crate) fn take(&mut self, wait: Duration) -> bool {
        self.release();
        // With a wait, the library collects until the batch is full. So wait for one message only.
        self.take_up_to(BATCH, Duration::ZERO);
        if self.messages.is_empty() && !wait.is_zero() && self.take_up_to(1, wait) > 0 {
            self.take_up_to(BATCH - 1, Duration::ZERO);
        }
        self.messages.len() < BATCH
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = QueuedMessage<'_>> {
        (0..self.messages.len()).map(|index| self.message(index))
    }

    pub(crate) fn message(&self, index: usize) -> QueuedMessage<'_> {
        // SAFETY: the list holds messages that we own and have not freed. Freeing needs `&mut self`,
        // so they outlive this borrow.
        QueuedMessage(unsafe { &*self.messages[index] })
    }

    fn release(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: we own the message; it leaves the list here, so it is freed once.
            unsafe { native::rd_kafka_message_destroy(message) };
        }
    }

    fn take_up_to(&mut self, most: usize, wait: Duration) -> usize {
        let held = self.messages.len();
        self.messages.reserve(most);
        // SAFETY: the list has room for `most` pointers behind the `held` ones. The call writes as many
        // as it returns, each a message that we then own.
        unsafe {
            let count = native::rd_kafka_consume_batch_queue(
                self.queue.handle(),
                milliseconds(wait),
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
    }
}

impl<'a> QueuedMessage<'a> {
    /// The topic's name; empty for an error without a topic.
    pub(crate) fn topic(self) -> &'a str {
        if self.0.rkt.is_null() {
            return "";
        }
        // SAFETY: the message holds a reference to its topic, whose name does not change.
        let name = unsafe { CStr::from_ptr(native::rd_kafka_topic_name(self.0.rkt)) };
        // Kafka allows only letters, digits, dots, underscores and hyphens.
        name.to_str().unwrap_or("")
    }

    /// Tells topics apart within one batch.
    pub(crate) fn topic_identity(self) -> usize {
        self.0.rkt.addr()
    }

    pub(crate) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(crate) fn offset(self) -> i64 {
        self.0.offset
    }

    /// librdkafka's error code; 0 for a record. Read as a number: a broker may send a code that the
    /// bindings' enumeration lacks.
    pub(crate) fn error(self) -> i32 {
        // SAFETY: the field is a C enumeration, which has the layout of an `i32`.
        unsafe { ptr::from_ref(&self.0.err).cast::<i32>().read() }
    }

    /// The record's value, or the text of the error.
    pub(crate) fn value(self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length come from the message, and the bytes live as long as it.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    pub(crate) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: as above. The field has no meaning for an error; no caller reads it then.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    /// Names and values of the headers, for a mapping: without those whose name is not UTF-8 or that
    /// have no value.
    pub(crate) fn headers(self) -> Vec<(&'a str, &'a [u8])> {
        let headers = self.all_headers().into_iter();
        headers
            .filter_map(|(name, value)| Some((name.to_str().ok()?, value?)))
            .collect()
    }

    /// Every header as it is. A value may be null.
    ///
    /// The library parses the headers at the first call and stores them in the message. Only one
    /// thread calls this at a time, because the queue is not `Sync`.
    pub(crate) fn all_headers(self) -> Vec<(&'a CStr, Option<&'a [u8]>)> {
        let mut headers = Vec::new();
        let mut list = ptr::null_mut();
        // SAFETY: the message is valid and owns the list.
        let code = unsafe { native::rd_kafka_message_headers(self.0, &raw mut list) };
        if code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return headers; // the record has none
        }
        for place in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the list is valid, and the call only writes the three variables.
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
            // SAFETY: the name ends with a zero byte and the value has `size` bytes. Both live as long
            // as the message.
            headers.push(unsafe { (CStr::from_ptr(name), bytes(value.cast(), size)) });
        }
        headers
    }

    /// Milliseconds since the epoch, where the record has a time.
    pub(crate) fn timestamp(self) -> Option<i64> {
        // SAFETY: the message is valid; the kind of timestamp is not needed.
        let time = unsafe { native::rd_kafka_message_timestamp(self.0, ptr::null_mut()) };
        (time >= 0).then_some(time)
    }
}

/// # Safety
/// `start` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract of this function.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, length) })
}
