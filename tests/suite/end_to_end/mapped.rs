//! A topic of another system's records: what is served is what a replay of the same records gives.

use serde_json::json;

use super::{PATIENCE, clock, cumulative, kafka_section, kpis, replay, same};
use crate::harness::{Exporter, Kafka, Record};

/// The life of an issue as Jira tells it: created, answered, solved. Another record is about none.
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
    let told = [
        json!({"webhookEvent": "jira:issue_created", "timestamp": at, "issue": issue("Open", "new")}),
        json!({"webhookEvent": "comment_created", "timestamp": at + 600_000, "issue": issue("Open", "new"),
            "comment": {"id": "7", "author": {"accountId": "a"}, "created": "2026-03-02T09:10:00.000+0000"}}),
        json!({"webhookEvent": "jira:version_released", "timestamp": at + 700_000}),
        json!({"webhookEvent": "jira:issue_updated", "timestamp": at + 3_600_000, "issue": issue("Shipped", "done"),
            "changelog": {"id": "9", "items": [{"field": "status", "toString": "Shipped"}]}}),
    ];
    told.iter().map(ToString::to_string).collect()
}

#[test]
fn records_of_another_system_are_counted_as_a_replay_counts_them() {
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
