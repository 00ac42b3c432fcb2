//! Reads the wall clock. No other module does.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::timestamp::Timestamp;

/// The clock of the ingest thread.
pub trait TimeSource: Send + Sync {
    /// The time that deadlines follow.
    fn now(&self) -> Timestamp;

    /// The time at an instant a few seconds ago.
    fn at(&self, instant: Instant) -> Timestamp {
        let passed = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.now().minus(passed)
    }

    /// The latest possible current time. A record that is far later comes from the future.
    fn latest(&self) -> Timestamp {
        self.now()
    }

    /// Takes the latest event time of a batch that was just read. While the consumer has caught up,
    /// it is evidence of the current time.
    fn observe_event(&self, _at: Timestamp) {}
}

/// The wall clock, including its jumps.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl TimeSource for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
