//! Writes the records of webhooks. A request waits until Kafka has acknowledged its records, or until they
//! have timed out: nothing here waits without a deadline.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr as Code};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::client_identity::ClientIdentity;
use super::client_properties::{KafkaConnection, start_error};
use super::credential_files::CredentialFiles;
use super::oauth_tokens::TokenRefresher;
use super::problem_text::missing_topics;
use super::producer_callbacks::{ProducerCallbacks, is_reported_by_delivery_only};
use super::start_error::StartError;

const WEBHOOKS: &[(&str, &str)] = &[
    // Every request waits for its batch.
    ("linger.ms", "5"),
    // A record of more bytes is alone in its batch. So the brokers refuse a batch as too large only if
    // its one record is.
    ("batch.size", "131072"),
    // After an outage, requests are accepted again soon.
    ("reconnect.backoff.max.ms", "500"),
];

pub struct WebhookProducer {
    connection: KafkaConnection,
    topics: Vec<String>,
    timeout: Duration,
    client: RwLock<Arc<WebhookClient>>,
    credentials: Mutex<Option<CredentialFiles>>,
}

struct WebhookClient {
    producer: Arc<ThreadedProducer<WebhookCallbacks>>,
    tokens: Option<TokenRefresher>,
}

/// One record to write.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRecord<'a> {
    pub key: Option<&'a str>,
    pub value: &'a [u8],
}

/// Why Kafka did not take the records of a request. Some of them may have been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFailure {
    #[error("the topic takes no record of this size")]
    TooLarge,
    #[error("too many requests wait for Kafka")]
    QueueFull,
    #[error("Kafka has not acknowledged the request")]
    NotAcknowledged,
}

/// The acknowledgments that a request waits for. They keep the client alive.
#[must_use = "a request is successful only when its records are acknowledged"]
pub struct Acknowledgments {
    waiting: Vec<oneshot::Receiver<Result<(), WebhookFailure>>>,
    _client: Arc<WebhookClient>,
}

impl Acknowledgments {
    /// Waits for all of them.
    ///
    /// # Errors
    /// The first failure.
    pub async fn all(self) -> Result<(), WebhookFailure> {
        for waiting in self.waiting {
            // The client has ended before the outcome was known.
            waiting
                .await
                .unwrap_or(Err(WebhookFailure::NotAcknowledged))?;
        }
        Ok(())
    }
}

impl WebhookProducer {
    /// `timeout`: how long a record may wait for its acknowledgment.
    pub fn start(
        connection: &KafkaConnection,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Self, StartError> {
        let credentials = CredentialFiles::watch(connection);
        let client = WebhookClient::start(connection, topics, timeout)?;
        Ok(Self {
            connection: connection.clone(),
            topics: topics.to_vec(),
            timeout,
            client: RwLock::new(Arc::new(client)),
            credentials: Mutex::new(credentials),
        })
    }

    /// Hands over the records of one request, all with the same `headers`. `timestamp` is in milliseconds
    /// since the epoch. Never waits.
    ///
    /// # Errors
    /// The client has no room for a record. It may write those before it.
    pub fn send(
        &self,
        topic: &str,
        records: &[WebhookRecord<'_>],
        headers: &[(&str, &[u8])],
        timestamp: i64,
    ) -> Result<Acknowledgments, WebhookFailure> {
        let client = self.client();
        let mut owned = OwnedHeaders::new_with_capacity(headers.len());
        for (key, value) in headers {
            let value = Some(*value);
            owned = owned.insert(Header { key, value });
        }
        let mut waiting = Vec::with_capacity(records.len());
        for record in records {
            let (sender, receiver) = oneshot::channel();
            let sent = client.producer.send(BaseRecord {
                key: record.key.map(str::as_bytes),
                payload: Some(record.value),
                timestamp: Some(timestamp),
                headers: Some(owned.clone()),
                ..BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Box::new(sender))
            });
            sent.map_err(|(error, _)| failure(&error))?;
            waiting.push(receiver);
        }
        Ok(Acknowledgments {
            waiting,
            _client: client,
        })
    }

    /// Asks the brokers for the topics. Waits up to `timeout` for each.
    ///
    /// # Errors
    /// Why records cannot be written now.
    pub fn probe(&self, timeout: Duration) -> Result<(), String> {
        let client = self.client();
        client.report_tokens();
        for topic in &self.topics {
            let asked = client
                .producer
                .client()
                .fetch_metadata(Some(topic), timeout);
            let metadata = asked.map_err(|error| {
                let known = client.callbacks().with(|state| {
                    let current = state.explainer.current();
                    current.map(str::to_owned)
                });
                known.unwrap_or_else(|| error.to_string())
            })?;
            match metadata.topics().first().map(|found| found.error()) {
                Some(Some(
                    Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                    | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                )) => return Err(missing_topics(&[topic])),
                Some(Some(code)) => {
                    return Err(format!("topic {topic}: {}", RDKafkaErrorCode::from(code)));
                }
                Some(None) | None => {}
            }
        }
        Ok(())
    }

    /// How long a record may wait for its acknowledgment.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Replaces the client if there are new credentials, or if it will never write again: an idempotent
    /// producer without permissions ends so. Requests that wait keep the old one.
    pub fn refresh(&self) {
        let credentials = self.credentials.lock();
        let mut credentials = credentials.unwrap_or_else(PoisonError::into_inner);
        let are_new = credentials
            .as_mut()
            .is_some_and(CredentialFiles::have_changed);
        if are_new {
            *credentials = CredentialFiles::watch(&self.connection);
        }
        let has_failed = self.client().producer.client().fatal_error().is_some();
        if !are_new && !has_failed {
            return;
        }
        match self.renew() {
            Ok(()) => info!("kafka client started again"),
            Err(error) => warn!(%error, "kafka client not started again"),
        }
    }

    fn renew(&self) -> Result<(), StartError> {
        let new = WebhookClient::start(&self.connection, &self.topics, self.timeout)?;
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        *client = Arc::new(new);
        Ok(())
    }

    /// Waits until every record has its outcome, up to `timeout`.
    pub fn flush(&self, timeout: Duration) {
        // The only error is a timeout; the requests have timed out as well.
        let _ = self.client().producer.flush(timeout);
    }

    fn client(&self) -> Arc<WebhookClient> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&client)
    }
}

impl WebhookClient {
    fn start(
        connection: &KafkaConnection,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Self, StartError> {
        let timeout = timeout.as_millis().to_string();
        let mut defaults = WEBHOOKS.to_vec();
        defaults.push(("message.timeout.ms", &timeout));
        let config = connection.producer(&defaults)?;
        let callbacks = WebhookCallbacks::default();
        let identity = ClientIdentity::new(&config, topics, true);
        callbacks.0.with(|state| state.identity = identity);
        let producer = config.create_with_context(callbacks).map_err(start_error)?;
        let producer: Arc<ThreadedProducer<WebhookCallbacks>> = Arc::new(producer);
        let tokens = TokenRefresher::start(connection, &producer, |producer| producer.client());
        Ok(Self { producer, tokens })
    }

    fn callbacks(&self) -> &ProducerCallbacks {
        &self.producer.context().0
    }

    fn report_tokens(&self) {
        if let Some(tokens) = &self.tokens {
            self.callbacks().note_tokens(tokens);
        }
    }
}

/// Explains problems like the other producers, and passes each outcome to the request that waits for it.
#[derive(Default)]
struct WebhookCallbacks(ProducerCallbacks);

impl ClientContext for WebhookCallbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for WebhookCallbacks {
    type DeliveryOpaque = Box<oneshot::Sender<Result<(), WebhookFailure>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(_) => {
                self.0.with(|state| state.explainer.recovered());
                Ok(())
            }
            Err((error, _)) => {
                if let Some(code) = error.rdkafka_error_code()
                    && is_reported_by_delivery_only(code)
                {
                    self.0.report_error(code, &code.to_string());
                }
                Err(failure(error))
            }
        };
        let _ = waiting.send(outcome); // the request may have gone
    }
}

fn failure(error: &KafkaError) -> WebhookFailure {
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::MessageBatchTooLarge
            | RDKafkaErrorCode::InvalidMessageSize,
        ) => WebhookFailure::TooLarge,
        Some(RDKafkaErrorCode::QueueFull) => WebhookFailure::QueueFull,
        _ => WebhookFailure::NotAcknowledged,
    }
}
