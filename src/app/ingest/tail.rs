//! The consumer also reads beside the stream of new records: the last control records before a stop, and
//! anchors that it compares once more after a reconnection.

use std::time::{Duration, Instant};

use super::{Failed, Ingest};
use crate::edge::kafka::Consumer;

/// How long a stop waits for the control records behind the last records. They follow within
/// milliseconds; what is not passed now is read after the restart, unless retention removes it.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);

impl Ingest {
    /// Reads on for a moment, up to the ends that the partitions have now: a transaction that was
    /// read without its end would look like a record that was not read. Not while catching up.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn read_tail(&mut self, consumer: &mut Consumer) -> Result<(), Failed> {
        let begun = Instant::now();
        let is_left = |consumer: &Consumer| {
            let mut assigned = consumer.assigned();
            assigned.any(|partition| consumer.end_status(partition).has_backlog)
        };
        while self.catching_up.is_none() && begun.elapsed() < TAIL_PATIENCE && is_left(consumer) {
            if let Err(error) = self.step(consumer) {
                return Err(self.fail(error));
            }
        }
        Ok(())
    }

    /// Reads the partitions once more whose anchors are to be compared.
    pub(super) fn compare_anchors(&mut self, consumer: &mut Consumer) {
        for (partition, from) in self.readings.to_compare(Instant::now()) {
            consumer.reread_from(&partition, from);
        }
    }
}
