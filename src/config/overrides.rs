//! Applies environment variables and flags to the tree of the configuration file.
//!
//! A setting replaces the value of its key. Maps are merged entry by entry, so that one Kafka property can
//! come from the environment and the others from the file.

use super::keys::{
    ConfigKey, ENVIRONMENT_PREFIX, KEYS, KeyKind, no_such_setting, settable, variable,
};
use super::problem::{ConfigErrors, ConfigPlace};
use super::tree::{self, YamlNode, YamlStyle, YamlValue};

/// A setting from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As the user typed it, for messages: `--web.listen-address`.
    pub typed: String,
    /// The key path that it sets: `web.listen`.
    pub key: String,
    pub value: String,
}

impl Flag {
    /// `--set key=value`.
    pub fn set(key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into();
        Self::of(&format!("--set {key}"), key, value)
    }

    /// A flag with its own name that sets a key.
    pub fn of(typed: &str, key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            typed: typed.to_owned(),
            key: key.into(),
            value: value.into(),
        }
    }
}

/// Prefixes of variables that are not configuration keys: those of the tests, of logging, and of the
/// configuration file.
const NOT_SETTINGS: [&str; 4] = [
    "TEST_",
    "LOG_",
    "CONFIG_FILE",
    "CONFIG_AUTO_RELOAD_INTERVAL",
];
/// Each entry of this map has its own flag and variable.
const PROPERTIES: &str = "kafka.properties";

/// Applies the variables with our prefix to a tree. Ignores empty variables.
pub(super) fn put_environment(
    tree: &mut YamlNode,
    environment: impl IntoIterator<Item = (String, String)>,
    errors: &mut ConfigErrors,
) {
    let mut settings: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, value)| name.starts_with(ENVIRONMENT_PREFIX) && !value.is_empty())
        .collect();
    settings.sort();
    for (name, value) in settings {
        let short = &name[ENVIRONMENT_PREFIX.len()..];
        if NOT_SETTINGS.iter().any(|prefix| short.starts_with(prefix)) {
            continue;
        }
        let place = ConfigPlace::Variable(name.as_str().into());
        let key = KEYS.iter().find(|key| key.variable() == name);
        if let Some((path, kind)) = key.map(ConfigKey::settable) {
            put(tree, path, kind, &value, &place, errors);
        } else if let Some(property) = name
            .strip_prefix(&variable(PROPERTIES))
            .and_then(|rest| rest.strip_prefix('_'))
        {
            // librdkafka's names have dots where variables have underscores.
            let property = property.to_ascii_lowercase().replace('_', ".");
            put_property(tree, &property, value, place);
        } else if !is_service_link(short, &value) {
            let names: Vec<String> = KEYS.iter().map(ConfigKey::variable).collect();
            no_such_setting(&name, &names, &place, errors);
        }
    }
}

/// Applies flags to a tree.
pub(super) fn put_flags(tree: &mut YamlNode, flags: &[Flag], errors: &mut ConfigErrors) {
    for Flag { typed, key, value } in flags {
        let path = key.as_str();
        let place = ConfigPlace::Flag(typed.as_str().into());
        if let Some(kind) = settable(path) {
            put(tree, path, kind, value, &place, errors);
        } else if let Some(property) = path
            .strip_prefix(PROPERTIES)
            .and_then(|rest| rest.strip_prefix('.'))
        {
            put_property(tree, property, value.clone(), place);
        } else {
            let names: Vec<String> = KEYS.iter().map(|key| key.settable().0.to_owned()).collect();
            no_such_setting(path, &names, &place, errors);
        }
    }
}

fn put(
    tree: &mut YamlNode,
    path: &str,
    kind: KeyKind,
    text: &str,
    place: &ConfigPlace,
    errors: &mut ConfigErrors,
) {
    let inline = match kind {
        KeyKind::Yaml => true,
        KeyKind::Texts | KeyKind::Durations => text.trim_start().starts_with('['),
        _ => false,
    };
    let node = if inline {
        // No message shows the text, because it may contain a secret.
        let before = errors.errors.len();
        let node = tree::parse(text, &|_, _| place.clone(), errors);
        for problem in &mut errors.errors[before..] {
            path.clone_into(&mut problem.path);
        }
        node
    } else if matches!(kind, KeyKind::Texts | KeyKind::Durations) {
        let items = text
            .split(',')
            .map(|item| scalar(item.trim().to_owned(), place.clone()))
            .collect();
        Some(YamlNode {
            place: place.clone(),
            value: YamlValue::List(items),
        })
    } else {
        Some(scalar(text.to_owned(), place.clone()))
    };
    if let Some(node) = node {
        let path: Vec<&str> = path.split('.').collect();
        tree.put(&path, node);
    }
}

fn put_property(tree: &mut YamlNode, property: &str, value: String, place: ConfigPlace) {
    let mut path: Vec<&str> = PROPERTIES.split('.').collect();
    path.push(property);
    tree.put(&path, scalar(value, place));
}

fn scalar(text: String, place: ConfigPlace) -> YamlNode {
    YamlNode {
        place,
        value: YamlValue::Scalar(text, YamlStyle::Bare),
    }
}

/// Whether Kubernetes created this variable. Kubernetes sets variables for every service, and those of a
/// service called `ticket-exporter` have our prefix (Kubernetes documentation, "Accessing the Service").
fn is_service_link(short: &str, value: &str) -> bool {
    let name = format!("_{short}");
    let is_port = name.split("_PORT_").skip(1).any(|rest| {
        ["_TCP", "_UDP", "_SCTP"]
            .iter()
            .any(|protocol| rest.contains(protocol))
    });
    is_port
        || name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::super::source::empty_tree;
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> (YamlNode, String) {
        let mut tree = empty_tree(None);
        let mut errors = ConfigErrors::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (format!("TICKET_EXPORTER_{name}"), (*value).to_owned()));
        put_environment(&mut tree, pairs, &mut errors);
        (tree, errors.to_string())
    }

    fn texts(node: &YamlNode) -> Vec<String> {
        match &node.value {
            YamlValue::Scalar(text, _) => vec![text.clone()],
            YamlValue::List(items) => items.iter().flat_map(texts).collect(),
            YamlValue::Map(entries) => entries
                .iter()
                .map(|entry| format!("{}={}", entry.key, texts(&entry.node).join(",")))
                .collect(),
        }
    }

    #[test]
    fn every_type_of_value() {
        let (tree, errors) = environment(&[
            ("KAFKA_BROKERS", "a:9092, b:9092"),
            ("KAFKA_TOPICS", "[\"a,b\", c]"),
            ("KAFKA_PROPERTIES", "{security.protocol: ssl}"),
            ("KAFKA_PROPERTIES_SASL_PASSWORD", "a: [b"),
            ("STREAM_GRACE", "1m"),
            ("SLA_POLICIES", "[{name: a}]"),
            ("KAFKA_GROUP_ID", ""),
        ]);
        assert_eq!(errors, "");
        let kafka = tree.get("kafka").unwrap();
        assert_eq!(texts(kafka.get("brokers").unwrap()), ["a:9092", "b:9092"]);
        assert_eq!(texts(kafka.get("topics").unwrap()), ["a,b", "c"]);
        assert_eq!(
            texts(kafka.get("properties").unwrap()),
            ["security.protocol=ssl", "sasl.password=a: [b"]
        );
        assert!(kafka.get("group_id").is_none());
    }

    #[test]
    fn an_unknown_variable_is_an_error() {
        let (_, errors) = environment(&[
            ("KAFKA_BROKER", "a"),
            ("TEST_DATA", "x"),
            ("LOG_LEVEL", "x"),
            ("ZZZ", "x"),
        ]);
        assert_eq!(
            errors,
            "environment variable TICKET_EXPORTER_KAFKA_BROKER: sets no configuration key; did you \
             mean TICKET_EXPORTER_KAFKA_BROKERS?\n\
             environment variable TICKET_EXPORTER_ZZZ: sets no configuration key"
        );
    }

    #[test]
    fn broken_inline_yaml_is_not_shown() {
        let (_, errors) = environment(&[("KAFKA_PROPERTIES", "{sasl.password: hunter2")]);
        assert!(
            errors.starts_with(
                "environment variable TICKET_EXPORTER_KAFKA_PROPERTIES: kafka.properties: not valid YAML"
            ),
            "{errors}"
        );
        assert!(!errors.contains("hunter2"));
    }

    #[test]
    fn variables_of_kubernetes_services_are_ignored() {
        let (_, errors) = environment(&[
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "10047"),
            ("SERVICE_PORT_HTTP", "10047"),
            ("PORT", "tcp://10.0.0.1:10047"),
            ("PORT_10047_TCP", "tcp://10.0.0.1:10047"),
            ("PORT_10047_TCP_ADDR", "10.0.0.1"),
            ("PORT_10047_TCP_PORT", "10047"),
            ("PORT_10047_TCP_PROTO", "tcp"),
            ("WEB_SERVICE_HOST", "10.0.0.1"),
            ("WEB_PORT", "tcp://10.0.0.1:10047"),
        ]);
        assert_eq!(errors, "");
    }
}
