//! The files of a deployment: Compose, Prometheus and Helm accept them.

use std::path::Path;
use std::process::Command;

use super::{Starter, events};
use crate::harness::{deployment, folder, helm, promtool, repository, text};

#[test]
fn compose_and_prometheus_accept_the_stack() {
    let there = folder("compose");
    let starter = Starter::of(&events(there.path()), "compose", &[]);
    starter.check();
    let compose = starter.path("compose.yaml");
    let checked = Command::new(deployment("check-jsonschema"))
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(&compose)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    let prometheus = starter.path("prometheus.yml");
    let answer = promtool(&["check", "config", prometheus.to_str().unwrap()], "");
    assert!(answer.success, "{answer:?}");
    assert!(answer.stdout.contains("2 rule files found"), "{answer:?}");
    // Each file that a service mounts is there.
    let text = starter.read("compose.yaml");
    let mut mounted = 0;
    for line in text.lines() {
        let Some(path) = line
            .trim()
            .strip_prefix("- ./")
            .and_then(|rest| rest.split(':').next())
        else {
            continue;
        };
        mounted += 1;
        assert!(starter.path(path).exists(), "{path}");
    }
    assert!(mounted > 5, "{mounted}");
    let alerts = starter.read("rules/alerts.yml");
    assert!(
        alerts.contains("http://localhost:3000/d/"),
        "links to Grafana"
    );
}

/// The images are those of the stack with the simulated helpdesk.
#[test]
fn images_are_those_of_the_other_stack() {
    let there = folder("images");
    let starter = Starter::of(&events(there.path()), "compose", &[]);
    let other = std::fs::read_to_string(repository().join("deploy/compose/compose.yaml")).unwrap();
    let text = starter.read("compose.yaml");
    let images = text
        .lines()
        .filter(|line| line.contains("image: docker.io/"));
    for image in images {
        assert!(other.contains(image), "{image}");
    }
}

#[test]
fn the_chart_accepts_the_values() {
    let there = folder("helm");
    let starter = Starter::of(&events(there.path()), "helm", &[]);
    starter.check();
    let chart = repository().join("deploy/helm/ticket-exporter");
    let values = starter.path("values.yaml");
    let set = |key: &str, path: &Path| format!("{key}={}", path.display());
    let rendered = Command::new(helm())
        .args(["template", "tickets"])
        .arg(chart)
        .arg("--values")
        .arg(values)
        .args(["--set-file", &set("config", Path::new(&starter.config()))])
        .args([
            "--set-file",
            &set(
                "prometheusRule.files.alerts",
                &starter.path("rules/alerts.yml"),
            ),
        ])
        .args([
            "--set-file",
            &set(
                "prometheusRule.files.recording",
                &starter.path("rules/recording.yml"),
            ),
        ])
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", text(&rendered.stderr));
    let objects = text(&rendered.stdout);
    for part in [
        "kind: StatefulSet",
        "kind: ServiceMonitor",
        "kind: PrometheusRule",
        "known: [billing]",
    ] {
        assert!(objects.contains(part), "no {part}");
    }
}
