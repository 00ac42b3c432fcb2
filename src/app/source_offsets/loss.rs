//! Lost records: a partition does not continue where the exporter stopped.

use crate::edge::kafka::TopicPartition;

/// A partition that does not continue where the exporter stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{partition}: {loss}")]
pub struct RecordsLost {
    pub partition: TopicPartition,
    pub loss: Loss,
}

impl RecordsLost {
    pub(super) fn new(partition: &TopicPartition, loss: Loss) -> Self {
        Self {
            partition: partition.clone(),
            loss,
        }
    }
}

/// How the next records were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    #[error(
        "record {offset} is not the one that was counted: the topic was deleted and created again"
    )]
    Replaced { offset: i64 },
    #[error(
        "the exporter has counted the records before offset {next}, but the partition ends at {end}: \
         the topic was deleted and created again, or brokers lost records"
    )]
    Shorter { next: i64, end: i64 },
    #[error(
        "the records from offset {next} on were deleted before the exporter read them; the partition \
         now begins at {begin}"
    )]
    Deleted { next: i64, begin: i64 },
    #[error(
        "the exporter has counted the records before offset {next}; since then the topic was deleted \
         and created again"
    )]
    Recreated { next: i64 },
    #[error("the brokers no longer have offset {next}")]
    OutOfRange { next: i64 },
    #[error("the partition no longer exists")]
    Gone,
}
