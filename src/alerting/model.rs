//! Prometheus rules as values, and their YAML.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::named::named_enum;
use crate::domain::yaml::{Yaml, document};

/// The name of the object for the Prometheus Operator, as in the chart.
const NAME: &str = "ticket-exporter";

/// A file of rule groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// The file name.
    pub name: &'static str,
    /// Comment lines at the top of the file.
    pub remarks: Vec<&'static str>,
    pub groups: Vec<RuleGroup>,
}

/// Rules that Prometheus evaluates in order, at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleGroup {
    pub name: &'static str,
    pub rules: Vec<PrometheusRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrometheusRule {
    Recording(Recording),
    Alert(Alert),
}

/// A recording rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// `level:metric:operations`.
    pub record: String,
    /// PromQL.
    pub expression: String,
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub name: &'static str,
    /// PromQL.
    pub expression: String,
    /// The `for` of the rule, a Prometheus duration. None: the alert fires at once.
    pub pending: Option<String>,
    /// Labels besides severity, category and those of the query.
    pub labels: Vec<(String, String)>,
    pub severity: Severity,
    pub category: Category,
    pub summary: String,
    pub description: String,
    /// Path and query of the dashboard that shows the reason, without the base URL.
    pub dashboard: String,
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Severity {
        /// Act now.
        Critical = "critical",
        /// Act today.
        Warning = "warning",
        /// Look at it some day.
        Info = "info",
    }
}

named_enum! {
    /// The group that has to act.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Category {
        /// A support team: the service is in trouble.
        Kpi = "kpi",
        /// The operators of the exporter: the numbers are in trouble.
        Exporter = "exporter",
    }
}

/// The base addresses of the links in alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The folder of the runbooks.
    pub runbooks: String,
    /// The address of Grafana; `/d/…` follows.
    pub dashboards: String,
}

impl From<Alert> for PrometheusRule {
    fn from(alert: Alert) -> Self {
        Self::Alert(alert)
    }
}

impl From<Recording> for PrometheusRule {
    fn from(recording: Recording) -> Self {
        Self::Recording(recording)
    }
}

impl RuleFile {
    pub fn text(&self, links: &Links) -> String {
        document(&self.remarks, &groups(&self.groups, links))
    }

    pub fn has_alerts(&self) -> bool {
        let mut rules = self.groups.iter().flat_map(|group| &group.rules);
        rules.any(|rule| matches!(rule, PrometheusRule::Alert(_)))
    }

    /// The rules as JSON, without the remarks.
    pub fn json(&self, links: &Links) -> Value {
        groups(&self.groups, links).json()
    }
}

/// Joins several files into one.
pub fn text(files: &[RuleFile], links: &Links) -> String {
    document(&remarks(files), &all_groups(files, links))
}

/// All rules as one object for the Prometheus Operator.
pub fn prometheus_rule(files: &[RuleFile], labels: &[(String, String)], links: &Links) -> String {
    let own = [("app.kubernetes.io/name".to_owned(), NAME.to_owned())];
    // A label that the user gives replaces ours.
    let labels: BTreeMap<String, String> = own.iter().chain(labels).cloned().collect();
    let labels = labels.into_iter();
    let metadata = vec![
        ("name", Yaml::text(NAME)),
        (
            "labels",
            Yaml::map(labels.map(|(name, value)| (name, Yaml::text(value)))),
        ),
    ];
    let object = vec![
        ("apiVersion", Yaml::text("monitoring.coreos.com/v1")),
        ("kind", Yaml::text("PrometheusRule")),
        ("metadata", Yaml::map(metadata)),
        ("spec", all_groups(files, links)),
    ];
    document(&remarks(files), &Yaml::map(object))
}

fn remarks(files: &[RuleFile]) -> Vec<&'static str> {
    let mut remarks: Vec<&str> = Vec::new();
    for remark in files.iter().flat_map(|file| &file.remarks) {
        if !remarks.contains(remark) {
            remarks.push(remark);
        }
    }
    remarks
}

fn all_groups(files: &[RuleFile], links: &Links) -> Yaml {
    let all: Vec<RuleGroup> = files.iter().flat_map(|file| file.groups.clone()).collect();
    groups(&all, links)
}

fn groups(groups: &[RuleGroup], links: &Links) -> Yaml {
    let group = |group: &RuleGroup| {
        let rules = group.rules.iter().map(|rule| match rule {
            PrometheusRule::Recording(recording) => recording.node(),
            PrometheusRule::Alert(alert) => alert.node(links),
        });
        Yaml::map(vec![
            ("name", Yaml::text(group.name)),
            ("rules", Yaml::List(rules.collect())),
        ])
    };
    Yaml::map(vec![(
        "groups",
        Yaml::List(groups.iter().map(group).collect()),
    )])
}

impl Recording {
    fn node(&self) -> Yaml {
        Yaml::map(vec![
            ("record", Yaml::text(&self.record)),
            ("expr", Yaml::text(&self.expression)),
        ])
    }
}

impl Alert {
    fn node(&self, links: &Links) -> Yaml {
        let mut entries = vec![
            ("alert", Yaml::text(self.name)),
            ("expr", Yaml::text(&self.expression)),
        ];
        if let Some(pending) = &self.pending {
            entries.push(("for", Yaml::Literal(pending.clone())));
        }
        let mut labels = vec![
            ("severity".to_owned(), Yaml::text(self.severity.name())),
            ("category".to_owned(), Yaml::text(self.category.name())),
        ];
        for (name, value) in &self.labels {
            labels.push((name.clone(), Yaml::text(literal(value))));
        }
        let runbook = format!("{}/{}.md", links.runbooks, self.name);
        let dashboard = format!("{}{}", links.dashboards, self.dashboard);
        let annotations = vec![
            ("summary", Yaml::text(&self.summary)),
            ("description", Yaml::text(&self.description)),
            ("runbook_url", Yaml::text(runbook)),
            ("dashboard_url", Yaml::text(dashboard)),
        ];
        entries.push(("labels", Yaml::map(labels)));
        entries.push(("annotations", Yaml::map(annotations)));
        Yaml::map(entries)
    }
}

/// Escapes a text so that Prometheus' templates do not change it.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ `{{` }}")
}
