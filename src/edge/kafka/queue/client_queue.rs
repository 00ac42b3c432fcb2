//! A queue of the client library, for messages or for the answers to admin requests.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

pub(crate) struct ClientQueue {
    handle: NonNull<native::rd_kafka_queue_t>,
    // Last: released after `drop` has destroyed the handle.
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
}

// SAFETY: librdkafka locks its queues, so a handle may be used on any thread, one at a time.
unsafe impl Send for ClientQueue {}

impl ClientQueue {
    pub(crate) fn new(client: Arc<BaseConsumer<ConsumerCallbacks>>) -> Option<Self> {
        // SAFETY: the client's pointer is valid while `client` is held.
        let handle = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        Some(Self {
            handle: NonNull::new(handle)?,
            client,
        })
    }

    pub(super) fn client(&self) -> *mut native::rd_kafka_t {
        self.client.client().native_ptr()
    }

    pub(super) fn handle(&self) -> *mut native::rd_kafka_queue_t {
        self.handle.as_ptr()
    }

    /// Waits up to `timeout` for an event and passes it to `read`, which must not keep the pointer.
    pub(super) fn poll<T>(
        &self,
        timeout: Duration,
        read: impl FnOnce(*mut native::rd_kafka_event_t) -> T,
    ) -> Option<T> {
        // SAFETY: the handle is valid. We own the event until we destroy it after `read`.
        unsafe {
            let event = native::rd_kafka_queue_poll(self.handle(), milliseconds(timeout));
            if event.is_null() {
                return None;
            }
            let result = read(event);
            native::rd_kafka_event_destroy(event);
            Some(result)
        }
    }
}

impl Drop for ClientQueue {
    fn drop(&mut self) {
        // SAFETY: created in `new` and destroyed only here, while the client is still held.
        unsafe { native::rd_kafka_queue_destroy(self.handle()) };
    }
}

/// A duration as the library's functions take it.
pub(super) fn milliseconds(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}
