//! The record of a source offset in the store.

use serde::{Deserialize, Serialize};

use super::anchor::Anchor;

/// The first byte of the keys of these records. The engine uses smaller values.
pub(super) const KEY: u8 = 0x80;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredOffset {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) next: Option<i64>,
    pub(super) anchor: Option<Anchor>,
    /// Absent in stores of version 0.1, and with brokers that have no topic IDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) topic_id: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) retired: bool,
}
