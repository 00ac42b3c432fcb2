//! Transactions that are open for longer than the grace. The records behind a transaction may be older
//! than the stream clock would be. So the partition's clock waits for the end of the transaction, and
//! the exporter is not ready and names the transaction.

use std::collections::BTreeMap;

use tracing::{info, warn};

use crate::domain::timestamp::Milliseconds;
use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::{OpenTransaction, TopicPartition};
use crate::edge::self_metrics::SelfMetrics;

#[derive(Debug, Default)]
pub(super) struct LongTransactions {
    open: BTreeMap<TopicPartition, OpenTransaction>,
    latch: Option<Latch>,
}

impl LongTransactions {
    /// Updates a partition. Returns whether its clock waits for the transaction.
    pub(super) fn update(
        &mut self,
        partition: &TopicPartition,
        transaction: Option<OpenTransaction>,
        grace: Milliseconds,
        metrics: &SelfMetrics,
    ) -> bool {
        let grace = u128::from(grace.unsigned_abs());
        let transaction = transaction.filter(|one| one.open_for.as_millis() > grace);
        let (topic, number) = (&*partition.topic, partition.partition);
        metrics.set_open_transaction(topic, number, transaction.is_some());
        let earlier = self.open.get(partition).map(|one| one.offset);
        match (transaction, earlier) {
            (Some(transaction), earlier) => {
                if earlier != Some(transaction.offset) {
                    warn!(
                        topic,
                        partition = number,
                        offset = transaction.offset,
                        records = transaction.records,
                        "a transaction is open for longer than stream.grace: it hides all records \
                         from its first record on, and the partition's clock waits for its end"
                    );
                }
                self.open.insert(partition.clone(), transaction);
            }
            (None, Some(offset)) => {
                info!(
                    topic,
                    partition = number,
                    offset,
                    "the open transaction has ended"
                );
                self.open.remove(partition);
            }
            (None, None) => {}
        }
        transaction.is_some()
    }

    /// Another instance reads the partition now.
    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        self.open.remove(partition);
    }

    /// Updates the readiness.
    pub(super) fn report(&mut self, readiness: &Readiness) {
        match (self.reason(), &self.latch) {
            (Some(reason), Some(latch)) => latch.set_reason(reason),
            (Some(reason), None) => self.latch = Some(readiness.hold(reason)),
            (None, _) => self.latch = None,
        }
    }

    fn reason(&self) -> Option<String> {
        let (partition, transaction) = self.open.first_key_value()?;
        let more = match self.open.len() - 1 {
            0 => String::new(),
            more => format!("; {more} more partitions wait for a transaction"),
        };
        Some(format!(
            "{partition}: a transaction is open since offset {}; records that wait for its end: {}; \
             end it in its producer, or stop the producer until transaction.timeout.ms has passed\
             {more}",
            transaction.offset, transaction.records
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::edge::self_metrics::tests::self_metrics;

    fn transaction(offset: i64, seconds: u64) -> Option<OpenTransaction> {
        Some(OpenTransaction {
            offset,
            records: 3,
            open_for: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn only_a_transaction_longer_than_the_grace_stops_the_clock() {
        let metrics = self_metrics();
        let readiness = Readiness::default();
        let mut transactions = LongTransactions::default();
        let tickets = TopicPartition::new("tickets", 3);
        let mut update = |transaction| {
            let waits = transactions.update(&tickets, transaction, 5_000, &metrics);
            transactions.report(&readiness);
            (waits, readiness.reasons())
        };
        assert_eq!(update(None), (false, vec![]));
        assert_eq!(update(transaction(7, 5)), (false, vec![]));
        let (waits, reasons) = update(transaction(7, 6));
        assert!(waits);
        assert!(reasons[0].starts_with("tickets/3: "), "{reasons:?}");
        assert!(
            reasons[0].contains("offset 7; records that wait for its end: 3"),
            "{reasons:?}"
        );
        assert_eq!(update(transaction(9, 1)), (false, vec![]));
        update(transaction(9, 6));
        transactions.remove(&tickets);
        transactions.report(&readiness);
        assert!(readiness.is_ready());
    }
}
