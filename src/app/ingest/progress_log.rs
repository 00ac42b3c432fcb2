//! Log lines about a backlog and about windows that leave partitions behind.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::input_progress::InputProgress;

/// Time between two log lines about a backlog.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct ProgressLog {
    at: Instant,
    /// Records at that time.
    records: u64,
    /// The windows do not wait for some partition.
    left_behind: bool,
}

impl ProgressLog {
    pub(super) fn new() -> Self {
        Self {
            at: Instant::now(),
            records: 0,
            left_behind: false,
        }
    }

    pub(super) fn backlog(&mut self, records: u64, lag: i64) {
        let elapsed = self.at.elapsed();
        let new = records - self.records;
        if elapsed < BACKLOG_INTERVAL || new == 0 {
            return;
        }
        let rate = u128::from(new) * 1_000 / elapsed.as_millis().max(1);
        info!(records, rate, lag, "reading the topic");
        self.at = Instant::now();
        self.records = records;
    }

    /// Logs when the windows stop waiting for a partition, and when they include all again.
    pub(super) fn windows(&mut self, progress: &InputProgress) {
        let behind = progress.left_behind().next();
        match behind {
            Some(one) if !self.left_behind => warn!(
                topic = %one.topic,
                partition = one.partition,
                "a partition is far behind the others; the windows advance without it"
            ),
            None if self.left_behind => info!("the windows include every partition again"),
            _ => {}
        }
        self.left_behind = behind.is_some();
    }
}
