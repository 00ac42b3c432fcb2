//! What becomes of records that a producer has taken over, as the client library calls it back.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message, OwnedMessage};
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use super::Trouble;
use super::client_identity::Outlook;
use super::consumer_callbacks::log_line;
use super::dead_letter_headers::{self, LostDeadLetter};
use super::error_explainer::Troubles;

/// What became of the records sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    pub delivered: u64,
    /// Given up by the client, or still on their way when the time was over.
    pub failed: u64,
    /// Why the first one failed.
    pub reason: Option<String>,
}

/// What becomes of records that we are not allowed to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnRefusal {
    /// They have failed.
    #[default]
    Fail,
    /// They are kept, to be sent again.
    Retry,
}

/// Counts delivery reports.
#[derive(Default)]
pub(super) struct ProducerCallbacks(Mutex<DeliveryState>);

#[derive(Default)]
pub(super) struct DeliveryState {
    pub(super) report: DeliveryReport,
    pub(super) refusals: OnRefusal,
    /// Letters to send again: a permission or the topic may be there by then.
    pub(super) refused: Vec<OwnedMessage>,
    /// Letters to be sent again alone: a batch with them was too large.
    pub(super) oversized: VecDeque<OwnedMessage>,
    /// One of those is on its way, and nothing else.
    pub(super) alone: bool,
    /// Letters of this size are never in a batch with others.
    pub(super) batch_bytes: u64,
    /// Bytes of the letters that were delivered or lost since the last report.
    pub(super) done_bytes: u64,
    /// The first letter lost since the last report.
    pub(super) first_lost: Option<LostDeadLetter>,
    /// The last trouble that only a person can end.
    pub(super) refusal: Option<String>,
    pub(super) troubles: KafkaErrorExplainer,
    pub(super) outlook: ClientIdentity,
}

impl ProducerCallbacks {
    pub(super) fn with<T>(&self, action: impl FnOnce(&mut DeliveryState) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take(&self) -> DeliveryReport {
        self.with(|inner| std::mem::take(&mut inner.report))
    }

    pub(super) fn failed(&self, error: &KafkaError) {
        let reason = error
            .rdkafka_error_code()
            .map_or_else(|| error.to_string(), |code| code.to_string());
        self.with(|inner| {
            inner.report.failed += 1;
            inner.report.reason.get_or_insert(reason);
        });
    }

    /// Says a trouble, once.
    pub(super) fn admit(&self, trouble: KafkaProblem) {
        let news = self.with(|inner| {
            if let KafkaProblem::Refused(text) = &trouble {
                inner.refusal = Some(text.clone());
            }
            inner.troubles.admit(trouble, Instant::now())
        });
        if let Some(text) = news {
            tracing::warn!(%text, "kafka producer");
        }
    }

    fn complain(&self, code: RDKafkaErrorCode, reason: &str) {
        let trouble = self.with(|inner| {
            let DeliveryState {
                troubles, outlook, ..
            } = inner;
            troubles.explain(code, reason, outlook, Instant::now())
        });
        if let Some(trouble) = trouble {
            self.admit(trouble);
        }
    }
}

impl ClientContext for ProducerCallbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        self.complain(code.unwrap_or(RDKafkaErrorCode::Unknown), reason);
    }
}

impl ProducerContext for ProducerCallbacks {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (error, message) = match result {
            Ok(message) => {
                self.with(|inner| {
                    inner.report.delivered += 1;
                    inner.done_bytes += size(message.key(), message.payload());
                    inner.alone = false;
                    inner.refusal = None;
                    inner.troubles.recovered();
                });
                return;
            }
            Err(failed) => (&failed.0, &failed.1),
        };
        if self.with(|inner| inner.refusals == OnRefusal::Fail) {
            self.failed(error);
            return;
        }
        match error.rdkafka_error_code() {
            Some(code) if is_refusal(code) => {
                // A whole producer that has given up has said why.
                if is_said_by_its_letters(code) {
                    self.complain(code, &code.to_string());
                }
                let letter = message.detach();
                self.with(|inner| {
                    inner.alone = false;
                    inner.refused.push(letter);
                });
            }
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge,
            ) => {
                self.with(|inner| inner.too_large(message));
            }
            _ => self.with(|inner| {
                inner.alone = false;
                inner.lose(message, &error.to_string());
            }),
        }
    }
}

impl DeliveryState {
    /// A letter that Kafka does not take, for this reason.
    pub(super) fn lose(&mut self, letter: &impl Message, reason: &str) {
        self.report.failed += 1;
        self.done_bytes += size(letter.key(), letter.payload());
        self.first_lost
            .get_or_insert_with(|| dead_letter_headers::of(letter, reason));
    }

    /// The brokers found a batch too large.
    fn too_large(&mut self, letter: &BorrowedMessage<'_>) {
        let was_alone = std::mem::take(&mut self.alone)
            || size(letter.key(), letter.payload()) >= self.batch_bytes;
        if was_alone {
            let topic = letter.topic();
            self.lose(
                letter,
                &format!("it is larger than {topic} takes; raise max.message.bytes of that topic"),
            );
        } else {
            self.oversized.push_back(letter.detach());
        }
    }
}

/// Whether the client says the reason with the delivery of a record only.
fn is_said_by_its_letters(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
    )
}

/// Whether a record can be written once a person has granted the permission or created the topic.
pub(super) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    is_said_by_its_letters(code)
        || matches!(
            code,
            RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::PurgeQueue
                | RDKafkaErrorCode::PurgeInflight
        )
}

/// The bytes of a letter that limits count.
pub(super) fn size(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len) as u64;
    length(key) + length(value)
}
