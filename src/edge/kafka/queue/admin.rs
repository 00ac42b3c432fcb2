//! Questions about topics and groups that the safe bindings do not offer without a client of their
//! own: settings, and what we may do. Each waits for its answer.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::super::consumer_callbacks::Context;

/// Why there is no answer: the code, and the library's words.
pub(in super::super) type AdminError = (RDKafkaErrorCode, String);

/// What we may do with a topic or a group, by Kafka's numbers of operations. Empty where the
/// brokers do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct AllowedOperations(Vec<u32>);

impl AllowedOperations {
    pub(in super::super) fn are_known(&self) -> bool {
        !self.0.is_empty()
    }

    pub(in super::super) fn read(&self) -> bool {
        self.has(native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ)
    }

    pub(in super::super) fn write(&self) -> bool {
        self.has(native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE)
    }

    fn has(&self, operation: native::rd_kafka_AclOperation_t) -> bool {
        self.0.contains(&(operation as u32))
    }

    /// # Safety
    /// `start` is null or points to `count` operations.
    unsafe fn read_from(start: *const native::rd_kafka_AclOperation_t, count: usize) -> Self {
        if start.is_null() {
            return Self::default();
        }
        // SAFETY: by the contract of this function. They are read as numbers: a broker may know
        // operations that the enumeration of the bindings does not have.
        let numbers = unsafe { std::slice::from_raw_parts(start.cast::<u32>(), count) };
        Self(numbers.to_vec())
    }
}

/// The settings of a topic.
pub(in super::super) fn topic_settings(
    client: &BaseConsumer<ConsumerCallbacks>,
    topic: &str,
    timeout: Duration,
) -> Result<Vec<(String, String)>, AdminError> {
    let name = c_text(topic)?;
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    let ask = |client, options, queue| {
        // SAFETY: the resource is made and destroyed here; the call copies it.
        unsafe {
            let mut resource = native::rd_kafka_ConfigResource_new(
                native::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                name.as_ptr(),
            );
            native::rd_kafka_DescribeConfigs(client, &raw mut resource, 1, options, queue);
            native::rd_kafka_ConfigResource_destroy(resource);
        }
    };
    answer(client, api, false, timeout, ask, |event| {
        // SAFETY: what is read belongs to the event, which the caller holds.
        unsafe {
            let result = native::rd_kafka_event_DescribeConfigs_result(event);
            let mut count = 0;
            let list = native::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            if list.is_null() || count == 0 {
                return Err(nothing());
            }
            let resource = *list;
            let code = native::rd_kafka_ConfigResource_error(resource);
            let words = native::rd_kafka_ConfigResource_error_string(resource);
            check(code, words)?;
            Ok(settings_of(resource))
        }
    })
}

/// Names and values of the settings in an answer.
///
/// # Safety
/// `resource` is valid.
pub(super) unsafe fn settings_of(
    resource: *const native::rd_kafka_ConfigResource_t,
) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    // SAFETY: the entries and their texts live as long as the resource, and are copied.
    unsafe {
        let mut count = 0;
        let entries = native::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        for place in 0..if entries.is_null() { 0 } else { count } {
            let entry = *entries.add(place);
            let name = text(native::rd_kafka_ConfigEntry_name(entry));
            let value = text(native::rd_kafka_ConfigEntry_value(entry));
            settings.extend(name.zip(value));
        }
    }
    settings
}

/// What we may do with a topic.
pub(in super::super) fn topic_operations(
    client: &BaseConsumer<ConsumerCallbacks>,
    topic: &str,
    timeout: Duration,
) -> Result<AllowedOperations, AdminError> {
    let name = c_text(topic)?;
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let ask = |client, options, queue| {
        let mut name = name.as_ptr();
        // SAFETY: the collection copies the name, and the call the collection.
        unsafe {
            let topics = native::rd_kafka_TopicCollection_of_topic_names(&raw mut name, 1);
            native::rd_kafka_DescribeTopics(client, topics, options, queue);
            native::rd_kafka_TopicCollection_destroy(topics);
        }
    };
    answer(client, api, true, timeout, ask, |event| {
        // SAFETY: as above.
        unsafe {
            let result = native::rd_kafka_event_DescribeTopics_result(event);
            let mut count = 0;
            let list = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
            if list.is_null() || count == 0 {
                return Err(nothing());
            }
            check_error(native::rd_kafka_TopicDescription_error(*list))?;
            let operations =
                native::rd_kafka_TopicDescription_authorized_operations(*list, &raw mut count);
            Ok(AllowedOperations::read_from(operations, count))
        }
    })
}

/// What we may do with a consumer group, whether there is one or not.
pub(in super::super) fn group_operations(
    client: &BaseConsumer<ConsumerCallbacks>,
    group: &str,
    timeout: Duration,
) -> Result<AllowedOperations, AdminError> {
    let name = c_text(group)?;
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let ask = |client, options, queue| {
        let mut name = name.as_ptr();
        // SAFETY: the call copies the name.
        unsafe {
            native::rd_kafka_DescribeConsumerGroups(client, &raw mut name, 1, options, queue);
        }
    };
    answer(client, api, true, timeout, ask, |event| {
        // SAFETY: as above.
        unsafe {
            let result = native::rd_kafka_event_DescribeConsumerGroups_result(event);
            let mut count = 0;
            let list =
                native::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            if list.is_null() || count == 0 {
                return Err(nothing());
            }
            check_error(native::rd_kafka_ConsumerGroupDescription_error(*list))?;
            let operations = native::rd_kafka_ConsumerGroupDescription_authorized_operations(
                *list,
                &raw mut count,
            );
            Ok(AllowedOperations::read_from(operations, count))
        }
    })
}

/// Sends one question and waits for its answer.
fn answer<T>(
    client: &BaseConsumer<ConsumerCallbacks>,
    api: native::rd_kafka_admin_op_t,
    with_operations: bool,
    timeout: Duration,
    ask: impl FnOnce(
        *mut native::rd_kafka_t,
        *const native::rd_kafka_AdminOptions_t,
        *mut native::rd_kafka_queue_t,
    ),
    read: impl FnOnce(*mut native::rd_kafka_event_t) -> Result<T, AdminError>,
) -> Result<T, AdminError> {
    let milliseconds = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    let handle = client.client().native_ptr();
    // SAFETY: the client is borrowed, so its pointer is valid throughout; what is made here is
    // destroyed here, after its last use. Setters copy, and their words are not wanted.
    unsafe {
        let queue = NonNull::new(native::rd_kafka_queue_new(handle)).ok_or_else(nothing)?;
        let options = native::rd_kafka_AdminOptions_new(handle, api);
        native::rd_kafka_AdminOptions_set_request_timeout(
            options,
            milliseconds,
            ptr::null_mut(),
            0,
        );
        if with_operations {
            let error = native::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !error.is_null() {
                native::rd_kafka_error_destroy(error);
            }
        }
        ask(handle, options, queue.as_ptr());
        let event = native::rd_kafka_queue_poll(queue.as_ptr(), milliseconds);
        let result = if event.is_null() {
            let words = "the brokers do not answer".to_owned();
            Err((RDKafkaErrorCode::OperationTimedOut, words))
        } else {
            let code = native::rd_kafka_event_error(event);
            check(code, native::rd_kafka_event_error_string(event)).and_then(|()| read(event))
        };
        if !event.is_null() {
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_queue_destroy(queue.as_ptr());
        result
    }
}

fn c_text(name: &str) -> Result<CString, AdminError> {
    CString::new(name).map_err(|_| {
        let words = "a zero byte in the name".to_owned();
        (RDKafkaErrorCode::InvalidArgument, words)
    })
}

fn nothing() -> AdminError {
    (RDKafkaErrorCode::Unknown, "an empty answer".to_owned())
}

/// # Safety
/// `words` is null or a text that ends with a zero.
unsafe fn check(code: RDKafkaRespErr, words: *const c_char) -> Result<(), AdminError> {
    if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: by the contract of this function.
    let words = unsafe { text(words) };
    Err((code.into(), words.unwrap_or_default()))
}

/// # Safety
/// `error` is null or valid.
unsafe fn check_error(error: *const native::rd_kafka_error_t) -> Result<(), AdminError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: by the contract of this function; the words live as long as the error.
    unsafe {
        let code = native::rd_kafka_error_code(error);
        check(code, native::rd_kafka_error_string(error))
    }
}

/// # Safety
/// `start` is null or a text that ends with a zero.
unsafe fn text(start: *const c_char) -> Option<String> {
    // SAFETY: by the contract of this function.
    let bytes = (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) });
    bytes.map(|bytes| bytes.to_string_lossy().into_owned())
}
