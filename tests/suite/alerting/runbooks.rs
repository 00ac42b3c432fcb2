//! Runbooks: each alert has one, all have the same sections, and Prometheus can answer their queries.

use std::collections::BTreeSet;
use std::fs;

use ticket_exporter::domain::catalog::{self, Family, MetricKind};

use super::{ALERTS, root};
use crate::harness::promtool;

const RUNBOOKS: &str = "docs/runbooks";
const SECTIONS: [&str; 5] = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Tuning"];

/// The labels that Prometheus adds to every series, and `le` of histograms.
const ADDED_LABELS: [&str; 3] = ["job", "instance", "le"];

/// Words of PromQL in the runbooks, and the one metric that Prometheus itself adds.
const WORDS: [&str; 23] = [
    "and",
    "avg",
    "by",
    "clamp_min",
    "count",
    "delta",
    "histogram_quantile",
    "ignoring",
    "increase",
    "max",
    "max_over_time",
    "min",
    "offset",
    "on",
    "or",
    "rate",
    "sort",
    "sort_desc",
    "sum",
    "time",
    "topk",
    "without",
    "up",
];

fn runbook(alert: &str) -> String {
    let path = root().join(RUNBOOKS).join(format!("{alert}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let entries = fs::read_dir(root().join(RUNBOOKS)).unwrap();
    let mut found: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(found.remove("README.md"));
    let expected = ALERTS.iter().map(|alert| format!("{alert}.md")).collect();
    assert_eq!(found, expected);
    let index = fs::read_to_string(root().join(RUNBOOKS).join("README.md")).unwrap();
    for alert in ALERTS {
        let link = format!("[`{alert}`]({alert}.md)");
        assert!(index.contains(&link), "{link} is not in the index");
    }
}

#[test]
fn every_runbook_has_the_sections_with_content() {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for alert in ALERTS {
        let text = runbook(alert);
        assert!(text.starts_with(&format!("# {alert}\n")), "{alert}");
        let sections: Vec<(&str, &str)> = text
            .split("\n## ")
            .skip(1)
            .map(|section| section.split_once('\n').unwrap())
            .collect();
        let titles: Vec<&str> = sections.iter().map(|(title, _)| *title).collect();
        assert_eq!(titles, SECTIONS, "{alert}");
        for (title, body) in sections {
            let body = body.trim();
            assert!(body.len() > 60, "{alert}, {title}: says nothing");
            assert!(
                said.insert(body.to_owned()),
                "{alert}, {title}: the same as in another runbook"
            );
        }
        assert!(!queries(&text).is_empty(), "{alert} has no query");
    }
}

/// The queries of a text: in fences, separated by an empty line.
fn queries(text: &str) -> Vec<String> {
    let fences = text.split("```promql\n").skip(1);
    fences
        .flat_map(|rest| rest.split_once("```").unwrap().0.split("\n\n"))
        .map(|query| query.trim().to_owned())
        .collect()
}

/// The family of a series, with the suffixes of histograms.
pub(crate) fn family(name: &str) -> Option<&'static Family> {
    catalog::family(name).or_else(|| {
        let suffixes = ["_bucket", "_count", "_sum"].into_iter();
        suffixes
            .filter_map(|suffix| catalog::family(name.strip_suffix(suffix)?))
            .find(|family| family.kind == MetricKind::Histogram)
    })
}

/// The names in a query in order, without strings, numbers and durations.
fn names(query: &str) -> Vec<&str> {
    let code = query.split('"').step_by(2);
    let words = code.flat_map(|part| {
        part.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
    });
    words
        .filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        .collect()
}

/// Checks that every name is a metric, a label of the metrics beside it, or part of PromQL.
fn complaint(query: &str) -> Option<String> {
    let mut labels = BTreeSet::from(ADDED_LABELS);
    for name in names(query) {
        if let Some(family) = family(name) {
            labels.extend(family.labels);
        } else if name.starts_with("ticket_") {
            return Some(format!("no metric {name}"));
        }
    }
    // Names in braces are labels of the metric before them.
    for (before, inside) in query.split('{').zip(query.split('{').skip(1)) {
        let metric = *names(before).last()?;
        let (inside, _) = inside.split_once('}')?;
        let own = family(metric).map_or(&[][..], |family| family.labels);
        for label in names(inside) {
            if !own.contains(&label) && !ADDED_LABELS.contains(&label) {
                return Some(format!("{metric} has no label {label}"));
            }
        }
    }
    names(query)
        .into_iter()
        .find(|name| family(name).is_none() && !labels.contains(name) && !WORDS.contains(name))
        .map(|name| format!("{name} is no metric and no label of one"))
}

#[test]
fn prometheus_can_answer_the_queries_of_runbooks() {
    std::thread::scope(|scope| {
        for alert in ALERTS {
            scope.spawn(move || {
                for query in queries(&runbook(alert)) {
                    assert_eq!(complaint(&query), None, "{alert}: {query}");
                    let arguments = ["--experimental", "promql", "format", &query];
                    let said = promtool(&arguments, "");
                    assert!(said.success, "{alert}: {query}: {said:?}");
                }
            });
        }
    });
}

#[test]
fn a_wrong_name_in_a_query_is_noticed() {
    for (query, expected) in [
        ("sum by (team) (ticket_backlog{status=\"new\"})", None),
        ("ticket_backlogs", Some("no metric ticket_backlogs")),
        (
            "ticket_sla_at_risk{age=\"1h\"}",
            Some("ticket_sla_at_risk has no label age"),
        ),
        (
            "sum by (channel) (ticket_backlog)",
            Some("channel is no metric and no label of one"),
        ),
        ("upp == 0", Some("upp is no metric and no label of one")),
    ] {
        assert_eq!(complaint(query).as_deref(), expected, "{query}");
    }
}
