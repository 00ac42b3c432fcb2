//! Moves the stream clock of each partition.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::long_transactions::LongTransactions;
use super::timing::Timing;
use crate::app::source_offsets::{RecordsLost, SourceOffsets};
use crate::domain::timestamp::Timestamp;
use crate::edge::http::Published;
use crate::edge::kafka::{Consumer, TopicPartition};
use crate::engine::Engine;

/// How far the consumer is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConsumerProgress {
    pub(super) assigned: usize,
    /// Partitions that are not read to their end.
    pub(super) unfinished: usize,
    /// Records in them.
    pub(super) lag: i64,
}

pub(super) struct StreamClocks {
    transactions: LongTransactions,
    published: Arc<Published>,
}

impl StreamClocks {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self {
            transactions: LongTransactions::default(),
            published,
        }
    }

    /// Another instance reads the partition now.
    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        let metrics = self.published.self_metrics();
        metrics.remove_partition(&partition.topic, partition.partition);
        self.transactions.remove(partition);
    }

    /// Another consumer reads all partitions from now on.
    pub(super) fn clear(&mut self, offsets: &SourceOffsets) {
        self.transactions = LongTransactions::default();
        let metrics = self.published.self_metrics();
        for offset in offsets.iter() {
            metrics.remove_partition(&offset.source.topic, offset.source.partition);
        }
    }

    /// Moves the clock of each partition to the time up to which it was read, minus the grace.
    ///
    /// # Errors
    /// A partition ends before its position.
    pub(super) fn advance(
        &mut self,
        consumer: &Consumer,
        timing: &Timing,
        engine: &mut Engine,
        offsets: &mut SourceOffsets,
    ) -> Result<ConsumerProgress, RecordsLost> {
        let metrics = self.published.self_metrics();
        let mut progress = ConsumerProgress::default();
        // Partitions that are complete up to the same instant get the same clock, to the millisecond.
        let mut clocks: HashMap<Instant, Timestamp> = HashMap::new();
        for partition in consumer.assigned() {
            let status = consumer.end_status(partition);
            let position = consumer.position(partition);
            if status.read_to_end
                && let Some((_, end)) = consumer.cached_watermarks(partition)
            {
                offsets.verify_end(partition, position, end)?;
            }
            if let Some(position) = position {
                offsets.skip_to(partition, position);
            }
            let Some(offset) = offsets.get(partition) else {
                continue;
            };
            progress.assigned += 1;
            let waits =
                self.transactions
                    .update(partition, status.open_transaction, timing.grace, metrics);
            if offset.is_verified()
                && let Some(complete) = status.complete_as_of
            {
                let time = *clocks
                    .entry(complete)
                    .or_insert_with(|| timing.clock.at(complete).minus(timing.grace));
                engine.advance(offset.partition, time);
            }
            if !status.read_to_end || waits || !offset.is_verified() {
                progress.unfinished += 1;
            }
            if let Some(lag) = consumer.lag(partition) {
                let hidden = status.open_transaction.filter(|_| waits);
                let lag = lag + hidden.map_or(0, |transaction| transaction.records);
                progress.lag += lag;
                metrics.set_lag(&partition.topic, partition.partition, lag);
            }
        }
        self.transactions.report(self.published.readiness());
        metrics.set_partitions_assigned(progress.assigned);
        let latest = offsets
            .iter()
            .filter_map(|offset| engine.greatest_event(offset.partition))
            .max();
        if let Some(at) = latest {
            metrics.set_last_event(at);
        }
        Ok(progress)
    }
}
