//! A Kafka broker inside this process, for `demo` and fast tests: librdkafka's mock cluster. It
//! speaks the real protocol on loopback and keeps everything in memory. It holds at most 5 MiB of a
//! partition and drops older batches. It has no transactions and no compaction.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use super::queue::set_group_rebalance_delay;
use super::start_error::StartError;

/// How long a new group waits for more members. This process is the only one. The default of 3 s is
/// that of a real broker.
const GROUP_REBALANCE_DELAY: Duration = Duration::from_millis(50);

/// More brokers would only add replication.
const BROKERS: &str = "1";

/// Stops when dropped.
pub struct EmbeddedBroker {
    host: BaseProducer,
}

impl EmbeddedBroker {
    /// Starts a broker with these topics and their numbers of partitions.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, StartError> {
        let host: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", BROKERS)
            .set_log_level(RDKafkaLogLevel::Error)
            .create()
            .map_err(StartError::EmbeddedBroker)?;
        set_group_rebalance_delay(&host, GROUP_REBALANCE_DELAY);
        let broker = Self { host };
        for (topic, partitions) in topics {
            broker.create_topic(topic, *partitions)?;
        }
        Ok(broker)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        self.cluster()
            .map(|cluster| cluster.bootstrap_servers())
            .unwrap_or_default()
    }

    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), StartError> {
        self.cluster()?
            .create_topic(topic, partitions, 1)
            .map_err(StartError::EmbeddedBroker)
    }

    /// Closes all connections and refuses new ones until [`Self::up`].
    pub fn down(&self) -> Result<(), StartError> {
        self.cluster()?
            .broker_down(-1)
            .map_err(StartError::EmbeddedBroker)
    }

    /// Accepts connections again.
    pub fn up(&self) -> Result<(), StartError> {
        self.cluster()?
            .broker_up(-1)
            .map_err(StartError::EmbeddedBroker)
    }

    fn cluster(&self) -> Result<MockCluster<'_, DefaultProducerContext>, StartError> {
        self.host
            .client()
            .mock_cluster()
            .ok_or(StartError::NoEmbeddedBroker)
    }
}
