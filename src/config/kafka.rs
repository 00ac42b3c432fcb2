//! Reads the section `kafka`.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::path::Path;

use super::kafka_security::{KafkaSecurity, SecurityProtocol};
use super::problem::ConfigErrors;
use super::reserved::ReservedProperty;
use super::view::YamlView;

/// A broker on the same machine, as in a trial run.
const DEFAULT_BROKER: &str = "localhost:9092";
const DEFAULT_TOPIC: &str = "tickets";
const DEFAULT_GROUP_ID: &str = "ticket-exporter";
/// The longest name of a topic (Kafka's `Topic.MAX_NAME_LENGTH`).
const LONGEST_TOPIC: usize = 249;

/// The section `kafka`. `Debug` hides the values of secret properties.
#[derive(Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, at least one.
    pub brokers: Vec<String>,
    /// At least one.
    pub topics: Vec<String>,
    pub group_id: String,
    pub dead_letter_topic: Option<String>,
    pub security: KafkaSecurity,
    /// librdkafka properties, which override the other settings.
    pub properties: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: vec![DEFAULT_BROKER.to_owned()],
            topics: vec![DEFAULT_TOPIC.to_owned()],
            group_id: DEFAULT_GROUP_ID.to_owned(),
            dead_letter_topic: None,
            security: KafkaSecurity::default(),
            properties: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("topics", &self.topics)
            .field("group_id", &self.group_id)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .field("security", &self.security)
            .field("properties", &self.shown_properties())
            .finish()
    }
}

impl Kafka {
    /// The properties, without secret values.
    pub fn shown_properties(&self) -> BTreeMap<&str, &str> {
        self.properties
            .iter()
            .map(|(name, value)| {
                let shown = if is_secret(name) { "<secret>" } else { value };
                (name.as_str(), shown)
            })
            .collect()
    }

    pub(super) fn read(view: &YamlView<'_>, directory: &Path, errors: &mut ConfigErrors) -> Self {
        let defaults = Self::default();
        view.entries(errors);
        let topics = view
            .key("topics")
            .checked_texts(errors, check_topic)
            .unwrap_or(defaults.topics);
        let dead_letter = view.key("dead_letter_topic");
        let dead_letter_topic = dead_letter.text(errors);
        if let Some(topic) = &dead_letter_topic {
            check_topic(&dead_letter, topic, errors);
            if topics.contains(topic) {
                dead_letter.error(errors, "must not be one of kafka.topics; use another topic");
            }
        }
        let properties = read_properties(&view.key("properties"), errors);
        Self {
            brokers: view
                .key("brokers")
                .checked_texts(errors, check_broker)
                .unwrap_or(defaults.brokers),
            topics,
            group_id: view
                .key("group_id")
                .text(errors)
                .unwrap_or(defaults.group_id),
            dead_letter_topic,
            security: KafkaSecurity::read(view, directory, &properties, errors),
            properties,
        }
    }
}

fn check_broker(view: &YamlView<'_>, broker: &str, errors: &mut ConfigErrors) {
    // librdkafka accepts a security protocol before the address: SSL://host:port.
    let (scheme, address) = broker
        .split_once("://")
        .map_or((None, broker), |(scheme, rest)| (Some(scheme), rest));
    let is_known = |scheme: &str| {
        SecurityProtocol::ALL
            .iter()
            .any(|protocol| scheme.eq_ignore_ascii_case(protocol.name()))
    };
    if scheme.is_some_and(|scheme| !is_known(scheme)) {
        // The part before @ may be a password.
        let address = address.split('/').next().unwrap_or_default();
        let address = address.rsplit('@').next().unwrap_or_default();
        view.error(errors, format!("must not be a URL; write \"{address}\""));
        return;
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_valid = match address.rsplit_once(':') {
        Some((host, port)) if !address.ends_with(']') => !host.is_empty() && is_port(port),
        _ => !address.is_empty(),
    };
    if !is_valid || address.contains([' ', '/', ',', '@']) {
        view.error(errors, "must be an address like host:port");
    }
}

pub(super) fn check_topic(view: &YamlView<'_>, topic: &str, errors: &mut ConfigErrors) {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if topic.starts_with('^') {
        view.error(errors, "must not be a pattern; list each topic");
    } else if topic.len() > LONGEST_TOPIC
        || !topic.bytes().all(is_legal)
        || matches!(topic, "." | "..")
    {
        view.error(
            errors,
            "must be a topic name: letters, digits, '.', '_' and '-', at most 249",
        );
    }
}

fn read_properties(view: &YamlView<'_>, errors: &mut ConfigErrors) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (name, view) in view.entries(errors) {
        let Some(value) = view.raw(errors) else {
            continue;
        };
        match ReservedProperty::find(name) {
            Some(reserved) if !reserved.allows(&value) => {
                view.error(errors, format!("cannot be set: {}", reserved.reason));
            }
            _ => {
                properties.insert(name.to_owned(), value);
            }
        }
    }
    properties
}

/// Whether the property may contain a secret. Paths of files are no secrets.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    has(&[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "private",
        "jaas",
        "oauthbearer.config",
        "assertion",
    ]) && !name.ends_with(".url")
        || (name.contains("key") && !name.ends_with(".location"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut kafka = Kafka::default();
        for name in [
            "sasl.password",
            "ssl.key.pem",
            "ssl.key.password",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "ssl_key",
        ] {
            kafka
                .properties
                .insert(name.to_owned(), "hunter2".to_owned());
        }
        let public = [
            ("sasl.username", "exporter"),
            ("ssl.key.location", "/etc/key.pem"),
        ];
        for (name, value) in public {
            kafka.properties.insert(name.to_owned(), value.to_owned());
        }
        let shown = format!("{kafka:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("exporter") && shown.contains("/etc/key.pem"));
    }
}
