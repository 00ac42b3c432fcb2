//! The client library's properties: the exporter's defaults with their reasons, then the user's.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::credentials::{self, with_configuration_keys};
use super::start_error::StartError;
use crate::config::{self, KafkaSecurity, OAuth, RESERVED_PROPERTIES, ReservedProperty};

/// How a client reaches the brokers.
#[derive(Clone, Default)]
pub struct KafkaConnection {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// Secrets in files are read when a client starts.
    pub security: KafkaSecurity,
    /// The user's properties under librdkafka's names, applied last. May hold secrets.
    pub properties: BTreeMap<String, String>,
}

/// The topics that a consumer reads, as member of which group.
#[derive(Clone, Debug, Default)]
pub struct ConsumerSettings {
    pub connection: KafkaConnection,
    pub topics: Vec<String>,
    pub group_id: String,
    /// The member id of this instance, the same after a restart: an instance that was killed gets its
    /// partitions back at once, not after its session has timed out. `None`: a new id each time.
    pub instance_id: Option<String>,
}

impl std::fmt::Debug for KafkaConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.properties.keys().collect();
        formatter
            .debug_struct("KafkaConnection")
            .field("brokers", &self.brokers)
            .field("security", &self.security)
            .field("properties", &names)
            .finish()
    }
}

/// The consumer's defaults; the user's properties may change them.
const CONSUMER: &[(&str, &str)] = &[
    // When an instance starts or is added, the others keep most partitions and go on reading.
    ("partition.assignment.strategy", "cooperative-sticky"),
    // New topics and partitions are read within seconds, not after the default 5 minutes. It costs one
    // small request.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // The most that is fetched and unread. The library checks the limits for each partition's queue,
    // but all partitions share one queue. It counts values only; each record takes some 300 bytes more.
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "100000"),
    // How soon the library checks a full queue again. The reader empties it in some 20 ms, so the
    // default of 1 s would stall it.
    ("fetch.queue.backoff.ms", "10"),
    // Compressed bytes of one fetch. It arrives on top of a queue that is just below its limit, and is
    // some ten times as large when decompressed.
    ("fetch.max.bytes", "4194304"),
    ("max.partition.fetch.bytes", "1048576"),
    // How long the broker holds an empty fetch. The end offset of an idle partition is this old at
    // most. New records are sent at once.
    ("fetch.wait.max.ms", "500"),
    // The system notices dead connections.
    ("socket.keepalive.enable", "true"),
    // The client reconnects soon after the brokers are back; the default pause grows to 10 s.
    ("reconnect.backoff.max.ms", "2000"),
    ("client.id", "ticket-exporter"),
];

/// The producers' defaults.
const PRODUCER: &[(&str, &str)] = &[
    // Retries do not repeat or reorder records.
    ("enable.idempotence", "true"),
    // Events are JSON, which shrinks to a tenth.
    ("compression.codec", "zstd"),
    // Large batches compress well. Under load they fill before this time.
    ("linger.ms", "100"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "10000"),
    // A dead letter is as large as its record, which may be larger than the library's default of 1 MB.
    // The brokers decide what is too large, so this is the library's greatest value.
    ("message.max.bytes", "1000000000"),
    // The limit for records in memory while brokers are away.
    ("queue.buffering.max.kbytes", "32768"),
    // Java clients choose the partition of a key this way, so a key stays in its partition.
    ("partitioner", "murmur2_random"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    ("client.id", "ticket-exporter"),
];

/// More properties for the dead-letter producer.
pub(super) const DEAD_LETTERS: &[(&str, &str)] = &[
    // A dead letter is never dropped because brokers are away; a checkpoint waits for it. The library's
    // default is 5 minutes.
    ("message.timeout.ms", "0"),
    // The exporter has its own limit for open dead letters. This limit would block one large dead
    // letter forever.
    ("queue.buffering.max.kbytes", "2147483647"),
];

/// With the protocol of KIP-848 (`group.protocol: consumer`) the brokers decide these, so the client
/// library rejects any value of them.
const CLASSIC_PROTOCOL_ONLY: &[(&str, &str)] = &[
    (
        "partition.assignment.strategy",
        "the brokers assign partitions; group.remote.assignor chooses how",
    ),
    (
        "session.timeout.ms",
        "it is a broker setting, group.consumer.session.timeout.ms",
    ),
    (
        "heartbeat.interval.ms",
        "it is a broker setting, group.consumer.heartbeat.interval.ms",
    ),
    ("group.protocol.type", "it belongs to the classic protocol"),
];

/// Properties of consumers only. The user's properties serve consumers and producers.
const CONSUMER_ONLY: &[&str] = &[
    "partition.assignment.strategy",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "group.protocol.type",
    "max.poll.interval.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "client.rack",
    "check.crcs",
    "message.max.bytes",
];

impl From<&config::Kafka> for KafkaConnection {
    fn from(kafka: &config::Kafka) -> Self {
        Self {
            brokers: kafka.brokers.clone(),
            security: kafka.security.clone(),
            properties: kafka.properties.clone(),
        }
    }
}

impl From<&config::Kafka> for ConsumerSettings {
    fn from(kafka: &config::Kafka) -> Self {
        Self {
            connection: kafka.into(),
            topics: kafka.topics.clone(),
            group_id: kafka.group_id.clone(),
            instance_id: None,
        }
    }
}

impl ConsumerSettings {
    /// Checks, without a connection, whether a consumer can start.
    pub fn check(&self) -> Result<(), StartError> {
        let _: BaseConsumer = without_brokers(self.consumer()?)
            .create()
            .map_err(start_error)?;
        Ok(())
    }

    pub(super) fn consumer(&self) -> Result<ClientConfig, StartError> {
        if self.topics.is_empty() {
            return Err(StartError::NoTopic);
        }
        let mut config = base(&self.connection, CONSUMER)?;
        config.set("group.id", &self.group_id);
        // With the new protocol, the brokers refuse the id of a killed member until its session is
        // over. Without an id the instance joins at once and waits for its partitions.
        let is_classic = !self.fit_group_protocol(&mut config)?;
        if let Some(id) = self.instance_id.as_ref().filter(|_| is_classic) {
            config.set("group.instance.id", id);
        }
        for reserved in RESERVED_PROPERTIES {
            if let Some(value) = reserved.value {
                config.set(reserved.name, value);
            }
        }
        for (property, value) in self.connection.permitted()? {
            config.set(property, value);
        }
        Ok(config)
    }

    /// Removes the properties that the group protocol of KIP-848 does not allow, if the user has chosen
    /// that protocol. Returns whether that is so.
    fn fit_group_protocol(&self, config: &mut ClientConfig) -> Result<bool, StartError> {
        let properties = &self.connection.properties;
        let protocol = properties.get("group.protocol");
        if !protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer")) {
            return Ok(false);
        }
        for (property, instead) in CLASSIC_PROTOCOL_ONLY {
            if properties.contains_key(*property) {
                return Err(StartError::Property {
                    property: (*property).to_owned(),
                    reason: format!("cannot be set with group.protocol: consumer; {instead}"),
                });
            }
            config.remove(property);
        }
        Ok(true)
    }
}

impl KafkaConnection {
    /// Checks, without a connection, whether a producer can start.
    pub fn check_producer(&self) -> Result<(), StartError> {
        let _: BaseProducer = without_brokers(self.producer(&[])?)
            .create()
            .map_err(start_error)?;
        Ok(())
    }

    /// `more` are defaults beside the common ones.
    pub(super) fn producer(&self, more: &[(&str, &str)]) -> Result<ClientConfig, StartError> {
        let mut config = base(self, PRODUCER)?;
        for (property, value) in more {
            config.set(*property, *value);
        }
        for (property, value) in self.permitted()? {
            if !CONSUMER_ONLY.contains(&property) && !property.starts_with("fetch.") {
                config.set(property, value);
            }
        }
        Ok(config)
    }

    /// The source of tokens; `None` if the login needs none.
    pub(super) fn tokens(&self) -> Option<OAuth> {
        let has_own = |property: &String| property.starts_with("sasl.oauthbearer.");
        let oauth = self.security.sasl.oauth.clone();
        oauth.filter(|_| !self.properties.keys().any(has_own))
    }

    /// The user's properties, without those that repeat a reserved value.
    fn permitted(&self) -> Result<Vec<(&str, &str)>, StartError> {
        let mut permitted = Vec::new();
        for (property, value) in &self.properties {
            match ReservedProperty::find(property) {
                None => permitted.push((property.as_str(), value.as_str())),
                Some(reserved) if reserved.allows(value) => {}
                Some(reserved) => {
                    return Err(StartError::Reserved {
                        property: property.clone(),
                        reason: reserved.reason,
                    });
                }
            }
        }
        Ok(permitted)
    }
}

/// A client without brokers checks its properties and files and opens no connection.
fn without_brokers(mut config: ClientConfig) -> ClientConfig {
    config.remove("bootstrap.servers");
    config
}

fn base(
    connection: &KafkaConnection,
    defaults: &[(&str, &str)],
) -> Result<ClientConfig, StartError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", connection.brokers.join(","));
    // The default is the level of another logger. Lines below info need the property `debug`.
    config.set_log_level(RDKafkaLogLevel::Info);
    for (property, value) in defaults {
        config.set(*property, *value);
    }
    for (property, value) in credentials::properties(&connection.security)? {
        config.set(property, value);
    }
    Ok(config)
}

/// The library's rejection, without the value.
pub(super) fn start_error(error: KafkaError) -> StartError {
    match error {
        KafkaError::ClientConfig(_, reason, property, value) => {
            let reason = if value.is_empty() {
                reason
            } else {
                reason.replace(&value, "…")
            };
            StartError::Property { property, reason }
        }
        KafkaError::ClientCreation(reason) => StartError::Client(with_configuration_keys(&reason)),
        other => StartError::Client(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> ConsumerSettings {
        ConsumerSettings {
            connection: KafkaConnection {
                brokers: vec!["a:1".into(), "b:2".into()],
                security: KafkaSecurity::default(),
                properties: properties
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            },
            topics: vec!["tickets".into()],
            group_id: "g".into(),
            instance_id: None,
        }
    }

    #[test]
    fn the_client_library_accepts_the_defaults() {
        let settings = settings(&[]);
        settings.check().unwrap();
        let consumer = settings.consumer().unwrap();
        assert_eq!(consumer.get("bootstrap.servers"), Some("a:1,b:2"));
    }

    #[test]
    fn the_users_properties_are_applied_last() {
        let settings = settings(&[("fetch.wait.max.ms", "10"), ("client.id", "mine")]);
        let consumer = settings.consumer().unwrap();
        assert_eq!(consumer.get("fetch.wait.max.ms"), Some("10"));
        let producer = settings.connection.producer(&[]).unwrap();
        assert_eq!(producer.get("client.id"), Some("mine"));
        assert_eq!(producer.get("fetch.wait.max.ms"), None);
    }

    #[test]
    fn the_new_group_protocol_gets_only_properties_that_it_allows() {
        let settings = |more: &[(&str, &str)]| {
            let mut all = vec![("group.protocol", "Consumer")];
            all.extend_from_slice(more);
            settings(&all)
        };
        let mut new = settings(&[]);
        new.check().unwrap();
        new.connection.check_producer().unwrap();
        new.instance_id = Some("i".to_owned());
        assert_eq!(new.consumer().unwrap().get("group.instance.id"), None);
        for (property, _) in CLASSIC_PROTOCOL_ONLY {
            let error = settings(&[(property, "6000")]).check().unwrap_err();
            let text = error.to_string();
            let expected = format!("kafka.properties: {property}: cannot be set with");
            assert!(text.starts_with(&expected), "{text}");
        }
    }

    #[test]
    fn properties_that_would_make_the_counts_wrong_are_rejected() {
        for (property, value) in [
            ("enable.auto.commit", "true"),
            ("auto.offset.reset", "latest"),
            ("enable.partition.eof", "true"),
            ("isolation.level", "read_uncommitted"),
            ("group.id", "other"),
        ] {
            let error = settings(&[(property, value)]).consumer().unwrap_err();
            let text = error.to_string();
            assert!(text.contains(property), "{text}");
        }
        assert!(
            settings(&[("enable.auto.commit", "false")])
                .consumer()
                .is_ok()
        );
        let none = ConsumerSettings::default().consumer().unwrap_err();
        assert!(matches!(none, StartError::NoTopic));
    }

    #[test]
    fn values_are_never_printed() {
        let secret = settings(&[("sasl.password", "hunter2"), ("sasl.mechanism", "hunter3")]);
        assert!(!format!("{secret:?}").contains("hunter"));
        let config = secret.consumer().unwrap();
        if let Err(error) = config.create_native_config() {
            assert!(!start_error(error).to_string().contains("hunter"));
        }
        let wrong = settings(&[("fetch.wait.max.ms", "hunter4")]);
        let error = wrong.check().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("fetch.wait.max.ms"), "{text}");
        assert!(!text.contains("hunter"), "{text}");
    }
}
