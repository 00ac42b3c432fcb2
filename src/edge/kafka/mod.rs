//! Everything between Kafka and the engine's loop: the consumer, the dead-letter and simulation
//! producers, and the embedded broker. Nothing here knows what a record means.

mod broker_probe;
mod client_identity;
mod client_properties;
mod consumer;
mod consumer_callbacks;
mod credentials;
mod dead_letter_headers;
mod dead_letters;
mod embedded_broker;
mod end_offset_requests;
mod error_explainer;
mod event_publisher;
mod inspector;
mod missing_topics;
mod oauth_tokens;
mod producer_callbacks;
mod progress;
mod queue;
mod record_batch;
mod topic_existence;
mod topic_settings;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use client_properties::{ConsumerSettings, KafkaConnection};
pub use consumer::{Consumer, ConsumerEvent};
pub use credentials::CredentialFiles;
pub use dead_letter_headers::LostLetter;
pub use dead_letters::{DeadLetterProducer, DeadLetterReport};
pub use embedded_broker::EmbeddedBroker;
pub use error_explainer::{KafkaProblem, missing_topics};
pub use event_publisher::Publisher;
pub use inspector::{InspectError, Inspector, OffsetRange, configured_brokers, look_at_broker};
pub use producer_callbacks::Report;
pub use progress::{EndStatus, OpenTransaction};
pub use record_batch::{DeadLetterHeader, KafkaRecord, RecordBatch, RecordHeader};
pub use topic_existence::Existence;
pub use topic_settings::{TopicConcern, TopicSettings};

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}

/// Why a client could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A user's property that would break what this program promises.
    #[error("kafka.properties: {property} cannot be set: {reason}")]
    Reserved {
        property: String,
        reason: &'static str,
    },
    /// The client library refuses a property. The value is not repeated: it may be a secret.
    #[error("kafka.properties: {property}: {reason}")]
    Property { property: String, reason: String },
    /// A file that a key names.
    #[error("{key}: {path}: {reason}", path = path.display())]
    File {
        key: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[error("kafka: no topic is configured")]
    NoTopic,
    #[error("kafka: {0}")]
    Client(String),
}
