//! Asks the leaders of partitions for their end offsets, without waiting for the answers.
//!
//! The end that the client library caches is of its last fetch, and nothing says when that was
//! answered. The end that a leader gives to a question is at least the one of the moment of the
//! question, so it proves what had been appended by then.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::super::TopicPartition;
use super::super::consumer_callbacks::Context;
use super::PartitionList;

/// A leader that has not answered by then is asked again.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Which end of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    /// The last stable offset: records below it belong to no open transaction.
    Stable,
    /// The high watermark.
    High,
}

/// Questions and their answers.
pub(in super::super) struct EndOffsets {
    /// Where the answers arrive.
    answers: NonNull<native::rd_kafka_queue_t>,
    // Last: released after the handle is destroyed in `drop`.
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
}

/// An answer: the number of its question, and the ends that leaders gave.
pub(in super::super) type Answer = (usize, Vec<(TopicPartition, i64)>);

// SAFETY: as for the private queue: the handle may be used on any thread, one at a time.
unsafe impl Send for EndOffsets {}

impl EndOffsets {
    pub(in super::super) fn new(client: Arc<BaseConsumer<ConsumerCallbacks>>) -> Option<Self> {
        // SAFETY: the client's pointer is valid as long as `client` is held.
        let answers = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        Some(Self {
            answers: NonNull::new(answers)?,
            client,
        })
    }

    /// Asks for one end of some partitions. Each question is answered once, under its number; a
    /// partition whose leader does not answer is missing from the answer.
    pub(in super::super) fn ask<'p>(
        &self,
        number: usize,
        end: End,
        partitions: impl Iterator<Item = &'p TopicPartition>,
    ) -> bool {
        let latest = native::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64;
        let Some(list) = PartitionList::new(partitions, latest) else {
            return false;
        };
        let isolation = match end {
            End::Stable => {
                native::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
            }
            End::High => {
                native::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
            }
        };
        let client = self.client.client().native_ptr();
        let timeout = c_int::try_from(TIMEOUT.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: all handles are valid for the call, which copies list and options and keeps a
        // reference of its own to the queue. The opaque pointer is a number that is never
        // followed. The errors of the setters are for values out of range, and are freed.
        unsafe {
            let options = native::rd_kafka_AdminOptions_new(
                client,
                native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
            );
            let error = native::rd_kafka_AdminOptions_set_isolation_level(options, isolation);
            if !error.is_null() {
                native::rd_kafka_error_destroy(error);
            }
            native::rd_kafka_AdminOptions_set_request_timeout(options, timeout, ptr::null_mut(), 0);
            let opaque: *mut c_void = ptr::without_provenance_mut(number);
            native::rd_kafka_AdminOptions_set_opaque(options, opaque);
            native::rd_kafka_ListOffsets(client, list.0.as_ptr(), options, self.answers.as_ptr());
            native::rd_kafka_AdminOptions_destroy(options);
        }
        true
    }

    /// The next answer, if there is one.
    pub(in super::super) fn poll(&mut self) -> Option<Answer> {
        // SAFETY: the queue is ours; the event is ours from here to its destruction, and so is
        // what is read of it, which is copied.
        unsafe {
            let event = native::rd_kafka_queue_poll(self.answers.as_ptr(), 0);
            if event.is_null() {
                return None;
            }
            let number = native::rd_kafka_event_opaque(event).addr();
            let ends = ends(event);
            native::rd_kafka_event_destroy(event);
            Some((number, ends))
        }
    }
}

impl Drop for EndOffsets {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed here once, while the client is still held.
        unsafe { native::rd_kafka_queue_destroy(self.answers.as_ptr()) };
    }
}

/// The ends in an answer; none where the answer is an error.
///
/// # Safety
/// `event` is valid.
unsafe fn ends(event: *mut native::rd_kafka_event_t) -> Vec<(TopicPartition, i64)> {
    let mut found = Vec::new();
    // SAFETY: null where the event is another one; otherwise the list, and what its entries lead
    // to, live as long as the event.
    unsafe {
        let result = native::rd_kafka_event_ListOffsets_result(event);
        if result.is_null() {
            return found;
        }
        let mut count = 0;
        let list = native::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        if list.is_null() {
            return found;
        }
        for number in 0..count {
            let info = *list.add(number);
            let partition = &*native::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
            // Read as a number: a broker may send a code that the enumeration does not have.
            let code = ptr::from_ref(&partition.err).cast::<i32>().read();
            if code == 0
                && partition.offset >= 0
                && let Ok(topic) = CStr::from_ptr(partition.topic).to_str()
            {
                let source = TopicPartition::new(topic, partition.partition);
                found.push((source, partition.offset));
            }
        }
    }
    found
}

/// Offsets after what was taken from the queue, control records included, one for each partition;
/// `None` where nothing was taken since the client library last started or moved its fetcher.
pub(in super::super) fn taken_up_to<'p>(
    client: &BaseConsumer<ConsumerCallbacks>,
    partitions: impl Iterator<Item = &'p TopicPartition>,
) -> Vec<Option<i64>> {
    let invalid = i64::from(native::RD_KAFKA_OFFSET_INVALID);
    let Some(list) = PartitionList::new(partitions, invalid) else {
        return Vec::new();
    };
    // SAFETY: client and list are valid for the call, which only writes into the list; its
    // entries are read before it is freed.
    unsafe {
        native::rd_kafka_position(client.client().native_ptr(), list.0.as_ptr());
        let list = list.0.as_ref();
        let count = usize::try_from(list.cnt).unwrap_or(0);
        (0..count)
            .map(|place| (*list.elems.add(place)).offset)
            .map(|offset| (offset >= 0).then_some(offset))
            .collect()
    }
}
