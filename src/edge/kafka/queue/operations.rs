//! Permissions on topics and consumer groups.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::BaseConsumer;

use super::admin::{AdminError, c_text, check_error, request, slice};
use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

/// The operations that the brokers allow this client on a topic or a group, by Kafka's numbers. Empty
/// where the brokers do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedOperations(Vec<u32>);

impl AllowedOperations {
    pub(crate) fn are_known(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn read(&self) -> bool {
        self.has(native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ)
    }

    pub(crate) fn write(&self) -> bool {
        self.has(native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE)
    }

    fn has(&self, operation: native::rd_kafka_AclOperation_t) -> bool {
        self.0.contains(&(operation as u32))
    }

    /// # Safety
    /// `start` is null or points to `count` operations.
    pub(super) unsafe fn read_from(
        start: *const native::rd_kafka_AclOperation_t,
        count: usize,
    ) -> Self {
        // SAFETY: by the contract of this function. They are read as numbers because a broker may
        // know operations that the bindings' enumeration lacks.
        Self(unsafe { slice(start.cast::<u32>(), count) }.to_vec())
    }
}

/// Asks which operations are allowed on a consumer group, which need not exist.
pub(crate) fn group_operations(
    client: &Arc<BaseConsumer<ConsumerCallbacks>>,
    group: &str,
    timeout: Duration,
) -> Result<AllowedOperations, AdminError> {
    let name = c_text(group)?;
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    request(
        client,
        api,
        true,
        timeout,
        |call| {
            let mut name = name.as_ptr();
            // SAFETY: the handles are valid, and the call copies the name.
            unsafe {
                native::rd_kafka_DescribeConsumerGroups(
                    call.client,
                    &raw mut name,
                    1,
                    call.options,
                    call.queue,
                );
            }
        },
        // SAFETY: everything read here lives as long as the event and is copied.
        |event| unsafe {
            let result = native::rd_kafka_event_DescribeConsumerGroups_result(event);
            let mut count = 0;
            let groups =
                native::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            let group = *slice(groups, count)
                .first()
                .ok_or_else(AdminError::empty_answer)?;
            check_error(native::rd_kafka_ConsumerGroupDescription_error(group))?;
            let operations = native::rd_kafka_ConsumerGroupDescription_authorized_operations(
                group,
                &raw mut count,
            );
            Ok(AllowedOperations::read_from(operations, count))
        },
    )
}
