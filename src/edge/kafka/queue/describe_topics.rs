//! Asks the brokers about topics (DescribeTopics): which exist, their ids, and our permissions.
//!
//! A topic that was deleted and created again has the same name and other records. If it has enough
//! records, the client library goes on reading at the old offset and reports nothing; only the topic's
//! id shows the change. (librdkafka 2.12 leaves this open in `rd_kafka_topic_metadata_update0`.)

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as native;
use rdkafka::consumer::BaseConsumer;

use super::admin::{AdminCall, AdminError, c_text, check_error, request, slice};
use super::client_queue::ClientQueue;
use super::operations::AllowedOperations;
use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

/// Time between two requests: short, because records of another topic count until then, and long
/// enough that brokers do not notice it.
const INTERVAL: Duration = Duration::from_secs(2);

/// The id that brokers without topic ids (before Kafka 2.8) give.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// The brokers' answer about the topics. A topic that it does not mention is in neither list.
#[derive(Debug, Default)]
pub(crate) struct TopicDescriptions {
    /// Names and ids.
    pub(crate) identified: Vec<(Arc<str>, String)>,
    /// Names of topics that do not exist.
    pub(crate) missing: Vec<String>,
    /// Whether the brokers answered at all.
    pub(crate) answered: bool,
}

/// Asks which topics exist and for their ids, again and again, one request at a time. Waits for no
/// answer.
pub(crate) struct TopicIds {
    queue: ClientQueue,
    names: Vec<CString>,
    /// When to ask next; `None` while a request is open.
    next: Option<Instant>,
    answers: u64,
    /// Whether to ask again as soon as the open request is answered.
    asks_again: bool,
}

impl TopicIds {
    pub(crate) fn new(queue: ClientQueue, topics: &[String]) -> Self {
        let topics = topics.iter();
        Self {
            queue,
            names: topics.filter_map(|one| CString::new(&**one).ok()).collect(),
            next: Some(Instant::now()),
            answers: 0,
            asks_again: false,
        }
    }

    /// The next answer of the brokers. Asks when it is time.
    pub(crate) fn poll(&mut self) -> Option<TopicDescriptions> {
        match self.next {
            Some(next) => {
                if Instant::now() >= next {
                    self.ask();
                }
                None
            }
            None => self.take_answer(),
        }
    }

    /// Number of answers so far.
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// Asks soon. Returns the value of [`Self::answers`] once a request from after this call is
    /// answered.
    pub(crate) fn ask_soon(&mut self) -> u64 {
        match &mut self.next {
            Some(next) => {
                *next = Instant::now();
                self.answers + 1
            }
            None => {
                self.asks_again = true;
                self.answers + 2
            }
        }
    }

    fn ask(&mut self) {
        self.next = None;
        let call = AdminCall {
            client: self.queue.client(),
            options: ptr::null(),
            queue: self.queue.handle(),
        };
        send(&call, &self.names);
    }

    fn take_answer(&mut self) -> Option<TopicDescriptions> {
        // SAFETY: the event is valid.
        let read = |event| unsafe { descriptions(event) };
        let answer = self.queue.poll(Duration::ZERO, read)?;
        self.answers += 1;
        let pause = if std::mem::take(&mut self.asks_again) {
            Duration::ZERO
        } else {
            INTERVAL
        };
        self.next = Some(Instant::now() + pause);
        Some(answer)
    }
}

/// Asks which operations are allowed on a topic, and waits for the answer.
pub(crate) fn topic_operations(
    client: &Arc<BaseConsumer<ConsumerCallbacks>>,
    topic: &str,
    timeout: Duration,
) -> Result<AllowedOperations, AdminError> {
    let names = [c_text(topic)?];
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let send = |call: &AdminCall| send(call, &names);
    // SAFETY: everything read here lives as long as the event and is copied.
    request(client, api, true, timeout, send, |event| unsafe {
        let topic = topics(event).and_then(|topics| topics.first());
        let topic = *topic.ok_or_else(AdminError::empty_answer)?;
        check_error(native::rd_kafka_TopicDescription_error(topic))?;
        let mut count = 0;
        let operations =
            native::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut count);
        Ok(AllowedOperations::read_from(operations, count))
    })
}

fn send(call: &AdminCall, names: &[CString]) {
    let mut names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the handles are valid. The collection copies the names, and the call the collection.
    unsafe {
        let topics =
            native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        native::rd_kafka_DescribeTopics(call.client, topics, call.options, call.queue);
        native::rd_kafka_TopicCollection_destroy(topics);
    }
}

/// The topics in an answer; `None` where the event is an error.
///
/// # Safety
/// `event` is valid and outlives the result.
unsafe fn topics<'a>(
    event: *mut native::rd_kafka_event_t,
) -> Option<&'a [*const native::rd_kafka_TopicDescription_t]> {
    // SAFETY: the result is null for another kind of event; the list lives as long as the event.
    unsafe {
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return None;
        }
        let mut count = 0;
        let list = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        (!list.is_null()).then(|| slice(list, count))
    }
}

/// # Safety
/// `event` is valid.
unsafe fn descriptions(event: *mut native::rd_kafka_event_t) -> TopicDescriptions {
    let mut found = TopicDescriptions::default();
    // SAFETY: the descriptions and their texts live as long as the event and are copied.
    unsafe {
        let Some(topics) = topics(event) else {
            return found;
        };
        found.answered = true;
        for &topic in topics {
            use native::rd_kafka_resp_err_t as Code;
            let error = native::rd_kafka_TopicDescription_error(topic);
            let code = if error.is_null() {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR
            } else {
                native::rd_kafka_error_code(error)
            };
            let Some(name) = utf8(native::rd_kafka_TopicDescription_name(topic)) else {
                continue;
            };
            if code == Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
                found.missing.push(name.to_owned());
            }
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR
                && !id.is_null()
                && let Some(id) = utf8(native::rd_kafka_Uuid_base64str(id))
                && id != NO_ID
            {
                found.identified.push((name.into(), id.to_owned()));
            }
        }
    }
    found
}

/// # Safety
/// `start` is null or a text that ends with a zero byte and lives for `'a`.
unsafe fn utf8<'a>(start: *const c_char) -> Option<&'a str> {
    if start.is_null() {
        return None;
    }
    // SAFETY: by the contract of this function.
    unsafe { CStr::from_ptr(start) }.to_str().ok()
}
