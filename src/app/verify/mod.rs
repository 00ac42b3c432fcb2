//! `verify`: counts the records of the topics once more and compares with what is kept, or served.
//!
//! Series are a function of the records up to certain offsets and of the stream clocks. Both are
//! in a store, and in a scrape; from them everything can be computed again, by an engine that
//! knows nothing of checkpoints and restarts.
//!
//! What the wall clock has done while the records came is not known any more: events that were
//! later than the clock they came at may differ.

mod claim;
mod series;
mod topics;

pub use claim::{Claim, Extent};
pub use series::{Compared, Difference, Texts};
pub use topics::{Recomputed, recompute};

use super::recovery::RecoveryError;
use super::topics::ReadError;
use crate::edge::http_get::GetError;
use crate::engine::limits;

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Get(#[from] GetError),
    #[error("{}", limits::PARTITIONS.exceeded())]
    TooManyPartitions,
    #[error("this is not the exposition of a ticket-exporter; give the address of its metrics")]
    Foreign,
    #[error("the exporter serves no KPI series at the moment; /-/ready there says why")]
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
