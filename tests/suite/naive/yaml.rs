//! The YAML form of the settings, read and written without the library's own reader.

use super::setup::{AttributeSetup, CalendarSetup, DEFAULT_GROUP, PolicySetup, Setup};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Setup {
    /// The configuration file with these settings.
    pub fn to_yaml(&self) -> String {
        let mut yaml = String::new();
        let out = &mut yaml;
        let _ = writeln!(out, "stream: {{ lateness: {} }}", self.lateness);
        let _ = writeln!(
            out,
            "tickets: {{ finalize_after: {}, retain: {}, undelete_grace: {}, opening: {} }}",
            self.finalize_after, self.retain, self.undelete_grace, self.opening
        );
        let _ = writeln!(out, "windows: [{}]", self.windows.join(", "));
        if !self.calendars.is_empty() {
            let _ = writeln!(out, "calendars:");
        }
        for (name, calendar) in &self.calendars {
            let _ = writeln!(out, "  {name}:\n    timezone: {}", calendar.timezone);
            let _ = writeln!(out, "    weekly: {{ {} }}", hours_yaml(&calendar.weekly));
            if !calendar.holidays.is_empty() {
                let days: Vec<&str> = calendar.holidays.iter().map(String::as_str).collect();
                let _ = writeln!(out, "    holidays: [{}]", days.join(", "));
            }
            if !calendar.special.is_empty() {
                let _ = writeln!(out, "    special: {{ {} }}", hours_yaml(&calendar.special));
            }
        }
        let mut teams = Vec::new();
        if let Some(calendar) = &self.default_calendar {
            teams.push(format!("  default_calendar: {}", quoted(calendar)));
        }
        if !self.team_calendars.is_empty() {
            let pairs: Vec<String> = self
                .team_calendars
                .iter()
                .map(|(team, calendar)| format!("{team}: {}", quoted(calendar)))
                .collect();
            teams.push(format!("  calendars: {{ {} }}", pairs.join(", ")));
        }
        if !self.known_teams.is_empty() {
            teams.push(format!("  known: {}", list_yaml(&self.known_teams)));
        }
        if !teams.is_empty() {
            let _ = writeln!(out, "teams:\n{}", teams.join("\n"));
        }
        if !self.priorities.is_empty() {
            let _ = writeln!(out, "priorities: {}", list_yaml(&self.priorities));
        }
        let _ = writeln!(
            out,
            "fcr: {{ allow_unanswered: {} }}",
            self.allow_unanswered
        );
        let _ = writeln!(out, "handle: {{ derive: {} }}", self.derive_handle);
        let _ = writeln!(
            out,
            "csat: {{ good: {}, bad: {} }}",
            self.csat_good, self.csat_bad
        );
        if !self.buckets.is_empty() {
            let _ = writeln!(out, "buckets:");
        }
        for (kpi, bounds) in &self.buckets {
            let _ = writeln!(out, "  {kpi}: [{}]", bounds.join(", "));
        }
        if !self.policies.is_empty() {
            let _ = writeln!(out, "sla:\n  policies:");
        }
        for policy in &self.policies {
            let _ = writeln!(out, "    - name: {}", policy.name);
            if policy.group != DEFAULT_GROUP {
                let _ = writeln!(out, "      group: {}", policy.group);
            }
            if policy.rebase_from_change {
                let _ = writeln!(out, "      rebase: from_change");
            }
            let mut matches: Vec<String> = [
                ("team", &policy.teams),
                ("priority", &policy.priorities),
                ("channel", &policy.channels),
            ]
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(member, names)| format!("{member}: {}", list_yaml(names)))
            .collect();
            if !policy.attributes.is_empty() {
                let attributes: Vec<String> = policy
                    .attributes
                    .iter()
                    .map(|(name, values)| format!("{name}: {}", list_yaml(values)))
                    .collect();
                matches.push(format!("attributes: {{ {} }}", attributes.join(", ")));
            }
            if !matches.is_empty() {
                let _ = writeln!(out, "      match: {{ {} }}", matches.join(", "));
            }
            let _ = writeln!(out, "      clock: {}", policy.clock);
            if let Some(calendar) = &policy.calendar {
                let _ = writeln!(out, "      calendar: {}", quoted(calendar));
            }
            let targets: Vec<String> = policy
                .targets
                .iter()
                .map(|(target, duration)| format!("{target}: {duration}"))
                .collect();
            let _ = writeln!(out, "      targets: {{ {} }}", targets.join(", "));
            let pauses: Vec<String> = policy
                .pause
                .iter()
                .map(|(target, statuses)| format!("{target}: [{}]", statuses.join(", ")))
                .collect();
            if !pauses.is_empty() {
                let _ = writeln!(out, "      pause: {{ {} }}", pauses.join(", "));
            }
        }
        if !self.attributes.is_empty() {
            let _ = writeln!(out, "attributes:");
        }
        // Backwards, so that the order of the file is not always that of the names.
        for (name, own) in self.attributes.iter().rev() {
            let _ = writeln!(
                out,
                "  {name}: {{ values: {}, label: {}, limit: {} }}",
                list_yaml(&own.values),
                own.is_label,
                own.limit
            );
        }
        let _ = writeln!(
            out,
            "limits: {{ teams: {}, priorities: {}, channels: {}{} }}",
            self.limit_teams,
            self.limit_priorities,
            self.limit_channels,
            if self.limit_cohorts == Some(0) {
                ", series: 1"
            } else {
                ""
            }
        );
        yaml
    }

    /// The settings of a configuration file that change numbers.
    pub fn from_yaml(yaml: &str) -> Self {
        use saphyr::LoadableYamlNode as _;
        let documents = saphyr::Yaml::load_from_str(yaml).expect("YAML");
        let root = documents.first().map_or(Value::Null, plain);
        let mut setup = Self::default();
        let text = |path: &str| root.pointer(path).map(as_text);
        let take = |path: &str, slot: &mut String| {
            if let Some(text) = text(path) {
                *slot = text;
            }
        };
        take("/stream/lateness", &mut setup.lateness);
        take("/tickets/finalize_after", &mut setup.finalize_after);
        take("/tickets/retain", &mut setup.retain);
        take("/tickets/undelete_grace", &mut setup.undelete_grace);
        take("/tickets/opening", &mut setup.opening);
        if let Some(windows) = root.pointer("/windows") {
            setup.windows = texts(windows);
        }
        for (name, calendar) in entries(root.pointer("/calendars")) {
            let hours = |member: &str| {
                entries(calendar.get(member))
                    .into_iter()
                    .map(|(day, hours)| (day, texts(&hours)))
                    .collect()
            };
            let holidays = calendar.get("holidays").map(texts).unwrap_or_default();
            let calendar = CalendarSetup {
                timezone: as_text(&calendar["timezone"]),
                weekly: hours("weekly"),
                holidays: holidays.into_iter().collect(),
                special: hours("special"),
            };
            setup.calendars.insert(name, calendar);
        }
        setup.default_calendar = text("/teams/default_calendar");
        setup.team_calendars = entries(root.pointer("/teams/calendars"))
            .into_iter()
            .map(|(team, calendar)| (team, as_text(&calendar)))
            .collect();
        let list = |path: &str| root.pointer(path).map(texts).unwrap_or_default();
        setup.known_teams = list("/teams/known");
        setup.priorities = list("/priorities");
        let flag = |path: &str| root.pointer(path).and_then(Value::as_bool).unwrap_or(false);
        setup.allow_unanswered = flag("/fcr/allow_unanswered");
        setup.derive_handle = flag("/handle/derive");
        let number = |path: &str| root.pointer(path).and_then(Value::as_f64);
        setup.csat_good = number("/csat/good").unwrap_or(setup.csat_good);
        setup.csat_bad = number("/csat/bad").unwrap_or(setup.csat_bad);
        setup.buckets = entries(root.pointer("/buckets"))
            .into_iter()
            .map(|(kpi, bounds)| (kpi, texts(&bounds)))
            .collect();
        let policies = root.pointer("/sla/policies").and_then(Value::as_array);
        for policy in policies.into_iter().flatten() {
            let list = |path: &str| policy.pointer(path).map(texts).unwrap_or_default();
            setup.policies.push(PolicySetup {
                name: as_text(&policy["name"]),
                teams: list("/match/team"),
                priorities: list("/match/priority"),
                channels: list("/match/channel"),
                attributes: entries(policy.pointer("/match/attributes"))
                    .into_iter()
                    .map(|(name, values)| (name, texts(&values)))
                    .collect(),
                group: policy
                    .get("group")
                    .map_or_else(|| DEFAULT_GROUP.to_owned(), as_text),
                rebase_from_change: policy.get("rebase").map(as_text).as_deref()
                    == Some("from_change"),
                clock: policy
                    .get("clock")
                    .map_or_else(|| "business".to_owned(), as_text),
                calendar: policy.get("calendar").map(as_text),
                targets: entries(policy.get("targets"))
                    .into_iter()
                    .map(|(target, duration)| (target, as_text(&duration)))
                    .collect(),
                pause: entries(policy.get("pause"))
                    .into_iter()
                    .map(|(target, statuses)| (target, texts(&statuses)))
                    .collect(),
            });
        }
        for (name, own) in entries(root.pointer("/attributes")) {
            let defaults = AttributeSetup::default();
            let own = AttributeSetup {
                values: own.get("values").map(texts).unwrap_or_default(),
                is_label: own.get("label").and_then(Value::as_bool).unwrap_or(false),
                limit: own
                    .get("limit")
                    .and_then(Value::as_u64)
                    .map_or(defaults.limit, |limit| limit as usize),
            };
            setup.attributes.insert(name, own);
        }
        let limit = |path: &str| root.pointer(path).and_then(Value::as_u64);
        setup.limit_teams = limit("/limits/teams").map_or(setup.limit_teams, |n| n as usize);
        setup.limit_priorities =
            limit("/limits/priorities").map_or(setup.limit_priorities, |n| n as usize);
        // One series is less than a cohort has, so no cohort has a place.
        setup.limit_cohorts = limit("/limits/series").map(|series| {
            assert_eq!(series, 1, "the series of a cohort are not counted here");
            0
        });
        setup.limit_channels =
            limit("/limits/channels").map_or(setup.limit_channels, |n| n as usize);
        setup
    }
}

fn hours_yaml(hours: &BTreeMap<String, Vec<String>>) -> String {
    let days: Vec<String> = hours
        .iter()
        .map(|(day, hours)| format!("{day}: {}", list_yaml(hours)))
        .collect();
    days.join(", ")
}

fn list_yaml(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A list, or a single value as a list of one.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
        Value::Null => Vec::new(),
        other => vec![as_text(other)],
    }
}

fn entries(value: Option<&Value>) -> Vec<(String, Value)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn plain(yaml: &saphyr::Yaml<'_>) -> Value {
    if let Some(mapping) = yaml.as_mapping() {
        let members: Map<String, Value> = mapping
            .iter()
            .map(|(key, value)| (as_text(&plain(key)), plain(value)))
            .collect();
        return Value::Object(members);
    }
    if let Some(items) = yaml.as_sequence() {
        return Value::Array(items.iter().map(plain).collect());
    }
    if let Some(flag) = yaml.as_bool() {
        return Value::Bool(flag);
    }
    if let Some(integer) = yaml.as_integer() {
        return Value::from(integer);
    }
    if let Some(number) = yaml.as_floating_point() {
        return Value::from(number);
    }
    yaml.as_str().map_or(Value::Null, Value::from)
}
