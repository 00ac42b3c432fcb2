//! A producer with its callbacks and tokens.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer as _};

use super::client_identity::ClientIdentity;
use super::client_properties::{KafkaConnection, start_error};
use super::oauth_tokens::TokenRefresher;
use super::producer_callbacks::{OnRefusal, ProducerCallbacks};
use super::start_error::StartError;

pub(super) struct ProducerClient {
    pub(super) producer: Arc<BaseProducer<ProducerCallbacks>>,
    tokens: Option<TokenRefresher>,
}

impl ProducerClient {
    /// `defaults` are properties beside those of all producers.
    pub(super) fn start(
        connection: &KafkaConnection,
        defaults: &[(&str, &str)],
        topic: &str,
        on_refusal: OnRefusal,
    ) -> Result<Self, StartError> {
        let config = connection.producer(defaults)?;
        let callbacks = ProducerCallbacks::default();
        callbacks.with(|state| {
            state.on_refusal = on_refusal;
            state.identity = ClientIdentity::new(&config, &[topic.to_owned()], true);
            let batch = config.get("batch.size").and_then(|size| size.parse().ok());
            state.batch_bytes = batch.unwrap_or(u64::MAX);
        });
        let producer = config.create_with_context(callbacks).map_err(start_error)?;
        let producer: Arc<BaseProducer<ProducerCallbacks>> = Arc::new(producer);
        let tokens = TokenRefresher::start(connection, &producer, |producer| producer.client());
        Ok(Self { producer, tokens })
    }

    pub(super) fn callbacks(&self) -> &Arc<ProducerCallbacks> {
        self.producer.context()
    }

    pub(super) fn poll(&self, timeout: Duration) {
        self.producer.poll(timeout);
        if let Some(tokens) = &self.tokens {
            self.callbacks().note_tokens(tokens);
        }
    }

    pub(super) fn flush(&self, timeout: Duration) {
        self.poll(Duration::ZERO);
        // The only error is a timeout; the records in flight show it.
        let _ = self.producer.flush(timeout);
    }
}
