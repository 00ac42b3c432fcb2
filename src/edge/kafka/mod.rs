//! Everything between Kafka and the engine's loop: the consumer, the dead-letter and simulation
//! producers, and the embedded broker. Nothing here knows what a record means.

mod batch;
mod consumer;
mod context;
mod dead_letters;
mod deliveries;
mod existence;
mod inspector;
mod missing;
mod mock;
mod oauth;
mod origin;
mod outlook;
mod probe;
mod producer;
mod progress;
mod questions;
mod queue;
mod security;
mod settings;
mod topic_settings;
mod trouble;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use batch::{Batch, Header, LetterHeader, Record};
pub use consumer::{Consumer, Step};
pub use dead_letters::{DeadLetters, LetterReport};
pub use deliveries::Report;
pub use existence::Existence;
pub use inspector::{Extent, InspectError, Inspector, configured_brokers, look_at_broker};
pub use mock::EmbeddedBroker;
pub use origin::LostLetter;
pub use producer::Publisher;
pub use progress::{Hidden, Reached};
pub use security::CredentialFiles;
pub use settings::{Connection, Settings};
pub use topic_settings::{Concern, TopicSettings};
pub use trouble::{Trouble, missing_topics};

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
