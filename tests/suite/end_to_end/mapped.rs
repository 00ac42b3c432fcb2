//! A topic with records of another system: the exporter serves the values of a replay of the same records.

use serde_json::json;

use super::{PATIENCE, clock, cumulative, kafka_section, kpis, replay, same};
use crate::harness::{Exporter, Kafka, Record, eventually};

/// A Jira issue that is created, answered and solved, and a record about no ticket.
fn records() -> Vec<String> {
    let issue = |status: &str, category: &str| {
        json!({"key": "DESK-1", "fields": {
            "created": "2026-03-02T09:00:00.000+0000",
            "status": {"name": status, "statusCategory": {"key": category}},
            "priority": {"name": "High"}, "project": {"key": "DESK"},
            "assignee": {"accountId": "a"}, "reporter": {"accountId": "c"},
        }})
    };
    let at = 1_772_442_000_000_i64;
    let records = [
        json!({"webhookEvent": "jira:issue_created", "timestamp": at, "issue": issue("Open", "new")}),
        json!({"webhookEvent": "comment_created", "timestamp": at + 600_000, "issue": issue("Open", "new"),
            "comment": {"id": "7", "author": {"accountId": "a"}, "created": "2026-03-02T09:10:00.000+0000"}}),
        json!({"webhookEvent": "jira:version_released", "timestamp": at + 700_000}),
        json!({"webhookEvent": "jira:issue_updated", "timestamp": at + 3_600_000, "issue": issue("Shipped", "done"),
            "changelog": {"id": "9", "items": [{"field": "status", "toString": "Shipped"}]}}),
    ];
    records.iter().map(ToString::to_string).collect()
}

#[test]
fn records_of_another_system_are_counted_as_in_a_replay() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("mapped", 1);
    let records = records();
    kafka.produce(
        &topic,
        records
            .iter()
            .map(|record| Record::keyed("DESK-1", record.clone()))
            .collect::<Vec<_>>(),
    );
    let config = kafka_section(kafka, &topic, "") + "mapping: { preset: jira }\n";
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    exporter.wait_for_metrics("the numbers of a replay", PATIENCE, |scrape| {
        for (metric, expected) in [
            ("ticket_created_total", 1.0),
            ("ticket_replies_total", 1.0),
            ("ticket_solved_total", 1.0),
        ] {
            let found = scrape.metric(metric).sum();
            if found != expected {
                return Err(format!("{metric} is {found}; log\n{}", exporter.logs()));
            }
        }
        let ignored = scrape
            .metric("ticket_exporter_events_total")
            .label("result", "ignored")
            .try_value()?;
        if ignored != 1.0 {
            return Err(format!("{ignored} records ignored"));
        }
        let lines = records.join("\n");
        let expected = cumulative(&kpis(&replay(&config, lines.as_bytes(), clock(scrape)?)));
        same(&cumulative(&kpis(scrape)), &expected)
    });
    exporter.stop(PATIENCE);
}

/// Records that contain the whole conversation, and a rule that does not tell its messages apart.
#[test]
fn a_rule_that_repeats_history_is_named() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("conversation", 1);
    // The fifth record repeats four messages: 0 + 1 + 2 + 3 + 4 repetitions.
    let records: Vec<_> = (1..=5)
        .map(|length| {
            let thread = |number: i64| json!({"at": 1_772_442_000_000_i64 + number * 60_000});
            let threads: Vec<_> = (0..length).map(thread).collect();
            let record = json!({"id": 7, "change": length, "threads": threads});
            Record::keyed("7", record.to_string())
        })
        .collect();
    kafka.produce(&topic, records);
    let config = kafka_section(kafka, &topic, "")
        + "mapping: { preset: none, rules: { thread: { foreach: .threads, type: message, \
           ticket_id: .id, at: $item.at, actor: agent } } }\n";
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    eventually("a warning that names the rule", PATIENCE, || {
        let logs = exporter.logs();
        let named = logs.lines().any(|line| {
            line.contains("rule=thread") && line.contains("repeated=8") && line.contains(&topic)
        });
        if named { Ok(()) } else { Err(logs) }
    });
    exporter.stop(PATIENCE);
}

/// A lookup table changes while the exporter runs. Events counted before keep their values, later ones use
/// the new table. After a restart this continues, and the log names the difference.
#[test]
fn a_changed_lookup_table_applies_from_then_on() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("tables", 1);
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("groups.csv");
    std::fs::write(&table, "id,name\n7,Network\n").unwrap();
    let config = |status: &str| {
        kafka_section(kafka, &topic, "")
            + &format!(
                "mapping:\n  tables: {{ groups: {} }}\n  values: {{ status: {{ {status} }} }}\n  common: {{ ticket_id: .id, \
                 at: .at, team: {{ value: .group, table: groups }}, status: {{ value: .status, map: status }} }}\n  \
                 rules: {{ created: {{ type: created }} }}\n",
                table.display()
            )
    };
    let create = |id: u32| {
        let value =
            json!({"id": id, "at": format!("2026-03-02T09:{id:02}:00Z"), "group": 7}).to_string();
        kafka.produce(&topic, vec![Record::keyed("k", value)]);
    };
    create(1);
    let first = config("new: [new]");
    let mut exporter = Exporter::start(&[], &first);
    exporter.wait_ready(PATIENCE);
    let created = |exporter: &Exporter, expected: &[(&str, f64)]| {
        exporter.wait_for_metrics("created by team", PATIENCE, |scrape| {
            let created = scrape.metric("ticket_created_total");
            for (team, count) in expected {
                let found = created.clone().label("team", team).sum();
                if found != *count {
                    return Err(format!("{team}: {found}; log\n{}", exporter.logs()));
                }
            }
            Ok(())
        });
    };
    created(&exporter, &[("Network", 1.0)]);
    std::fs::write(&table, "id,name\n7,Backbone\n8,Phones\n").unwrap();
    // The exporter checks the table when records arrive.
    let mut id = 1;
    eventually("a table that was read again", PATIENCE, || {
        id += 1;
        create(id % 60);
        let logs = exporter.logs();
        if logs.contains("lookup table changed; this applies from now on") {
            Ok(())
        } else {
            Err(logs)
        }
    });
    exporter.wait_for_metrics("the new team", PATIENCE, |scrape| {
        let created = scrape.metric("ticket_created_total");
        let new = created.label("team", "Backbone").sum();
        if new >= 1.0 {
            Ok(())
        } else {
            Err(format!("{new}"))
        }
    });
    let network = exporter
        .metrics()
        .metric("ticket_created_total")
        .label("team", "Network")
        .sum();
    assert!(network >= 1.0, "counts stay");
    exporter.stop(PATIENCE);

    // The table has not changed since the stop, so there is nothing to report.
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    created(&exporter, &[("Network", network)]);
    let change = "the configuration changed; this applies from now on";
    assert!(
        !exporter.logs_since_start().contains(change),
        "{}",
        exporter.logs_since_start()
    );
    exporter.stop(PATIENCE);

    // Another table and another mapping.
    std::fs::write(&table, "id,name\n7,Core\n").unwrap();
    let group = super::group_of(&first).to_owned();
    let second = config("new: [new, fresh]") + "checkpoint: { on_changed_rules: continue }\n";
    exporter.write_config(&second.replace(super::group_of(&second), &group));
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let logs = exporter.logs_since_start();
    for change in [
        "mapping of topic ",
        "mapping: preset none (",
        "mapping.tables, file groups.csv: 2 entries (",
        ", now 1 entries (",
    ] {
        assert!(logs.contains(change), "{change} in\n{logs}");
    }
    created(&exporter, &[("Network", network)]);
    exporter.stop(PATIENCE);
}
