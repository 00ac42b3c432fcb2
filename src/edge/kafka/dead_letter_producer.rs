//! Writes dead letters, which are records that are not events, to their own topic. A checkpoint waits
//! for them. Nothing here waits for brokers without a deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::{Message as _, OwnedMessage, Timestamp};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode;

use super::client_properties::{DEAD_LETTERS, KafkaConnection};
use super::dead_letter_headers::{self, LostDeadLetter};
use super::producer_callbacks::{DeliveryState, OnRefusal, is_refusal, size};
use super::producer_client::ProducerClient;
use super::record_batch::{DeadLetterHeader, KafkaRecord};
use super::start_error::StartError;

/// The most unconfirmed dead letters, by number and by the bytes of their keys and values. A topic full
/// of them must not fill the memory.
const MOST_DEAD_LETTERS: u64 = 10_000;
const MOST_BYTES: u64 = 32 << 20;

/// Reading goes on when the unconfirmed dead letters are down to the limit divided by this, so that it
/// proceeds in large batches.
const ROOM: u64 = 2;

/// Between two attempts to write dead letters that Kafka refused.
const RESEND_PAUSE: Duration = Duration::from_secs(5);

/// How long a producer may take to return its dead letters after a fatal error.
const PURGE: Duration = Duration::from_millis(100);

pub struct DeadLetterProducer {
    client: ProducerClient,
    connection: KafkaConnection,
    topic: Arc<str>,
    sent: u64,
    sent_bytes: u64,
    /// Letters that the client has no room for.
    outbox: VecDeque<OwnedMessage>,
    /// When refused dead letters may be sent again.
    resend: Instant,
}

/// Numbers of dead letters since the last report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterReport {
    pub delivered: u64,
    /// Rejected by Kafka for good.
    pub lost: u64,
    pub first_lost: Option<LostDeadLetter>,
}

impl DeadLetterProducer {
    pub fn start(connection: &KafkaConnection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: ProducerClient::start(connection, DEAD_LETTERS, topic, OnRefusal::Retry)?,
            connection: connection.clone(),
            topic: topic.into(),
            sent: 0,
            sent_bytes: 0,
            outbox: VecDeque::new(),
            resend: Instant::now(),
        })
    }

    /// Whether another dead letter may be sent now.
    pub fn has_room(&mut self) -> bool {
        self.has_room_for(MOST_DEAD_LETTERS, MOST_BYTES)
    }

    /// Waits up to `timeout` until many dead letters may be sent again; returns whether that is so.
    pub fn wait_for_room(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            if self.has_room_for(MOST_DEAD_LETTERS / ROOM, MOST_BYTES / ROOM) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.client.poll(left);
        }
    }

    /// Hands over a record with all its own `headers`, followed by its origin and the reason
    /// (`ticket_exporter.topic`, `.partition`, `.offset`, `.reason`). Never waits; call
    /// [`Self::has_room`] first. [`Self::flush`] returns the outcome.
    pub fn send(
        &mut self,
        record: &KafkaRecord<'_>,
        headers: &[DeadLetterHeader<'_>],
        reason: &str,
    ) {
        let topic = Arc::clone(&self.topic);
        let letter = BaseRecord {
            payload: record.value,
            key: record.key,
            timestamp: record.timestamp,
            headers: Some(dead_letter_headers::headers(record, headers, reason)),
            ..BaseRecord::<[u8], [u8]>::to(&topic)
        };
        self.sent += 1;
        self.sent_bytes += size(record.key, record.value);
        if self.outbox.is_empty() {
            self.enqueue(letter);
        } else {
            self.outbox.push_back(owned(&letter));
        }
        self.client.poll(Duration::ZERO);
    }

    /// Whether every dead letter was delivered or is lost.
    pub fn all_confirmed(&self) -> bool {
        self.client.poll(Duration::ZERO);
        self.unconfirmed() == 0
    }

    /// Number of dead letters without an outcome.
    pub fn unconfirmed(&self) -> u64 {
        self.client
            .callbacks()
            .with(|state| self.unconfirmed_of(state))
    }

    /// Waits up to `timeout` until every dead letter was delivered or is lost. Returns the numbers
    /// since the last report, without the dead letters that have no outcome yet.
    pub fn flush(&mut self, timeout: Duration) -> DeadLetterReport {
        let deadline = Instant::now() + timeout;
        loop {
            self.send_waiting();
            let left = deadline.saturating_duration_since(Instant::now());
            if self.sent > 0 {
                self.client.flush(left);
            }
            if left.is_zero() || self.outbox.is_empty() && !self.has_oversized() {
                break;
            }
        }
        let (report, first_lost, bytes) = self.client.callbacks().with(|state| {
            let bytes = std::mem::take(&mut state.done_bytes);
            (
                std::mem::take(&mut state.report),
                state.first_lost.take(),
                bytes,
            )
        });
        self.sent -= report.delivered + report.failed;
        self.sent_bytes = self.sent_bytes.saturating_sub(bytes);
        DeadLetterReport {
            delivered: report.delivered,
            lost: report.failed,
            first_lost,
        }
    }

    /// Why the brokers refuse dead letters until an operator changes something.
    pub fn refusal(&self) -> Option<String> {
        self.client.callbacks().with(|state| {
            let refused = !state.refused.is_empty() || self.unconfirmed_of(state) > 0;
            state.refusal.clone().filter(|_| refused)
        })
    }

    /// The reason why dead letters are not confirmed, in the words of the log, if it is known.
    pub fn problem(&self) -> Option<String> {
        let callbacks = self.client.callbacks();
        callbacks.with(|state| state.explainer.current().map(str::to_owned))
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    fn has_room_for(&mut self, letters: u64, bytes: u64) -> bool {
        self.client.poll(Duration::ZERO);
        self.send_waiting();
        let (unconfirmed, done_bytes) = self
            .client
            .callbacks()
            .with(|state| (self.unconfirmed_of(state), state.done_bytes));
        let unconfirmed_bytes = self.sent_bytes.saturating_sub(done_bytes);
        unconfirmed < letters
            && unconfirmed_bytes < bytes
            && self.outbox.is_empty()
            && !self.has_oversized()
    }

    fn unconfirmed_of(&self, state: &DeliveryState) -> u64 {
        self.sent - state.report.delivered - state.report.failed
    }

    fn has_oversized(&self) -> bool {
        self.client
            .callbacks()
            .with(|state| state.alone || !state.oversized.is_empty())
    }

    /// Sends the dead letters that wait, as far as the client has room.
    fn send_waiting(&mut self) {
        self.resend_refused();
        self.send_oversized();
        if self.has_oversized() {
            return; // no other dead letter may be sent with it
        }
        while let Some(letter) = self.outbox.pop_front() {
            if !self.enqueue_owned(&letter) {
                return;
            }
        }
    }

    /// Sends refused dead letters again from time to time, so that none is lost because a permission or
    /// the topic is missing.
    fn resend_refused(&mut self) {
        let refused = |state: &mut DeliveryState| !state.refused.is_empty();
        if Instant::now() < self.resend || !self.client.callbacks().with(refused) {
            return;
        }
        self.resend = Instant::now() + RESEND_PAUSE;
        if self.client.producer.client().fatal_error().is_some() {
            // Without any write permission an idempotent producer has a fatal error.
            let new = ProducerClient::start(
                &self.connection,
                DEAD_LETTERS,
                &self.topic,
                OnRefusal::Retry,
            );
            let Ok(new) = new else {
                return; // the check of the credentials reports it
            };
            let old = std::mem::replace(&mut self.client, new);
            // The dead letters in the old producer come back as refused.
            old.producer
                .purge(PurgeConfig::default().queue().inflight());
            old.producer.poll(PURGE);
            let old = old.callbacks().with(std::mem::take);
            self.client.callbacks().with(|state| *state = old);
        }
        let refused = self
            .client
            .callbacks()
            .with(|state| std::mem::take(&mut state.refused));
        self.outbox.extend(refused);
    }

    /// Brokers limit the size of a whole batch, so a dead letter that was too large together with
    /// others is sent once more, alone.
    fn send_oversized(&mut self) {
        if self.client.producer.in_flight_count() > 0 {
            return;
        }
        let letter = self.client.callbacks().with(|state| {
            let letter = state.oversized.pop_front();
            state.alone = letter.is_some();
            letter
        });
        if let Some(letter) = letter {
            self.enqueue_owned(&letter);
        }
    }

    /// Returns whether the client had room.
    fn enqueue_owned(&mut self, letter: &OwnedMessage) -> bool {
        let topic = Arc::clone(&self.topic);
        self.enqueue(BaseRecord {
            payload: letter.payload(),
            key: letter.key(),
            timestamp: letter.timestamp().to_millis(),
            headers: letter.headers().cloned(),
            ..BaseRecord::<[u8], [u8]>::to(&topic)
        })
    }

    /// Returns whether the client had room. A dead letter that the client rejects for good is lost.
    fn enqueue(&mut self, letter: BaseRecord<'_, [u8], [u8]>) -> bool {
        let Err((error, letter)) = self.client.producer.send(letter) else {
            return true;
        };
        let callbacks = Arc::clone(self.client.callbacks());
        let is_full = matches!(
            error,
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
        );
        if is_full && self.client.producer.in_flight_count() > 0 {
            self.outbox.push_front(owned(&letter));
            return false;
        }
        if error.rdkafka_error_code().is_some_and(is_refusal) {
            callbacks.with(|state| state.refused.push(owned(&letter)));
            return true;
        }
        let reason = if is_full {
            "it is larger than the producer's queue; raise queue.buffering.max.kbytes in \
             kafka.properties"
                .to_owned()
        } else {
            error.to_string()
        };
        callbacks.with(|state| state.lose(&owned(&letter), &reason));
        true
    }
}

fn owned(record: &BaseRecord<'_, [u8], [u8]>) -> OwnedMessage {
    OwnedMessage::new(
        record.payload.map(<[u8]>::to_vec),
        record.key.map(<[u8]>::to_vec),
        record.topic.to_owned(),
        record
            .timestamp
            .map_or(Timestamp::NotAvailable, Timestamp::CreateTime),
        0,
        0,
        record.headers.clone(),
    )
}
