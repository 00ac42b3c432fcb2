//! Producers: dead letters, which a checkpoint waits for, and the simulated desk's events.
//! Neither knows what the bytes mean.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{
    DeliveryResult, Header, Message as _, OwnedHeaders, OwnedMessage, Timestamp,
};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode;

use super::batch::Record;
use super::consumer::no_token;
use super::context::log_line;
use super::oauth::TokenKeeper;
use super::outlook::Outlook;
use super::queue::set_token;
use super::settings::{DEAD_LETTERS, start_error};
use super::trouble::Troubles;
use super::{Connection, StartError, Trouble};

/// The most dead letters on their way at once. A topic full of them must not fill the memory;
/// beyond this the reader waits for the brokers.
const DEAD_LETTERS_IN_FLIGHT: u64 = 10_000;

/// Between two tries to write letters that we were not allowed to write.
const RESEND_PAUSE: Duration = Duration::from_secs(5);

/// How long one look for delivery reports may take while the queue is full.
const BACKPRESSURE: Duration = Duration::from_millis(100);

/// Sends records that are no events to the dead-letter topic.
pub struct DeadLetters {
    client: Client,
    connection: Connection,
    /// When letters that were refused may be sent again.
    resend: Instant,
    topic: String,
    sent: u64,
}

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

impl DeadLetters {
    /// # Errors
    /// Properties that are refused.
    pub fn start(connection: &Connection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: client(connection, DEAD_LETTERS, topic, Refusals::Kept)?,
            connection: connection.clone(),
            resend: Instant::now(),
            topic: topic.to_owned(),
            sent: 0,
        })
    }

    /// Hands a record over, as it is, with its origin and the reason as headers
    /// (`ticket_exporter.topic`, `.partition`, `.offset`, `.reason`). Waits while too many are
    /// on their way. Delivery is known after [`Self::flush`].
    pub fn send(&mut self, record: &Record<'_>, reason: &str) {
        while self.in_flight() >= DEAD_LETTERS_IN_FLIGHT {
            self.client.poll(BACKPRESSURE);
            self.resend_refused();
        }
        let partition = record.partition.partition.to_string();
        let offset = record.offset.to_string();
        let headers = [
            ("ticket_exporter.topic", &*record.partition.topic),
            ("ticket_exporter.partition", &partition),
            ("ticket_exporter.offset", &offset),
            ("ticket_exporter.reason", reason),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.as_bytes()));
        let headers = record.headers.iter().copied().chain(headers).fold(
            OwnedHeaders::new_with_capacity(4),
            |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            },
        );
        let letter = BaseRecord {
            payload: record.value,
            key: record.key,
            timestamp: record.timestamp,
            headers: Some(headers),
            ..BaseRecord::to(&self.topic)
        };
        self.sent += 1;
        enqueue(&self.client, letter);
        self.client.poll(Duration::ZERO);
    }

    /// Whether every letter sent was delivered or has failed.
    pub fn confirmed(&self) -> bool {
        self.client.poll(Duration::ZERO);
        self.in_flight() == 0
    }

    /// Waits until every letter sent was delivered, up to `timeout`. What the report calls
    /// delivered or failed is not reported again; what is still on its way is not in it.
    pub fn flush(&mut self, timeout: Duration) -> Report {
        self.resend_refused();
        if self.sent > 0 {
            self.client.flush(timeout);
        }
        let report = self.client.producer.context().take();
        self.sent -= report.delivered + report.failed;
        report
    }

    /// Why letters are refused, if they are: somebody has to change something first.
    pub fn refusal(&self) -> Option<String> {
        let context = self.client.producer.context();
        context.with(|inner| {
            let refused = !inner.refused.is_empty() || self.in_flight_of(inner) > 0;
            inner.refusal.clone().filter(|_| refused)
        })
    }

    /// Sends letters once more that Kafka did not let us write, from time to time: they are lost
    /// for nobody's missing permission.
    fn resend_refused(&mut self) {
        let context = Arc::clone(self.client.producer.context());
        if Instant::now() < self.resend || context.with(|inner| inner.refused.is_empty()) {
            return;
        }
        self.resend = Instant::now() + RESEND_PAUSE;
        if self.client.producer.client().fatal_error().is_some() {
            // Without the right to write anything an idempotent producer gives up for good.
            let new = client(&self.connection, DEAD_LETTERS, &self.topic, Refusals::Kept);
            let Ok(new) = new else {
                return; // said where the credentials are watched
            };
            let old = std::mem::replace(&mut self.client, new);
            // What is still in the old one comes back as refused.
            old.producer
                .purge(PurgeConfig::default().queue().inflight());
            old.producer.poll(BACKPRESSURE);
            let old = old.producer.context().with(std::mem::take);
            self.client.producer.context().with(|inner| *inner = old);
        }
        let context = Arc::clone(self.client.producer.context());
        for letter in context.with(|inner| std::mem::take(&mut inner.refused)) {
            let record = BaseRecord {
                payload: letter.payload(),
                key: letter.key(),
                timestamp: letter.timestamp().to_millis(),
                headers: letter.headers().cloned(),
                ..BaseRecord::to(&self.topic)
            };
            enqueue(&self.client, record);
        }
    }

    fn in_flight_of(&self, inner: &Inner) -> u64 {
        self.sent - inner.report.delivered - inner.report.failed
    }

    fn in_flight(&self) -> u64 {
        let context = self.client.producer.context();
        context.with(|inner| self.in_flight_of(inner))
    }
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
struct Client {
    producer: Arc<BaseProducer<Deliveries>>,
    tokens: Option<TokenKeeper>,
}

impl Client {
    fn poll(&self, timeout: Duration) {
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

    fn flush(&self, timeout: Duration) {
        self.poll(Duration::ZERO);
        // The only error is the time-out, which shows in what is still on its way.
        let _ = self.producer.flush(timeout);
    }
}

/// What becomes of records that we are not allowed to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Refusals {
    /// They have failed.
    #[default]
    Failures,
    /// They are kept, to be sent again.
    Kept,
}

/// Counts delivery reports.
#[derive(Default)]
struct Deliveries(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    report: Report,
    refusals: Refusals,
    refused: Vec<OwnedMessage>,
    /// The last trouble that somebody has to do something about.
    refusal: Option<String>,
    troubles: Troubles,
    outlook: Outlook,
}

impl Deliveries {
    fn with<T>(&self, action: impl FnOnce(&mut Inner) -> T) -> T {
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
            Ok(_) => {
                self.with(|inner| {
                    inner.report.delivered += 1;
                    inner.refusal = None;
                    inner.troubles.recovered();
                });
                return;
            }
            Err(failed) => (&failed.0, &failed.1),
        };
        let keeps = self.with(|inner| inner.refusals == Refusals::Kept);
        match error.rdkafka_error_code().filter(|code| is_refusal(*code)) {
            Some(code) if keeps => {
                // Not in so many words where a whole producer has given up.
                if code == RDKafkaErrorCode::TopicAuthorizationFailed {
                    self.complain(code, &code.to_string());
                }
                let letter = message.detach();
                self.with(|inner| inner.refused.push(letter));
            }
            _ => self.failed(error),
        }
    }
}

/// Whether a record may be written later, when somebody has allowed it.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::PurgeQueue
            | RDKafkaErrorCode::PurgeInflight
    )
}

fn client(
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
            Err((error, record)) => {
                let context = client.producer.context();
                let code = error.rdkafka_error_code();
                let keeps = context.with(|inner| inner.refusals == Refusals::Kept);
                if keeps && code.is_some_and(is_refusal) {
                    context.with(|inner| inner.refused.push(owned(&record)));
                } else {
                    context.failed(&error);
                }
                return;
            }
        }
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

impl fmt::Debug for DeadLetters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DeadLetters({})", self.topic)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Publisher({})", self.topic)
    }
}
