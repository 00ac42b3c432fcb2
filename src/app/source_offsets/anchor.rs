//! Anchors: the digests that prove that a log is still the one that was consumed.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::edge::kafka::KafkaRecord;

/// Minimum age of the anchor that is verified after a reconnection. The client's statistics report a
/// reconnection within half a second; an older anchor is certainly from before it.
pub(super) const ANCHOR_AGE: Duration = Duration::from_secs(2);

/// A record that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub(super) offset: i64,
    digest: u64,
}

impl Anchor {
    pub(super) fn of(record: &KafkaRecord<'_>) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&record.timestamp.unwrap_or_default().to_le_bytes());
        hash.update(record.key.unwrap_or_default());
        hash.update(record.value.unwrap_or_default());
        Self {
            offset: record.offset,
            digest: hash.digest(),
        }
    }
}

/// Anchors of the last seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EarlierAnchors {
    /// At least [`ANCHOR_AGE`] old, except in the first seconds.
    pub(super) old: Option<Anchor>,
    /// The next `old`, and its time.
    pub(super) recent: Option<(Instant, Option<Anchor>)>,
    /// The partition has another leader or connection, and the anchor was not verified since.
    pub(super) reconnected: bool,
    pub(super) verified_at: Option<Instant>,
}

impl EarlierAnchors {
    pub(super) fn of(anchor: Option<Anchor>) -> Self {
        Self {
            old: anchor,
            ..Self::default()
        }
    }

    pub(super) fn age(&mut self, anchor: Option<Anchor>, now: Instant) {
        if self.reconnected {
            return; // `old` must stay older than the reconnection
        }
        match self.recent {
            Some((since, _)) if now.saturating_duration_since(since) < ANCHOR_AGE => {}
            Some((_, recent)) => {
                self.old = recent.or(self.old);
                self.recent = Some((now, anchor));
            }
            None => self.recent = Some((now, anchor)),
        }
    }
}
