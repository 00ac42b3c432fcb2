//! Dead letters: records that are no events, on their way to a topic of their own. A checkpoint
//! waits for them, and nothing here waits for brokers without a deadline.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode;

use super::client_properties::DEAD_LETTERS;
use super::dead_letter_headers::{self, LostDeadLetter};
use super::event_publisher::{ProducerClient, client, owned};
use super::producer_callbacks::{DeliveryState, OnRefusal, is_refusal, size};
use super::record_batch::{DeadLetterHeader, KafkaRecord};
use super::{KafkaConnection, StartError};

/// The most dead letters on their way at once, by number and by the bytes of their keys and values.
/// A topic full of them must not fill the memory.
const MOST_LETTERS: u64 = 10_000;
const MOST_BYTES: u64 = 32 << 20;

/// Held records go on once the letters on their way are down to one part in this many, so that
/// reading goes on in large batches.
const ROOM: u64 = 2;

/// Between two tries to write letters that Kafka did not take.
const RESEND_PAUSE: Duration = Duration::from_secs(5);

/// How long a producer that gives up may take to give its letters back.
const PURGE: Duration = Duration::from_millis(100);

/// Sends records that are no events to the dead-letter topic.
pub struct DeadLetterProducer {
    client: ProducerClient,
    connection: KafkaConnection,
    topic: Arc<str>,
    sent: u64,
    sent_bytes: u64,
    /// Letters that the client has no room for yet.
    outbox: VecDeque<OwnedMessage>,
    /// When letters that were refused may be sent again.
    resend: Instant,
}

/// Numbers of letters since the last report, by their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterReport {
    pub delivered: u64,
    /// Refused for good.
    pub lost: u64,
    /// The first one of them.
    pub first_lost: Option<LostDeadLetter>,
}

impl DeadLetterProducer {
    /// # Errors
    /// Properties that are refused.
    pub fn start(connection: &KafkaConnection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: client(connection, DEAD_LETTERS, topic, OnRefusal::Retry)?,
            connection: connection.clone(),
            topic: topic.into(),
            sent: 0,
            sent_bytes: 0,
            outbox: VecDeque::new(),
            resend: Instant::now(),
        })
    }

    /// Whether another letter may be sent now.
    pub fn has_room(&mut self) -> bool {
        self.has_room_for(MOST_LETTERS, MOST_BYTES)
    }

    /// Whether a good part of what may be on its way has arrived. Waits for that up to `timeout`.
    pub fn wait_for_room(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            if self.has_room_for(MOST_LETTERS / ROOM, MOST_BYTES / ROOM) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.client.poll(left);
        }
    }

    /// Hands a record over, as it is: with all `headers` of its own, then its origin and the reason
    /// (`ticket_exporter.topic`, `.partition`, `.offset`, `.reason`). Never waits; ask
    /// [`Self::has_room`] first. Delivery is known after [`Self::flush`].
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

    /// Whether every letter sent was delivered or is lost.
    pub fn all_confirmed(&self) -> bool {
        self.client.poll(Duration::ZERO);
        self.unconfirmed() == 0
    }

    /// Letters on their way.
    pub fn unconfirmed(&self) -> u64 {
        self.client
            .context()
            .with(|inner| self.unconfirmed_of(inner))
    }

    /// Waits until every letter sent was delivered or is lost, up to `timeout`. What the report
    /// has is not reported again; what is still on its way is not in it.
    pub fn flush(&mut self, timeout: Duration) -> DeadLetterReport {
        let deadline = Instant::now() + timeout;
        loop {
            self.push_on();
            let left = deadline.saturating_duration_since(Instant::now());
            if self.sent > 0 {
                self.client.flush(left);
            }
            if left.is_zero() || self.outbox.is_empty() && !self.has_oversized() {
                break;
            }
        }
        let (report, first_lost, bytes) = self.client.context().with(|inner| {
            let bytes = std::mem::take(&mut inner.done_bytes);
            (
                std::mem::take(&mut inner.report),
                inner.first_lost.take(),
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

    /// Why the brokers refuse letters, if they do: a person has to change something first.
    pub fn refusal(&self) -> Option<String> {
        self.client.context().with(|inner| {
            let refused = !inner.refused.is_empty() || self.unconfirmed_of(inner) > 0;
            inner.refusal.clone().filter(|_| refused)
        })
    }

    /// The reason why letters are not confirmed, in the words of the log, where it is known.
    pub fn problem(&self) -> Option<String> {
        let context = self.client.context();
        context.with(|inner| inner.troubles.current().map(str::to_owned))
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    fn has_room_for(&mut self, letters: u64, bytes: u64) -> bool {
        self.client.poll(Duration::ZERO);
        self.push_on();
        let (unconfirmed, done_bytes) = self
            .client
            .context()
            .with(|inner| (self.unconfirmed_of(inner), inner.done_bytes));
        let unconfirmed_bytes = self.sent_bytes.saturating_sub(done_bytes);
        unconfirmed < letters
            && unconfirmed_bytes < bytes
            && self.outbox.is_empty()
            && !self.has_oversized()
    }

    fn unconfirmed_of(&self, inner: &DeliveryState) -> u64 {
        self.sent - inner.report.delivered - inner.report.failed
    }

    fn has_oversized(&self) -> bool {
        self.client
            .context()
            .with(|inner| inner.alone || !inner.oversized.is_empty())
    }

    /// Sends what waits, as far as the client has room.
    fn push_on(&mut self) {
        self.resend_refused();
        self.send_oversized();
        if self.has_oversized() {
            return; // nothing may join a letter that is sent alone
        }
        while let Some(letter) = self.outbox.pop_front() {
            if !self.enqueue_owned(&letter) {
                return;
            }
        }
    }

    /// Sends letters again, from time to time, that Kafka did not let us write: none is lost
    /// because a permission or the topic is missing.
    fn resend_refused(&mut self) {
        let refused = |inner: &mut DeliveryState| !inner.refused.is_empty();
        if Instant::now() < self.resend || !self.client.context().with(refused) {
            return;
        }
        self.resend = Instant::now() + RESEND_PAUSE;
        if self.client.producer.client().fatal_error().is_some() {
            // Without the right to write anything an idempotent producer gives up for good.
            let new = client(
                &self.connection,
                DEAD_LETTERS,
                &self.topic,
                OnRefusal::Retry,
            );
            let Ok(new) = new else {
                return; // said where the credentials are watched
            };
            let old = std::mem::replace(&mut self.client, new);
            // Letters that are still in the old one come back as refused.
            old.producer
                .purge(PurgeConfig::default().queue().inflight());
            old.producer.poll(PURGE);
            let old = old.context().with(std::mem::take);
            self.client.context().with(|inner| *inner = old);
        }
        let refused = self
            .client
            .context()
            .with(|inner| std::mem::take(&mut inner.refused));
        self.outbox.extend(refused);
    }

    /// Brokers judge the size of a whole batch: a letter that was too large together with others
    /// is sent once more alone.
    fn send_oversized(&mut self) {
        if self.client.producer.in_flight_count() > 0 {
            return;
        }
        let letter = self.client.context().with(|inner| {
            let letter = inner.oversized.pop_front();
            inner.alone = letter.is_some();
            letter
        });
        if let Some(letter) = letter {
            self.enqueue_owned(&letter);
        }
    }

    /// Whether the client had room.
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

    /// Whether the client had room. A letter that it refuses for good is lost.
    fn enqueue(&mut self, letter: BaseRecord<'_, [u8], [u8]>) -> bool {
        let Err((error, letter)) = self.client.producer.send(letter) else {
            return true;
        };
        let context = Arc::clone(self.client.context());
        let is_full = matches!(
            error,
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
        );
        if is_full && self.client.producer.in_flight_count() > 0 {
            self.outbox.push_front(owned(&letter));
            return false;
        }
        if error.rdkafka_error_code().is_some_and(is_refusal) {
            context.with(|inner| inner.refused.push(owned(&letter)));
            return true;
        }
        let reason = if is_full {
            "it is larger than the producer's queue (kafka.properties: queue.buffering.max.kbytes)"
                .to_owned()
        } else {
            error.to_string()
        };
        context.with(|inner| inner.lose(&owned(&letter), &reason));
        true
    }
}

impl fmt::Debug for DeadLetterProducer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DeadLetterProducer({})", self.topic)
    }
}
