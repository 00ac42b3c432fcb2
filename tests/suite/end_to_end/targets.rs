//! `suggest-targets` for a topic, for files and for a store, and its output as a configuration.

use std::process::Output;

use serde_json::Value;

use super::{PATIENCE, SimulatedTopic, file, path, run, run_well, simulate, text};
use crate::harness::Exporter;

/// The JSON output and the remarks of a successful run.
#[track_caller]
fn suggest(config: &str, more: &[&str]) -> (Value, String) {
    let config = file(config.as_bytes());
    let mut arguments = vec!["suggest-targets", "--config.file", path(&config)];
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    let Output {
        status,
        stdout,
        stderr,
    } = run(&arguments, b"");
    let said = text(&stderr);
    assert_eq!(status.code(), Some(0), "{said}");
    (serde_json::from_slice(&stdout).unwrap(), said)
}

fn rows(document: &Value) -> &Vec<Value> {
    document["targets"].as_array().unwrap()
}

#[track_caller]
fn row<'a>(document: &'a Value, [team, priority, target]: [&str; 3]) -> &'a Value {
    let mut rows = rows(document).iter();
    rows.find(|row| row["team"] == team && row["priority"] == priority && row["target"] == target)
        .unwrap_or_else(|| panic!("no row of {team} {priority} {target}"))
}

#[test]
fn a_topic_and_a_store_agree() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let (of_topic, said) = suggest(&config, &[]);
    assert!(said.contains("fewer than 30 goals"), "{said}");
    let suggested = rows(&of_topic)
        .iter()
        .filter(|row| !row["suggested"].is_null());
    let suggested: Vec<&Value> = suggested.collect();
    assert!(suggested.len() > 40, "only {} targets", suggested.len());
    for row in &suggested {
        let goals = row["suggested"]["goals"].as_f64().unwrap();
        let breaches = row["suggested"]["breaches"].as_f64().unwrap();
        assert!(breaches <= 0.1 * goals, "{row}");
        assert!(row["levels"][1]["met"].as_f64().unwrap() >= 0.9, "{row}");
    }
    assert!(of_topic["counted"].as_bool().unwrap());

    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let directory = exporter.folder().join("data");
    let directory = format!("checkpoint.directory={}", directory.display());
    let (of_store, said) = suggest(&config, &["--store", "--set", &directory]);
    assert!(said.contains("approximate"), "{said}");
    assert!(!of_store["counted"].as_bool().unwrap());
    // A team that takes over tickets from teams with another calendar would differ.
    let key = ["accounts", "p3", "first_response"];
    let (exact, stored) = (row(&of_topic, key), row(&of_store, key));
    // Goals that ended with a solve, without a reply, are in no histogram.
    let goals = |row: &Value| row["goals"].as_f64().unwrap();
    let share = goals(stored) / goals(exact);
    assert!((0.95..=1.0).contains(&share), "{exact}\n{stored}");
    let seconds = |row: &Value| row["levels"][0]["exact_seconds"].as_f64().unwrap();
    let ratio = seconds(stored) / seconds(exact);
    assert!((0.95..1.15).contains(&ratio), "{exact}\n{stored}");
    exporter.stop(PATIENCE);
}

#[test]
fn the_suggestion_is_a_configuration() {
    let helpdesk = simulate("--print-config");
    let (calendars, _) = helpdesk.split_once("# In each group").unwrap();
    let events = simulate("--seed 23 --from 2026-03-04T00:00:00Z --for 5d --output -");
    let (config, events) = (file(helpdesk.as_bytes()), file(events.as_bytes()));
    let arguments = [
        "suggest-targets",
        "--config.file",
        path(&config),
        "--objective",
        "0.95",
        "--format",
        "yaml",
        path(&events),
    ];
    let snippet = run_well(&arguments, b"");
    let (heading, policies) = snippet.split_once('\n').unwrap();
    assert!(
        heading.starts_with("# Targets that 95.0 % of the goals"),
        "{heading}"
    );
    assert!(policies.starts_with("sla:\n  policies:\n"), "{snippet}");
    let suggested = file(format!("{calendars}{snippet}").as_bytes());
    let checked = run_well(&["check-config", "--config.file", path(&suggested)], b"");
    assert!(!checked.contains("warning"), "{checked}");
    // With this configuration the same helpdesk meets its targets.
    let arguments = ["replay", "--config.file", path(&suggested)];
    let arguments = [&arguments[..], &["--format", "json", path(&events)]].concat();
    let replayed: Value = serde_json::from_str(&run_well(&arguments, b"")).unwrap();
    let teams = replayed["teams"].as_array().unwrap();
    let shares: Vec<f64> = teams
        .iter()
        .filter_map(|team| team["sla_met_share"].as_f64())
        .collect();
    assert!(shares.len() > 4, "{replayed}");
    assert!(shares.iter().all(|share| *share >= 0.95), "{shares:?}");
}

#[test]
fn targets_and_tables_by_attribute() {
    let config = file(simulate("--print-config").as_bytes());
    let events = simulate("--seed 23 --from 2026-03-04T00:00:00Z --for 5d --output -");
    let events = file(events.as_bytes());
    let call = |command: &str, more: &[&str]| -> Output {
        let arguments = [command, "--config.file", path(&config), path(&events)];
        run(&[&arguments, more].concat(), b"")
    };
    let yaml = call("suggest-targets", &["--by", "tier", "--format", "yaml"]);
    let yaml = text(&yaml.stdout);
    for tier in ["gold", "standard"] {
        let policy =
            format!("- name: {tier}\n      match: {{ attributes: {{ tier: [{tier}] }} }}\n");
        assert!(yaml.contains(&policy), "{yaml}");
    }
    assert!(yaml.contains("assignment: "), "{yaml}");
    // The product is no label, but the table has it.
    let rows = call("replay", &["--by", "priority,product", "--format", "json"]);
    let rows: Value = serde_json::from_slice(&rows.stdout).unwrap();
    let rows = rows["teams"].as_array().unwrap();
    let mail = rows
        .iter()
        .find(|row| row["priority"] == "p3" && row["attributes"]["product"] == "mail");
    let mail = mail.unwrap_or_else(|| panic!("{rows:?}"));
    assert!(
        mail["team"].is_null() && mail["created"].as_u64().unwrap() > 50,
        "{mail}"
    );
    assert!(
        mail["met_share_by_group"]["ola"].as_f64().unwrap() > 0.5,
        "{mail}"
    );
    let unknown = call("replay", &["--by", "region"]);
    assert_eq!(unknown.status.code(), Some(64));
    let said = text(&unknown.stderr);
    assert!(
        said.contains("choose among team, priority, tier, product"),
        "{said}"
    );
}
