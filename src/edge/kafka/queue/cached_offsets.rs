//! Offsets that the client library has in memory; nothing here asks a broker.

use std::ffi::CString;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::partition_list::PartitionList;
use crate::edge::kafka::TopicPartition;
use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

/// First and end offset of a partition, as the last fetch response had them; `None` before the first
/// response. After the partition was away they are the old ones until the next fetch.
pub(crate) fn cached_watermarks(
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

/// For each partition, the offset after the last message taken from the queue, control records
/// included; `None` where no message was taken since the client library started or moved its fetcher.
pub(crate) fn consumed_offsets<'p>(
    client: &BaseConsumer<ConsumerCallbacks>,
    partitions: impl Iterator<Item = &'p TopicPartition>,
) -> Vec<Option<i64>> {
    let invalid = i64::from(native::RD_KAFKA_OFFSET_INVALID);
    let Some(list) = PartitionList::new(partitions, invalid) else {
        return Vec::new();
    };
    // SAFETY: client and list are valid for the call, which only writes into the list.
    unsafe { native::rd_kafka_position(client.client().native_ptr(), list.as_ptr()) };
    let offsets = list.offsets();
    offsets
        .map(|offset| (offset >= 0).then_some(offset))
        .collect()
}
