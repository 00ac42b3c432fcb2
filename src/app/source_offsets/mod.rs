//! Source offsets: the position in each partition, and the proof that a partition is still the one
//! that was consumed before. Only these offsets count; the exporter never reads the group's committed
//! offsets.
//!
//! An offset alone proves nothing: a topic that was deleted and created again has the same offsets with
//! other records. So the checkpoint also holds an *anchor*, the offset and digest of the last applied
//! record. After a restart the consumer starts with the anchor's record, and goes on only if the digest
//! is the same. While the exporter runs, the topic ID shows that a topic was replaced. A log can also
//! become shorter under the same topic ID, when a broker comes back with an older disk. So whenever the
//! connection to a partition leader changes, the consumer verifies an anchor from before the change.
//!
//! The position also moves past control records and aborted records, which no application sees. It can
//! be more than one offset past the anchor.

mod anchor;
mod loss;
mod offsets;
mod restore;
mod stored;
#[cfg(test)]
mod tests;

pub use loss::{Loss, RecordsLost};
pub use offsets::{RecordAction, SourceOffset, SourceOffsets};
pub use restore::{StoredOffsets, StoredOffsetsError};
