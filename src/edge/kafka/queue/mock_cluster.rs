//! A setting of librdkafka's mock cluster.

use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::producer::{BaseProducer, Producer as _};

/// Sets how long the embedded broker's groups wait for more members before the first assignment.
/// Changes nothing for a client that was created without `test.mock.num.brokers`.
pub(crate) fn set_group_rebalance_delay(client: &BaseProducer, delay: Duration) {
    let milliseconds = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the cluster belongs to the client, which is held; the call only stores a number.
    unsafe {
        let cluster = native::rd_kafka_handle_mock_cluster(client.client().native_ptr());
        if !cluster.is_null() {
            native::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, milliseconds);
        }
    }
}
