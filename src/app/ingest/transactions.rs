//! Transactions that stay open longer than the grace. What they hide may be older than the stream
//! clock would be by then, so the partition waits for them: its clock stands, and the exporter is
//! not ready and says which transaction it is.

use std::collections::BTreeMap;

use tracing::{info, warn};

use crate::domain::timestamp::Milliseconds;
use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::{OpenTransaction, TopicPartition};
use crate::edge::self_metrics::SelfMetrics;

/// The partitions that wait for one.
#[derive(Debug, Default)]
pub(super) struct OpenTransactions {
    open: BTreeMap<TopicPartition, OpenTransaction>,
    latch: Option<Latch>,
}

impl OpenTransactions {
    /// Notes what a transaction hides in a partition, if one does. Returns whether the partition
    /// waits for it.
    pub(super) fn note(
        &mut self,
        partition: &TopicPartition,
        hidden: Option<OpenTransaction>,
        grace: Milliseconds,
        metrics: &SelfMetrics,
    ) -> bool {
        let is_long = |hidden: &OpenTransaction| {
            hidden.open_for.as_millis() > u128::from(grace.unsigned_abs())
        };
        let hidden = hidden.filter(is_long);
        let (topic, number) = (&*partition.topic, partition.partition);
        metrics.set_open_transaction(topic, number, hidden.is_some());
        let earlier = self.open.get(partition).map(|hidden| hidden.offset);
        match hidden {
            Some(hidden) => {
                if earlier != Some(hidden.offset) {
                    warn!(
                        topic,
                        partition = number,
                        offset = hidden.offset,
                        records = hidden.records,
                        "a transaction is open for longer than stream.grace: it hides all records \
                         from its first one on; the partition's clock waits for its end"
                    );
                }
                self.open.insert(partition.clone(), hidden);
            }
            None => {
                if let Some(offset) = earlier {
                    info!(
                        topic,
                        partition = number,
                        offset,
                        "the open transaction has ended"
                    );
                    self.open.remove(partition);
                }
            }
        }
        hidden.is_some()
    }

    /// Forgets partitions that are read by another instance now.
    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        self.open.remove(partition);
    }

    /// Says whether there is a reason not to be ready.
    pub(super) fn show(&mut self, readiness: &Readiness) {
        match (self.reason(), &self.latch) {
            (Some(reason), Some(latch)) => latch.set_reason(reason),
            (Some(reason), None) => self.latch = Some(readiness.hold(reason)),
            (None, _) => self.latch = None,
        }
    }

    fn reason(&self) -> Option<String> {
        let (partition, hidden) = self.open.first_key_value()?;
        let more = match self.open.len() - 1 {
            0 => String::new(),
            more => format!("; {more} more partitions wait for a transaction"),
        };
        Some(format!(
            "{partition}: a transaction is open since offset {}; records that wait for its end: {}; \
             its producer has to end it, or be stopped until transaction.timeout.ms has passed{more}",
            hidden.offset, hidden.records
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::edge::self_metrics::BuildInfo;

    fn hidden(offset: i64, seconds: u64) -> Option<OpenTransaction> {
        Some(OpenTransaction {
            offset,
            records: 3,
            open_for: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn only_what_is_open_for_longer_than_the_grace_is_waited_for() {
        let build = BuildInfo {
            version: "0",
            revision: "unknown",
            rustc: "0",
        };
        let metrics = SelfMetrics::new(build, Timestamp(0), &[], &[]).unwrap();
        let readiness = Readiness::default();
        let mut transactions = OpenTransactions::default();
        let tickets = TopicPartition::new("tickets", 3);
        let mut note = |hidden| {
            let waits = transactions.note(&tickets, hidden, 5_000, &metrics);
            transactions.show(&readiness);
            (waits, readiness.reasons())
        };
        assert_eq!(note(None), (false, vec![]));
        assert_eq!(note(hidden(7, 5)), (false, vec![]));
        let (waits, reasons) = note(hidden(7, 6));
        assert!(waits);
        assert!(reasons[0].starts_with("tickets/3: "), "{reasons:?}");
        assert!(
            reasons[0].contains("offset 7; records that wait for its end: 3"),
            "{reasons:?}"
        );
        assert_eq!(note(hidden(9, 1)), (false, vec![]));
        note(hidden(9, 6));
        transactions.remove(&tickets);
        transactions.show(&readiness);
        assert!(readiness.is_ready());
    }
}
