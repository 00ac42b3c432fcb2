//! Sends an admin request and waits for its answer.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::BaseConsumer;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_queue::{ClientQueue, milliseconds};
use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub(crate) struct AdminError {
    pub(crate) code: RDKafkaErrorCode,
    /// The library's text; may be empty.
    pub(crate) text: String,
}

impl AdminError {
    pub(crate) fn new(code: RDKafkaErrorCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    pub(super) fn empty_answer() -> Self {
        Self::new(RDKafkaErrorCode::Unknown, "an empty answer")
    }
}

/// The handles that a request function takes.
pub(super) struct AdminCall {
    pub(super) client: *mut native::rd_kafka_t,
    pub(super) options: *const native::rd_kafka_AdminOptions_t,
    pub(super) queue: *mut native::rd_kafka_queue_t,
}

/// Sends one request and waits up to `timeout` for its answer.
pub(super) fn request<T>(
    client: &Arc<BaseConsumer<ConsumerCallbacks>>,
    api: native::rd_kafka_admin_op_t,
    with_operations: bool,
    timeout: Duration,
    send: impl FnOnce(&AdminCall),
    read: impl FnOnce(*mut native::rd_kafka_event_t) -> Result<T, AdminError>,
) -> Result<T, AdminError> {
    let queue = ClientQueue::new(Arc::clone(client)).ok_or_else(AdminError::empty_answer)?;
    // SAFETY: `queue` keeps the client alive. The options are destroyed after their last use; the
    // request copies them. A setter fails only for a value out of range.
    unsafe {
        let options = native::rd_kafka_AdminOptions_new(queue.client(), api);
        native::rd_kafka_AdminOptions_set_request_timeout(
            options,
            milliseconds(timeout),
            ptr::null_mut(),
            0,
        );
        if with_operations {
            let error = native::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !error.is_null() {
                native::rd_kafka_error_destroy(error);
            }
        }
        send(&AdminCall {
            client: queue.client(),
            options,
            queue: queue.handle(),
        });
        native::rd_kafka_AdminOptions_destroy(options);
    }
    let answer = queue.poll(timeout, |event| {
        // SAFETY: the event is valid, and its text is copied.
        unsafe {
            let code = native::rd_kafka_event_error(event);
            check(code, native::rd_kafka_event_error_string(event))?;
        }
        read(event)
    });
    answer.unwrap_or_else(|| {
        let text = "the brokers do not answer";
        Err(AdminError::new(RDKafkaErrorCode::OperationTimedOut, text))
    })
}

pub(super) fn c_text(name: &str) -> Result<CString, AdminError> {
    CString::new(name).map_err(|_| {
        let text = "the name contains a zero byte";
        AdminError::new(RDKafkaErrorCode::InvalidArgument, text)
    })
}

/// # Safety
/// `words` is null or a text that ends with a zero byte.
pub(super) unsafe fn check(code: RDKafkaRespErr, words: *const c_char) -> Result<(), AdminError> {
    if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: by the contract of this function.
    let words = unsafe { text(words) };
    Err(AdminError::new(code.into(), words.unwrap_or_default()))
}

/// # Safety
/// `error` is null or valid.
pub(super) unsafe fn check_error(error: *const native::rd_kafka_error_t) -> Result<(), AdminError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: by the contract of this function; the text lives as long as the error.
    unsafe {
        let code = native::rd_kafka_error_code(error);
        check(code, native::rd_kafka_error_string(error))
    }
}

/// # Safety
/// `start` is null or a text that ends with a zero byte.
pub(super) unsafe fn text(start: *const c_char) -> Option<String> {
    // SAFETY: by the contract of this function.
    let text = (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) });
    text.map(|text| text.to_string_lossy().into_owned())
}

/// # Safety
/// `start` is null or points to `count` elements that live for `'a`.
pub(super) unsafe fn slice<'a, T>(start: *const T, count: usize) -> &'a [T] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: by the contract of this function.
    unsafe { std::slice::from_raw_parts(start, count) }
}
