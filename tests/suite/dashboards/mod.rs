//! The dashboards for Grafana. The committed files equal the output of their source. Each panel has a
//! description. Each query uses existing series, obeys every variable, and has an answer.

mod answers;
mod names;
mod past;
mod shape;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::{Prometheus, PrometheusOptions, repository};

const FOLDER: &str = "dashboards";
/// All dashboards: alerts, links and documents refer to these UIDs.
const UIDS: [&str; 5] = [
    "ticket-capacity",
    "ticket-exporter",
    "ticket-quality",
    "ticket-sla",
    "ticket-team",
];

/// Grafana's replacements of variables, here for everything that a dashboard can show.
const VARIABLES: [(&str, &str); 18] = [
    ("$__rate_interval", "2h"),
    ("$__range", "6d"),
    ("$__interval", "1h"),
    // Two hours east of Greenwich.
    ("${__from:date:H}", "2"),
    ("${__from:date:m}", "0"),
    ("$__from", "1767225600000"),
    ("$instance", ".*"),
    ("$gateway", ".*"),
    ("$priority", ".*"),
    ("$attribute", "priority"),
    ("$value", ".*"),
    ("$group", ".*"),
    ("$minimum", "5"),
    ("$target", ".*"),
    ("$policy", ".*"),
    ("$clock", "business"),
    ("$team", ".*"),
    ("$job", ".*"),
];

pub(crate) struct Dashboard {
    pub(crate) uid: &'static str,
    pub(crate) json: Value,
}

impl Dashboard {
    pub(crate) fn all() -> Vec<Self> {
        let read = |uid: &'static str| {
            let path = repository().join(FOLDER).join(format!("{uid}.json"));
            let text = fs::read_to_string(&path).unwrap();
            Self {
                uid,
                json: serde_json::from_str(&text).unwrap(),
            }
        };
        UIDS.map(read).into()
    }

    /// Includes rows.
    pub(crate) fn panels(&self) -> &[Value] {
        self.json["panels"].as_array().unwrap()
    }

    fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().unwrap()
    }

    fn annotations(&self) -> &[Value] {
        self.json["annotations"]["list"].as_array().unwrap()
    }

    pub(crate) fn names_of_variables(&self) -> BTreeSet<&str> {
        self.variables()
            .iter()
            .map(|one| text(one, "name"))
            .collect()
    }

    /// Variables whose values come from Prometheus.
    fn choices(&self) -> impl Iterator<Item = Choice<'_>> {
        let asked = |one: &&Value| one["type"] == "query";
        self.variables().iter().filter(asked).map(|variable| {
            let written = text(variable, "query");
            let inside = written
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap_or_else(|| panic!("{}: {written}", self.uid));
            let (selector, label) = inside.rsplit_once(", ").unwrap();
            Choice {
                written,
                label: filled_in(label),
                asked: filled_in(&format!("count by ({label}) ({selector})")),
            }
        })
    }

    fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                queries.push(Query {
                    place: format!(
                        "{}: {} {}",
                        self.uid,
                        text(panel, "title"),
                        text(target, "refId")
                    ),
                    written: text(target, "expr").to_owned(),
                    instant: target["instant"] == Value::Bool(true),
                });
            }
        }
        queries
    }
}

/// A variable with the values of a label.
struct Choice<'b> {
    written: &'b str,
    label: String,
    /// The query as Prometheus receives it: a result for each value.
    asked: String,
}

pub(crate) struct Query {
    /// The dashboard, the panel and the letter of the query.
    place: String,
    /// With Grafana's variables.
    written: String,
    instant: bool,
}

impl Query {
    /// The query as Prometheus receives it.
    fn asked(&self) -> String {
        filled_in(&self.written)
    }
}

fn filled_in(expression: &str) -> String {
    let mut filled = expression.to_owned();
    for (variable, value) in VARIABLES {
        filled = filled.replace(variable, value);
    }
    // `$1` is a group of label_replace.
    let is_named = |rest: &str| rest.starts_with(|letter: char| !letter.is_ascii_digit());
    assert!(
        !filled.split('$').skip(1).any(is_named),
        "unknown variable in {filled}"
    );
    filled
}

#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A Prometheus without series, which parses queries.
fn parser() -> &'static Prometheus {
    static PARSER: OnceLock<Prometheus> = OnceLock::new();
    PARSER.get_or_init(|| Prometheus::start(&[], &PrometheusOptions::default()))
}

/// The parts of a query that name series.
#[derive(Debug, Default)]
struct Parsed {
    selectors: Vec<Selector>,
    /// Labels by which the query groups or matches.
    labels: BTreeSet<String>,
    /// Labels that the query itself creates.
    made: BTreeSet<String>,
    functions: BTreeSet<String>,
    has_subquery: bool,
}

#[derive(Debug)]
struct Selector {
    name: String,
    /// Label, operator, value.
    matchers: Vec<(String, String, String)>,
    is_range: bool,
    is_past: bool,
}

impl Selector {
    /// The selector as an instant query.
    fn written(&self) -> String {
        let matchers = self.matchers.iter();
        let matchers: Vec<String> = matchers
            .map(|(label, operator, value)| format!("{label}{operator}{value:?}"))
            .collect();
        if matchers.is_empty() {
            return self.name.clone();
        }
        format!("{}{{{}}}", self.name, matchers.join(","))
    }
}

impl Parsed {
    #[track_caller]
    fn of(expression: &str) -> Self {
        let tree = parser().api("parse_query", &[("query", expression)]);
        let mut parsed = Self::default();
        parsed.walk(&tree);
        parsed
    }

    fn walk(&mut self, node: &Value) {
        match node["type"].as_str() {
            Some(kind @ ("vectorSelector" | "matrixSelector")) => {
                let matchers = node["matchers"].as_array().unwrap().iter().map(|one| {
                    let [label, operator, value] =
                        ["name", "type", "value"].map(|part| text(one, part).to_owned());
                    (label, operator, value)
                });
                self.selectors.push(Selector {
                    name: text(node, "name").to_owned(),
                    matchers: matchers.filter(|(label, ..)| label != "__name__").collect(),
                    is_range: kind == "matrixSelector",
                    is_past: node["offset"] != 0,
                });
            }
            Some("call") => {
                let name = text(&node["func"], "name").to_owned();
                if name == "label_replace" {
                    self.made.insert(text(&node["args"][1], "val").to_owned());
                }
                self.functions.insert(name);
            }
            Some("aggregation") => {
                self.add_labels(&node["grouping"]);
                if node["op"] == "count_values" {
                    self.made.insert(text(&node["param"], "val").to_owned());
                }
            }
            Some("binaryExpr") => {
                self.add_labels(&node["matching"]["labels"]);
                self.add_labels(&node["matching"]["include"]);
            }
            Some("subquery") => self.has_subquery = true,
            _ => {}
        }
        match node {
            Value::Object(members) => members.values().for_each(|member| self.walk(member)),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    fn add_labels(&mut self, labels: &Value) {
        let labels = labels.as_array().into_iter().flatten();
        self.labels
            .extend(labels.map(|label| label.as_str().unwrap().to_owned()));
    }
}
