//! What librdkafka calls back: rebalances, errors, statistics and its log lines. It keeps them
//! until the consumer asks; only revocations are carried out at once, since nothing may be read
//! from a partition after it was given away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use serde::Deserialize;

use super::TopicPartition;

/// Something that happened, in order.
#[derive(Debug)]
pub(super) enum ClientEvent {
    /// Partitions wait for their start offsets.
    Assign(Vec<TopicPartition>),
    /// Partitions were given away, or lost to another member after this one was thought dead.
    Revoked(Vec<TopicPartition>),
    Error(RDKafkaErrorCode, String),
    Statistics(Vec<(TopicPartition, PartitionState)>),
}

/// What the statistics say of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionState {
    pub(super) fetch: FetchState,
    /// `None` while there is no leader, or no connection to it.
    pub(super) link: Option<LeaderConnection>,
}

/// The way by which a partition's records come. Behind another one the log may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaderConnection {
    pub(super) leader: i32,
    pub(super) leader_epoch: i32,
    /// The broker that is fetched from: the leader, or a replica in the same rack.
    pub(super) broker: i32,
    /// How often the client has connected to that broker.
    pub(super) connects: i32,
}

/// Where a partition's fetcher is, from the statistics (librdkafka's `STATISTICS.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchState {
    /// Whether it is fetching: not stopped or looking an offset up.
    pub(super) active: bool,
    /// Whether the partition's leader answered lately: what is known of the end is current.
    pub(super) heard: bool,
    /// The offset to fetch next.
    pub(super) next: i64,
    /// The end at which the fetcher last found nothing more; negative since a (re)start.
    pub(super) end_seen: i64,
    /// First offset that cannot be read yet: of an open transaction, or the high watermark.
    pub(super) last_stable: i64,
}

impl LeaderConnection {
    /// Whether it is another way. An epoch that is not known yet tells nothing.
    pub(super) fn differs_from(self, other: Self) -> bool {
        let epoch = if self.leader_epoch < 0 || other.leader_epoch < 0 {
            self.leader_epoch
        } else {
            other.leader_epoch
        };
        let other = Self {
            leader_epoch: epoch,
            ..other
        };
        self != other
    }
}

/// Collects events for the consumer.
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

    /// How many callbacks were served. The bindings return nothing both for "a callback was
    /// served" and for "the queue is empty"; a number that stays says the latter.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// From now on nobody will say where partitions start: decline them.
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
            Err(error) => tracing::debug!(%error, "kafka statistics not understood"),
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
                report(consumer.incremental_assign(&TopicPartitionList::new()));
            } else {
                self.push(ClientEvent::Assign(partitions));
            }
            return;
        }
        report(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        });
        self.push(ClientEvent::Revoked(partitions));
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.served.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = result {
            // For lag tools only: the next commit says the same and more.
            tracing::debug!(%error, "group offsets not committed");
        }
    }
}

/// Passes one of librdkafka's log lines on. They name brokers, topics and groups, and never
/// contain passwords or records.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        // Failed connections come as errors as well, and are said in better words there.
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

fn report(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "assignment not changed");
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition::new(element.topic(), element.partition()))
        .collect()
}

/// A broker that was not heard for longer may have records that we do not know of. An idle fetch
/// is answered after `fetch.wait.max.ms` (0.5 s) at the latest; the rest is for slow networks.
const HEARD_WITHIN_MICROSECONDS: i64 = 5_000_000;

/// The few statistics that are read.
#[derive(Deserialize)]
struct ClientStatistics {
    #[serde(default)]
    brokers: HashMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    nodeid: i32,
    /// `logical` is a connection for the group's coordinator, on which nothing is fetched.
    source: String,
    /// Microseconds since something was received; negative while not connected.
    #[serde(default)]
    rxidle: i64,
    #[serde(default)]
    connects: i32,
}

impl BrokerStatistics {
    fn is_connected(&self) -> bool {
        self.rxidle >= 0
    }

    fn heard(&self) -> bool {
        (0..HEARD_WITHIN_MICROSECONDS).contains(&self.rxidle)
    }
}

#[derive(Deserialize)]
struct TopicStatistics {
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// The broker that is fetched from; -1 for none.
    broker: i32,
    #[serde(default = "unknown")]
    leader: i32,
    #[serde(default = "unknown")]
    leader_epoch: i32,
    fetch_state: String,
    next_offset: i64,
    eof_offset: i64,
    ls_offset: i64,
}

fn unknown() -> i32 {
    -1
}

impl ClientStatistics {
    fn states(self) -> Vec<(TopicPartition, PartitionState)> {
        let brokers: HashMap<i32, &BrokerStatistics> = self
            .brokers
            .values()
            .filter(|broker| broker.source != "logical")
            .map(|broker| (broker.nodeid, broker))
            .collect();
        let mut states = Vec::new();
        for (topic, statistics) in self.topics {
            let topic: Arc<str> = topic.into();
            for partition in statistics.partitions.into_values() {
                // -1 collects records without a partition and is none itself.
                if partition.partition >= 0 {
                    let key = TopicPartition::new(Arc::clone(&topic), partition.partition);
                    let broker = brokers.get(&partition.broker).copied();
                    states.push((key, partition.state(broker)));
                }
            }
        }
        states
    }
}

impl PartitionStatistics {
    fn state(&self, broker: Option<&BrokerStatistics>) -> PartitionState {
        let fetch = FetchState {
            active: self.fetch_state == "active",
            heard: broker.is_some_and(BrokerStatistics::heard),
            next: self.next_offset,
            end_seen: self.eof_offset,
            last_stable: self.ls_offset,
        };
        let connected = broker.filter(|broker| self.leader >= 0 && broker.is_connected());
        let link = connected.map(|broker| LeaderConnection {
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            broker: self.broker,
            connects: broker.connects,
        });
        PartitionState { fetch, link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fetch_states_out_of_statistics() {
        let text = br#"{"name":"x","brokers":{
            "a:1/1":{"nodeid":1,"source":"learned","rxidle":5000,"connects":3,"rtt":{"min":1}},
            "b:1/2":{"nodeid":2,"source":"learned","rxidle":-1},
            "GroupCoordinator":{"nodeid":2,"source":"logical","rxidle":5000,"connects":1}},
            "topics":{"t":{"topic":"t","partitions":{
            "0":{"partition":0,"broker":1,"leader":1,"leader_epoch":4,"fetch_state":"active",
            "next_offset":7,"eof_offset":7,"ls_offset":7,"hi_offset":9,"lo_offset":0},
            "1":{"partition":1,"broker":2,"leader":2,"leader_epoch":4,"fetch_state":"stopped",
            "next_offset":0,"eof_offset":-1001,"ls_offset":-1001,"hi_offset":-1001},
            "-1":{"partition":-1,"broker":-1,"fetch_state":"none","next_offset":0,
            "eof_offset":-1001,"ls_offset":-1001,"hi_offset":-1001}}}}}"#;
        let context = ConsumerCallbacks::default();
        context.stats_raw(text);
        let events = context.take();
        let [ClientEvent::Statistics(states)] = events.as_slice() else {
            panic!("{events:?}");
        };
        let mut states = states.clone();
        states.sort_by_key(|(partition, _)| partition.partition);
        let fetching = PartitionState {
            fetch: FetchState {
                active: true,
                heard: true,
                next: 7,
                end_seen: 7,
                last_stable: 7,
            },
            link: Some(LeaderConnection {
                leader: 1,
                leader_epoch: 4,
                broker: 1,
                connects: 3,
            }),
        };
        let silent = PartitionState {
            fetch: FetchState {
                active: false,
                heard: false,
                next: 0,
                end_seen: -1001,
                last_stable: -1001,
            },
            link: None,
        };
        let expected = [
            (TopicPartition::new("t", 0), fetching),
            (TopicPartition::new("t", 1), silent),
        ];
        assert_eq!(states, expected);
    }
}
