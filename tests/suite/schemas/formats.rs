//! The same events in every format.

use std::time::{Duration, Instant};

use super::{Written, helpdesk, registry_section_of};
use crate::crash::start;
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, kafka_section, text};
use crate::harness::{Kafka, Record, SchemaRegistry, command};
use crate::schemas::encoded::{Format, TableChanges};

/// Writes the helpdesk's events in alternating formats, and compares.
#[track_caller]
fn same_as_json(name: &str, formats: impl Fn(&SchemaRegistry, &str) -> Vec<Format>) {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic(name, 3);
    let config = helpdesk_config_on_event_time(kafka, &topic) + &registry_section_of(registry);
    let formats = formats(registry, &format!("{topic}-value"));
    let mut written = Written::default();
    written.write(kafka, &topic, &helpdesk(), |number| {
        &formats[number % formats.len()]
    });
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    written.wait_for_truth(&exporter, &config, kafka, &topic);
    let scrape = exporter.metrics();
    assert_eq!(scrape.metric("ticket_exporter_rejected_total").sum(), 0.0);
    let waiting = scrape.metric("ticket_exporter_schema_registry_waiting");
    waiting.is(0.0);

    // `verify` reads the topic and fetches the schemas itself.
    let verified = command()
        .arg("verify")
        .arg("--config.file")
        .arg(exporter.folder().join("config.yaml"))
        .args(["--url", &exporter.url("/metrics")])
        .output()
        .unwrap();
    let (said, complaints) = (text(&verified.stdout), text(&verified.stderr));
    assert!(verified.status.success(), "{said}\n{complaints}");
    assert!(said.contains("series equal"), "{said}");
}

#[test]
fn avro_in_two_versions_of_a_schema() {
    same_as_json("avro", |registry, subject| {
        vec![
            Format::plain_avro(registry, subject),
            Format::typed_avro(registry, subject),
        ]
    });
}

#[test]
fn protobuf() {
    same_as_json("protobuf", |registry, subject| {
        vec![Format::protobuf(registry, subject)]
    });
}

#[test]
fn json_schema_and_the_others_in_one_topic() {
    same_as_json("mixed", |registry, subject| {
        vec![
            Format::json_schema(registry, subject),
            Format::plain_avro(registry, &format!("{subject}-avro")),
            Format::protobuf(registry, &format!("{subject}-protobuf")),
        ]
    });
}

#[test]
fn unreadable_records_are_dead_letters_with_a_reason() {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic("unreadable", 1);
    let dead = kafka.new_topic("unreadable-dead", 1);
    let more = format!("dead_letter_topic: {dead}");
    let config = kafka_section(kafka, &topic, &more) + &registry_section_of(registry);
    let event = serde_json::json!({
        "ticket_id": "a", "type": "created", "at": "2026-03-02T09:00:00Z",
    });
    let avro = Format::plain_avro(registry, &format!("{topic}-value"));
    let protobuf = Format::protobuf(registry, &format!("{topic}-protobuf"));
    let cut = |format: &Format, bytes: usize| {
        let value = format.value(&event);
        value[..value.len() - bytes].to_vec()
    };
    let expected = [
        (Format::unknown(1).value(&event), "unknown_schema"),
        (Format::unknown(2).value(&event), "unknown_schema"),
        (Format::unknown(3).value(&event), "unknown_schema"),
        (Format::unknown(4).value(&event), "unknown_schema"),
        (vec![0, 0, 0], "invalid_schema_id"),
        (cut(&avro, 1), "invalid_avro"),
        (cut(&protobuf, 1), "invalid_protobuf"),
        (
            avro.value(&serde_json::json!({
                "ticket_id": "a", "type": "bought", "at": "2026-03-02T09:00:00Z",
            })),
            "unknown_type",
        ),
        (b"\x00no".to_vec(), "invalid_schema_id"),
    ];
    let good = avro.value(&event);
    let values = expected.iter().map(|(value, _)| value).chain([&good]);
    kafka.produce(
        &topic,
        values.map(|value| Record::keyed("a", value.clone())),
    );
    let begun = Instant::now();
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    // The exporter waits once for unknown schemas (some 8 s), not for each of them.
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let scrape = exporter.metrics();
    scrape.metric("ticket_created_total").is(1.0);
    assert_eq!(scrape.metric("ticket_exporter_rejected_total").sum(), 9.0);
    let letters = kafka.consume(&dead);
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| {
            let headers: Vec<String> = letter
                .headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .collect();
            (letter.value.clone().unwrap(), headers)
        })
        .collect();
    assert_eq!(reasons.len(), expected.len());
    for ((value, reason), (found, headers)) in expected.iter().zip(&reasons) {
        assert_eq!(value, found);
        assert!(headers.iter().any(|header| header == reason), "{headers:?}");
    }
}

#[test]
fn ids_may_be_in_headers() {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic("headed", 1);
    let config = kafka_section(kafka, &topic, "") + &registry_section_of(registry);
    let formats = [
        Format::json_schema(registry, &format!("{topic}-json")),
        Format::plain_avro(registry, &format!("{topic}-avro")),
        Format::protobuf(registry, &format!("{topic}-protobuf")),
    ];
    let records = formats.iter().enumerate().map(|(number, format)| {
        format.headed(&serde_json::json!({
            "ticket_id": number.to_string(), "type": "created", "at": "2026-03-02T09:00:00Z",
            "actor": "customer",
        }))
    });
    kafka.produce(&topic, records.collect::<Vec<_>>());
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let scrape = exporter.metrics();
    assert_eq!(scrape.metric("ticket_exporter_rejected_total").sum(), 0.0);
    assert_eq!(scrape.metric("ticket_created_total").sum(), 3.0);
}

#[test]
fn a_mapping_reads_changes_of_a_table_in_avro() {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic("table", 1);
    let mapping = "mapping:\n  preset: none\n  unwrap: [debezium]\n  common:\n    \
                   ticket_id: .id\n    at: .changed\n    team: .team\n    status: .state\n  \
                   rules:\n    made: { when: { $op: c }, type: created }\n    \
                   changed: { type: updated }\n";
    let section = registry_section_of(registry);
    let config = kafka_section(kafka, &topic, "") + &section + mapping;
    let changes = TableChanges::new(registry, &format!("{topic}-value"));
    let rows = [
        changes.value("c", 7, 1_772_442_000_000_001, Some("billing"), "open"),
        changes.value("u", 7, 1_772_442_060_000_000, None, "open"),
        changes.value("u", 7, 1_772_442_120_000_000, Some("network"), "solved"),
    ];
    kafka.produce(&topic, rows.map(|row| Record::keyed("7", row)));
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let scrape = exporter.metrics();
    let of_team = |name: &str, team: &str| scrape.metric(name).label("team", team).sum();
    assert_eq!(of_team("ticket_created_total", "billing"), 1.0);
    assert_eq!(of_team("ticket_transferred_total", "billing"), 1.0);
    assert_eq!(of_team("ticket_solved_total", "network"), 1.0);
    assert_eq!(scrape.metric("ticket_exporter_rejected_total").sum(), 0.0);
}

#[test]
fn without_a_registry_the_reason_names_it() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("no-registry", 1);
    let config = kafka_section(kafka, &topic, "");
    kafka.produce(&topic, [Record::new(b"\0\0\0\0\x01{}".to_vec())]);
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let rejected = exporter.metrics();
    let rejected = rejected.metric("ticket_exporter_rejected_total");
    rejected.label("reason", "no_schema_registry").is(1.0);
}
