//! What another configuration means to an exporter that runs: what it can take over as it goes, and
//! what it is too late for.

use super::{Checkpoint, Config, Kafka, Stream, Web};

/// What differs between two configurations, by what has to be done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that only a restart can change.
    pub fixed: Vec<&'static str>,
    /// Topics that are no longer read.
    pub topics_gone: Vec<String>,
    /// Another client has to read: brokers, group, properties.
    pub consumer: bool,
    /// Another client has to write dead letters, or none.
    pub dead_letters: bool,
    /// Records are read in another way.
    pub mapping: bool,
    pub schema_registry: bool,
    /// What the engine works by.
    pub rules: bool,
    /// How the reading treats time: `checkpoint.interval`, `stream.grace`, `stream.max_future`.
    pub timing: bool,
    /// What is done where the numbers cannot go on.
    pub otherwise: bool,
    pub objectives: bool,
    /// What the pages show and allow.
    pub pages: bool,
}

impl Changes {
    /// From one configuration to the next. Every setting is looked at here, so that a new one
    /// cannot be forgotten.
    pub fn between(before: &Config, after: &Config) -> Self {
        let Config {
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
        // Whatever there is but dead letters makes another consumer.
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
        self.otherwise = *on_lost_records != after.on_lost_records
            || *on_changed_rules != after.on_changed_rules
            || *on_damage != after.on_damage;
    }

    fn of_stream(&mut self, before: Stream, after: Stream) {
        let Stream {
            lateness: _, // of the rules
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

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether whoever reads the records has to be told.
    pub fn concern_reading(&self) -> bool {
        self.consumer
            || self.dead_letters
            || self.mapping
            || self.schema_registry
            || self.rules
            || self.timing
            || self.otherwise
    }

    /// What differs, in words for a log line.
    pub fn words(&self) -> Vec<&'static str> {
        [
            (self.consumer, "kafka"),
            (self.dead_letters, "dead letters"),
            (self.mapping, "mapping"),
            (self.schema_registry, "schema registry"),
            (self.rules, "rules of the numbers"),
            (self.timing, "intervals"),
            (self.otherwise, "checkpoint.on_…"),
            (self.objectives, "objectives"),
            (self.pages, "pages"),
        ]
        .into_iter()
        .filter_map(|(differs, words)| differs.then_some(words))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::load;
    use super::*;

    fn config(yaml: &str) -> Config {
        let file = Path::new("desk.yaml");
        let read = &mut |path: &Path| match path.to_str() {
            Some("desk.yaml") => Ok(yaml.to_owned()),
            Some("groups.csv") => Ok("id,team\n1,billing\n".to_owned()),
            Some("others.csv") => Ok("id,team\n1,network\n".to_owned()),
            other => panic!("{other:?}"),
        };
        load(Some(file), [], &[], read).unwrap().config
    }

    /// What becomes different by a configuration.
    fn changes(yaml: &str) -> Changes {
        Changes::between(&config(BASE), &config(&format!("{BASE}{yaml}")))
    }

    const BASE: &str =
        "calendars: { office: { timezone: UTC, weekly: { mon: [\"08:00-16:00\"] } } }\n";

    #[test]
    fn the_same_words_are_no_change() {
        let reference = |yaml: &str| {
            let file = Path::new("reference.yaml");
            load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()))
                .unwrap()
                .config
        };
        let one = reference(super::super::REFERENCE);
        let other = reference(&format!("# a remark\n{}", super::super::REFERENCE));
        assert!(Changes::between(&one, &other).is_empty());
        // The order of a map is none.
        for preset in ["zendesk", "jira", "github", "freshdesk"] {
            let yaml = format!("mapping: {{ preset: {preset} }}");
            assert!(Changes::between(&config(&yaml), &config(&yaml)).is_empty());
        }
    }

    #[test]
    fn what_only_a_restart_changes_is_named() {
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
    fn each_setting_is_one_of_a_part() {
        for (yaml, parts) in [
            ("kafka: { brokers: [\"b:1\"] }", &["kafka"][..]),
            ("kafka: { group_id: b }", &["kafka"]),
            ("kafka: { properties: { client.id: b } }", &["kafka"]),
            ("kafka: { dead_letter_topic: dead }", &["dead letters"]),
            (
                "mapping: { preset: zendesk }",
                &["mapping", "rules of the numbers"],
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
                &["rules of the numbers", "objectives"],
            ),
            ("stream: { lateness: 2s }", &["rules of the numbers"]),
            (
                "teams: { calendars: { billing: office } }",
                &["rules of the numbers"],
            ),
            ("csat: { good: 0.8 }", &["rules of the numbers"]),
            ("limits: { teams: 7 }", &["rules of the numbers"]),
            ("exemplars: true", &["rules of the numbers"]),
            ("windows: [1h]", &["rules of the numbers"]),
            ("web: { tickets: true }", &["pages"]),
            ("web: { enable_lifecycle: true }", &["pages"]),
        ] {
            let found = changes(yaml);
            assert_eq!(found.words(), parts, "{yaml}");
            assert_eq!(found.fixed, [""; 0], "{yaml}");
            let pages = parts == ["pages"];
            assert_eq!(found.concern_reading(), !pages, "{yaml}");
        }
    }

    #[test]
    fn an_objective_changes_no_number() {
        let policies = |objective: &str| {
            config(&format!(
                "sla: {{ objective: {objective}, policies: [{{ name: a, targets: {{ resolution: 1h }} }}] }}"
            ))
        };
        let found = Changes::between(&policies("0.9"), &policies("0.95"));
        assert_eq!(found.words(), ["objectives"]);
        assert!(!found.concern_reading());
    }

    #[test]
    fn dead_letters_go_by_the_same_connection() {
        let kafka = |more: &str| config(&format!("kafka: {{ dead_letter_topic: dead, {more} }}"));
        let before = kafka("");
        let words = |more: &str| Changes::between(&before, &kafka(more)).words();
        assert_eq!(words("group_id: other"), ["kafka"]);
        assert_eq!(words("brokers: [\"b:1\"]"), ["kafka", "dead letters"]);
    }

    #[test]
    fn calendars_and_tables_differ_by_what_they_say() {
        let hours = |hours: &str| {
            config(&format!(
                "calendars: {{ office: {{ timezone: UTC, weekly: {{ mon: [\"{hours}\"] }} }} }}"
            ))
        };
        let found = Changes::between(&hours("08:00-16:00"), &hours("08:00-17:00"));
        assert_eq!(found.words(), ["rules of the numbers"]);
        let value = |word: &str| {
            config(&format!(
                "mapping: {{ preset: zendesk, values: {{ status: {{ pending: [{word}] }} }} }}"
            ))
        };
        let found = Changes::between(&value("Waiting"), &value("Asleep"));
        assert_eq!(found.words(), ["mapping", "rules of the numbers"]);
        let table = |file: &str| {
            config(&format!(
                "mapping: {{ preset: zendesk, tables: {{ groups: {file} }} }}"
            ))
        };
        let found = Changes::between(&table("groups.csv"), &table("others.csv"));
        assert_eq!(found.words(), ["mapping", "rules of the numbers"]);
        let mut edited = table("groups.csv");
        edited.mapping.contents = table("others.csv").mapping.contents;
        let found = Changes::between(&table("groups.csv"), &edited);
        assert_eq!(found.words(), ["mapping"]);
    }
}
