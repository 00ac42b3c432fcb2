use std::io;
use std::path::PathBuf;

use rdkafka::error::KafkaError;

/// Why a client cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A user's property that would make the counts wrong.
    #[error("kafka.properties: {property} cannot be set: {reason}")]
    Reserved {
        property: String,
        reason: &'static str,
    },
    /// A property that the client library rejects. The value may be a secret, so it is left out.
    #[error("kafka.properties: {property}: {reason}")]
    Property { property: String, reason: String },
    #[error("{key}: {path}: {source}", path = path.display())]
    File {
        key: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{key}: {path}: the file is empty", path = path.display())]
    EmptyFile { key: &'static str, path: PathBuf },
    #[error("kafka.topics: no topic is configured; add at least one")]
    NoTopic,
    #[error("kafka: {0}")]
    Client(String),
    #[error("kafka: the client library cannot create a queue")]
    NoQueue,
    #[error("embedded broker: {0}")]
    EmbeddedBroker(#[source] KafkaError),
    #[error("embedded broker: the client has no mock cluster")]
    NoEmbeddedBroker,
}
