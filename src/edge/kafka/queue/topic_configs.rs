//! Asks the brokers once for the settings of the topics, without waiting for the answer.

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::super::consumer_callbacks::Context;
use super::super::topic_settings::TopicSettings;
use super::admin::settings_of;

/// Time between two questions while there is no answer, or a topic does not exist yet.
const PAUSE: Duration = Duration::from_secs(30);

/// The question and its answer. Each topic is asked for until there is an answer about it.
pub(in super::super) struct TopicConfigs {
    answers: NonNull<native::rd_kafka_queue_t>,
    topics: Vec<CString>,
    /// When to ask next; `None` while an answer is on its way.
    next: Option<Instant>,
    // Last: released after the handle is destroyed in `drop`.
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
}

// SAFETY: as for the private queue: the handle may be used on any thread, one at a time.
unsafe impl Send for TopicConfigs {}

/// The part of an answer about one topic.
struct Answer {
    topic: CString,
    code: native::rd_kafka_resp_err_t,
    settings: TopicSettings,
}

impl TopicConfigs {
    pub(in super::super) fn new(
        client: Arc<BaseConsumer<ConsumerCallbacks>>,
        topics: &[String],
    ) -> Option<Self> {
        // SAFETY: the client's pointer is valid as long as `client` is held.
        let answers = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        let topics = topics.iter();
        Some(Self {
            answers: NonNull::new(answers)?,
            topics: topics.filter_map(|one| CString::new(&**one).ok()).collect(),
            next: Some(Instant::now()),
            client,
        })
    }

    /// The settings that an answer brings, once for each topic; asks when it is time.
    pub(in super::super) fn poll(&mut self) -> Vec<(String, TopicSettings)> {
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
        // SAFETY: the names outlive the calls, which copy them; the resources are ours and are
        // destroyed after the question, which copies them too.
        unsafe {
            let mut resources: Vec<_> = self
                .topics
                .iter()
                .map(|topic| {
                    let kind = native::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
                    native::rd_kafka_ConfigResource_new(kind, topic.as_ptr())
                })
                .collect();
            native::rd_kafka_DescribeConfigs(
                self.client.client().native_ptr(),
                resources.as_mut_ptr(),
                resources.len(),
                ptr::null(),
                self.answers.as_ptr(),
            );
            for resource in resources {
                native::rd_kafka_ConfigResource_destroy(resource);
            }
        }
    }

    fn take_answer(&mut self) -> Vec<(String, TopicSettings)> {
        // SAFETY: the queue is ours; the event is ours from here to its destruction, and so is
        // what is read of it, which is copied.
        let answers = unsafe {
            let event = native::rd_kafka_queue_poll(self.answers.as_ptr(), 0);
            if event.is_null() {
                return Vec::new();
            }
            let answers = resources(event);
            native::rd_kafka_event_destroy(event);
            answers
        };
        self.next = Some(Instant::now() + PAUSE);
        let mut found = Vec::new();
        for answer in answers {
            use native::rd_kafka_resp_err_t as Code;
            if answer.code == Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
                continue; // it may be created later
            }
            // Without the permission to ask, the settings stay unknown; reading does not need it.
            self.topics.retain(|topic| *topic != answer.topic);
            if answer.code == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                let topic = answer.topic.to_string_lossy().into_owned();
                found.push((topic, answer.settings));
            }
        }
        found
    }
}

impl Drop for TopicConfigs {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed here once, while the client is still held.
        unsafe { native::rd_kafka_queue_destroy(self.answers.as_ptr()) };
    }
}

/// Reads the answer about each topic; gives nothing where it is an error.
///
/// # Safety
/// `event` is valid.
unsafe fn resources(event: *mut native::rd_kafka_event_t) -> Vec<Answer> {
    let mut answers = Vec::new();
    // SAFETY: null where the event is another one; otherwise the list, its resources and the texts
    // that they lead to live as long as the event.
    unsafe {
        let result = native::rd_kafka_event_DescribeConfigs_result(event);
        if result.is_null() {
            return answers;
        }
        let mut count = 0;
        let list = native::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        if list.is_null() {
            return answers;
        }
        for number in 0..count {
            let resource = *list.add(number);
            let settings = settings_of(resource);
            let entries = settings.iter().map(|(name, value)| (&**name, &**value));
            answers.push(Answer {
                topic: CStr::from_ptr(native::rd_kafka_ConfigResource_name(resource)).to_owned(),
                code: native::rd_kafka_ConfigResource_error(resource),
                settings: TopicSettings::read(entries),
            });
        }
    }
    answers
}
