//! What the producers share, and the one that writes a simulated desk's events. None knows what the
//! bytes mean.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{OwnedMessage, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::client_identity::Outlook;
use super::client_properties::start_error;
use super::consumer::no_token;
use super::oauth_tokens::TokenKeeper;
use super::producer_callbacks::{DeliveryReport, OnRefusal, ProducerCallbacks};
use super::queue::set_token;
use super::{KafkaConnection, KafkaProblem, StartError};

/// How long one look for delivery reports may take while the queue is full.
const BACKPRESSURE: Duration = Duration::from_millis(100);

/// Sends a simulated desk's events.
pub struct Publisher {
    client: ProducerClient,
    topic: String,
}

impl Publisher {
    /// # Errors
    /// Properties that are refused.
    pub fn start(connection: &KafkaConnection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: client(connection, &[], topic, OnRefusal::Fail)?,
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
    pub fn finish(self, timeout: Duration) -> DeliveryReport {
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
pub(super) struct ProducerClient {
    pub(super) producer: Arc<BaseProducer<ProducerCallbacks>>,
    tokens: Option<TokenRefresher>,
}

impl ProducerClient {
    pub(super) fn context(&self) -> &Arc<ProducerCallbacks> {
        self.producer.context()
    }

    pub(super) fn poll(&self, timeout: Duration) {
        self.producer.poll(timeout);
        if let Some(tokens) = &self.tokens {
            if let Some(reason) = tokens.failure() {
                let trouble = KafkaProblem::Refused(no_token(&reason));
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

pub(super) fn client(
    connection: &KafkaConnection,
    more: &[(&str, &str)],
    topic: &str,
    refusals: OnRefusal,
) -> Result<ProducerClient, StartError> {
    let config = connection.producer(more)?;
    let context = ProducerCallbacks::default();
    context.with(|inner| {
        inner.refusals = refusals;
        inner.outlook = ClientIdentity::new(&config, &[topic.to_owned()], true);
        let batch = config.get("batch.size").and_then(|size| size.parse().ok());
        inner.batch_bytes = batch.unwrap_or(u64::MAX);
    });
    let producer = config.create_with_context(context).map_err(start_error)?;
    let producer: Arc<BaseProducer<ProducerCallbacks>> = Arc::new(producer);
    let tokens = connection.tokens().map(|oauth| {
        let (weak, extensions) = (Arc::downgrade(&producer), oauth.extensions.clone());
        TokenRefresher::start(oauth, move |token| {
            let producer = weak.upgrade()?;
            Some(set_token(producer.client(), token, &extensions))
        })
    });
    Ok(ProducerClient { producer, tokens })
}

/// Hands a record to the client, waiting for room. A record that the client refuses for good
/// (too large, say) counts as failed.
fn enqueue(client: &ProducerClient, mut record: BaseRecord<'_, [u8], [u8]>) {
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
