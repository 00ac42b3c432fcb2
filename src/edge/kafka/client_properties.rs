//! The client library's properties: ours with their reasons, then the user's, applied last.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::StartError;
use super::credentials::{self, in_our_words};
use crate::config::{self, OAuth, RESERVED_PROPERTIES, ReservedProperty, Security};

/// How a client reaches the brokers.
#[derive(Clone, Default)]
pub struct KafkaConnection {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// Secrets in files are read when a client is started.
    pub security: Security,
    /// The user's properties under librdkafka's names, applied last. May hold secrets.
    pub properties: BTreeMap<String, String>,
}

/// What a consumer reads.
#[derive(Clone, Debug, Default)]
pub struct ConsumerSettings {
    pub connection: KafkaConnection,
    pub topics: Vec<String>,
    pub group_id: String,
    /// Who this instance is to its group, over restarts: one that was killed gets its partitions
    /// back at once, instead of after its session has timed out. `None`: a new one every time.
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
    // A restarted or added instance takes over only what it must; the others keep reading.
    ("partition.assignment.strategy", "cooperative-sticky"),
    // New topics and partitions are picked up within seconds, not the default 5 minutes: what
    // is not assigned is not counted. One small request.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // What lies fetched and unread, over all partitions: they share one queue, so the limits,
    // which the library checks for each partition's queue, hold for the whole of it. Counts
    // values only; every record costs some 300 bytes more.
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "100000"),
    // A full queue is looked at again after this long; the default of 1 s stalls the reader,
    // who empties it in some 20 ms.
    ("fetch.queue.backoff.ms", "10"),
    // Compressed bytes of one fetch. It arrives whole on top of a queue just below its limit,
    // some ten times as large once decompressed.
    ("fetch.max.bytes", "4194304"),
    ("max.partition.fetch.bytes", "1048576"),
    // An idle partition's records are sent as they come; the broker answers an empty fetch
    // after this long, which is also how fresh an idle partition's end offset is.
    ("fetch.wait.max.ms", "500"),
    // Dead connections are found without a firewall's help.
    ("socket.keepalive.enable", "true"),
    // Once the brokers are back, be back soon: the default grows to 10 s.
    ("reconnect.backoff.max.ms", "2000"),
    ("client.id", "ticket-exporter"),
];

/// The producers' defaults.
const PRODUCER: &[(&str, &str)] = &[
    // Retries neither repeat nor reorder records.
    ("enable.idempotence", "true"),
    // Events are JSON and shrink to a tenth.
    ("compression.codec", "zstd"),
    // Large batches compress well; a tenth of a second is not waited for under load.
    ("linger.ms", "100"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "10000"),
    // A dead letter is as large as its record, which other clients may send larger than the
    // library's default of 1 MB. The brokers decide what is too large: this is the library's
    // greatest value.
    ("message.max.bytes", "1000000000"),
    // Bounds what waits in memory while brokers are away.
    ("queue.buffering.max.kbytes", "32768"),
    // The partition of a key as Java clients choose it, so that keys stay where they are.
    ("partitioner", "murmur2_random"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    ("client.id", "ticket-exporter"),
];

/// On top of them, for dead letters.
pub(super) const DEAD_LETTERS: &[(&str, &str)] = &[
    // Never given up because brokers are away: a checkpoint waits for them. The library's default
    // is 5 minutes.
    ("message.timeout.ms", "0"),
    // The exporter bounds what waits itself. This limit would keep one large letter out for ever.
    ("queue.buffering.max.kbytes", "2147483647"),
];

/// The protocol of KIP-848 (`group.protocol: consumer`) leaves these to the brokers, so the client
/// library refuses a client with any of them, whatever the value.
const CLASSIC_PROTOCOL_ONLY: &[(&str, &str)] = &[
    (
        "partition.assignment.strategy",
        "the brokers assign partitions; group.remote.assignor chooses how",
    ),
    (
        "session.timeout.ms",
        "it is a setting of the brokers, group.consumer.session.timeout.ms",
    ),
    (
        "heartbeat.interval.ms",
        "it is a setting of the brokers, group.consumer.heartbeat.interval.ms",
    ),
    ("group.protocol.type", "it is for the classic protocol"),
];

/// Properties of one side only: a user's map serves both kinds of clients.
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
    /// Whether a consumer would start, without connecting anywhere.
    ///
    /// # Errors
    /// The first property that is refused.
    pub fn check(&self) -> Result<(), StartError> {
        let _: BaseConsumer = nowhere(self.consumer()?).create().map_err(start_error)?;
        Ok(())
    }

    /// The consumer's configuration.
    pub(super) fn consumer(&self) -> Result<ClientConfig, StartError> {
        if self.topics.is_empty() {
            return Err(StartError::NoTopic);
        }
        let mut config = base(&self.connection, CONSUMER)?;
        config.set("group.id", &self.group_id);
        // A killed member of the new protocol cannot take its own place: the brokers refuse its id
        // until the session is over. Without an id it joins, and waits for its partitions.
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
}

impl ConsumerSettings {
    /// Leaves out what the group protocol of KIP-848 does not take, where the user has chosen that:
    /// whether it is chosen.
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
    /// Whether a producer would start, without connecting anywhere.
    ///
    /// # Errors
    /// The first property that is refused.
    pub fn check_producer(&self) -> Result<(), StartError> {
        let _: BaseProducer = nowhere(self.producer(&[])?).create().map_err(start_error)?;
        Ok(())
    }

    /// A producer's configuration, with `more` than the common defaults.
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

    /// Where tokens come from; `None` where the login needs none.
    pub(super) fn tokens(&self) -> Option<OAuth> {
        let has_own = |property: &String| property.starts_with("sasl.oauthbearer.");
        let oauth = self.security.sasl.oauth.clone();
        oauth.filter(|_| !self.properties.keys().any(has_own))
    }

    /// The user's properties but for those that repeat what is reserved.
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

/// Without brokers a client checks its properties and files, and connects to nothing.
fn nowhere(mut config: ClientConfig) -> ClientConfig {
    config.remove("bootstrap.servers");
    config
}

fn base(
    connection: &KafkaConnection,
    defaults: &[(&str, &str)],
) -> Result<ClientConfig, StartError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", connection.brokers.join(","));
    // Otherwise taken from a logger that is not ours. Lines below info need `debug` contexts.
    config.set_log_level(RDKafkaLogLevel::Info);
    for (property, value) in defaults {
        config.set(*property, *value);
    }
    for (property, value) in credentials::properties(&connection.security)? {
        config.set(property, value);
    }
    Ok(config)
}

/// The library's refusal in our words, without the value.
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
        KafkaError::ClientCreation(reason) => StartError::Client(in_our_words(&reason)),
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
                security: Security::default(),
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
    fn the_library_accepts_the_defaults() {
        let settings = settings(&[]);
        settings.check().unwrap();
        let consumer = settings.consumer().unwrap();
        assert_eq!(consumer.get("bootstrap.servers"), Some("a:1,b:2"));
    }

    #[test]
    fn the_users_properties_come_last() {
        let settings = settings(&[("fetch.wait.max.ms", "10"), ("client.id", "mine")]);
        let consumer = settings.consumer().unwrap();
        assert_eq!(consumer.get("fetch.wait.max.ms"), Some("10"));
        let producer = settings.connection.producer(&[]).unwrap();
        assert_eq!(producer.get("client.id"), Some("mine"));
        assert_eq!(producer.get("fetch.wait.max.ms"), None);
    }

    #[test]
    fn the_new_group_protocol_gets_only_what_it_takes() {
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
    fn refuses_what_would_break_the_numbers() {
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
    fn never_prints_values() {
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
