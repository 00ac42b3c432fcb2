//! Asks the brokers which topics exist and for their ids, without waiting for the answer.
//!
//! A topic that is deleted and created anew has the same name and other records. The client
//! library reads on at the old offset where there are enough of them, and says nothing; only the
//! topic's id tells. (librdkafka 2.12 leaves this open in `rd_kafka_topic_metadata_update0`.)

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::super::consumer_callbacks::Context;

/// Time between two questions: short, since what is read of another topic until then counts, and
/// long enough that brokers do not notice it.
const INTERVAL: Duration = Duration::from_secs(2);

/// What brokers without topic ids (before Kafka 2.8) say.
const NONE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// The brokers' answer about the topics. Topics that it does not mention are in neither list.
#[derive(Debug, Default)]
pub(in super::super) struct TopicDescriptions {
    /// Names and ids.
    pub(in super::super) identified: Vec<(Arc<str>, String)>,
    /// Names of topics that do not exist.
    pub(in super::super) missing: Vec<String>,
    /// Whether the brokers answered at all.
    pub(in super::super) answered: bool,
}

/// Questions and answers, one at a time.
pub(in super::super) struct TopicIds {
    /// Where the answers arrive.
    answers: NonNull<native::rd_kafka_queue_t>,
    names: Vec<CString>,
    /// When to ask next; `None` while an answer is on its way.
    next: Option<Instant>,
    /// Answers so far.
    answers_taken: u64,
    /// Whether to ask again as soon as the answer on its way is there.
    hurried: bool,
    // Last: released after the handle is destroyed in `drop`.
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
}

// SAFETY: as for the private queue: the handle may be used on any thread, one at a time.
unsafe impl Send for TopicIds {}

impl TopicIds {
    pub(in super::super) fn new(
        client: Arc<BaseConsumer<ConsumerCallbacks>>,
        topics: &[String],
    ) -> Option<Self> {
        // SAFETY: the client's pointer is valid as long as `client` is held.
        let answers = unsafe { native::rd_kafka_queue_new(client.client().native_ptr()) };
        let names = topics
            .iter()
            .filter_map(|topic| CString::new(&**topic).ok());
        Some(Self {
            answers: NonNull::new(answers)?,
            names: names.collect(),
            next: Some(Instant::now()),
            answers_taken: 0,
            hurried: false,
            client,
        })
    }

    /// The next answer of the brokers; asks when it is time.
    pub(in super::super) fn poll(&mut self) -> Option<TopicDescriptions> {
        match self.next {
            Some(next) => {
                if Instant::now() >= next {
                    self.ask();
                }
                None
            }
            None => self.answer(),
        }
    }

    /// How many questions were answered.
    pub(in super::super) fn answers(&self) -> u64 {
        self.answers_taken
    }

    /// Asks at the next occasion: which answer, counted as [`Self::answers`], will be to a question
    /// from after now.
    pub(in super::super) fn ask_soon(&mut self) -> u64 {
        match &mut self.next {
            Some(next) => {
                *next = Instant::now();
                self.answers_taken + 1
            }
            None => {
                self.hurried = true;
                self.answers_taken + 2
            }
        }
    }

    fn ask(&mut self) {
        self.next = None;
        let mut names: Vec<*const c_char> = self.names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: the collection copies the names; all handles are valid for the call, which
        // keeps none of them but its own reference to the queue.
        unsafe {
            let topics =
                native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            native::rd_kafka_DescribeTopics(
                self.client.client().native_ptr(),
                topics,
                ptr::null(),
                self.answers.as_ptr(),
            );
            native::rd_kafka_TopicCollection_destroy(topics);
        }
    }

    fn answer(&mut self) -> Option<TopicDescriptions> {
        // SAFETY: the queue is ours; the event is ours from here to its destruction, and so is
        // what is read of it, which is copied.
        let found = unsafe {
            let event = native::rd_kafka_queue_poll(self.answers.as_ptr(), 0);
            if event.is_null() {
                return None;
            }
            let found = descriptions(event);
            native::rd_kafka_event_destroy(event);
            found
        };
        self.answers_taken += 1;
        let pause = if std::mem::take(&mut self.hurried) {
            Duration::ZERO
        } else {
            INTERVAL
        };
        self.next = Some(Instant::now() + pause);
        Some(found)
    }
}

impl Drop for TopicIds {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed here once, while the client is still held.
        unsafe { native::rd_kafka_queue_destroy(self.answers.as_ptr()) };
    }
}

/// Reads the answer about the topics; gives nothing where it is an error.
///
/// # Safety
/// `event` is valid.
unsafe fn descriptions(event: *mut native::rd_kafka_event_t) -> TopicDescriptions {
    let mut found = TopicDescriptions::default();
    // SAFETY: null where the event is another one; otherwise the list, and the texts that its
    // descriptions lead to, live as long as the event.
    unsafe {
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return found;
        }
        let mut count = 0;
        let list = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if list.is_null() {
            return found;
        }
        found.answered = true;
        for number in 0..count {
            let topic = *list.add(number);
            let error = native::rd_kafka_TopicDescription_error(topic);
            let name = native::rd_kafka_TopicDescription_name(topic);
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            let code = if error.is_null() {
                native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            } else {
                native::rd_kafka_error_code(error)
            };
            if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                && !name.is_null()
                && let Ok(name) = CStr::from_ptr(name).to_str()
            {
                found.missing.push(name.to_owned());
            }
            let fails = code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
            if fails || name.is_null() || id.is_null() {
                continue;
            }
            let id = native::rd_kafka_Uuid_base64str(id);
            if id.is_null() {
                continue;
            }
            let (name, id) = (CStr::from_ptr(name), CStr::from_ptr(id));
            if let (Ok(name), Ok(id)) = (name.to_str(), id.to_str())
                && id != NONE
            {
                found.identified.push((name.into(), id.to_owned()));
            }
        }
    }
    found
}
