//! A Kafka broker inside this process, for `demo` and fast tests: librdkafka's mock cluster. It
//! speaks the real protocol on loopback, keeps everything in memory, holds at most 5 MiB a
//! partition (older batches are dropped beyond that), and knows no transactions and no
//! compaction.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use super::StartError;
use super::queue::set_group_rebalance_delay;

/// Wait of a new group for more members: a process talks to itself, nobody else comes. The
/// cluster's own default of 3 s is what a real broker does.
const GROUP_REBALANCE_DELAY: Duration = Duration::from_millis(50);

/// One broker is enough for everything but replication.
const BROKERS: &str = "1";

/// A broker; it stops when dropped.
pub struct EmbeddedBroker {
    host: BaseProducer,
}

impl EmbeddedBroker {
    /// Starts a broker with these topics, each with so many partitions.
    ///
    /// # Errors
    /// No port on loopback, or a topic name that Kafka does not allow.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, StartError> {
        let host: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", BROKERS)
            .set_log_level(RDKafkaLogLevel::Error)
            .create()
            .map_err(failed)?;
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

    /// Creates a topic.
    ///
    /// # Errors
    /// The topic exists, or its name is not allowed.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), StartError> {
        self.cluster()?
            .create_topic(topic, partitions, 1)
            .map_err(failed)
    }

    /// Drops all connections and refuses new ones until [`Self::up`].
    ///
    /// # Errors
    /// The broker is gone.
    pub fn down(&self) -> Result<(), StartError> {
        self.cluster()?.broker_down(-1).map_err(failed)
    }

    /// Accepts connections again.
    ///
    /// # Errors
    /// The broker is gone.
    pub fn up(&self) -> Result<(), StartError> {
        self.cluster()?.broker_up(-1).map_err(failed)
    }

    fn cluster(&self) -> Result<MockCluster<'_, DefaultProducerContext>, StartError> {
        self.host
            .client()
            .mock_cluster()
            .ok_or_else(|| StartError::Client("no embedded broker".to_owned()))
    }
}

impl fmt::Debug for EmbeddedBroker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EmbeddedBroker({})", self.bootstrap())
    }
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` wants it
fn failed(error: KafkaError) -> StartError {
    StartError::Client(format!("embedded broker: {error}"))
}
