//! Rules for Prometheus. The program generates the shipped files, promtool accepts them, every alert fires
//! when it should and only then, and every query uses existing metrics.

mod delivery;
mod routes;
mod runbooks;

pub(crate) use runbooks::family;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Yaml};

use super::harness::{command, promtool};

const SHIPPED: &str = "deploy/prometheus";
const REFERENCE: &str = "src/config/reference.yaml";
/// The links that the tests of rules expect.
const RUNBOOKS: [&str; 2] = ["--runbook-url", "docs/runbooks"];
/// All alerts: runbooks, routes and dashboards refer to these names.
const ALERTS: [&str; 23] = [
    "TicketBacklogGrowing",
    "TicketBacklogOldestTooOld",
    "TicketExporterCheckpointFailing",
    "TicketExporterDown",
    "TicketExporterLagging",
    "TicketExporterNotReady",
    "TicketExporterRejecting",
    "TicketExporterReloadFailing",
    "TicketExporterTopicMissing",
    "TicketExporterTopicUseless",
    "TicketExporterTransactionOpen",
    "TicketFirstContactResolutionDegraded",
    "TicketFirstResponseDegraded",
    "TicketGatewayDown",
    "TicketGatewayRefusing",
    "TicketGatewayUnauthorized",
    "TicketHandleTimeSuspicious",
    "TicketReopensRising",
    "TicketSatisfactionDegraded",
    "TicketSlaAtRisk",
    "TicketSlaBreached",
    "TicketSlaBudgetBurnFast",
    "TicketSlaBudgetBurnSlow",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes the rules for a configuration to a folder.
#[track_caller]
fn write_rules(config: &Path, folder: &Path, more: &[&str]) {
    let output = command()
        .args(["rules", "--config.file"])
        .arg(config)
        .arg("--output")
        .arg(folder)
        .args(more)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn rule_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {}", folder.display());
    files
}

#[track_caller]
fn lint(folder: &Path) {
    for file in rule_files(folder) {
        let path = file.to_str().unwrap();
        let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", path], "");
        assert!(said.success, "{path}: {said:?}");
    }
}

#[track_caller]
fn test(file: &Path) {
    let said = promtool(&["test", "rules", file.to_str().unwrap()], "");
    assert!(
        said.success,
        "{}: {}{}",
        file.display(),
        said.stdout,
        said.stderr
    );
}

#[test]
fn the_program_generates_the_shipped_rules() {
    let folder = tempfile::tempdir().unwrap();
    write_rules(&root().join(REFERENCE), folder.path(), &[]);
    for written in rule_files(folder.path()) {
        let name = written.file_name().unwrap();
        let shipped = root().join(SHIPPED).join(name);
        assert!(
            fs::read_to_string(&shipped).ok() == fs::read_to_string(&written).ok(),
            "{} is not what the program writes: ticket-exporter rules --config.file {REFERENCE} \
             --output {SHIPPED}",
            shipped.display()
        );
    }
    assert_eq!(
        rule_files(folder.path()).len(),
        rule_files(&root().join(SHIPPED)).len()
    );
}

/// The tests of the shipped rules, and these rules, in a new folder. The expected results do not depend on
/// the repository of a fork: the links to runbooks are those without a repository.
fn shipped_tests() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    write_rules(&root().join(REFERENCE), folder.path(), &RUNBOOKS);
    let tests = folder.path().join("tests");
    fs::create_dir(&tests).unwrap();
    for file in rule_files(&root().join(SHIPPED).join("tests")) {
        fs::copy(&file, tests.join(file.file_name().unwrap())).unwrap();
    }
    let files = rule_files(&tests);
    (folder, files)
}

#[test]
fn promtool_accepts_the_rules() {
    lint(&root().join(SHIPPED));
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    let (_folder, tests) = shipped_tests();
    let mut text = String::new();
    for file in &tests {
        text += &fs::read_to_string(file).unwrap();
    }
    for alert in ALERTS {
        assert!(text.contains(alert), "no test of {alert}");
    }
    std::thread::scope(|scope| {
        for file in &tests {
            scope.spawn(move || test(file));
        }
    });
}

#[test]
fn other_configurations_give_rules_that_fit_them() {
    for case in fs::read_dir(root().join("tests/alerting")).unwrap() {
        let case = case.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        write_rules(&case.join("config.yaml"), folder.path(), &RUNBOOKS);
        lint(folder.path());
        let tests = folder.path().join("tests.yml");
        fs::copy(case.join("tests.yml"), &tests).unwrap();
        test(&tests);
    }
}

#[test]
fn names_with_special_characters_break_no_rule() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    let text = r#"
priorities: ["p\"1", "{{ .Value }}"]
sla:
  policies:
    - { name: "a\"b\\{{ $x }}\n#", match: { team: ["x|y", "ü \\"] }, targets: { resolution: 1d } }
    - { name: "- 'c'", match: { priority: ["p\"1"] }, targets: { ownership: 10m } }
"#;
    fs::write(&config, text).unwrap();
    let rules = folder.path().join("rules");
    write_rules(&config, &rules, &[]);
    lint(&rules);
}

#[test]
fn every_alert_describes_itself() {
    let text = fs::read_to_string(root().join(SHIPPED).join("alerts.yml")).unwrap();
    let read = Yaml::load_from_str(&text).unwrap();
    let mut names = BTreeSet::new();
    for group in read[0]["groups"].as_vec().unwrap() {
        for rule in group["rules"].as_vec().unwrap() {
            let name = rule["alert"].as_str().unwrap();
            names.insert(name);
            let severity = rule["labels"]["severity"].as_str().unwrap();
            assert!(
                ["critical", "warning", "info"].contains(&severity),
                "{name}"
            );
            let category = rule["labels"]["category"].as_str().unwrap();
            let exporter = ["TicketExporter", "TicketGateway"]
                .iter()
                .any(|start| name.starts_with(start));
            assert_eq!(category == "exporter", exporter, "{name}");
            for annotation in ["summary", "description"] {
                let said = rule["annotations"][annotation].as_str().unwrap();
                assert!(said.len() > 10, "{name}");
            }
            let runbook = rule["annotations"]["runbook_url"].as_str().unwrap();
            assert!(runbook.ends_with(&format!("runbooks/{name}.md")), "{name}");
            let dashboard = rule["annotations"]["dashboard_url"].as_str().unwrap();
            assert!(dashboard.starts_with("/d/ticket-"), "{name}");
        }
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ALERTS);
}
