//! Compares a new configuration with that of a running exporter: which changes it can apply, and which
//! need a restart.

use super::{Checkpoint, Config, Kafka, Stream, Web};

/// The differences between two configurations, grouped by what they require.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigChanges {
    /// Keys that only a restart can change.
    pub fixed: Vec<&'static str>,
    /// Topics that the new configuration does not have.
    pub topics_gone: Vec<String>,
    /// Needs a new consumer: brokers, group, topics, properties.
    pub consumer: bool,
    /// Needs a new producer of dead letters, or none.
    pub dead_letters: bool,
    /// Decodes records differently.
    pub mapping: bool,
    pub schema_registry: bool,
    /// Changes the engine's settings.
    pub rules: bool,
    /// Changes `checkpoint.interval`, `stream.grace` or `stream.max_future`.
    pub timing: bool,
    /// Changes `checkpoint.on_lost_records`, `on_changed_rules` or `on_damage`.
    pub recovery: bool,
    pub objectives: bool,
    /// Changes what the web pages show and allow.
    pub pages: bool,
}

impl ConfigChanges {
    /// Compares two configurations. The patterns name every field, so that a new setting cannot be
    /// forgotten.
    pub fn between(before: &Config, after: &Config) -> Self {
        let Config {
            gateway: _, // another process reads it
            kafka,
            schema_registry,
            checkpoint,
            stream,
            rules,
            objectives,
            web,
            mapping,
        } = before;
        let mut changes = Self {
            rules: *rules != after.rules,
            mapping: !mapping.is_same(&after.mapping),
            schema_registry: *schema_registry != after.schema_registry,
            objectives: *objectives != after.objectives || rules.policies != after.rules.policies,
            ..Self::default()
        };
        changes.of_kafka(kafka, &after.kafka);
        changes.of_checkpoint(checkpoint, &after.checkpoint);
        changes.of_stream(*stream, after.stream);
        changes.of_web(web, &after.web);
        changes
    }

    fn of_kafka(&mut self, before: &Kafka, after: &Kafka) {
        // Everything except dead letters affects the consumer.
        let without_dead_letters = |kafka: &Kafka| Kafka {
            dead_letter_topic: None,
            ..kafka.clone()
        };
        self.consumer = without_dead_letters(before) != without_dead_letters(after);
        let connection = |kafka: &Kafka| Kafka {
            topics: Vec::new(),
            group_id: String::new(),
            ..kafka.clone()
        };
        self.dead_letters = before.dead_letter_topic != after.dead_letter_topic
            || after.dead_letter_topic.is_some() && connection(before) != connection(after);
        let gone = before.topics.iter();
        let gone = gone.filter(|topic| !after.topics.contains(topic));
        self.topics_gone = gone.cloned().collect();
    }

    fn of_checkpoint(&mut self, before: &Checkpoint, after: &Checkpoint) {
        let Checkpoint {
            directory,
            interval,
            on_lost_records,
            on_changed_rules,
            on_damage,
        } = before;
        if *directory != after.directory {
            self.fixed.push("checkpoint.directory");
        }
        self.timing |= *interval != after.interval;
        self.recovery = *on_lost_records != after.on_lost_records
            || *on_changed_rules != after.on_changed_rules
            || *on_damage != after.on_damage;
    }

    fn of_stream(&mut self, before: Stream, after: Stream) {
        let Stream {
            lateness: _, // part of the rules
            grace,
            max_future,
        } = before;
        self.timing |= grace != after.grace || max_future != after.max_future;
    }

    fn of_web(&mut self, before: &Web, after: &Web) {
        let Web {
            listen,
            telemetry_path,
            external_url,
            route_prefix,
            config_file,
            tickets,
            enable_lifecycle,
        } = before;
        if *listen != after.listen {
            self.fixed.push("web.listen");
        }
        if *telemetry_path != after.telemetry_path {
            self.fixed.push("web.telemetry_path");
        }
        if *external_url != after.external_url {
            self.fixed.push("web.external_url");
        }
        if *route_prefix != after.route_prefix && *external_url == after.external_url {
            self.fixed.push("web.route_prefix");
        }
        if *config_file != after.config_file {
            self.fixed.push("web.config_file");
        }
        self.pages = *tickets != after.tickets || *enable_lifecycle != after.enable_lifecycle;
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the ingest thread must apply a change.
    pub fn concern_ingest(&self) -> bool {
        self.consumer
            || self.dead_letters
            || self.mapping
            || self.schema_registry
            || self.rules
            || self.timing
            || self.recovery
    }

    /// Names of the changes, for a log line.
    pub fn names(&self) -> Vec<&'static str> {
        present(&[
            (self.consumer, "kafka"),
            (self.dead_letters, "dead letters"),
            (self.mapping, "mapping"),
            (self.schema_registry, "schema registry"),
            (self.rules, "counting rules"),
            (self.timing, "intervals"),
            (self.recovery, "checkpoint.on_…"),
            (self.objectives, "objectives"),
            (self.pages, "pages"),
        ])
    }
}

/// The names of the changes that are there.
pub(super) fn present(changes: &[(bool, &'static str)]) -> Vec<&'static str> {
    let present = changes.iter().filter(|(differs, _)| *differs);
    present.map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::load;
    use super::*;

    fn config(yaml: &str) -> Config {
        let file = Path::new("helpdesk.yaml");
        let read = &mut |path: &Path| match path.to_str() {
            Some("helpdesk.yaml") => Ok(yaml.to_owned()),
            Some("groups.csv") => Ok("id,team\n1,billing\n".to_owned()),
            Some("others.csv") => Ok("id,team\n1,network\n".to_owned()),
            other => panic!("{other:?}"),
        };
        load(Some(file), [], &[], read).unwrap().config
    }

    /// The changes that `yaml` makes to the base configuration.
    fn changes(yaml: &str) -> ConfigChanges {
        ConfigChanges::between(&config(BASE), &config(&format!("{BASE}{yaml}")))
    }

    const BASE: &str =
        "calendars: { office: { timezone: UTC, weekly: { mon: [\"08:00-16:00\"] } } }\n";

    #[test]
    fn equal_configurations_have_no_changes() {
        let reference = |yaml: &str| {
            let file = Path::new("reference.yaml");
            load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()))
                .unwrap()
                .config
        };
        let one = reference(super::super::REFERENCE);
        let other = reference(&format!("# a comment\n{}", super::super::REFERENCE));
        assert!(ConfigChanges::between(&one, &other).is_empty());
        // The order of a map does not matter.
        for preset in ["zendesk", "jira", "github", "freshdesk"] {
            let yaml = format!("mapping: {{ preset: {preset} }}");
            assert!(ConfigChanges::between(&config(&yaml), &config(&yaml)).is_empty());
        }
    }

    #[test]
    fn changes_that_need_a_restart_are_listed() {
        let found = changes(
            "web: { listen: [\":1\"], telemetry_path: /kpis, tickets: true }\n\
             checkpoint: { directory: elsewhere, interval: 2s }\nkafka: { topics: [others] }",
        );
        assert_eq!(
            found.fixed,
            ["checkpoint.directory", "web.listen", "web.telemetry_path"]
        );
        assert_eq!(found.topics_gone, ["tickets"]);
        assert!(found.pages && found.timing && found.consumer);
    }

    #[test]
    fn each_setting_belongs_to_one_group() {
        for (yaml, parts) in [
            ("kafka: { brokers: [\"b:1\"] }", &["kafka"][..]),
            ("kafka: { group_id: b }", &["kafka"]),
            ("kafka: { properties: { client.id: b } }", &["kafka"]),
            ("kafka: { dead_letter_topic: dead }", &["dead letters"]),
            (
                "mapping: { preset: zendesk }",
                &["mapping", "counting rules"],
            ),
            (
                "schema_registry: { url: \"http://r\" }",
                &["schema registry"],
            ),
            ("checkpoint: { interval: 2s }", &["intervals"]),
            ("stream: { grace: 2s }", &["intervals"]),
            ("stream: { max_future: 2s }", &["intervals"]),
            (
                "checkpoint: { on_lost_records: rebuild }",
                &["checkpoint.on_…"],
            ),
            (
                "checkpoint: { on_changed_rules: rebuild }",
                &["checkpoint.on_…"],
            ),
            ("checkpoint: { on_damage: rebuild }", &["checkpoint.on_…"]),
            (
                "sla: { policies: [{ name: a, targets: { resolution: 1h } }] }",
                &["counting rules", "objectives"],
            ),
            ("stream: { lateness: 2s }", &["counting rules"]),
            (
                "teams: { calendars: { billing: office } }",
                &["counting rules"],
            ),
            ("csat: { good: 0.8 }", &["counting rules"]),
            ("limits: { teams: 7 }", &["counting rules"]),
            ("attributes: { tier: {} }", &["mapping", "counting rules"]),
            ("exemplars: true", &["counting rules"]),
            ("windows: [1h]", &["counting rules"]),
            ("web: { tickets: true }", &["pages"]),
            ("web: { enable_lifecycle: true }", &["pages"]),
        ] {
            let found = changes(yaml);
            assert_eq!(found.names(), parts, "{yaml}");
            assert_eq!(found.fixed, [""; 0], "{yaml}");
            let pages = parts == ["pages"];
            assert_eq!(found.concern_ingest(), !pages, "{yaml}");
        }
    }

    #[test]
    fn an_objective_changes_no_number() {
        let policies = |objective: &str| {
            config(&format!(
                "sla: {{ objective: {objective}, policies: [{{ name: a, targets: {{ resolution: 1h }} }}] }}"
            ))
        };
        let found = ConfigChanges::between(&policies("0.9"), &policies("0.95"));
        assert_eq!(found.names(), ["objectives"]);
        assert!(!found.concern_ingest());
    }

    #[test]
    fn dead_letters_use_the_same_connection() {
        let kafka = |more: &str| config(&format!("kafka: {{ dead_letter_topic: dead, {more} }}"));
        let before = kafka("");
        let names = |more: &str| ConfigChanges::between(&before, &kafka(more)).names();
        assert_eq!(names("group_id: other"), ["kafka"]);
        assert_eq!(names("brokers: [\"b:1\"]"), ["kafka", "dead letters"]);
    }

    #[test]
    fn calendars_and_lookup_tables_differ_by_their_content() {
        let hours = |hours: &str| {
            config(&format!(
                "calendars: {{ office: {{ timezone: UTC, weekly: {{ mon: [\"{hours}\"] }} }} }}"
            ))
        };
        let found = ConfigChanges::between(&hours("08:00-16:00"), &hours("08:00-17:00"));
        assert_eq!(found.names(), ["counting rules"]);
        let value = |word: &str| {
            config(&format!(
                "mapping: {{ preset: zendesk, values: {{ status: {{ pending: [{word}] }} }} }}"
            ))
        };
        let found = ConfigChanges::between(&value("Waiting"), &value("Asleep"));
        assert_eq!(found.names(), ["mapping", "counting rules"]);
        let table = |file: &str| {
            config(&format!(
                "mapping: {{ preset: zendesk, tables: {{ groups: {file} }} }}"
            ))
        };
        let found = ConfigChanges::between(&table("groups.csv"), &table("others.csv"));
        assert_eq!(found.names(), ["mapping", "counting rules"]);
        let mut edited = table("groups.csv");
        edited.mapping.contents = table("others.csv").mapping.contents;
        let found = ConfigChanges::between(&table("groups.csv"), &edited);
        assert_eq!(found.names(), ["mapping"]);
    }
}
