//! Two exporters in one group: partitions move, and move back.

use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::{PATIENCE, close, helpdesk_config_on_event_time, kpis, simulate, wait_for_counters};
use crate::harness::{Exporter, Kafka, Record, eventually};

fn assigned(exporter: &Exporter) -> f64 {
    exporter
        .metrics()
        .metric("ticket_exporter_partitions_assigned")
        .value()
}

/// Writes two days of a helpdesk, with ticket ids of its own: the destination of a merged ticket depends on
/// its partition, which a replay does not know.
fn write_helpdesk(kafka: &Kafka, topic: &str, name: &str, date: &str) -> Timestamp {
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
fn a_second_exporter_joins_and_leaves_and_the_first_has_everything() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("group", 4);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let end = write_helpdesk(kafka, &topic, "A-", "2026-03-02");
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
    // The first exporter has lost partitions, so it serves nothing rather than a part.
    let answer = first.get("/-/ready");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("not owned"), "{}", answer.text());
    assert!(
        kpis(&first.metrics()).is_empty(),
        "KPIs of a part are exposed"
    );

    // More events arrive while the partitions are divided. Each exporter reads its own, and neither serves
    // a part.
    let end = write_helpdesk(kafka, &topic, "B-", "2026-03-16");
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
