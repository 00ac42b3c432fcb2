//! Producers: dead letters, which a checkpoint waits for, and the simulated desk's events.
//! Neither knows what the bytes mean.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::batch::Record;
use super::context::log_line;
use super::settings::{DEAD_LETTERS, start_error};
use super::{Connection, StartError};

/// The most dead letters on their way at once. A topic full of them must not fill the memory;
/// beyond this the reader waits for the brokers.
const DEAD_LETTERS_IN_FLIGHT: u64 = 10_000;

/// How long one look for delivery reports may take while the queue is full.
const BACKPRESSURE: Duration = Duration::from_millis(100);

/// Sends records that are no events to the dead-letter topic.
pub struct DeadLetters {
    client: BaseProducer<Deliveries>,
    topic: String,
    sent: u64,
}

/// Sends a simulated desk's events.
pub struct Publisher {
    client: BaseProducer<Deliveries>,
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
            client: client(connection, DEAD_LETTERS)?,
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
        if self.sent > 0 {
            // The only error is the time-out, which shows in `confirmed`.
            let _ = self.client.flush(timeout);
        }
        let report = self.client.context().take();
        self.sent -= report.delivered + report.failed;
        report
    }

    fn in_flight(&self) -> u64 {
        let deliveries = self.client.context().peek();
        self.sent - deliveries.delivered - deliveries.failed
    }
}

impl Publisher {
    /// # Errors
    /// Properties that are refused.
    pub fn start(connection: &Connection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: client(connection, &[])?,
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
        let _ = self.client.flush(timeout);
        let mut report = self.client.context().take();
        let left = u64::try_from(self.client.in_flight_count()).unwrap_or(0);
        if left > 0 {
            report.failed += left;
            report
                .reason
                .get_or_insert_with(|| "not delivered in time".to_owned());
        }
        report
    }
}

/// Counts delivery reports.
#[derive(Default)]
struct Deliveries(Mutex<Report>);

impl Deliveries {
    fn with<T>(&self, action: impl FnOnce(&mut Report) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self) -> Report {
        self.with(std::mem::take)
    }

    fn peek(&self) -> Report {
        self.with(|report| report.clone())
    }

    fn failed(&self, error: &KafkaError) {
        let reason = error
            .rdkafka_error_code()
            .map_or_else(|| error.to_string(), |code| code.to_string());
        self.with(|report| {
            report.failed += 1;
            report.reason.get_or_insert(reason);
        });
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => self.with(|report| report.delivered += 1),
            Err((error, _)) => self.failed(error),
        }
    }
}

fn client(
    connection: &Connection,
    more: &[(&str, &str)],
) -> Result<BaseProducer<Deliveries>, StartError> {
    connection
        .producer(more)?
        .create_with_context(Deliveries::default())
        .map_err(start_error)
}

/// Hands a record to the client, waiting for room. A record that the client refuses for good
/// (too large, say) counts as failed.
fn enqueue(client: &BaseProducer<Deliveries>, mut record: BaseRecord<'_, [u8], [u8]>) {
    loop {
        match client.send(record) {
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
