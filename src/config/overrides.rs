//! Settings from flags and environment variables, laid over the tree of the file.
//!
//! A setting replaces the value of its key; a map is merged, entry by entry, so that one Kafka
//! property can come from the environment and the others from the file.

use std::sync::Arc;

use super::keys::{ENVIRONMENT_PREFIX, KEYS, Key, Kind, no_such_setting, settable, variable};
use super::problem::{Errors, Place};
use super::tree::{self, Node, Style, Value};

/// A setting of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// As the user typed it, for errors: `--web.listen-address`.
    pub typed: String,
    /// The key that it sets: `web.listen`.
    pub key: String,
    pub value: String,
}

impl Flag {
    /// `--set key=value`.
    pub fn set(key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into();
        Self::of(&format!("--set {key}"), key, value)
    }

    /// A flag of another name that sets a key.
    pub fn of(typed: &str, key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            typed: typed.to_owned(),
            key: key.into(),
            value: value.into(),
        }
    }
}

/// Variables with our prefix that are not settings: of the tests, of logging, and of the command
/// line, which finds the file.
const NOT_SETTINGS: [&str; 3] = ["TEST_", "LOG_", "CONFIG_FILE"];
/// The map whose entries have flags and variables of their own: properties of librdkafka.
const PROPERTIES: &str = "kafka.properties";

/// Lays the variables with our prefix over a tree. An empty variable counts as not set.
pub(super) fn put_environment(
    tree: &mut Node,
    environment: impl IntoIterator<Item = (String, String)>,
    errors: &mut Errors,
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
        let place = Place::Variable(name.as_str().into());
        let key = KEYS.iter().find(|key| key.variable() == name);
        if let Some((path, kind)) = key.map(Key::settable) {
            put(tree, path, kind, &value, &place, errors);
        } else if let Some(property) = name
            .strip_prefix(&variable(PROPERTIES))
            .and_then(|rest| rest.strip_prefix('_'))
        {
            // Their names have dots where a variable has underscores.
            let property = property.to_ascii_lowercase().replace('_', ".");
            put_property(tree, &property, value, place);
        } else if !is_service_link(short, &value) {
            let names: Vec<String> = KEYS.iter().map(Key::variable).collect();
            no_such_setting(&name, &names, &place, errors);
        }
    }
}

/// Lays flags over a tree.
pub(super) fn put_flags(tree: &mut Node, flags: &[Flag], errors: &mut Errors) {
    for Flag { typed, key, value } in flags {
        let path = key.as_str();
        let place = Place::Flag(typed.as_str().into());
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

fn put(tree: &mut Node, path: &str, kind: Kind, text: &str, place: &Place, errors: &mut Errors) {
    let inline = match kind {
        Kind::Yaml => true,
        Kind::Texts | Kind::Durations => text.trim_start().starts_with('['),
        _ => false,
    };
    let node = if inline {
        // The text is not part of any message: it may hold a secret.
        let before = errors.errors.len();
        let node = tree::parse(text, &|_, _| place.clone(), errors);
        for problem in &mut errors.errors[before..] {
            path.clone_into(&mut problem.path);
        }
        node
    } else if matches!(kind, Kind::Texts | Kind::Durations) {
        let items = text
            .split(',')
            .map(|item| scalar(item.trim().to_owned(), place.clone()))
            .collect();
        Some(Node {
            place: place.clone(),
            value: Value::List(items),
        })
    } else {
        Some(scalar(text.to_owned(), place.clone()))
    };
    if let Some(node) = node {
        let path: Vec<&str> = path.split('.').collect();
        tree.put(&path, node);
    }
}

fn put_property(tree: &mut Node, property: &str, value: String, place: Place) {
    let mut path: Vec<&str> = PROPERTIES.split('.').collect();
    path.push(property);
    tree.put(&path, scalar(value, place));
}

fn scalar(text: String, place: Place) -> Node {
    Node {
        place,
        value: Value::Scalar(text, Style::Bare),
    }
}

/// Whether Kubernetes made this variable: it tells every container of the services around it, and
/// a service called `ticket-exporter` gives names with our prefix (Kubernetes documentation,
/// "Accessing the Service", environment variables).
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

/// The tree of nothing set.
pub(super) fn nothing(name: Option<&str>) -> Node {
    let place = name.map_or(Place::Missing, |name| Place::File {
        name: Arc::from(name),
        line: 1,
        column: 1,
    });
    Node::empty(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> (Node, String) {
        let mut tree = nothing(None);
        let mut errors = Errors::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (format!("TICKET_EXPORTER_{name}"), (*value).to_owned()));
        put_environment(&mut tree, pairs, &mut errors);
        (tree, errors.to_string())
    }

    fn texts(node: &Node) -> Vec<String> {
        match &node.value {
            Value::Scalar(text, _) => vec![text.clone()],
            Value::List(items) => items.iter().flat_map(texts).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| format!("{}={}", entry.key, texts(&entry.node).join(",")))
                .collect(),
        }
    }

    #[test]
    fn every_shape_of_value() {
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
    fn a_variable_that_sets_nothing_is_an_error() {
        let (_, errors) = environment(&[
            ("KAFKA_BROKER", "a"),
            ("TEST_DATA", "x"),
            ("LOG_LEVEL", "x"),
            ("ZZZ", "x"),
        ]);
        assert_eq!(
            errors,
            "environment variable TICKET_EXPORTER_KAFKA_BROKER: sets no key; did you mean \
             TICKET_EXPORTER_KAFKA_BROKERS?\n\
             environment variable TICKET_EXPORTER_ZZZ: sets no key"
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
    fn variables_of_kubernetes_services_are_left_alone() {
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
