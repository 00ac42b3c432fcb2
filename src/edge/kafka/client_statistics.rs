//! The state of partitions, from the client library's statistics (librdkafka's `STATISTICS.md`).

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::topic_partition::TopicPartition;

/// A broker that has been silent for longer may have records that the client does not know of. A broker
/// answers an idle fetch after `fetch.wait.max.ms` (0.5 s); the rest of the time is for slow networks.
const RESPONSIVE_WITHIN_MICROSECONDS: i64 = 5_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionState {
    pub(super) fetch: FetchState,
    /// `None` while there is no leader, or no connection to it.
    pub(super) connection: Option<LeaderConnection>,
}

/// The connection that a partition's records come over. After a change the broker may have another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaderConnection {
    pub(super) leader: i32,
    pub(super) leader_epoch: i32,
    /// The broker that the client fetches from: the leader, or a replica in the same rack.
    pub(super) broker: i32,
    /// The number of connections to that broker so far.
    pub(super) connects: i32,
}

/// The state of a partition's fetcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchState {
    /// Whether it is fetching, so neither stopped nor looking up an offset.
    pub(super) active: bool,
    /// Whether the partition's leader answered lately, so that the known end is current.
    pub(super) leader_responds: bool,
    /// The offset to fetch next.
    pub(super) next: i64,
    /// The end where the fetcher last found no more records; negative after a (re)start.
    pub(super) end_seen: i64,
    /// The first offset that cannot be read yet: that of an open transaction, or the high watermark.
    pub(super) last_stable: i64,
}

impl LeaderConnection {
    /// Ignores an epoch that is not known yet.
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

#[derive(Deserialize)]
pub(super) struct ClientStatistics {
    #[serde(default)]
    brokers: HashMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    nodeid: i32,
    /// `logical` is the connection to the group's coordinator, which carries no records.
    source: String,
    /// Microseconds since the last response; negative while not connected.
    #[serde(default)]
    rxidle: i64,
    #[serde(default)]
    connects: i32,
}

impl BrokerStatistics {
    fn is_connected(&self) -> bool {
        self.rxidle >= 0
    }

    fn responds(&self) -> bool {
        (0..RESPONSIVE_WITHIN_MICROSECONDS).contains(&self.rxidle)
    }
}

#[derive(Deserialize)]
struct TopicStatistics {
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// The broker that the client fetches from; -1 for none.
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
    pub(super) fn states(self) -> Vec<(TopicPartition, PartitionState)> {
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
                // -1 stands for records without a partition.
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
            leader_responds: broker.is_some_and(BrokerStatistics::responds),
            next: self.next_offset,
            end_seen: self.eof_offset,
            last_stable: self.ls_offset,
        };
        let connected = broker.filter(|broker| self.leader >= 0 && broker.is_connected());
        let connection = connected.map(|broker| LeaderConnection {
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            broker: self.broker,
            connects: broker.connects,
        });
        PartitionState { fetch, connection }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_states_are_read_from_statistics() {
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
        let statistics: ClientStatistics = serde_json::from_slice(text).unwrap();
        let mut states = statistics.states();
        states.sort_by_key(|(partition, _)| partition.partition);
        let fetching = PartitionState {
            fetch: FetchState {
                active: true,
                leader_responds: true,
                next: 7,
                end_seen: 7,
                last_stable: 7,
            },
            connection: Some(LeaderConnection {
                leader: 1,
                leader_epoch: 4,
                broker: 1,
                connects: 3,
            }),
        };
        let silent = PartitionState {
            fetch: FetchState {
                active: false,
                leader_responds: false,
                next: 0,
                end_seen: -1001,
                last_stable: -1001,
            },
            connection: None,
        };
        let expected = [
            (TopicPartition::new("t", 0), fetching),
            (TopicPartition::new("t", 1), silent),
        ];
        assert_eq!(states, expected);
    }
}
