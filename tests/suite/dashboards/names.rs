//! Every query of a dashboard or rule uses existing metrics and labels.

use std::collections::BTreeSet;
use std::fs;

use saphyr::{LoadableYamlNode, Yaml};
use ticket_exporter::domain::catalog;

use super::{Dashboard, Parsed, filled_in, text};
use crate::alerting::family;
use crate::harness::repository;

/// The labels that Prometheus, Kubernetes, histograms and the user's groups of policies add to series.
const ADDED_LABELS: [&str; 5] = ["job", "instance", "pod", "le", "group"];
/// Metrics that Prometheus adds for each target, or its client libraries for each process.
const EVERY_TARGETS: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
];

/// Grafana's value of a variable when all its values are selected.
const ALL: &str = ".*";

/// The unknown names in a query.
fn complaint(expression: &str, recorded: &BTreeSet<String>) -> Option<String> {
    let parsed = Parsed::of(expression);
    let mut known = BTreeSet::from(ADDED_LABELS);
    let mut all_are_families = true;
    for selector in &parsed.selectors {
        let labels = match family(&selector.name) {
            Some(family) => family.labels,
            None if EVERY_TARGETS.contains(&selector.name.as_str()) => &[],
            None if recorded.contains(&selector.name) => {
                all_are_families = false;
                continue;
            }
            None => return Some(format!("no metric {}", selector.name)),
        };
        known.extend(labels);
        for (label, _, value) in &selector.matchers {
            // Such a matcher selects series without a priority only when all are selected.
            if (label.as_str(), value.as_str()) == ("priority", ALL) {
                continue;
            }
            if !labels.contains(&label.as_str()) && !ADDED_LABELS.contains(&label.as_str()) {
                return Some(format!("{} has no label {label}", selector.name));
            }
        }
    }
    // Recorded series have the labels at the start of their names; promtool's tests check those.
    let mut labels = parsed.labels.iter();
    labels
        .find(|label| {
            all_are_families && !known.contains(label.as_str()) && !parsed.made.contains(*label)
        })
        .map(|label| format!("{label} is no label of what is asked for"))
}

#[test]
fn dashboards_use_existing_names() {
    let none = BTreeSet::new();
    for dashboard in Dashboard::all() {
        let mut expressions: Vec<(String, String)> = dashboard
            .queries()
            .iter()
            .map(|query| (query.place.clone(), query.asked()))
            .collect();
        for annotation in dashboard.annotations() {
            let place = format!("{}: {}", dashboard.uid, text(annotation, "name"));
            expressions.push((place, filled_in(text(annotation, "expr"))));
        }
        for (place, expression) in expressions {
            assert_eq!(complaint(&expression, &none), None, "{place}: {expression}");
        }
        for choice in dashboard.choices() {
            let complaint = complaint(&choice.asked, &none);
            assert_eq!(complaint, None, "{}: {}", dashboard.uid, choice.written);
        }
    }
}

#[test]
fn rules_use_existing_names() {
    let folder = repository().join("deploy/prometheus");
    let mut recorded = BTreeSet::new();
    let mut expressions = Vec::new();
    for file in ["recording.yml", "alerts.yml"] {
        let read = Yaml::load_from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        for group in read[0]["groups"].as_vec().unwrap() {
            for rule in group["rules"].as_vec().unwrap() {
                let name = rule.as_mapping_get("record").and_then(Yaml::as_str);
                recorded.extend(name.map(str::to_owned));
                expressions.push(rule["expr"].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(recorded.len() > 20, "{recorded:?}");
    assert!(recorded.iter().all(|name| catalog::family(name).is_none()));
    for expression in expressions {
        assert_eq!(complaint(&expression, &recorded), None, "{expression}");
    }
}

#[test]
fn a_wrong_name_is_noticed() {
    let recorded = BTreeSet::from(["team:x:sum".to_owned()]);
    for (expression, expected) in [
        ("sum by (team) (rate(ticket_solved_total[1h]))", None),
        (
            "sum by (le) (ticket_handle_seconds_bucket{source=\"reported\"})",
            None,
        ),
        ("sum by (anything) (team:x:sum)", None),
        ("team:y:sum", Some("no metric team:y:sum")),
        (
            "ticket_handle_seconds_total",
            Some("no metric ticket_handle_seconds_total"),
        ),
        (
            "ticket_solved_total{status=\"open\"}",
            Some("ticket_solved_total has no label status"),
        ),
        (
            "sum by (channel) (ticket_solved_total)",
            Some("channel is no label of what is asked for"),
        ),
        (
            "up * on (version) group_left () ticket_backlog",
            Some("version is no label of what is asked for"),
        ),
    ] {
        assert_eq!(
            complaint(expression, &recorded).as_deref(),
            expected,
            "{expression}"
        );
    }
}
