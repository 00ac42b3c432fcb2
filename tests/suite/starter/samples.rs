//! Samples of several helpdesks, canonical events, and a table.

use super::{Starter, events, scripted};
use crate::harness::{folder, repository, run, run_well, text};

#[test]
fn records_of_known_helpdesks_give_their_preset_and_names() {
    for (case, names) in [
        ("zendesk", &["360001", "high"][..]),
        ("jira", &["High"]),
        ("freshdesk", &["Billing", "low"]),
    ] {
        let sample = repository().join(format!("tests/mapping/{case}/records.jsonl"));
        let starter = Starter::of(&sample, "none", &["--envelope"]);
        starter.check();
        let yaml = starter.read("ticket-exporter.yaml");
        assert!(yaml.contains(&format!("\n  preset: {case}\n")), "{yaml}");
        for name in names {
            assert!(yaml.contains(name), "{case}: no {name} in\n{yaml}");
        }
        for name in [
            "ticket-exporter.yaml",
            "alertmanager.yml",
            "rules/alerts.yml",
        ] {
            for person in ["bob@", "eve@", "Maria"] {
                assert!(!starter.read(name).contains(person), "{case}: {name}");
            }
        }
        // The printed command tries the configuration on the sample.
        assert!(
            starter.said.contains("test-mapping --config.file"),
            "{}",
            starter.said
        );
        let sample = sample.to_str().unwrap();
        run_well(
            &[
                "test-mapping",
                "--config.file",
                &starter.config(),
                "--envelope",
                sample,
            ],
            b"",
        );
    }
}

/// A long history gives targets; they are those of `suggest-targets`.
#[test]
fn a_long_history_of_events_gives_targets() {
    let there = folder("history");
    let sample = there.path().join("events.jsonl");
    let path = sample.to_str().unwrap();
    run_well(&["simulate", "--for", "4d", "--output", path], b"");
    let starter = Starter::of(&sample, "none", &[]);
    starter.check();
    let yaml = starter.read("ticket-exporter.yaml");
    for line in [
        "  preset: canonical\n",
        "priorities: [p1, p2, p3, p4]\n",
        "  tier: { values: [gold, standard], label: false }\n",
        "    timezone: \"Europe/Berlin\"\n",
        "      fri: [\"09:00-15:00\"]\n",
    ] {
        assert!(yaml.contains(line), "no {line:?} in\n{yaml}");
    }
    let suggested = run_well(
        &[
            "suggest-targets",
            "--config.file",
            &starter.config(),
            "--by",
            "priority",
            "--format",
            "yaml",
            path,
        ],
        b"",
    );
    let names = |text: &str| -> Vec<String> {
        let names = text
            .lines()
            .filter(|line| line.trim().starts_with("- name: "));
        names.map(str::to_owned).collect()
    };
    assert_eq!(names(&yaml), names(&suggested));
    assert!(yaml.contains("- name: p3\n"), "{yaml}");
    assert!(
        starter
            .read("alertmanager.yml")
            .contains("  - name: team-hardware\n")
    );
    assert!(
        starter.said.contains("replay --config.file"),
        "{}",
        starter.said
    );
    run_well(
        &[
            "replay",
            "--config.file",
            &starter.config(),
            "--format",
            "table",
            path,
        ],
        b"",
    );
}

#[test]
fn a_short_sample_gives_no_targets() {
    let there = folder("short");
    let starter = Starter::of(&events(there.path()), "none", &[]);
    starter.check();
    let yaml = starter.read("ticket-exporter.yaml");
    assert!(yaml.contains("\n# sla:\n"), "{yaml}");
}

/// The general mapping is for the rows, and the topic has what `import` makes of them.
#[test]
fn a_table_and_the_topic_have_mappings_of_their_own() {
    let sample = repository().join("tests/mapping/servicenow-csv/records.csv");
    let starter = Starter::of(&sample, "none", &[]);
    starter.check();
    let yaml = starter.read("ticket-exporter.yaml");
    assert!(yaml.contains("  preset: servicenow-csv\n"), "{yaml}");
    assert!(
        yaml.contains("    tickets: { preset: canonical }\n"),
        "{yaml}"
    );
    assert!(yaml.contains("known: [Network"), "{yaml}");
    assert!(!yaml.contains("Ada") && !yaml.contains("Eve"), "{yaml}");
    assert!(
        starter.said.contains("import --config.file"),
        "{}",
        starter.said
    );
    let sample = sample.to_str().unwrap();
    let imported = run_well(&["import", "--config.file", &starter.config(), sample], b"");
    assert!(imported.lines().count() > 2, "{imported}");
}

#[test]
fn records_without_tickets_give_nothing() {
    let there = folder("useless");
    let sample = there.path().join("records.jsonl");
    std::fs::write(&sample, "{\"a\":1}\n{\"a\":2}\n").unwrap();
    let output = there.path().join("new");
    let done = run(&scripted(&sample, &output, "none"), b"");
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("id of a ticket"), "{said}");
    assert!(!output.exists());
}
