//! Whether a topic exists, asked outside of any reading.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr as Code};

use super::Settings;
use super::consumer_callbacks::Context;
use super::oauth_tokens::TokenKeeper;
use super::queue::set_token;

/// The brokers' answer about a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicExistence {
    Exists,
    Deleted,
    /// There is no answer, for this reason.
    Unknown(String),
}

impl TopicExistence {
    /// Asks about a topic, up to `timeout`.
    pub fn ask(settings: &ConsumerSettings, topic: &str, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout;
        let config = settings.consumer().map(|mut config| {
            // The question must not create the topic.
            config.set("allow.auto.create.topics", "false");
            // Nothing is read, so it joins no group and leaves none.
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
        let _tokens = settings.connection.tokens().map(|oauth| {
            let (weak, extensions) = (Arc::downgrade(&client), oauth.extensions.clone());
            TokenRefresher::start(oauth, move |token| {
                let client = weak.upgrade()?;
                Some(set_token(client.client(), token, &extensions))
            })
        });
        let left = deadline.saturating_duration_since(Instant::now());
        match client.fetch_metadata(Some(topic), left) {
            Ok(metadata) => match metadata.topics().first().map(|found| found.error()) {
                Some(None) => Self::Exists,
                Some(Some(
                    Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                    | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                )) => Self::Deleted,
                Some(Some(code)) => Self::Unknown(RDKafkaErrorCode::from(code).to_string()),
                None => Self::Unknown("the answer does not name it".to_owned()),
            },
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}
