//! A list of partitions as the client library takes it.

use std::ffi::{CString, c_int};
use std::ptr::NonNull;

use rdkafka::bindings as native;

use crate::edge::kafka::TopicPartition;

/// Freed when dropped.
pub(super) struct PartitionList(NonNull<native::rd_kafka_topic_partition_list_t>);

impl PartitionList {
    /// Each partition with the same offset. `None` where there is nothing to list.
    pub(super) fn new<'p>(
        partitions: impl Iterator<Item = &'p TopicPartition>,
        offset: i64,
    ) -> Option<Self> {
        let size = c_int::try_from(partitions.size_hint().0).unwrap_or(0);
        // SAFETY: we own the new list until it is dropped. Adding a partition copies the name.
        unsafe {
            let list = native::rd_kafka_topic_partition_list_new(size);
            let list = Self(NonNull::new(list)?);
            for partition in partitions {
                let topic = CString::new(&*partition.topic).ok()?;
                let entry = native::rd_kafka_topic_partition_list_add(
                    list.as_ptr(),
                    topic.as_ptr(),
                    partition.partition,
                );
                (*entry).offset = offset;
            }
            (list.0.as_ref().cnt > 0).then_some(list)
        }
    }

    pub(super) fn as_ptr(&self) -> *mut native::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }

    /// The offsets, in the order of the partitions.
    pub(super) fn offsets(&self) -> impl Iterator<Item = i64> {
        // SAFETY: the list is valid and has `cnt` elements.
        let list = unsafe { self.0.as_ref() };
        let count = usize::try_from(list.cnt).unwrap_or(0);
        // SAFETY: as above.
        (0..count).map(|place| unsafe { (*list.elems.add(place)).offset })
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: created in `new` and destroyed only here.
        unsafe { native::rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) };
    }
}
