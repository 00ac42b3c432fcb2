//! The client library's properties: ours with their reasons, then the user's, applied last.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::StartError;

/// How a client reaches the brokers.
#[derive(Clone, Default)]
pub struct Connection {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// The user's properties under librdkafka's names, applied last. May hold secrets.
    pub properties: BTreeMap<String, String>,
}

/// What a consumer reads.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub connection: Connection,
    pub topics: Vec<String>,
    pub group_id: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.properties.keys().collect();
        formatter
            .debug_struct("Connection")
            .field("brokers", &self.brokers)
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

/// What correctness needs. The user cannot change these.
const CONSUMER_RESERVED: &[(&str, &str, &str)] = &[
    (
        "enable.auto.commit",
        "false",
        "offsets are kept in the checkpoint, together with what they lead to",
    ),
    (
        "enable.auto.offset.store",
        "false",
        "offsets are kept in the checkpoint, together with what they lead to",
    ),
    (
        "auto.offset.reset",
        "error",
        "a checkpoint whose records are gone is reported, never skipped silently",
    ),
    (
        "enable.partition.eof",
        "false",
        "the end of a partition is found without it, and with it a rebalance can skip a record",
    ),
    (
        "isolation.level",
        "read_committed",
        "records of aborted transactions never happened",
    ),
    (
        "statistics.interval.ms",
        "500",
        "the end of a partition is read from the statistics",
    ),
];

/// Set elsewhere in the configuration.
const ELSEWHERE: &[(&str, &str)] = &[
    ("bootstrap.servers", "set kafka.brokers instead"),
    ("metadata.broker.list", "set kafka.brokers instead"),
    ("group.id", "set kafka.group_id instead"),
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
    // library's default of 1 MB. What is too large, the broker decides.
    ("message.max.bytes", "4194304"),
    // Bounds what waits in memory while brokers are away.
    ("queue.buffering.max.kbytes", "32768"),
    // The partition of a key as Java clients choose it, so that keys stay where they are.
    ("partitioner", "murmur2_random"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "2000"),
    ("client.id", "ticket-exporter"),
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

impl Settings {
    /// Whether the client library takes all properties, without connecting anywhere.
    ///
    /// # Errors
    /// The first property that is refused.
    pub fn check(&self) -> Result<(), StartError> {
        for config in [self.consumer()?, self.connection.producer()?] {
            config.create_native_config().map_err(start_error)?;
        }
        Ok(())
    }

    /// The consumer's configuration.
    pub(super) fn consumer(&self) -> Result<ClientConfig, StartError> {
        if self.topics.is_empty() {
            return Err(StartError::NoTopic);
        }
        let mut config = base(&self.connection.brokers, CONSUMER);
        config.set("group.id", &self.group_id);
        for (property, value, _) in CONSUMER_RESERVED {
            config.set(*property, *value);
        }
        for (property, value) in &self.connection.properties {
            refuse(property, value, CONSUMER_RESERVED)?;
            config.set(property, value);
        }
        Ok(config)
    }
}

impl Connection {
    /// A producer's configuration.
    pub(super) fn producer(&self) -> Result<ClientConfig, StartError> {
        let mut config = base(&self.brokers, PRODUCER);
        for (property, value) in &self.properties {
            refuse(property, value, &[])?;
            let consumer_only =
                CONSUMER_ONLY.contains(&property.as_str()) || property.starts_with("fetch.");
            if !consumer_only {
                config.set(property, value);
            }
        }
        Ok(config)
    }
}

fn base(brokers: &[String], defaults: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers.join(","));
    // Otherwise taken from a logger that is not ours. Lines below info need `debug` contexts.
    config.set_log_level(RDKafkaLogLevel::Info);
    for (property, value) in defaults {
        config.set(*property, *value);
    }
    config
}

fn refuse(
    property: &str,
    value: &str,
    reserved: &[(&str, &'static str, &'static str)],
) -> Result<(), StartError> {
    if let Some((_, _, reason)) = reserved
        .iter()
        .find(|(name, ours, _)| *name == property && *ours != value)
    {
        return Err(StartError::Reserved {
            property: property.to_owned(),
            reason,
        });
    }
    match ELSEWHERE.iter().find(|(name, _)| *name == property) {
        Some((_, reason)) => Err(StartError::Reserved {
            property: property.to_owned(),
            reason,
        }),
        None => Ok(()),
    }
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
        KafkaError::ClientCreation(reason) => StartError::Client(reason),
        other => StartError::Client(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> Settings {
        Settings {
            connection: Connection {
                brokers: vec!["a:1".into(), "b:2".into()],
                properties: properties
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            },
            topics: vec!["tickets".into()],
            group_id: "g".into(),
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
        let producer = settings.connection.producer().unwrap();
        assert_eq!(producer.get("client.id"), Some("mine"));
        assert_eq!(producer.get("fetch.wait.max.ms"), None);
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
        let none = Settings::default().consumer().unwrap_err();
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
