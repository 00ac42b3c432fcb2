//! Summarizes a configuration in a few lines.

use super::{Config, KafkaSecurity};
use crate::domain::calendar::CalendarId;
use crate::domain::duration;
use crate::domain::mapping::{Mapping, Mappings};
use crate::domain::policy::{Policy, Rebase, Target};
use crate::engine::{AttributeRule, precreated_cohorts, series_at_start, series_of_one_cohort};

/// The count needs memory for each series.
const MOST_COUNTED: usize = 1_000_000;

impl Config {
    /// A summary of several lines. It contains no secret and does not end with a line break.
    pub fn summary(&self) -> String {
        let mut lines = SummaryLines::default();
        self.describe_source(&mut lines);
        self.describe_helpdesk(&mut lines);
        let listen: Vec<String> = self.web.listen.iter().map(ToString::to_string).collect();
        lines.add(
            "web",
            format!(
                "{}, metrics at {}{}{}{}",
                listen.join(", "),
                self.web.path(self.web.telemetry_path.as_str()),
                match &self.web.config_file {
                    Some(file) => format!(", web configuration file {}", file.display()),
                    None => String::new(),
                },
                if self.web.shows_tickets() {
                    ", shows ticket ids"
                } else {
                    ""
                },
                if self.web.enable_lifecycle {
                    ", reload over HTTP"
                } else {
                    ""
                }
            ),
        );
        if let Some(gateway) = &self.gateway {
            let listen: Vec<String> = gateway.listen.iter().map(ToString::to_string).collect();
            let hooks: Vec<String> = gateway
                .hooks
                .iter()
                .map(|(name, hook)| format!("{name} to {}", hook.topic))
                .collect();
            let text = format!("{}, hooks {}", listen.join(", "), hooks.join(", "));
            lines.add("gateway", text);
        }
        lines.0.join("\n")
    }

    fn describe_source(&self, lines: &mut SummaryLines) {
        lines.add("brokers", self.kafka.brokers.join(", "));
        lines.add(
            "topics",
            format!(
                "{} (group {})",
                self.kafka.topics.join(", "),
                self.kafka.group_id
            ),
        );
        if let Some(security) = self.describe_security() {
            lines.add("security", security);
        }
        let dead_letter = self.kafka.dead_letter_topic.as_deref();
        self.describe_mappings(lines);
        lines.add("dead letters", dead_letter.unwrap_or("counted only"));
        let properties: Vec<String> = self
            .kafka
            .shown_properties()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !properties.is_empty() {
            lines.add("properties", properties.join(", "));
        }
        if let Some(registry) = &self.schema_registry {
            let login = registry.login.as_ref();
            let login = login.map(|login| format!(" as {}", login.username));
            let login = login.unwrap_or_default();
            lines.add("schemas", format!("from {}{login}", registry.url));
        }
        lines.add(
            "checkpoint",
            format!(
                "in {} every {}",
                self.checkpoint.directory.display(),
                duration::format(self.checkpoint.interval)
            ),
        );
    }

    /// The security settings of the connection to Kafka. `None` if nothing is set.
    fn describe_security(&self) -> Option<String> {
        let KafkaSecurity {
            protocol,
            tls,
            sasl,
        } = &self.kafka.security;
        let mut parts = Vec::new();
        parts.extend(protocol.map(|protocol| protocol.name().to_owned()));
        if let Some(mechanism) = sasl.mechanism {
            parts.push(mechanism.name().to_owned());
        }
        if let Some(username) = &sasl.username {
            parts.push(format!("as {username}"));
        }
        if let Some(oauth) = &sasl.oauth {
            parts.push(format!("as {} of {}", oauth.client_id, oauth.token_url));
        }
        if let Some(ca_file) = &tls.ca_file {
            parts.push(format!("trusts {}", ca_file.display()));
        }
        if let Some(identity) = &tls.identity {
            let certificate = identity.certificate_file.display();
            parts.push(format!("client certificate {certificate}"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn describe_mappings(&self, lines: &mut SummaryLines) {
        let Mappings {
            general,
            topics,
            tables,
            contents,
            attributes: _, // part of the rules
        } = &self.mapping;
        lines.add("mapping", mapping_name(general.as_deref()));
        for (topic, mapping) in topics {
            let name = mapping_name(mapping.as_deref());
            lines.add("mapping", format!("topic {topic}: {name}"));
        }
        for (file, table) in tables.iter().zip(contents) {
            lines.add(
                "lookup table",
                format!("{}, {} entries", file.path.display(), table.len()),
            );
        }
    }

    fn describe_helpdesk(&self, lines: &mut SummaryLines) {
        let windows: Vec<&str> = self
            .rules
            .windows
            .iter()
            .map(|one| one.label.as_str())
            .collect();
        lines.add("windows", listed(&windows));
        for (name, calendar) in self.rules.calendar_names.iter().zip(&self.rules.calendars) {
            let spec = calendar.spec();
            lines.add(
                "calendar",
                format!(
                    "{name}: {}, {} holidays, {} dates with special hours",
                    spec.timezone.name(),
                    spec.holidays.len(),
                    spec.special.len()
                ),
            );
        }
        lines.add(
            "default hours",
            self.calendar_name(self.rules.default_calendar),
        );
        for (team, calendar) in &self.rules.team_calendars {
            lines.add(
                "team hours",
                format!("{team}: {}", self.calendar_name(*calendar)),
            );
        }
        let teams: Vec<&str> = self.rules.known_teams.iter().map(String::as_str).collect();
        lines.add("known teams", listed(&teams));
        let priorities: Vec<&str> = self.rules.priorities.iter().map(String::as_str).collect();
        lines.add("priorities", listed(&priorities));
        for attribute in &self.rules.attributes {
            lines.add("attribute", describe_attribute(attribute));
        }
        lines.add("series", self.describe_series());
        for (policy, objective) in self.rules.policies.iter().zip(&self.objectives) {
            lines.add("policy", self.describe_policy(policy, *objective));
        }
        if self.rules.policies.is_empty() {
            lines.add("policies", "none");
        }
    }

    fn describe_series(&self) -> String {
        let known = precreated_cohorts(&self.rules);
        let one = series_of_one_cohort(&self.rules);
        let of_cohorts = known.saturating_mul(one);
        let at_start = if of_cohorts > MOST_COUNTED {
            format!("more than {of_cohorts}")
        } else {
            series_at_start(&self.rules).to_string()
        };
        format!("{at_start} at the start; {one} for each of {known} known combinations of labels")
    }

    fn describe_policy(&self, policy: &Policy, objective: f64) -> String {
        let mut parts = Vec::new();
        let matches = &policy.matches;
        for (name, values) in [
            ("priority", &matches.priority),
            ("team", &matches.team),
            ("channel", &matches.channel),
        ] {
            if let Some(values) = values {
                parts.push(format!("{name} {}", values.join("|")));
            }
        }
        for (name, values) in &matches.attributes {
            parts.push(format!("{name} {}", values.join("|")));
        }
        if parts.is_empty() {
            parts.push("any ticket".to_owned());
        }
        let mut targets: Vec<String> = Target::ALL
            .into_iter()
            .filter_map(|target| {
                let length = duration::format(policy.target(target)?);
                Some(format!("{} {length}", target.name()))
            })
            .collect();
        if targets.is_empty() {
            targets.push("no targets".to_owned());
        }
        let calendar = match policy.calendar {
            Some(calendar) => format!(", calendar {}", self.calendar_name(calendar)),
            None => String::new(),
        };
        let several = self.rules.policies.iter();
        let several = several
            .map(|one| &one.group)
            .any(|group| *group != policy.group);
        let group = if several {
            format!("group {}; ", policy.group)
        } else {
            String::new()
        };
        let rebase = match policy.rebase {
            Rebase::FromStart => "",
            Rebase::FromChange => "; goals start at a change to this policy",
        };
        format!(
            "{} ({}): {group}{}; {} clock{calendar}; objective {} %{rebase}",
            policy.name,
            parts.join(", "),
            targets.join(", "),
            policy.clock.name(),
            // Rounds away the error of the binary fraction.
            (objective * 1e6).round() / 1e4,
        )
    }

    fn calendar_name(&self, calendar: Option<CalendarId>) -> &str {
        match calendar {
            None => "always open",
            Some(CalendarId(id)) => self
                .rules
                .calendar_names
                .get(usize::from(id))
                .map_or("unknown", String::as_str),
        }
    }
}

fn describe_attribute(attribute: &AttributeRule) -> String {
    let AttributeRule {
        name,
        values,
        is_label,
        limit,
    } = attribute;
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let label = if *is_label {
        format!("a label of at most {limit} values")
    } else {
        "no label".to_owned()
    };
    format!("{name}: {label}; known values {}", listed(&values))
}

fn mapping_name(mapping: Option<&Mapping>) -> String {
    match mapping {
        None => "none; the records are canonical events".to_owned(),
        Some(mapping) => {
            let rules: Vec<&str> = mapping
                .rules
                .iter()
                .map(|rule| rule.name.as_str())
                .collect();
            format!("preset {}; rules {}", mapping.preset, listed(&rules))
        }
    }
}

/// Lines that start with a label, in columns.
#[derive(Default)]
struct SummaryLines(Vec<String>);

impl SummaryLines {
    fn add(&mut self, label: &str, text: impl AsRef<str>) {
        self.0.push(format!("{label:<14} {}", text.as_ref()));
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
