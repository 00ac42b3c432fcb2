//! The table of every key: it drives the search for unknown keys, the names of environment
//! variables and flags, and the documentation.

use super::problem::{Errors, Place};
use super::tree::{Node, Value};
use crate::engine::limits;

/// Prefix of the environment variables.
pub const ENVIRONMENT_PREFIX: &str = "TICKET_EXPORTER_";

/// How the value of a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Boolean,
    Count,
    /// A number from 0 to 1.
    Share,
    Duration,
    /// A list of text; separated by commas in a flag or variable.
    Texts,
    /// A list of durations; separated by commas in a flag or variable.
    Durations,
    /// Maps, or lists of maps; inline YAML in a flag or variable.
    Yaml,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Count => "whole number",
            Self::Share => "number from 0 to 1",
            Self::Duration => "duration",
            Self::Texts => "list of text",
            Self::Durations => "list of durations",
            Self::Yaml => "inline YAML",
        }
    }
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Segments separated by dots. `<word>` stands for a name of the user's, `[]` for the items
    /// of a list.
    pub path: &'static str,
    pub kind: Kind,
    /// As it would be written; empty: there is none.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        help,
    }
}

use Kind::{Boolean, Count, Duration, Durations, Share, Text, Texts};

/// Every key, in the order of the reference configuration.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("kafka.brokers", Texts, "localhost:9092", "Brokers to start from, as host:port"),
    key("kafka.topics", Texts, "tickets", "Topics with ticket events"),
    key("kafka.group_id", Text, "ticket-exporter", "Consumer group"),
    key("kafka.dead_letter_topic", Text, "", "Topic for records that cannot be used; none: they are only counted"),
    key("kafka.security_protocol", Text, "", "`plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`; none: what follows from the keys below, and `sasl_ssl` for any login"),
    key("kafka.tls.ca_file", Text, "", "Certificates (PEM) to trust in place of the system's"),
    key("kafka.tls.certificate_file", Text, "", "Our certificate (PEM), where brokers want one, with those that lead to a trusted one behind it"),
    key("kafka.tls.key_file", Text, "", "Its private key (PEM)"),
    key("kafka.tls.key_password", Text, "", "Password of the key; better in a variable or a file"),
    key("kafka.tls.key_password_file", Text, "", "File with it. This and the other files are relative to this one, and looked at again while it runs"),
    key("kafka.sasl.mechanism", Text, "", "`plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`"),
    key("kafka.sasl.username", Text, "", "Name for the login"),
    key("kafka.sasl.password", Text, "", "Password for it; better in a variable or a file"),
    key("kafka.sasl.password_file", Text, "", "File with the password"),
    key("kafka.sasl.oauth.token_url", Text, "", "Where tokens are given, by OAuth's client credentials"),
    key("kafka.sasl.oauth.client_id", Text, "", "Name for asking there"),
    key("kafka.sasl.oauth.client_secret", Text, "", "Secret for it; better in a variable or a file"),
    key("kafka.sasl.oauth.client_secret_file", Text, "", "File with the secret; read for each token"),
    key("kafka.sasl.oauth.scope", Text, "", "Scope of the token, where its server wants one"),
    key("kafka.sasl.oauth.extensions.<name>", Text, "", "SASL extensions, where the Kafka service wants some"),
    key("kafka.sasl.oauth.ca_file", Text, "", "Certificates (PEM) to trust for the token's server in place of the system's"),
    key("kafka.properties.<property>", Text, "", "librdkafka properties by their own names, applied last"),
    key("mapping.preset", Text, "canonical", "Whose events the records are: `canonical`, a preset, or `none` for a mapping from nothing"),
    key("mapping.unwrap", Kind::Yaml, "", "What is around the ticket's own JSON, from the outside"),
    key("mapping.zone", Text, "", "IANA zone of times that are written without one"),
    key("mapping.tables", Kind::Yaml, "", "Look-up tables by name: CSV, YAML or JSON files, relative to this file"),
    key("mapping.values", Kind::Yaml, "", "Maps by name: our words and theirs"),
    key("mapping.common", Kind::Yaml, "", "Members of every event, and where they come from"),
    key("mapping.rules", Kind::Yaml, "", "Rules by name, in order: what becomes of which records"),
    key("mapping.topics.<topic>", Kind::Yaml, "", "The same keys for one topic, in place of the others"),
    key("schema_registry.url", Text, "", "Registry of the schemas of Avro, Protobuf and JSON Schema records; none: records are JSON"),
    key("schema_registry.username", Text, "", "Name for basic authentication"),
    key("schema_registry.password", Text, "", "Password for it; better in a variable or a file"),
    key("schema_registry.password_file", Text, "", "File with the password, relative to this file; read for each question"),
    key("schema_registry.ca_file", Text, "", "Certificates (PEM) to trust in place of the system's"),
    key("schema_registry.timeout", Duration, "5s", "Longest wait for an answer of the registry"),
    key("checkpoint.directory", Text, "data", "Where the state is kept; one process at a time"),
    key("checkpoint.interval", Duration, "1s", "Time between two states that are kept, and that metrics show"),
    key("checkpoint.on_changed_rules", Text, "fail", "What to do where a changed configuration counts the same records in another way (mapping, `fcr`), or gives other histograms or windows: `fail`, `rebuild` from the earliest records, or `continue`, which counts by the new mapping from then on"),
    key("checkpoint.on_lost_records", Text, "fail", "What to do where records were deleted before they were read, or the topic is a new one: `fail` or `rebuild`"),
    key("checkpoint.on_damage", Text, "fail", "What to do where the checkpoint is damaged: `fail` or `rebuild` from the earliest records"),
    key("stream.lateness", Duration, "5s", "How far the clocks of producers may differ"),
    key("stream.grace", Duration, "30s", "How far time stays behind the wall clock where no events come"),
    key("stream.max_future", Duration, "5m", "Events further in the future are rejected"),
    key("tickets.finalize_after", Duration, "96h", "A ticket that stayed solved so long is final"),
    key("tickets.retain", Duration, "30d", "Final and withdrawn tickets are forgotten after so long"),
    key("tickets.undelete_grace", Duration, "30d", "A withdrawn ticket can come back so long"),
    key("windows", Durations, "1h, 24h, 7d, 30d", "Sliding windows of the quantiles"),
    key("calendars.<name>.timezone", Text, "", "IANA zone, such as Asia/Jakarta; required"),
    key("calendars.<name>.weekly.<weekday>", Texts, "", "Opening hours of mon to sun, such as 08:00-12:00; absent: closed"),
    key("calendars.<name>.holidays", Texts, "", "Dates without opening hours"),
    key("calendars.<name>.special.<date>", Texts, "", "Opening hours of a single date"),
    key("calendars.<name>.ics", Texts, "", "Files with holidays, relative to this file"),
    key("teams.default_calendar", Text, "24x7", "Calendar of teams without one of their own"),
    key("teams.calendars.<team>", Text, "", "Calendar of a team, or 24x7"),
    key("teams.known", Texts, "", "Teams whose series exist from the start"),
    key("priorities", Texts, "", "Priorities whose series exist from the start"),
    key("fcr.allow_unanswered", Boolean, "false", "A ticket solved without any reply counts as first contact resolution"),
    key("handle.derive", Boolean, "false", "Tickets without worklogs give the time open and assigned as handle time"),
    key("csat.good", Share, "0.75", "Ratings from this part of the scale on are good"),
    key("csat.bad", Share, "0.5", "Ratings up to this part of the scale are bad"),
    key("buckets.first_response", Durations, "1m to 3d", "Histogram bounds of the first response time"),
    key("buckets.next_response", Durations, "1m to 3d", "Histogram bounds of the next response time"),
    key("buckets.resolution", Durations, "", "Histogram bounds of both resolution times"),
    key("buckets.first_resolution", Durations, "15m to 90d", "Histogram bounds of the first resolution time"),
    key("buckets.full_resolution", Durations, "15m to 90d", "Histogram bounds of the full resolution time"),
    key("buckets.ownership", Durations, "", "The same as team_ownership"),
    key("buckets.team_ownership", Durations, "5m to 30d", "Histogram bounds of the time a team holds a ticket"),
    key("buckets.handle", Durations, "1m to 8h", "Histogram bounds of the handle time"),
    key("sla.objective", Share, "0.9", "Share of the goals to be met, between 0 and 1: what alerts and boards judge by"),
    key("sla.policies[].name", Text, "", "Name of the policy in labels; required"),
    key("sla.policies[].objective", Share, "sla.objective", "The same for the goals of this policy"),
    key("sla.policies[].match.priority", Texts, "", "Priorities it is for; absent: any"),
    key("sla.policies[].match.team", Texts, "", "Teams it is for; absent: any"),
    key("sla.policies[].match.channel", Texts, "", "Channels it is for; absent: any"),
    key("sla.policies[].clock", Text, "business", "business or calendar"),
    key("sla.policies[].calendar", Text, "", "Calendar of its goals, in place of the team's"),
    key("sla.policies[].targets.first_response", Duration, "", "Time to the first human reply"),
    key("sla.policies[].targets.next_response", Duration, "", "Time to each further human reply"),
    key("sla.policies[].targets.resolution", Duration, "", "Time to solving"),
    key("sla.policies[].targets.ownership", Duration, "", "Time a team may hold the ticket"),
    key("sla.policies[].pause.first_response", Texts, "", "Statuses in which this goal waits"),
    key("sla.policies[].pause.next_response", Texts, "", "Statuses in which this goal waits"),
    key("sla.policies[].pause.resolution", Texts, "pending, on_hold", "Statuses in which this goal waits"),
    key("sla.policies[].pause.ownership", Texts, "", "Statuses in which this goal waits"),
    key("limits.teams", Count, "1000", "Teams with series of their own; others become __other__"),
    key("limits.priorities", Count, "20", "The same for priorities"),
    key("limits.channels", Count, "50", "The same for channels"),
    key("web.listen", Texts, ":10047", "Addresses to listen on, as host:port or :port"),
    key("web.telemetry_path", Text, "/metrics", "Path of the metrics, below the route prefix"),
    key("web.external_url", Text, "", "URL under which users reach the server, such as that of a reverse proxy; its path is the default of the route prefix"),
    key("web.route_prefix", Text, "", "Prefix of the paths of all pages; none: the path of `web.external_url`"),
    key("web.config_file", Text, "", "Web configuration file for TLS, client certificates and logins, relative to this file; none: plain HTTP for everybody"),
    key("web.tickets", Boolean, "false", "Whether pages may show ticket ids, to whoever can reach them"),
    key("web.enable_lifecycle", Boolean, "false", "Whether POST /-/reload loads the configuration again, for whoever can reach it"),
    key("exemplars", Boolean, "false", "Add ticket ids to histograms, which may be personal data"),
];

/// Names of other programs, or that people try first: the last segments, and the key meant.
const RENAMED: &[(&str, &str)] = &[
    ("kafka.bootstrap_servers", "kafka.brokers"),
    ("kafka.bootstrap.servers", "kafka.brokers"),
    ("kafka.servers", "kafka.brokers"),
    ("kafka.topic", "kafka.topics"),
    ("kafka.group", "kafka.group_id"),
    ("kafka.consumer_group", "kafka.group_id"),
    ("kafka.group.id", "kafka.group_id"),
    ("kafka.dlq", "kafka.dead_letter_topic"),
    ("kafka.options", "kafka.properties"),
    ("kafka.security", "kafka.security_protocol"),
    ("kafka.protocol", "kafka.security_protocol"),
    ("kafka.ssl", "kafka.tls"),
    ("kafka.username", "kafka.sasl.username"),
    ("kafka.password", "kafka.sasl.password"),
    ("kafka.tls.ca", "kafka.tls.ca_file"),
    ("kafka.tls.cert_file", "kafka.tls.certificate_file"),
    ("kafka.sasl.mechanisms", "kafka.sasl.mechanism"),
    ("kafka.sasl.user", "kafka.sasl.username"),
    ("kafka.sasl.oauth.url", "token_url"),
    ("kafka.schema_registry", "schema_registry.url"),
    ("schema_registry.user", "schema_registry.username"),
    ("checkpoint.dir", "checkpoint.directory"),
    ("checkpoint.path", "checkpoint.directory"),
    ("calendars.<name>.tz", "timezone"),
    ("calendars.<name>.hours", "weekly"),
    ("teams.calendar", "teams.calendars"),
    ("teams.names", "teams.known"),
    ("fcr.allow_zero_replies", "fcr.allow_unanswered"),
    ("sla.policies[].when", "match"),
    ("sla.policies[].slo", "objective"),
    ("sla.slo", "sla.objective"),
    ("sla.policies[].goals", "targets"),
    ("web.listen_address", "web.listen"),
    ("web.address", "web.listen"),
    ("web.port", "web.listen"),
    ("web.path", "web.telemetry_path"),
    ("web.config", "web.config_file"),
    ("web.config.file", "web.config_file"),
    ("web.tls", "web.config_file"),
    ("web.lifecycle", "web.enable_lifecycle"),
    ("web.prefix", "web.route_prefix"),
    ("web.url", "web.external_url"),
    ("policies", "sla.policies"),
    ("timezone", "calendars.<name>.timezone"),
    ("calendar", "calendars"),
    ("topics", "kafka.topics"),
    ("preset", "mapping.preset"),
    ("mapping.timezone", "mapping.zone"),
    ("mapping.lookups", "mapping.tables"),
    ("brokers", "kafka.brokers"),
];

impl Key {
    /// The path up to the first name of the user's or list of maps: what a flag or variable can
    /// set, and how its value is written.
    pub fn settable(&self) -> (&'static str, Kind) {
        let cut = [".<", "[]"]
            .iter()
            .filter_map(|stop| self.path.find(stop))
            .min();
        match cut {
            Some(cut) => (&self.path[..cut], Kind::Yaml),
            None => (self.path, self.kind),
        }
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        variable(self.settable().0)
    }
}

/// The environment variable of a key path.
pub(super) fn variable(path: &str) -> String {
    format!(
        "{ENVIRONMENT_PREFIX}{}",
        path.to_ascii_uppercase().replace('.', "_")
    )
}

/// The table as Markdown: key, type, default, meaning, environment variable.
pub fn keys_table() -> String {
    let mut table = "| key | type | default | meaning | environment variable |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for key in KEYS {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        table.push_str(&format!(
            "| `{}` | {} | {default} | {} | `{}` |\n",
            key.path,
            key.kind.name(),
            key.help,
            key.variable()
        ));
    }
    table
}

/// How much of each thing there can be, as a table in Markdown.
pub fn limits_table() -> String {
    let mut table = "| key | greatest | why |\n| --- | --- | --- |\n".to_owned();
    for limit in limits::ALL {
        table.push_str(&format!(
            "| `{}` | {} {} | {} |\n",
            limit.key, limit.greatest, limit.what, limit.why
        ));
    }
    table
}

/// Notes every key of a tree that is not in the table.
pub(super) fn find_unknown(tree: &Node, errors: &mut Errors) {
    descend(tree, "", "", errors);
}

/// `path` is where the node is, `pattern` the same in the words of the table.
fn descend(node: &Node, path: &str, pattern: &str, errors: &mut Errors) {
    match &node.value {
        Value::Scalar(..) => {}
        Value::List(items) => {
            let pattern = format!("{pattern}[]");
            for (position, item) in items.iter().enumerate() {
                descend(item, &format!("{path}[{position}]"), &pattern, errors);
            }
        }
        Value::Map(entries) => {
            let children = children(pattern);
            if children.is_empty() {
                return; // A map where none belongs: the reading of its value says so.
            }
            for entry in entries {
                let path = join(path, &entry.key);
                let known = children
                    .iter()
                    .find(|child| **child == entry.key || child.starts_with('<'));
                match known {
                    Some(child) => descend(&entry.node, &path, &join(pattern, child), errors),
                    None => {
                        let message = unknown(&entry.key, pattern, &children);
                        errors.error(&entry.place, &path, message);
                    }
                }
            }
        }
    }
}

/// The keys of the map at a pattern.
fn children(pattern: &str) -> Vec<&'static str> {
    let mut children = Vec::new();
    for key in KEYS {
        let rest = match pattern {
            "" => Some(key.path),
            _ => key
                .path
                .strip_prefix(pattern)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        let child = rest.and_then(|rest| rest.split(['.', '[']).next());
        if let Some(child) = child.filter(|child| !children.contains(child)) {
            children.push(child);
        }
    }
    children
}

fn unknown(key: &str, pattern: &str, children: &[&str]) -> String {
    let full = join(pattern, key);
    if let Some((_, meant)) = RENAMED.iter().find(|(wrong, _)| *wrong == full) {
        return format!("unknown key; it is called {meant} here");
    }
    if pattern == "kafka" && key.contains('.') {
        return "unknown key; librdkafka properties go under kafka.properties".to_owned();
    }
    match nearest(key, children) {
        Some(meant) => format!("unknown key; did you mean {meant}?"),
        None => format!("unknown key; known here: {}", children.join(", ")),
    }
}

/// The word that differs least, where that is little.
pub(super) fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let allowed = match word.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    words
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= allowed)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, remove, change or swap with the next.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(64).collect();
    let other: Vec<char> = other.chars().take(64).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let change = rows[i][j] + usize::from(a != b);
            let mut best = change.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The key that a flag or variable sets, by its path.
pub(super) fn settable(path: &str) -> Option<Kind> {
    KEYS.iter()
        .map(Key::settable)
        .find(|(settable, _)| *settable == path)
        .map(|(_, kind)| kind)
}

/// Notes a flag or variable that sets no key.
pub(super) fn no_such_setting(name: &str, names: &[String], place: &Place, errors: &mut Errors) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = match nearest(name, &names) {
        Some(meant) => format!("sets no key; did you mean {meant}?"),
        None => "sets no key".to_owned(),
    };
    errors.error(place, "", message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_variable_of_its_own() {
        let mut seen = std::collections::BTreeMap::new();
        for key in KEYS {
            let path = key.settable().0;
            let earlier = seen.insert(key.variable(), path);
            assert!(earlier.is_none_or(|earlier| earlier == path), "{path}");
            assert!(!key.help.is_empty() && !key.help.ends_with('.'), "{path}");
        }
        assert_eq!(seen["TICKET_EXPORTER_SLA_POLICIES"], "sla.policies");
        assert_eq!(seen["TICKET_EXPORTER_KAFKA_PROPERTIES"], "kafka.properties");
        assert_eq!(keys_table().lines().count(), KEYS.len() + 2);
    }

    #[test]
    fn renamed_keys_do_not_exist() {
        for (wrong, _) in RENAMED {
            assert!(KEYS.iter().all(|key| key.path != *wrong), "{wrong}");
        }
    }

    #[test]
    fn near_words() {
        assert_eq!(nearest("topcis", &["topics", "brokers"]), Some("topics"));
        assert_eq!(nearest("xyz", &["topics", "brokers"]), None);
        assert_eq!(distance("mon", "monday"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
