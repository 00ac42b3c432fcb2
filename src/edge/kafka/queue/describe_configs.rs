//! Asks the brokers for the settings of topics (DescribeConfigs).

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as native;
use rdkafka::consumer::BaseConsumer;
use rdkafka::types::RDKafkaErrorCode;

use super::admin::{AdminCall, AdminError, c_text, check, request, slice, text};
use super::client_queue::ClientQueue;
use crate::edge::kafka::consumer_callbacks::ConsumerCallbacks;

/// Time between two requests while there is no answer, or a topic does not exist yet.
const PAUSE: Duration = Duration::from_secs(30);

/// Names and values of a topic's settings.
type Entries = Vec<(String, String)>;

/// The part of an answer about one topic.
struct TopicAnswer {
    topic: String,
    entries: Result<Entries, AdminError>,
}

/// Asks for the settings of one topic and waits for the answer.
pub(crate) fn topic_configs(
    client: &Arc<BaseConsumer<ConsumerCallbacks>>,
    topic: &str,
    timeout: Duration,
) -> Result<Entries, AdminError> {
    let topics = [c_text(topic)?];
    let api = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    let send = |call: &AdminCall| send(call, &topics);
    // SAFETY: the event is valid.
    let answers = request(client, api, false, timeout, send, |event| unsafe {
        Ok(answers(event))
    })?;
    let answer = answers.into_iter().next();
    answer.ok_or_else(AdminError::empty_answer)?.entries
}

/// Asks for the settings of topics without waiting, until each topic has an answer.
pub(crate) struct TopicConfigs {
    queue: ClientQueue,
    /// Topics without an answer.
    topics: Vec<CString>,
    /// When to ask next; `None` while a request is open.
    next: Option<Instant>,
}

impl TopicConfigs {
    pub(crate) fn new(queue: ClientQueue, topics: &[String]) -> Self {
        let topics = topics.iter();
        Self {
            queue,
            topics: topics.filter_map(|one| CString::new(&**one).ok()).collect(),
            next: Some(Instant::now()),
        }
    }

    /// Takes the settings of topics that an answer brings, once for each topic. Asks when it is time.
    pub(crate) fn poll(&mut self) -> Vec<(String, Entries)> {
        match self.next {
            Some(_) if self.topics.is_empty() => Vec::new(),
            Some(next) => {
                if Instant::now() >= next {
                    self.ask();
                }
                Vec::new()
            }
            None => self.take_answer(),
        }
    }

    fn ask(&mut self) {
        self.next = None;
        let call = AdminCall {
            client: self.queue.client(),
            options: ptr::null(),
            queue: self.queue.handle(),
        };
        send(&call, &self.topics);
    }

    fn take_answer(&mut self) -> Vec<(String, Entries)> {
        // SAFETY: the event is valid.
        let read = |event| unsafe { answers(event) };
        let Some(answers) = self.queue.poll(Duration::ZERO, read) else {
            return Vec::new();
        };
        self.next = Some(Instant::now() + PAUSE);
        let mut found = Vec::new();
        for TopicAnswer { topic, entries } in answers {
            if let Err(error) = &entries
                && error.code == RDKafkaErrorCode::UnknownTopicOrPartition
            {
                continue; // it may be created later
            }
            // The settings stay unknown without the permission to ask; reading does not need it.
            self.topics.retain(|one| one.to_bytes() != topic.as_bytes());
            found.extend(entries.ok().map(|entries| (topic, entries)));
        }
        found
    }
}

fn send(call: &AdminCall, topics: &[CString]) {
    // SAFETY: the handles are valid. The call copies the resources, which are destroyed afterwards.
    unsafe {
        let kind = native::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
        let mut resources: Vec<_> = topics
            .iter()
            .map(|topic| native::rd_kafka_ConfigResource_new(kind, topic.as_ptr()))
            .collect();
        native::rd_kafka_DescribeConfigs(
            call.client,
            resources.as_mut_ptr(),
            resources.len(),
            call.options,
            call.queue,
        );
        for resource in resources {
            native::rd_kafka_ConfigResource_destroy(resource);
        }
    }
}

/// Reads the answer about each topic; empty where the event is an error.
///
/// # Safety
/// `event` is valid.
unsafe fn answers(event: *mut native::rd_kafka_event_t) -> Vec<TopicAnswer> {
    // SAFETY: the result is null for another kind of event. The resources and their texts live as
    // long as the event and are copied.
    unsafe {
        let result = native::rd_kafka_event_DescribeConfigs_result(event);
        if result.is_null() {
            return Vec::new();
        }
        let mut count = 0;
        let resources = native::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        let resources = slice(resources, count).iter();
        resources
            .map(|&resource| {
                let code = native::rd_kafka_ConfigResource_error(resource);
                let words = native::rd_kafka_ConfigResource_error_string(resource);
                let name = native::rd_kafka_ConfigResource_name(resource);
                TopicAnswer {
                    topic: text(name).unwrap_or_default(),
                    entries: check(code, words).map(|()| entries(resource)),
                }
            })
            .collect()
    }
}

/// # Safety
/// `resource` is valid.
unsafe fn entries(resource: *const native::rd_kafka_ConfigResource_t) -> Entries {
    // SAFETY: the entries and their texts live as long as the resource and are copied.
    unsafe {
        let mut count = 0;
        let entries = native::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        let entries = slice(entries, count).iter();
        entries
            .filter_map(|&entry| {
                let name = text(native::rd_kafka_ConfigEntry_name(entry))?;
                Some((name, text(native::rd_kafka_ConfigEntry_value(entry))?))
            })
            .collect()
    }
}
