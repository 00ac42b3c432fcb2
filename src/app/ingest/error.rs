//! The errors that end the ingest loop.

use crate::app::checkpoint::CheckpointWriterDied;
use crate::app::source_offsets::RecordsLost;
use crate::edge::http::Latch;
use crate::edge::kafka::KafkaProblem;
use crate::engine::limits;

#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// The consumer cannot continue. If it was fenced, a new consumer can continue from the last
    /// checkpoint.
    #[error("{0}")]
    Kafka(KafkaProblem),
    /// A new consumer can continue from the last checkpoint.
    #[error("the credentials for Kafka have changed, and the last checkpoint could not be written")]
    CredentialsChanged,
    #[error(transparent)]
    RecordsLost(#[from] RecordsLost),
    #[error(transparent)]
    CheckpointWriterDied(#[from] CheckpointWriterDied),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
}

/// The error that has ended the loop.
#[derive(Debug)]
pub struct IngestFailure {
    pub error: IngestError,
    /// Keeps the exporter from being ready.
    pub latch: Latch,
}
