//! The one place that reads the wall clock, and what the exporter needs of any clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::timestamp::Timestamp;

/// A clock as the reading loop uses it.
pub trait Clock: Send + Sync {
    /// The time that deadlines follow.
    fn now(&self) -> Timestamp;

    /// The time that it was at a moment some seconds ago.
    fn at(&self, moment: Instant) -> Timestamp {
        let passed = i64::try_from(moment.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.now().minus(passed)
    }

    /// The latest instant that may be now: what is far beyond it comes from the future.
    fn latest(&self) -> Timestamp {
        self.now()
    }

    /// Tells the time of an event that was just read, the latest of its batch, while caught up:
    /// evidence of what time it is.
    fn witness(&self, _at: Timestamp) {}
}

/// The wall clock as it is, jumps and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Now.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
