//! No record of a topic can be used: the log, the landing page, `/-/ready` and a metric say so, and name
//! the preset that would fit. None of them shows ticket content.

use serde_json::json;

use crate::end_to_end::{PATIENCE, kafka_section, now};
use crate::harness::{Exporter, Kafka, Record, eventually};

const USELESS: &str = "ticket_exporter_topic_useless";
/// Part of the records' content, which is in no log.
const SECRET: &str = "maria-schmidt";

fn canonical(ticket: &str) -> Record {
    let event = json!({
        "ticket_id": ticket, "type": "created", "at": now().0, "team": "billing", "agent": SECRET,
    });
    Record::keyed(ticket, event.to_string())
}

/// Waits until a topic is reported, or no longer reported, and returns the text of `/-/ready`.
#[track_caller]
fn wait_until(exporter: &Exporter, topic: &str, useless: bool) -> String {
    let expected = f64::from(u8::from(useless));
    exporter.wait_for_metrics(USELESS, PATIENCE, |scrape| {
        let found = scrape.metric(USELESS).label("topic", topic);
        found
            .check(expected)
            .map_err(|error| format!("{error}; {}", exporter.logs()))
    });
    let answer = exporter.get("/-/ready");
    assert_eq!(answer.status, 200, "the exporter stays ready");
    let said = answer.text();
    assert_eq!(
        said.contains(&format!("note: topic {topic}: ")),
        useless,
        "{said}"
    );
    said
}

#[test]
fn a_wrong_preset_is_reported_with_the_one_that_fits() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("useless", 1);
    let config = kafka_section(kafka, &topic, "");
    let wrong = config.clone() + "mapping: { preset: jira }\n";
    kafka.produce(&topic, (0..30).map(|number| canonical(&number.to_string())));
    let mut exporter = Exporter::start(&[], &wrong);
    exporter.wait_ready(PATIENCE);
    let said = wait_until(&exporter, &topic, true);
    for words in [
        "no record so far can be used",
        "no_rule",
        "mapping.preset: canonical",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    let page = exporter.get("/").text();
    assert!(page.contains("mapping.preset: canonical"), "{page}");
    let logs = exporter.logs();
    assert!(
        logs.contains("records of the topic cannot be used"),
        "{logs}"
    );
    assert!(logs.contains("fitting_preset=canonical"), "{logs}");
    assert!(!logs.contains(SECRET), "{logs}");

    // Nothing was counted, so the right mapping counts all records.
    exporter.stop(PATIENCE);
    exporter.write_config(&config);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_until(&exporter, &topic, false);
    assert_eq!(
        exporter.metrics().metric("ticket_created_total").sum(),
        30.0
    );
}

#[test]
fn a_useful_topic_is_reported_once_nearly_all_records_are_rejected() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("useless-later", 1);
    let dead = kafka.new_topic("useless-dead", 1);
    let more = format!("dead_letter_topic: {dead}");
    let config = kafka_section(kafka, &topic, &more);
    kafka.produce(&topic, (0..5).map(|number| canonical(&number.to_string())));
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    wait_until(&exporter, &topic, false);
    let broken =
        |count| (0..count).map(|number: i32| Record::keyed(number.to_string(), "no event"));
    kafka.produce(&topic, broken(50));
    eventually("records that are rejected", PATIENCE, || {
        let metrics = exporter.metrics();
        let rejected = metrics.metric("ticket_exporter_events_total");
        rejected.label("result", "rejected").check(50.0)
    });
    wait_until(&exporter, &topic, false);
    kafka.produce(&topic, broken(200));
    let said = wait_until(&exporter, &topic, true);
    assert!(
        said.contains("nearly all of the last records are rejected"),
        "{said}"
    );
    assert!(said.contains("invalid_json"), "{said}");
    kafka.produce(
        &topic,
        (0..300).map(|number| canonical(&format!("new-{number}"))),
    );
    wait_until(&exporter, &topic, false);
}
