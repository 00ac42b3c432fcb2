//! The broker starts, stores records, and restarts.

use crate::harness::{Kafka, Record};

#[test]
fn records_are_stored_unchanged() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("harness-records", 3);
    kafka.produce(
        &topic,
        [
            Record::keyed("7", "opened")
                .header("source", "desk")
                .partition(2),
            Record::keyed("7", "solved")
                .partition(2)
                .timestamp(1_700_000_000_000),
            Record::new("keyless").partition(0),
            Record::tombstone("8").partition(1),
        ],
    );

    let read = kafka.consume(&topic);
    let values: Vec<(i32, i64, String, String)> = read
        .iter()
        .map(|one| (one.partition, one.offset, one.key_text(), one.value_text()))
        .collect();
    assert_eq!(
        values,
        [
            (0, 0, String::new(), "keyless".to_owned()),
            (1, 0, "8".to_owned(), String::new()),
            (2, 0, "7".to_owned(), "opened".to_owned()),
            (2, 1, "7".to_owned(), "solved".to_owned()),
        ]
    );
    assert_eq!(read[0].key, None);
    assert_eq!(read[1].value, None);
    assert_eq!(read[2].header("source").as_deref(), Some("desk"));
    assert_eq!(read[3].header("source"), None);
    assert_eq!(
        kafka.ends(&topic).into_values().collect::<Vec<_>>(),
        [1, 1, 2]
    );
    assert!(kafka.committed("harness-unused", &topic).is_empty());
}

#[test]
fn topics_are_created_and_deleted() {
    let kafka = Kafka::shared();
    let topic = Kafka::unique("harness-topic");
    kafka.create_topic(&topic, 1, &[("cleanup.policy", "compact")]);
    kafka.add_partitions(&topic, 4);
    assert_eq!(kafka.ends(&topic).len(), 4);
    kafka.delete_topic(&topic);
    // The name of a deleted topic can be used again.
    kafka.create_topic(&topic, 2, &[]);
    assert_eq!(kafka.ends(&topic).len(), 2);
}

#[test]
#[should_panic(expected = "cannot create topic")]
fn an_unknown_topic_setting_fails() {
    Kafka::shared().create_topic(
        &Kafka::unique("harness-bad"),
        1,
        &[("cleanup.policy", "sometimes")],
    );
}

#[test]
fn aborted_records_are_not_read() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("harness-transactions", 1);
    kafka.produce_in_transaction(&topic, [Record::new("committed")], true);
    kafka.produce_in_transaction(&topic, [Record::new("aborted")], false);
    kafka.produce(&topic, [Record::new("plain")]);
    let values: Vec<String> = kafka
        .consume(&topic)
        .iter()
        .map(|one| one.value_text())
        .collect();
    assert_eq!(values, ["committed", "plain"]);
    // Two markers and an aborted record take up offsets.
    assert_eq!(kafka.ends(&topic)[&0], 5);
}

#[test]
fn acknowledged_records_survive_kill_and_stop() {
    let mut kafka = Kafka::start();
    let topic = kafka.new_topic("harness-restarts", 2);
    let bootstrap = kafka.bootstrap();
    kafka.produce(&topic, [Record::new("before the kill").partition(0)]);
    kafka.kill();
    kafka.restart();
    kafka.produce(&topic, [Record::new("before the stop").partition(1)]);
    kafka.stop();
    kafka.restart();
    assert_eq!(kafka.bootstrap(), bootstrap);
    let values: Vec<String> = kafka
        .consume(&topic)
        .iter()
        .map(|one| one.value_text())
        .collect();
    assert_eq!(values, ["before the kill", "before the stop"]);
}
