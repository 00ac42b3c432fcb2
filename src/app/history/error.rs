//! Reasons why a history cannot be read.

use std::io;

use crate::app::event_files::EventFileError;
use crate::app::topics::ReadError;
use crate::edge::kafka::TopicPartition;
use crate::engine::limits;

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Files(#[from] EventFileError),
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
