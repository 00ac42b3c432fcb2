//! Reasons why a history cannot be read.

use std::io;
use std::path::PathBuf;

use crate::app::topics::ReadError;
use crate::edge::kafka::TopicPartition;
use crate::engine::limits;

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot read again what was set aside of {partition}: {source}")]
    Spool {
        partition: TopicPartition,
        source: io::Error,
    },
    #[error(transparent)]
    Topics(#[from] ReadError),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
}
