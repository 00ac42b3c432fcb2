//! The client library's callbacks: rebalances, errors, statistics and log lines. They store events
//! until the consumer takes them. Only a revocation takes effect at once, because the consumer must not
//! read from a partition that it has given away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_statistics::{ClientStatistics, PartitionState};
use super::topic_partition::TopicPartition;

#[derive(Debug)]
pub(super) enum ClientEvent {
    /// New partitions wait for their start offsets.
    Assign(Vec<TopicPartition>),
    /// The group took partitions away.
    Revoked(Vec<TopicPartition>),
    Error(RDKafkaErrorCode, String),
    Statistics(Vec<(TopicPartition, PartitionState)>),
}

/// Stores events for the consumer.
#[derive(Debug, Default)]
pub(super) struct ConsumerCallbacks {
    events: Mutex<Vec<ClientEvent>>,
    served: AtomicU64,
    closing: AtomicBool,
}

impl ConsumerCallbacks {
    pub(super) fn take(&self) -> Vec<ClientEvent> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of callbacks so far. The bindings return nothing both after a callback and for an
    /// empty queue; if the number is unchanged, the queue is empty.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// From now on, new partitions are declined, because the consumer gives no start offsets.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn push(&self, event: ClientEvent) {
        self.served.fetch_add(1, Ordering::Relaxed);
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
    }
}

impl ClientContext for ConsumerCallbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.served.fetch_add(1, Ordering::Relaxed);
        log_line(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice::<ClientStatistics>(statistics) {
            Ok(statistics) => self.push(ClientEvent::Statistics(statistics.states())),
            Err(error) => tracing::debug!(%error, "kafka statistics not readable"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::Unknown);
        self.push(ClientEvent::Error(code, reason.to_owned()));
    }
}

impl ConsumerContext for ConsumerCallbacks {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = partitions_of(list);
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if self.closing.load(Ordering::Relaxed) {
                log_failure(consumer.incremental_assign(&TopicPartitionList::new()));
            } else {
                self.push(ClientEvent::Assign(partitions));
            }
            return;
        }
        log_failure(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        });
        self.push(ClientEvent::Revoked(partitions));
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.served.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = result {
            // Only lag tools read these offsets, and the next commit replaces them.
            tracing::debug!(%error, "consumer group offsets not committed");
        }
    }
}

/// Forwards a log line of librdkafka. Its lines name brokers, topics and groups and never contain
/// passwords or records.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        // Failed connections also come as errors, which are explained better.
        _ if matches!(facility, "FAIL" | "ERROR" | "SSL") => {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
        Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        Level::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        Level::Notice | Level::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        Level::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

fn log_failure(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "partition assignment not changed");
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition::new(element.topic(), element.partition()))
        .collect()
}
