//! A real Prometheus answers every query of every dashboard and rule. It holds nine days of the simulated
//! helpdesk as `backfill` writes them, and scrapes an exporter that reads the same events.
//!
//! The configuration has no attributes and one group of policies: the dashboards must work without these
//! labels. The rendering test has both.
//!
//! Queries that cannot have an answer are listed with the reason, and have none.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Yaml};

use super::{Dashboard, Parsed, filled_in, text};
use crate::end_to_end::{PATIENCE, SimulatedTopic, file, now, path, run_well};
use crate::gateway::Gateway;
use crate::harness::{Exporter, Labels, Prometheus, PrometheusOptions, promtool_path};

const MINUTE: i64 = 60_000;
/// Nine days cover the window of seven days, and part of the window a week before.
const HISTORY: i64 = 9 * 24 * 60 * MINUTE;
const STEP: &str = "30m";
/// The backfilled samples are half an hour apart. Prometheus would look back five minutes only.
const LOOK_BACK: &str = "31m";
/// The length of range queries in seconds.
const SPAN: f64 = 6.0 * 3_600.0;
const SPAN_STEP: f64 = 600.0;
/// Breaches happen in working hours only, and not on each day.
const DAYS: f64 = 4.0 * 86_400.0;

/// Queries of dashboards that have an answer only if something happens in the seconds of the test.
const OF_CHANCE: [&str; 11] = [
    "ticket-exporter: Breach detection, p99 A",
    "ticket-exporter: Lag by partition, zeros left out B",
    "ticket-exporter: Records a second, zeros left out B",
    "ticket-exporter: Records that are not counted, an hour A",
    "ticket-exporter: Records that are not counted, an hour B",
    "ticket-exporter: Records that are not counted, an hour C",
    "ticket-exporter: Records that are not counted, an hour D",
    "ticket-exporter: Records that are not counted, an hour E",
    "ticket-exporter: Topics with a problem A",
    "ticket-exporter: Topics with a problem B",
    "ticket-exporter: Topics with a problem C",
];
/// Series of rules that do not exist here.
const UNKNOWN_SERIES: [(&str, &str); 7] = [
    ("team:ticket_first_contact:ratio7d_avg4w", WEEKS),
    ("team:ticket_first_response_seconds:p90_7d_avg4w", WEEKS),
    ("team:ticket_handle_seconds:mean7d_avg4w", WEEKS),
    ("team:ticket_reopens:ratio7d_avg4w", WEEKS),
    ("team:ticket_satisfaction:ratio7d_avg4w", WEEKS),
    (
        "ticket_exporter_web_config_last_reload_successful",
        "the exporter of this scene has no web configuration file",
    ),
    (
        "up{job=\"ticket-gateway\"}",
        "the job of this scene has another name",
    ),
];
const WEEKS: &str = "compares with what the rules have recorded for two weeks at least";
struct Scene {
    prometheus: Prometheus,
    _exporter: Exporter,
    _gateway: Gateway,
    /// The text of the rule file.
    rules: String,
}

impl Scene {
    fn start() -> Self {
        let helpdesk = SimulatedTopic::shared();
        let config = without_own_labels(&helpdesk.config());
        let config_file = file(config.as_bytes());
        let mut exporter = Exporter::start(&[], &config);
        exporter.wait_ready(PATIENCE);
        let storage = tempfile::tempdir().unwrap().keep();
        let from = now().minus(HISTORY).rfc3339();
        let instance = format!("instance={}", exporter.address());
        let promtool = promtool_path();
        run_well(
            &[
                "backfill",
                "--config.file",
                path(&config_file),
                "--from",
                &from,
                "--step",
                STEP,
                "--label",
                "job=test",
                "--label",
                &instance,
                "--blocks",
                storage.to_str().unwrap(),
                "--promtool",
                promtool.to_str().unwrap(),
            ],
            b"",
        );
        let rules = run_well(
            &[
                "rules",
                "--config.file",
                path(&config_file),
                "--job",
                "test",
            ],
            b"",
        );
        let gateway = Gateway::beside_dashboards();
        let prometheus = Prometheus::start(
            &[exporter.address(), gateway.address()],
            &PrometheusOptions {
                storage: Some(storage),
                look_back: Some(LOOK_BACK.to_owned()),
                rules: Some(rules.clone()),
                ..PrometheusOptions::default()
            },
        );
        prometheus.wait_until_up(PATIENCE);
        gateway.accept_and_refuse();
        // An increase needs two samples, and some rules use the results of others.
        for series in [
            "up",
            "team_priority_policy_target:ticket_sla_goals:max",
            "team_event:ticket_window_events:sum7d",
        ] {
            let enough = format!("min(count_over_time({series}[1m]))");
            prometheus.wait_for(&enough, PATIENCE, |samples| samples >= 10.0);
        }
        Self {
            prometheus,
            _exporter: exporter,
            _gateway: gateway,
            rules,
        }
    }

    /// Whether any value is a number.
    fn answers(&self, expression: &str, instant: bool) -> bool {
        if instant {
            return self
                .prometheus
                .query(expression)
                .iter()
                .any(|(_, value)| !value.is_nan());
        }
        let end = now().seconds();
        let found = self
            .prometheus
            .query_range(expression, end - SPAN, end, SPAN_STEP);
        found
            .iter()
            .any(|(_, points)| points.iter().any(|(_, value)| !value.is_nan()))
    }
}

/// The configuration without attributes, and without policies that name an attribute or group.
fn without_own_labels(config: &str) -> String {
    const POLICY: &str = "    - name: ";
    let mut sections: Vec<String> = Vec::new();
    for line in config.lines() {
        if line.starts_with(POLICY) || !line.starts_with(' ') || sections.is_empty() {
            sections.push(String::new());
        }
        let section = sections.last_mut().unwrap();
        section.push_str(line);
        section.push('\n');
    }
    let is_own = |section: &String| {
        let policy = section.starts_with(POLICY);
        section.starts_with("attributes:")
            || policy && (section.contains("group: ") || section.contains("attributes: "))
    };
    let count = sections.len();
    sections.retain(|section| !is_own(section));
    assert!(sections.len() + 2 < count, "{config}");
    sections.concat()
}

/// Checks that exactly the listed queries have no answer.
#[track_caller]
fn compare(found: &BTreeSet<String>, listed: &[(&str, &str)]) {
    for (_, reason) in listed {
        assert!(reason.len() > 10, "no reason");
    }
    let listed: BTreeSet<String> = listed
        .iter()
        .map(|(place, _)| (*place).to_owned())
        .collect();
    let unexpected: Vec<&String> = found.difference(&listed).collect();
    assert!(unexpected.is_empty(), "no answer: {unexpected:#?}");
    let answered: Vec<&String> = listed.difference(found).collect();
    assert!(
        answered.is_empty(),
        "have an answer after all: {answered:#?}"
    );
}

#[test]
fn every_query_is_answered() {
    let scene = Scene::start();
    queries_of_boards(&scene);
    variables_and_annotations(&scene);
    recorded_series(&scene);
    series_of_alerts(&scene);
}

fn queries_of_boards(scene: &Scene) {
    let mut unanswered = BTreeSet::new();
    let mut asked = 0;
    for dashboard in Dashboard::all() {
        for query in dashboard.queries() {
            asked += 1;
            let of_chance = OF_CHANCE.contains(&query.place.as_str());
            if !scene.answers(&query.asked(), query.instant) && !of_chance {
                unanswered.insert(query.place);
            }
        }
    }
    assert!(asked > 120, "only {asked} queries");
    assert!(unanswered.is_empty(), "no answer: {unanswered:#?}");
}

fn variables_and_annotations(scene: &Scene) {
    for dashboard in Dashboard::all() {
        for choice in dashboard.choices() {
            // Without groups this variable has no values but `All`.
            if choice.label == "group" {
                continue;
            }
            let found = scene.prometheus.query(&choice.asked);
            assert!(
                found.iter().any(|(labels, _)| {
                    labels
                        .get(&choice.label)
                        .is_some_and(|value| !value.is_empty())
                }),
                "{}: {}",
                dashboard.uid,
                choice.written
            );
        }
        for annotation in dashboard.annotations() {
            // Breaches of the past are half an hour apart, not seconds. The backfill after the exporter's
            // start may take longer than a minute.
            let expression = filled_in(text(annotation, "expr"))
                .replace("[15m]", "[1h]")
                .replace("< 60)", "< 900)");
            let end = now().seconds();
            let asked = [(300.0, 5.0), (DAYS, SPAN_STEP)].map(|(span, step)| {
                let found = scene
                    .prometheus
                    .query_range(&expression, end - span, end, step);
                !found.is_empty()
            });
            let name = text(annotation, "name");
            assert!(
                asked.contains(&true),
                "{}: nothing for {name}",
                dashboard.uid
            );
        }
    }
}

/// The rules of a kind, as name and expression.
fn rules(scene: &Scene, kind: &str) -> Vec<(String, String)> {
    let read = Yaml::load_from_str(&scene.rules).unwrap();
    let groups = read[0]["groups"].as_vec().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_vec().unwrap())
        .filter_map(|rule| {
            let [name, expression] = [kind, "expr"].map(|key| rule.as_mapping_get(key)?.as_str());
            let (name, expression) = (name?, expression?);
            Some((name.to_owned(), expression.to_owned()))
        })
        .collect()
}

fn recorded_series(scene: &Scene) {
    let recordings = rules(scene, "record");
    assert!(recordings.len() > 20);
    let unknown: BTreeSet<String> = recordings
        .iter()
        .filter(|(_, expression)| !scene.answers(expression, true))
        .map(|(name, _)| name.clone())
        .collect();
    let listed: Vec<(&str, &str)> = UNKNOWN_SERIES
        .into_iter()
        .filter(|(name, _)| recordings.iter().any(|(recorded, _)| recorded == name))
        .collect();
    compare(&unknown, &listed);
}

/// An alert without a reason to fire has no value, but the series that it evaluates exist.
fn series_of_alerts(scene: &Scene) {
    let mut missing = BTreeSet::new();
    let mut known = BTreeMap::<String, bool>::new();
    for (_, expression) in rules(scene, "alert") {
        for selector in Parsed::of(&expression).selectors {
            let series = selector.written();
            let there = known.entry(series.clone()).or_insert_with(|| {
                let found: Vec<(Labels, f64)> = scene.prometheus.query(&series);
                !found.is_empty()
            });
            if !*there {
                missing.insert(series);
            }
        }
    }
    assert!(known.len() > 30, "only {} series", known.len());
    compare(&missing, &UNKNOWN_SERIES);
}
