//! The table of all configuration keys. The search for unknown keys, the names of environment
//! variables and flags, and the documentation use it.

use super::problem::{ConfigErrors, ConfigPlace};
use super::tree::{YamlNode, YamlValue};
use super::view::join;
use crate::domain::named::named_enum;
use crate::engine::limits;

/// Prefix of the environment variables.
pub const ENVIRONMENT_PREFIX: &str = "TICKET_EXPORTER_";

named_enum! {
    /// The type of a key's value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum KeyKind {
        Text = "text",
        Boolean = "true or false",
        Count = "whole number",
        /// A number from 0 to 1.
        Share = "number from 0 to 1",
        Duration = "duration",
        /// A list of texts. In a flag or variable, commas separate the items.
        Texts = "list of text",
        /// A list of durations. In a flag or variable, commas separate the items.
        Durations = "list of durations",
        /// Maps, or lists of maps. A flag or variable contains inline YAML.
        Yaml = "inline YAML",
    }
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// Segments separated by dots. `<word>` is a name that the user chooses, `[]` an item of a list.
    pub path: &'static str,
    pub kind: KeyKind,
    /// As in a configuration file. Empty if there is no default.
    pub default: &'static str,
    /// One line without a period at its end.
    pub help: &'static str,
}

const fn key(
    path: &'static str,
    kind: KeyKind,
    default: &'static str,
    help: &'static str,
) -> ConfigKey {
    ConfigKey {
        path,
        kind,
        default,
        help,
    }
}

use KeyKind::{Boolean, Count, Duration, Durations, Share, Text, Texts};

/// Every key, in the order of the reference configuration.
#[rustfmt::skip]
pub const KEYS: &[ConfigKey] = &[
    key("kafka.brokers", Texts, "localhost:9092", "Bootstrap brokers, as host:port"),
    key("kafka.topics", Texts, "tickets", "Topics with ticket events"),
    key("kafka.group_id", Text, "ticket-exporter", "Consumer group"),
    key("kafka.dead_letter_topic", Text, "", "Topic for rejected records; without it, the exporter only counts them"),
    key("kafka.security_protocol", Text, "", "`plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`; without it, the keys below decide, and a login uses `sasl_ssl`"),
    key("kafka.tls.ca_file", Text, "", "CA certificates (PEM) to trust instead of the system's"),
    key("kafka.tls.certificate_file", Text, "", "Client certificate (PEM) for mutual TLS, followed by its intermediate certificates"),
    key("kafka.tls.key_file", Text, "", "Private key of the client certificate (PEM)"),
    key("kafka.tls.key_password", Text, "", "Password of the private key; better in a variable or a file"),
    key("kafka.tls.key_password_file", Text, "", "File with the password of the private key. All files are relative to the configuration file, and the exporter notices changes"),
    key("kafka.sasl.mechanism", Text, "", "`plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`"),
    key("kafka.sasl.username", Text, "", "User name"),
    key("kafka.sasl.password", Text, "", "Password; better in a variable or a file"),
    key("kafka.sasl.password_file", Text, "", "File with the password"),
    key("kafka.sasl.oauth.token_url", Text, "", "Token endpoint for the OAuth client credentials grant"),
    key("kafka.sasl.oauth.client_id", Text, "", "Client id"),
    key("kafka.sasl.oauth.client_secret", Text, "", "Client secret; better in a variable or a file"),
    key("kafka.sasl.oauth.client_secret_file", Text, "", "File with the client secret; the exporter reads it for each token"),
    key("kafka.sasl.oauth.scope", Text, "", "Scope of the token, if the token server requires one"),
    key("kafka.sasl.oauth.extensions.<name>", Text, "", "SASL extensions, if the Kafka service requires them"),
    key("kafka.sasl.oauth.ca_file", Text, "", "CA certificates (PEM) to trust for the token server instead of the system's"),
    key("kafka.properties.<property>", Text, "", "librdkafka properties by their own names; they override the keys above"),
    key("mapping.preset", Text, "canonical", "Format of the records: `canonical`, a preset, or `none` for your own mapping"),
    key("mapping.unwrap", KeyKind::Yaml, "", "Envelopes around the ticket's JSON, the outermost first"),
    key("mapping.zone", Text, "", "IANA time zone of times without a zone"),
    key("mapping.tables", KeyKind::Yaml, "", "Lookup tables by name: CSV, YAML or JSON files, relative to the configuration file"),
    key("mapping.values", KeyKind::Yaml, "", "Value maps by name: our words and the system's words"),
    key("mapping.common", KeyKind::Yaml, "", "Members of every event, and where their values come from"),
    key("mapping.rules", KeyKind::Yaml, "", "Mapping rules by name, in order; the first rule that matches a record makes the event"),
    key("mapping.topics.<topic>", KeyKind::Yaml, "", "A mapping for one topic, with the same keys"),
    key("schema_registry.url", Text, "", "Schema registry for Avro, Protobuf and JSON Schema records; without it, records are JSON"),
    key("schema_registry.username", Text, "", "User name for basic authentication"),
    key("schema_registry.password", Text, "", "Password; better in a variable or a file"),
    key("schema_registry.password_file", Text, "", "File with the password, relative to the configuration file; the exporter reads it for each request"),
    key("schema_registry.ca_file", Text, "", "CA certificates (PEM) to trust instead of the system's"),
    key("schema_registry.timeout", Duration, "5s", "Longest wait for a response of the registry"),
    key("gateway.listen", Texts, ":10048", "Addresses of the hooks, for the command `gateway`, as host:port or :port"),
    key("gateway.web_config_file", Text, "", "Web configuration file of the hooks, for TLS and a rate limit, relative to the configuration file; without it, plain HTTP"),
    key("gateway.timeout", Duration, "4s", "How long a request waits for Kafka before it gets 503"),
    key("gateway.max_buffered_bytes", Count, "67108864", "Bytes of all bodies in memory; requests beyond it get 503"),
    key("gateway.hooks.<name>.topic", Text, "", "Topic of the records; by default, the only topic of `kafka.topics`"),
    key("gateway.hooks.<name>.auth", Text, "", "The sender (`chatwoot`, `freshdesk`, `freshservice`, `github`, `gitlab`, `hubspot`, `intercom`, `jira`, `servicenow`, `zammad`, `zendesk`), or `hmac`, `bearer`, `basic`, `header` or `none`; required"),
    key("gateway.hooks.<name>.secret", Text, "", "The secret of the sender; better in a file"),
    key("gateway.hooks.<name>.secret_file", Text, "", "File with the secret, relative to the configuration file; the gateway notices changes"),
    key("gateway.hooks.<name>.next_secret", Text, "", "A second secret that is valid, to change the first one"),
    key("gateway.hooks.<name>.next_secret_file", Text, "", "File with the second secret"),
    key("gateway.hooks.<name>.username", Text, "", "User name for `basic`, `freshdesk`, `freshservice` and `servicenow`; the secret is the password"),
    key("gateway.hooks.<name>.header", Text, "", "Header with the secret, for `header`"),
    key("gateway.hooks.<name>.hmac.header", Text, "", "Header with the signature, for `hmac`"),
    key("gateway.hooks.<name>.hmac.algorithm", Text, "sha256", "`sha1`, `sha256` or `sha512`"),
    key("gateway.hooks.<name>.hmac.encoding", Text, "hex", "`hex` or `base64`"),
    key("gateway.hooks.<name>.hmac.prefix", Text, "", "Text before the signature, such as `sha256=`"),
    key("gateway.hooks.<name>.hmac.timestamp_header", Text, "", "Header with the time of the request: seconds or milliseconds since 1970, or RFC 3339"),
    key("gateway.hooks.<name>.hmac.tolerance", Duration, "5m", "Greatest difference between that time and the clock of the gateway"),
    key("gateway.hooks.<name>.hmac.signed", Text, "{body}", "What is signed, of `{body}`, `{timestamp}`, `{method}`, `{url}` and other text"),
    key("gateway.hooks.<name>.url", Text, "", "Public URL of the hook, if the sender signs it, as HubSpot does"),
    key("gateway.hooks.<name>.key", Text, "", "Path of the Kafka key; by default, the ticket id by the mapping of the topic"),
    key("gateway.hooks.<name>.headers", Texts, "", "More request headers that become headers of the record; those of the sender always do"),
    key("gateway.hooks.<name>.max_body_bytes", Count, "1048576", "Largest body"),
    key("gateway.hooks.<name>.max_expanded_bytes", Count, "8388608", "Largest body after gzip is expanded"),
    key("checkpoint.directory", Text, "data", "Directory for the state; only one process can use it"),
    key("checkpoint.interval", Duration, "1s", "Time between two checkpoints; metrics show the last checkpoint"),
    key("checkpoint.on_changed_rules", Text, "fail", "What to do if a changed configuration counts the same records differently (mapping, `attributes`, `fcr`, `tickets.opening`) or needs other histograms or windows: `fail`, `rebuild` from the earliest records, or `continue`, which uses the new mapping for new records"),
    key("checkpoint.on_lost_records", Text, "fail", "What to do if Kafka deleted records before the exporter read them, or the topic was created again: `fail` or `rebuild`"),
    key("checkpoint.on_damage", Text, "fail", "What to do if the checkpoint is damaged: `fail` or `rebuild` from the earliest records"),
    key("stream.lateness", Duration, "5s", "Largest difference between the clocks of producers"),
    key("stream.grace", Duration, "30s", "How far event time stays behind the wall clock while no events arrive"),
    key("stream.max_future", Duration, "5m", "The exporter rejects events that are further in the future"),
    key("tickets.finalize_after", Duration, "96h", "A solved ticket becomes final after this time"),
    key("tickets.retain", Duration, "30d", "The exporter forgets final and withdrawn tickets after this time"),
    key("tickets.undelete_grace", Duration, "30d", "A withdrawn ticket can be restored within this time"),
    key("tickets.opening", Duration, "2s", "A message of an agent within this time after the creation opens the ticket and is no reply; `0s`: only at the same instant"),
    key("windows", Durations, "1h, 24h, 7d, 30d", "Sliding windows of the quantiles"),
    key("calendars.<name>.timezone", Text, "", "IANA time zone, such as Asia/Jakarta; required"),
    key("calendars.<name>.weekly.<weekday>", Texts, "", "Opening hours of mon to sun, such as 08:00-12:00; a missing day is closed"),
    key("calendars.<name>.holidays", Texts, "", "Dates without opening hours"),
    key("calendars.<name>.special.<date>", Texts, "", "Opening hours of one date"),
    key("calendars.<name>.ics", Texts, "", "iCalendar files with holidays, relative to the configuration file"),
    key("teams.default_calendar", Text, "24x7", "Calendar of teams without their own"),
    key("teams.calendars.<team>", Text, "", "Calendar of a team, or 24x7"),
    key("teams.known", Texts, "", "Teams whose series exist from the start"),
    key("priorities", Texts, "", "Priorities whose series exist from the start"),
    key("attributes.<name>.values", Texts, "", "Values of the attribute whose series exist from the start, if it is a label"),
    key("attributes.<name>.label", Boolean, "false", "Whether the attribute is a label of the families with the label `priority`"),
    key("attributes.<name>.limit", Count, "20", "Number of values with their own series; further values become __other__"),
    key("fcr.allow_unanswered", Boolean, "false", "Whether a ticket that is solved without a reply counts as first contact resolution"),
    key("handle.derive", Boolean, "false", "Whether the time open and assigned is the handle time of tickets without worklogs"),
    key("csat.good", Share, "0.75", "Ratings at or above this position on the scale are good"),
    key("csat.bad", Share, "0.5", "Ratings at or below this position on the scale are bad"),
    key("buckets.first_response", Durations, "1m to 3d", "Histogram bounds of the first response time"),
    key("buckets.next_response", Durations, "1m to 3d", "Histogram bounds of the next response time"),
    key("buckets.resolution", Durations, "", "Histogram bounds of both resolution times"),
    key("buckets.first_resolution", Durations, "15m to 90d", "Histogram bounds of the first resolution time"),
    key("buckets.full_resolution", Durations, "15m to 90d", "Histogram bounds of the full resolution time"),
    key("buckets.ownership", Durations, "", "Another name of team_ownership"),
    key("buckets.team_ownership", Durations, "5m to 30d", "Histogram bounds of the time a team holds a ticket"),
    key("buckets.assignment", Durations, "1m to 3d", "Histogram bounds of the time until a ticket has an assignee"),
    key("buckets.requester_wait", Durations, "15m to 90d", "Histogram bounds of the time a requester waits"),
    key("buckets.agent_wait", Durations, "15m to 90d", "Histogram bounds of the time the agents wait for the requester"),
    key("buckets.handle", Durations, "1m to 8h", "Histogram bounds of the handle time"),
    key("sla.objective", Share, "0.9", "Share of the goals that must be met, between 0 and 1; alerts and dashboards use it"),
    key("sla.policies[].name", Text, "", "Name of the policy in labels; required"),
    key("sla.policies[].objective", Share, "sla.objective", "The objective of this policy"),
    key("sla.policies[].match.priority", Texts, "", "Priorities of the tickets; without it, any"),
    key("sla.policies[].match.team", Texts, "", "Teams of the tickets; without it, any"),
    key("sla.policies[].match.channel", Texts, "", "Channels of the tickets; without it, any"),
    key("sla.policies[].match.attributes.<name>", Texts, "", "Values of an attribute of the tickets; without it, any"),
    key("sla.policies[].group", Text, "sla", "Group of the policy; in each group, the first policy that matches applies"),
    key("sla.policies[].rebase", Text, "from_start", "From when goals are measured if a change of the ticket leads to this policy: `from_start` of their clock, or `from_change`"),
    key("sla.policies[].clock", Text, "business", "`business` or `calendar`"),
    key("sla.policies[].calendar", Text, "", "Calendar of the goals instead of the team's"),
    key("sla.policies[].targets.first_response", Duration, "", "Time to the first human reply"),
    key("sla.policies[].targets.next_response", Duration, "", "Time to each further human reply"),
    key("sla.policies[].targets.resolution", Duration, "", "Time to the solution"),
    key("sla.policies[].targets.ownership", Duration, "", "Time that a team may hold the ticket"),
    key("sla.policies[].targets.assignment", Duration, "", "Time to the first assignee"),
    key("sla.policies[].targets.update", Duration, "", "Longest time between two human replies while the ticket is unsolved"),
    key("sla.policies[].pause.first_response", Texts, "", "Statuses in which this goal pauses"),
    key("sla.policies[].pause.next_response", Texts, "", "Statuses in which this goal pauses"),
    key("sla.policies[].pause.resolution", Texts, "pending, on_hold", "Statuses in which this goal pauses"),
    key("sla.policies[].pause.ownership", Texts, "", "Statuses in which this goal pauses"),
    key("sla.policies[].pause.assignment", Texts, "", "Statuses in which this goal pauses"),
    key("sla.policies[].pause.update", Texts, "", "Statuses in which this goal pauses"),
    key("limits.teams", Count, "1000", "Number of teams with their own series; further teams become __other__"),
    key("limits.priorities", Count, "20", "Number of priorities with their own series"),
    key("limits.channels", Count, "50", "Number of channels with their own series"),
    key("limits.series", Count, "500000", "Series by team, priority and labels of attributes; known names that make more are an error, and further combinations share `__other__`"),
    key("web.listen", Texts, ":10047", "Addresses to listen on, as host:port or :port"),
    key("web.telemetry_path", Text, "/metrics", "Path of the metrics, below the route prefix"),
    key("web.external_url", Text, "", "URL that users open, such as that of a reverse proxy; its path is the default of the route prefix"),
    key("web.route_prefix", Text, "", "Prefix of the paths of all pages; by default, the path of `web.external_url`"),
    key("web.config_file", Text, "", "Web configuration file for TLS, client certificates and users, relative to the configuration file; without it, plain HTTP and no login"),
    key("web.tickets", Boolean, "false", "Whether pages show ticket ids to every client"),
    key("web.enable_lifecycle", Boolean, "false", "Whether POST /-/reload reloads the configuration, for every client"),
    key("exemplars", Boolean, "false", "Whether histograms contain ticket ids, which may be personal data"),
];

/// Keys that users may expect, from other programs or by guessing, and the key to use instead.
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
    ("gateway.web_config", "web_config_file"),
    ("gateway.hooks.<name>.path", "key"),
    ("gateway.hooks.<name>.preset", "auth"),
    ("gateway.hooks.<name>.password", "secret"),
    ("gateway.hooks.<name>.token", "secret"),
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

impl ConfigKey {
    /// The part of the path that a flag or variable can set, with the type of its value. It ends before
    /// the first user-defined name or list of maps.
    pub fn settable(&self) -> (&'static str, KeyKind) {
        let cut = [".<", "[]"]
            .iter()
            .filter_map(|stop| self.path.find(stop))
            .min();
        match cut {
            Some(cut) => (&self.path[..cut], KeyKind::Yaml),
            None => (self.path, self.kind),
        }
    }

    /// The environment variable that sets this key.
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

/// The limits of the engine as a Markdown table.
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

/// Reports every key of a tree that is not in the table.
pub(super) fn find_unknown(tree: &YamlNode, errors: &mut ConfigErrors) {
    descend(tree, "", "", errors);
}

/// `path` is the position of the node, `pattern` the same position in the notation of the table.
fn descend(node: &YamlNode, path: &str, pattern: &str, errors: &mut ConfigErrors) {
    match &node.value {
        YamlValue::Scalar(..) => {}
        YamlValue::List(items) => {
            let pattern = format!("{pattern}[]");
            for (position, item) in items.iter().enumerate() {
                descend(item, &format!("{path}[{position}]"), &pattern, errors);
            }
        }
        YamlValue::Map(entries) => {
            let children = children(pattern);
            if children.is_empty() {
                return; // The code that reads the value reports the wrong type.
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
        return format!("unknown key; use {meant}");
    }
    if pattern == "kafka" && key.contains('.') {
        return "unknown key; set librdkafka properties in kafka.properties".to_owned();
    }
    format!("unknown key; {}", expected(key, children))
}

/// The most similar word, if any is similar enough.
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

/// A hint for a message, such as `; did you mean tickets?`, or nothing.
pub(super) fn did_you_mean(word: &str, words: &[&str]) -> String {
    match nearest(word, words) {
        Some(meant) => format!("; did you mean {meant}?"),
        None => String::new(),
    }
}

/// The message about an unknown word where only `known` words are valid: the nearest one, or all.
pub(super) fn expected(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(meant) => format!("did you mean {meant}?"),
        None if known.is_empty() => "none is defined".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// The edit distance: letters to add, remove, replace or swap with the next one.
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

/// The type of a path that a flag or variable can set.
pub(super) fn settable(path: &str) -> Option<KeyKind> {
    KEYS.iter()
        .map(ConfigKey::settable)
        .find(|(settable, _)| *settable == path)
        .map(|(_, kind)| kind)
}

/// Reports a flag or variable that sets no key.
pub(super) fn no_such_setting(
    name: &str,
    names: &[String],
    place: &ConfigPlace,
    errors: &mut ConfigErrors,
) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = did_you_mean(name, &names);
    errors.error(place, "", format!("sets no configuration key{hint}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_own_variable() {
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
    fn similar_words_are_found() {
        assert_eq!(nearest("topcis", &["topics", "brokers"]), Some("topics"));
        assert_eq!(nearest("xyz", &["topics", "brokers"]), None);
        assert_eq!(distance("mon", "monday"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
