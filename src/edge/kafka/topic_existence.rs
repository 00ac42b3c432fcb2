//! Asks the brokers whether a topic exists, without reading it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr as Code};

use super::client_properties::ConsumerSettings;
use super::consumer_callbacks::ConsumerCallbacks;
use super::oauth_tokens::TokenRefresher;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicExistence {
    Exists,
    Deleted,
    /// The brokers did not answer, for this reason.
    Unknown(String),
}

impl TopicExistence {
    /// Waits for the answer up to `timeout`.
    pub fn ask(settings: &ConsumerSettings, topic: &str, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout;
        let config = settings.consumer().map(|mut config| {
            // The request must not create the topic.
            config.set("allow.auto.create.topics", "false");
            // The client reads nothing, so it needs no group.
            config.remove("group.id");
            config.remove("group.instance.id");
            config
        });
        let client =
            match config.map(|config| config.create_with_context(ConsumerCallbacks::default())) {
                Ok(Ok(client)) => Arc::<BaseConsumer<ConsumerCallbacks>>::new(client),
                Ok(Err(error)) => return Self::Unknown(error.to_string()),
                Err(error) => return Self::Unknown(error.to_string()),
            };
        let _tokens =
            TokenRefresher::start(&settings.connection, &client, |client| client.client());
        let left = deadline.saturating_duration_since(Instant::now());
        match client.fetch_metadata(Some(topic), left) {
            Ok(metadata) => match metadata.topics().first().map(|found| found.error()) {
                Some(None) => Self::Exists,
                Some(Some(
                    Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                    | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                )) => Self::Deleted,
                Some(Some(code)) => Self::Unknown(RDKafkaErrorCode::from(code).to_string()),
                None => Self::Unknown("the answer does not name the topic".to_owned()),
            },
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}
