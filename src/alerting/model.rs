//! Prometheus rules as values, and as the YAML that Prometheus reads.

use crate::domain::yaml::{Yaml, document};

/// A file of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// The name it is given in a folder.
    pub name: &'static str,
    /// What it is, in lines.
    pub remarks: Vec<&'static str>,
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after the other, at the same instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: &'static str,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Recording(Recording),
    Alert(Alert),
}

/// A query whose result is kept as a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// `level:metric:operations`.
    pub record: String,
    /// PromQL.
    pub expression: String,
}

/// A query whose every result is an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub name: &'static str,
    /// PromQL.
    pub expression: String,
    /// How long it has to hold, as Prometheus writes durations; none: at once.
    pub pending: Option<String>,
    /// Labels of its own, besides those of the query, severity and category.
    pub labels: Vec<(&'static str, String)>,
    pub severity: Severity,
    pub category: Category,
    pub summary: String,
    pub description: String,
    /// Path and query of the board to look at, without the base URL.
    pub board: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody has to act now.
    Critical,
    /// Somebody has to act today.
    Warning,
    /// Worth a look.
    Info,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// A support team: the desk is in trouble.
    Kpi,
    /// Who runs the exporter: the numbers are in trouble.
    Exporter,
}

/// Where the links of alerts lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// What comes before the name of a runbook.
    pub runbooks: String,
    /// What comes before `/d/…` of a board.
    pub boards: String,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Category {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kpi => "kpi",
            Self::Exporter => "exporter",
        }
    }
}

impl From<Alert> for Rule {
    fn from(alert: Alert) -> Self {
        Self::Alert(alert)
    }
}

impl From<Recording> for Rule {
    fn from(recording: Recording) -> Self {
        Self::Recording(recording)
    }
}

impl RuleFile {
    /// As Prometheus reads it.
    pub fn text(&self, links: &Links) -> String {
        document(&self.remarks, &groups(&self.groups, links))
    }
}

/// Several files as one.
pub fn text(files: &[RuleFile], links: &Links) -> String {
    let remarks: Vec<&str> = files.iter().flat_map(|file| file.remarks.clone()).collect();
    let all: Vec<Group> = files.iter().flat_map(|file| file.groups.clone()).collect();
    document(&remarks, &groups(&all, links))
}

fn groups(groups: &[Group], links: &Links) -> Yaml {
    let group = |group: &Group| {
        let rules = group.rules.iter().map(|rule| match rule {
            Rule::Recording(recording) => recording.node(),
            Rule::Alert(alert) => alert.node(links),
        });
        Yaml::Map(vec![
            ("name", Yaml::text(group.name)),
            ("rules", Yaml::List(rules.collect())),
        ])
    };
    Yaml::Map(vec![(
        "groups",
        Yaml::List(groups.iter().map(group).collect()),
    )])
}

impl Recording {
    fn node(&self) -> Yaml {
        Yaml::Map(vec![
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
            ("severity", Yaml::text(self.severity.name())),
            ("category", Yaml::text(self.category.name())),
        ];
        for (name, value) in &self.labels {
            labels.push((name, Yaml::text(literal(value))));
        }
        let runbook = format!("{}/{}.md", links.runbooks, self.name);
        let board = format!("{}{}", links.boards, self.board);
        let annotations = vec![
            ("summary", Yaml::text(&self.summary)),
            ("description", Yaml::text(&self.description)),
            ("runbook_url", Yaml::text(runbook)),
            ("dashboard_url", Yaml::text(board)),
        ];
        entries.push(("labels", Yaml::Map(labels)));
        entries.push(("annotations", Yaml::Map(annotations)));
        Yaml::Map(entries)
    }
}

/// Text that Prometheus' templates leave as it is.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ `{{` }}")
}
