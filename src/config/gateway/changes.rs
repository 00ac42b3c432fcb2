//! Compares a new configuration with that of a running gateway: which changes it can apply, and which need
//! a restart.

use super::super::changes::present;
use super::super::{Config, ConfigChanges, Kafka};
use super::Gateway;

/// The differences between two configurations with hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayChanges {
    /// Keys that only a restart can change.
    pub fixed: Vec<&'static str>,
    /// Needs a new producer: brokers, properties, topics of hooks.
    pub producer: bool,
    pub hooks: bool,
    /// May find other keys for records.
    pub mapping: bool,
    /// Changes what the web pages allow.
    pub pages: bool,
}

impl GatewayChanges {
    /// Returns `None` if one of the configurations has no hooks. The pattern names every field, so that a
    /// new setting cannot be forgotten.
    pub fn between(before: &Config, after: &Config) -> Option<Self> {
        let Gateway {
            listen,
            web_config_file,
            timeout,
            max_buffered_bytes,
            hooks,
        } = before.gateway.as_ref()?;
        let gateway = after.gateway.as_ref()?;
        let common = ConfigChanges::between(before, after);
        let mut fixed = common.fixed;
        fixed.retain(|key| key.starts_with("web.")); // the rest is the exporter's
        if *listen != gateway.listen {
            fixed.push("gateway.listen");
        }
        if *web_config_file != gateway.web_config_file {
            fixed.push("gateway.web_config_file");
        }
        if *timeout != gateway.timeout {
            fixed.push("gateway.timeout"); // a stop waits as long
        }
        if *max_buffered_bytes != gateway.max_buffered_bytes {
            fixed.push("gateway.max_buffered_bytes");
        }
        let connection = |config: &Config| Kafka {
            topics: Vec::new(),
            group_id: String::new(),
            dead_letter_topic: None,
            ..config.kafka.clone()
        };
        let topics = |config: &Config| config.gateway.as_ref().map(Gateway::topics);
        Some(Self {
            fixed,
            producer: connection(before) != connection(after) || topics(before) != topics(after),
            hooks: *hooks != gateway.hooks,
            mapping: common.mapping,
            pages: common.pages,
        })
    }

    /// Names of the changes, for a log line.
    pub fn names(&self) -> Vec<&'static str> {
        present(&[
            (self.producer, "kafka"),
            (self.hooks, "hooks"),
            (self.mapping, "mapping"),
            (self.pages, "pages"),
        ])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::load;
    use super::*;

    fn config(yaml: &str) -> Config {
        let file = Path::new("gateway.yaml");
        let read = &mut |_: &Path| Ok(yaml.to_owned());
        load(Some(file), [], &[], read).unwrap().config
    }

    fn with(kafka: &str, gateway: &str, more: &str) -> Config {
        config(&format!(
            "kafka: {{ topics: [tickets], {kafka} }}\n\
             gateway: {{ hooks: {{ a: {{ auth: none }} }}, {gateway} }}\n{more}"
        ))
    }

    #[test]
    fn each_setting_belongs_to_one_group() {
        let before = with("", "", "");
        for (kafka, gateway, more, names, fixed) in [
            ("", "", "", &[][..], &[][..]),
            ("group_id: b", "", "calendars: {}", &[], &[]),
            ("brokers: [\"b:1\"]", "", "", &["kafka"], &[]),
            ("", "timeout: 2s", "", &[], &["gateway.timeout"]),
            ("", "", "mapping: { preset: zendesk }", &["mapping"], &[]),
            ("", "", "web: { enable_lifecycle: true }", &["pages"], &[]),
            ("", "", "checkpoint: { directory: d }", &[], &[]),
            ("", "listen: [\":1\"]", "", &[], &["gateway.listen"]),
            (
                "",
                "web_config_file: w",
                "web: { listen: [\":2\"] }",
                &[],
                &["web.listen", "gateway.web_config_file"],
            ),
            (
                "",
                "max_buffered_bytes: 99000000",
                "",
                &[],
                &["gateway.max_buffered_bytes"],
            ),
        ] {
            let after = with(kafka, gateway, more);
            let found = GatewayChanges::between(&before, &after).unwrap();
            assert_eq!(found.names(), names, "{kafka} {gateway} {more}");
            assert_eq!(found.fixed, fixed, "{kafka} {gateway} {more}");
        }
    }

    #[test]
    fn a_hook_with_another_topic_needs_another_client() {
        let hooks = |hooks: &str| {
            config(&format!(
                "kafka: {{ topics: [tickets] }}\ngateway: {{ hooks: {{ {hooks} }} }}"
            ))
        };
        let before = hooks("a: { auth: none }");
        let names = |after: &Config| {
            let found = GatewayChanges::between(&before, after);
            found.map(|found| found.names())
        };
        assert_eq!(
            names(&hooks("a: { auth: none }, b: { auth: none }")),
            Some(vec!["hooks"])
        );
        assert_eq!(
            names(&hooks("a: { auth: none, topic: b }")),
            Some(vec!["kafka", "hooks"])
        );
        assert_eq!(names(&config("kafka: { topics: [tickets] }")), None);
    }
}
