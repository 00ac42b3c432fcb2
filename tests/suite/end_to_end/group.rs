//! Two exporters of one group: partitions move, and move back.

use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::{PATIENCE, close, desk_config_on_event_time, kpis, simulate, wait_for_counters};
use crate::harness::{Exporter, Kafka, Record, eventually};

fn assigned(exporter: &Exporter) -> f64 {
    exporter
        .metrics()
        .metric("ticket_exporter_partitions_assigned")
        .value()
}

/// Two days of a desk from a date on, whose tickets are called like nobody else's: where a merged
/// ticket lives on depends on the partition, which a replay does not know.
fn write_desk(kafka: &Kafka, topic: &str, name: &str, date: &str) -> Timestamp {
    let from = format!("{date}T00:00:00Z");
    let events = simulate(&format!("--seed 3 --from {from} --for 2d --output -"));
    let records = events.lines().map(|event| {
        let event = event.replace("SUP-", name);
        let value: serde_json::Value = serde_json::from_str(&event).unwrap();
        Record::keyed(value["ticket_id"].as_str().unwrap(), event)
    });
    kafka.produce(topic, records);
    Timestamp::parse(&from).unwrap().plus(3 * 24 * 3_600_000)
}

#[test]
fn a_second_exporter_comes_and_goes_and_the_first_has_everything() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("group", 4);
    let config = desk_config_on_event_time(kafka, &topic);
    let end = write_desk(kafka, &topic, "A-", "2026-03-02");
    let clock = close(kafka, &topic, end);
    let mut first = Exporter::start(&[], &config);
    first.wait_ready(PATIENCE);
    wait_for_counters(&first, &config, &kafka.consume(&topic), clock);

    let mut second = Exporter::start(&[], &config);
    eventually("two partitions each", PATIENCE, || {
        match (assigned(&first), assigned(&second)) {
            (2.0, 2.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // The first has lost what it had counted: rather nothing than a part.
    let answer = first.get("/-/ready");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("not owned"), "{}", answer.text());
    assert!(
        kpis(&first.metrics()).is_empty(),
        "KPIs of a part are exposed"
    );

    // More comes while the partitions are divided: each reads its own, and neither shows a part.
    let end = write_desk(kafka, &topic, "B-", "2026-03-16");
    let clock = close(kafka, &topic, end);
    let all = kafka.consume(&topic);
    eventually("two clocks of the second", PATIENCE, || {
        let metrics = second.metrics();
        let clocks = metrics.metric("ticket_exporter_watermark_timestamp_seconds");
        match clocks.samples().len() {
            2 => Ok(()),
            other => Err(format!("{other}")),
        }
    });
    for exporter in [&first, &second] {
        let answer = exporter.get("/-/ready");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("not owned"), "{}", answer.text());
        assert!(
            kpis(&exporter.metrics()).is_empty(),
            "KPIs of a part are exposed"
        );
    }

    eventually("the reason in the log", PATIENCE, || {
        let logs = first.logs();
        let said = logs.contains("give each exporter its own kafka.group_id");
        said.then_some(()).ok_or(logs)
    });

    let status = second.stop(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{}", second.logs());
    first.wait_ready(PATIENCE);
    wait_for_counters(&first, &config, &all, clock);
}
