//! Asks the leaders of partitions for their end offsets (ListOffsets) without waiting for the answers.
//!
//! The end that the client library caches is from its last fetch, whose time is unknown. The end in a
//! leader's answer is at least the end at the time of the request, so it proves what had been appended
//! by then.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as native;

use super::admin::slice;
use super::client_queue::{ClientQueue, milliseconds};
use super::partition_list::PartitionList;
use crate::edge::kafka::TopicPartition;

/// A leader that has not answered by then is asked again.
const TIMEOUT: Duration = Duration::from_secs(3);

/// One of the two ends of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartitionEnd {
    /// The last stable offset: records below it belong to no open transaction.
    LastStableOffset,
    HighWatermark,
}

/// Sends requests for end offsets and takes the answers.
pub(crate) struct EndOffsets(ClientQueue);

impl EndOffsets {
    pub(crate) fn new(queue: ClientQueue) -> Self {
        Self(queue)
    }

    /// Asks for one end of some partitions. Each request has one answer, with the same number. The
    /// answer lacks a partition whose leader does not answer.
    pub(crate) fn ask<'p>(
        &self,
        number: usize,
        end: PartitionEnd,
        partitions: impl Iterator<Item = &'p TopicPartition>,
    ) -> bool {
        use native::rd_kafka_IsolationLevel_t as Isolation;
        let latest = native::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64;
        let Some(list) = PartitionList::new(partitions, latest) else {
            return false;
        };
        let isolation = match end {
            PartitionEnd::LastStableOffset => Isolation::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            PartitionEnd::HighWatermark => Isolation::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        };
        let client = self.0.client();
        let timeout = milliseconds(TIMEOUT);
        // SAFETY: all handles are valid. The call copies list and options and keeps its own reference
        // to the queue. The opaque pointer is a number that nothing dereferences. A setter fails only
        // for a value out of range.
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
            native::rd_kafka_ListOffsets(client, list.as_ptr(), options, self.0.handle());
            native::rd_kafka_AdminOptions_destroy(options);
        }
        true
    }

    /// The next answer, if there is one: the number of its request, and the ends.
    pub(crate) fn poll(&mut self) -> Option<(usize, Vec<(TopicPartition, i64)>)> {
        // SAFETY: the event is valid.
        self.0.poll(Duration::ZERO, |event| unsafe {
            (native::rd_kafka_event_opaque(event).addr(), ends(event))
        })
    }
}

/// The ends in an answer; none where the answer is an error.
///
/// # Safety
/// `event` is valid.
unsafe fn ends(event: *mut native::rd_kafka_event_t) -> Vec<(TopicPartition, i64)> {
    let mut found = Vec::new();
    // SAFETY: the result is null for another kind of event. The entries live as long as the event and
    // are copied.
    unsafe {
        let result = native::rd_kafka_event_ListOffsets_result(event);
        if result.is_null() {
            return found;
        }
        let mut count = 0;
        let infos = native::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        for &info in slice(infos, count) {
            let partition = &*native::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
            // Read as a number: a broker may send a code that the enumeration lacks.
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
