//! What the producers share, and the one that writes a simulated desk's events. None knows what the
//! bytes mean.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _, OwnedMessage, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::consumer::no_token;
use super::context::log_line;
use super::dead_letters::{LostLetter, size};
use super::oauth::TokenKeeper;
use super::outlook::Outlook;
use super::queue::set_token;
use super::settings::start_error;
use super::trouble::Troubles;
use super::{Connection, StartError, Trouble};

/// How long one look for delivery reports may take while the queue is full.
const BACKPRESSURE: Duration = Duration::from_millis(100);

/// Sends a simulated desk's events.
pub struct Publisher {
    client: Client,
    topic: String,
}

/// What became of the records sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub delivered: u64,
    /// Given up by the client, or still on their way when the time was over.
    pub failed: u64,
    /// Why the first one failed.
    pub reason: Option<String>,
}

impl Publisher {
    /// # Errors
    /// Properties that are refused.
    pub fn start(connection: &Connection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: client(connection, &[], topic, Refusals::Failures)?,
            topic: topic.to_owned(),
        })
    }

    /// Sends one record; `timestamp` in milliseconds since the epoch. Waits while the queue is
    /// full. Records of one key keep their order.
    pub fn send(&mut self, key: &[u8], value: &[u8], timestamp: i64) {
        let record = BaseRecord {
            payload: Some(value),
            key: Some(key),
            timestamp: Some(timestamp),
            ..BaseRecord::to(&self.topic)
        };
        enqueue(&self.client, record);
        self.client.poll(Duration::ZERO);
    }

    /// Waits until everything sent was delivered, up to `timeout`.
    pub fn finish(self, timeout: Duration) -> Report {
        self.client.flush(timeout);
        let mut report = self.client.producer.context().take();
        let left = u64::try_from(self.client.producer.in_flight_count()).unwrap_or(0);
        if left > 0 {
            report.failed += left;
            report
                .reason
                .get_or_insert_with(|| "not delivered in time".to_owned());
        }
        report
    }
}

/// A producer, and what keeps it in tokens.
pub(super) struct Client {
    pub(super) producer: Arc<BaseProducer<Deliveries>>,
    tokens: Option<TokenKeeper>,
}

impl Client {
    pub(super) fn context(&self) -> &Arc<Deliveries> {
        self.producer.context()
    }

    pub(super) fn poll(&self, timeout: Duration) {
        self.producer.poll(timeout);
        if let Some(tokens) = &self.tokens {
            if let Some(reason) = tokens.failure() {
                let trouble = Trouble::Refused(no_token(&reason));
                self.producer.context().admit(trouble);
            }
            let principal = tokens.principal();
            self.producer
                .context()
                .with(|inner| inner.outlook.token_principal = principal);
        }
    }

    pub(super) fn flush(&self, timeout: Duration) {
        self.poll(Duration::ZERO);
        // The only error is the time-out, which shows in what is still on its way.
        let _ = self.producer.flush(timeout);
    }
}

/// What becomes of records that we are not allowed to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Refusals {
    /// They have failed.
    #[default]
    Failures,
    /// They are kept, to be sent again.
    Kept,
}

/// Counts delivery reports.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    pub(super) report: Report,
    refusals: Refusals,
    /// Letters to be sent again when somebody has changed something.
    pub(super) refused: Vec<OwnedMessage>,
    /// Letters to be sent again alone: a batch with them was too large.
    pub(super) oversized: Vec<OwnedMessage>,
    /// One of those is on its way, and nothing else.
    pub(super) alone: bool,
    /// Letters of this size are never in a batch with others.
    batch_bytes: u64,
    /// Bytes of the letters that were delivered or lost since the last report.
    pub(super) done_bytes: u64,
    /// The first letter lost since the last report.
    pub(super) first_lost: Option<LostLetter>,
    /// The last trouble that somebody has to do something about.
    pub(super) refusal: Option<String>,
    pub(super) troubles: Troubles,
    outlook: Outlook,
}

impl Deliveries {
    pub(super) fn with<T>(&self, action: impl FnOnce(&mut Inner) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Report {
        self.with(|inner| std::mem::take(&mut inner.report))
    }

    fn failed(&self, error: &KafkaError) {
        let reason = error
            .rdkafka_error_code()
            .map_or_else(|| error.to_string(), |code| code.to_string());
        self.with(|inner| {
            inner.report.failed += 1;
            inner.report.reason.get_or_insert(reason);
        });
    }

    /// Says a trouble, once.
    fn admit(&self, trouble: Trouble) {
        let news = self.with(|inner| {
            if let Trouble::Refused(text) = &trouble {
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
            let Inner {
                troubles, outlook, ..
            } = inner;
            troubles.explain(code, reason, outlook, Instant::now())
        });
        if let Some(trouble) = trouble {
            self.admit(trouble);
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        self.complain(code.unwrap_or(RDKafkaErrorCode::Unknown), reason);
    }
}

impl ProducerContext for Deliveries {
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
        if self.with(|inner| inner.refusals == Refusals::Failures) {
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

impl Inner {
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
            self.oversized.push(letter.detach());
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

/// Whether a record may be written later, when somebody has allowed it or created the topic.
pub(super) fn is_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::PurgeQueue
            | RDKafkaErrorCode::PurgeInflight
    )
}

pub(super) fn client(
    connection: &Connection,
    more: &[(&str, &str)],
    topic: &str,
    refusals: Refusals,
) -> Result<Client, StartError> {
    let config = connection.producer(more)?;
    let context = Deliveries::default();
    context.with(|inner| {
        inner.refusals = refusals;
        inner.outlook = Outlook::new(&config, &[topic.to_owned()], true);
        let batch = config.get("batch.size").and_then(|size| size.parse().ok());
        inner.batch_bytes = batch.unwrap_or(u64::MAX);
    });
    let producer = config.create_with_context(context).map_err(start_error)?;
    let producer: Arc<BaseProducer<Deliveries>> = Arc::new(producer);
    let tokens = connection.tokens().map(|oauth| {
        let (weak, extensions) = (Arc::downgrade(&producer), oauth.extensions.clone());
        TokenKeeper::start(oauth, move |token| {
            let producer = weak.upgrade()?;
            Some(set_token(producer.client(), token, &extensions))
        })
    });
    Ok(Client { producer, tokens })
}

/// Hands a record to the client, waiting for room. A record that the client refuses for good
/// (too large, say) counts as failed.
fn enqueue(client: &Client, mut record: BaseRecord<'_, [u8], [u8]>) {
    loop {
        match client.producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                client.poll(BACKPRESSURE);
                record = refused;
            }
            Err((error, _)) => {
                client.context().failed(&error);
                return;
            }
        }
    }
}

pub(super) fn owned(record: &BaseRecord<'_, [u8], [u8]>) -> OwnedMessage {
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

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Publisher({})", self.topic)
    }
}
