//! `verify`: counts the records of the topics again, and compares the result with a store or a scrape.
//!
//! The series follow from the records up to certain offsets and from the stream clocks. A store and a
//! scrape hold both, so a fresh engine can compute the series again, without checkpoints or restarts.
//!
//! The wall clock at the arrival of the records is not known. Events that came from the future may
//! therefore differ.

mod claim;
mod series;
mod topics;

pub use claim::{Claim, PartitionExtent};
pub use series::{Compared, Difference, SeriesTexts};
pub use topics::{Recomputed, recompute};

use super::recovery::RecoveryError;
use super::topics::ReadError;
use crate::edge::http_client::{HttpError, StatusCode};
use crate::engine::limits;

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error("cannot read the metrics of the exporter: {0}")]
    NoAnswer(#[from] HttpError),
    #[error("cannot read the metrics of the exporter: it answers {0}")]
    Status(StatusCode),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
    #[error("this is not the exposition of a ticket-exporter; give the address of its metrics")]
    Foreign,
    #[error("the exporter serves no KPI series now; its /-/ready says why")]
    Withheld,
    #[error(
        "the exposition does not say which records it is of; the exporter has read none, or is too old"
    )]
    NoOffsets,
    #[error(
        "{0} is counted there, but is not among kafka.topics: verify with the exporter's own configuration. \
         What a deleted topic contributed cannot be counted again"
    )]
    OtherTopic(String),
    #[error(transparent)]
    Read(#[from] ReadError),
}
