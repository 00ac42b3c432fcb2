//! The outcome of records handed to a producer, as the client library reports it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message, OwnedMessage};
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use super::client_identity::ClientIdentity;
use super::consumer_callbacks::log_line;
use super::dead_letter_headers::{self, LostDeadLetter};
use super::error_explainer::KafkaErrorExplainer;
use super::oauth_tokens::TokenRefresher;
use super::problem::KafkaProblem;
use super::problem_text::no_token;

/// The outcome of the records sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    pub delivered: u64,
    /// Given up by the client, or not delivered in time.
    pub failed: u64,
    /// The reason of the first failure.
    pub reason: Option<String>,
}

/// How to treat records that Kafka refuses until an operator changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OnRefusal {
    #[default]
    Fail,
    /// Keep them and send them again.
    Retry,
}

#[derive(Default)]
pub(super) struct ProducerCallbacks(Mutex<DeliveryState>);

#[derive(Default)]
pub(super) struct DeliveryState {
    pub(super) report: DeliveryReport,
    pub(super) on_refusal: OnRefusal,
    /// Dead letters to send again: a permission may be granted or the topic created by then.
    pub(super) refused: Vec<OwnedMessage>,
    /// Dead letters to send again, each alone, because a batch with them was too large.
    pub(super) oversized: VecDeque<OwnedMessage>,
    /// Whether one of those is in flight, with nothing beside it.
    pub(super) alone: bool,
    /// A dead letter of this size is always alone in its batch.
    pub(super) batch_bytes: u64,
    /// Bytes of the dead letters that were delivered or lost since the last report.
    pub(super) done_bytes: u64,
    /// The first dead letter lost since the last report.
    pub(super) first_lost: Option<LostDeadLetter>,
    /// The last problem that only an operator can solve.
    pub(super) refusal: Option<String>,
    pub(super) explainer: KafkaErrorExplainer,
    pub(super) identity: ClientIdentity,
}

impl ProducerCallbacks {
    pub(super) fn with<T>(&self, action: impl FnOnce(&mut DeliveryState) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take_report(&self) -> DeliveryReport {
        self.with(|state| std::mem::take(&mut state.report))
    }

    pub(super) fn count_failure(&self, error: &KafkaError) {
        let reason = error
            .rdkafka_error_code()
            .map_or_else(|| error.to_string(), |code| code.to_string());
        self.with(|state| {
            state.report.failed += 1;
            state.report.reason.get_or_insert(reason);
        });
    }

    /// Logs a problem unless it was logged lately.
    /// Takes over the state of the tokens: why there is none, and for whom it is.
    pub(super) fn note_tokens(&self, tokens: &TokenRefresher) {
        if let Some(reason) = tokens.failure() {
            self.report(KafkaProblem::Refused(no_token(&reason)));
        }
        let principal = tokens.principal();
        self.with(|state| state.identity.token_principal = principal);
    }

    pub(super) fn report(&self, problem: KafkaProblem) {
        let problem = self.with(|state| {
            if let KafkaProblem::Refused(text) = &problem {
                state.refusal = Some(text.clone());
            }
            state.explainer.admit(problem, Instant::now())
        });
        if let Some(reason) = problem {
            tracing::warn!(%reason, "records cannot be written to kafka");
        }
    }

    pub(super) fn report_error(&self, code: RDKafkaErrorCode, reason: &str) {
        let problem = self.with(|state| {
            let DeliveryState {
                explainer,
                identity,
                ..
            } = state;
            explainer.explain(code, reason, identity, Instant::now())
        });
        if let Some(problem) = problem {
            self.report(problem);
        }
    }
}

impl ClientContext for ProducerCallbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        self.report_error(code.unwrap_or(RDKafkaErrorCode::Unknown), reason);
    }
}

impl ProducerContext for ProducerCallbacks {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (error, message) = match result {
            Ok(message) => {
                self.with(|state| {
                    state.report.delivered += 1;
                    state.done_bytes += size(message.key(), message.payload());
                    state.alone = false;
                    state.refusal = None;
                    state.explainer.recovered();
                });
                return;
            }
            Err(failed) => (&failed.0, &failed.1),
        };
        if self.with(|state| state.on_refusal == OnRefusal::Fail) {
            self.count_failure(error);
            return;
        }
        match error.rdkafka_error_code() {
            Some(code) if is_refusal(code) => {
                // The client reports other refusals by itself.
                if is_reported_by_delivery_only(code) {
                    self.report_error(code, &code.to_string());
                }
                let letter = message.detach();
                self.with(|state| {
                    state.alone = false;
                    state.refused.push(letter);
                });
            }
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge,
            ) => {
                self.with(|state| state.too_large(message));
            }
            _ => self.with(|state| {
                state.alone = false;
                state.lose(message, &error.to_string());
            }),
        }
    }
}

impl DeliveryState {
    /// Counts a dead letter that Kafka rejects for good.
    pub(super) fn lose(&mut self, letter: &impl Message, reason: &str) {
        self.report.failed += 1;
        self.done_bytes += size(letter.key(), letter.payload());
        self.first_lost
            .get_or_insert_with(|| dead_letter_headers::read(letter, reason));
    }

    /// The brokers found the batch of a dead letter too large.
    fn too_large(&mut self, letter: &BorrowedMessage<'_>) {
        let was_alone = std::mem::take(&mut self.alone)
            || size(letter.key(), letter.payload()) >= self.batch_bytes;
        if was_alone {
            let topic = letter.topic();
            let reason =
                format!("it is larger than {topic} allows; raise max.message.bytes of that topic");
            self.lose(letter, &reason);
        } else {
            self.oversized.push_back(letter.detach());
        }
    }
}

/// Whether the client reports this error only with the delivery of a record.
pub(super) fn is_reported_by_delivery_only(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
    )
}

/// Whether a record can be written after an operator has granted the permission or created the topic.
pub(super) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    is_reported_by_delivery_only(code)
        || matches!(
            code,
            RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::PurgeQueue
                | RDKafkaErrorCode::PurgeInflight
        )
}

/// The bytes of a dead letter that count for limits.
pub(super) fn size(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len) as u64;
    length(key) + length(value)
}
