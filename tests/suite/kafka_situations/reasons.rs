//! While the exporter cannot read, `/-/ready` and the log give the same reason.

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::*;
use crate::crash::created;
use crate::end_to_end::{group_of, now, wait_for_reason};

/// Asserts that the log and the readiness have the same text, and that no log line claims progress.
#[track_caller]
fn assert_said(exporter: &Exporter, words: &str) {
    wait_for_reason(exporter, words);
    let line = wait_for_line(exporter, &["level=warn", words]);
    let ready = exporter.get("/-/ready").text();
    let reason = ready.lines().find(|line| line.contains(words)).unwrap();
    let reason = reason.trim_start_matches(|one: char| !one.is_alphanumeric());
    let plain = |text: &str| text.replace('\\', "");
    assert!(plain(&line).contains(&plain(reason)), "{reason:?}; {line}");
    // Longer than the interval of the progress lines.
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(
        lines_with(exporter, "reading the topic"),
        0,
        "{}",
        exporter.logs()
    );
}

fn elsewhere(kafka: &Kafka, broker: &str) -> String {
    target_config(kafka, "tickets", "10m").replace(&kafka.bootstrap(), broker)
}

#[test]
fn a_name_that_cannot_be_resolved() {
    let config = elsewhere(Kafka::shared(), "broker.invalid:9092");
    assert_said(&start(&config), "cannot be resolved");
}

#[test]
fn a_connection_that_is_refused() {
    let config = elsewhere(Kafka::shared(), "127.0.0.1:1");
    assert_said(&start(&config), "127.0.0.1:1");
}

#[test]
fn a_topic_that_does_not_exist() {
    let kafka = Kafka::shared();
    let topic = Kafka::unique("absent");
    let config = target_config(kafka, &topic, "10m");
    assert_said(&start(&config), &format!("topic {topic} does not exist"));
}

#[test]
fn a_group_that_others_use_in_another_way() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("clash", 1);
    kafka.produce(&topic, [created("a", now())]);
    let config = target_config(kafka, &topic, "10m");
    let other: BaseConsumer = kafka
        .client()
        .set("group.id", group_of(&config))
        .set("partition.assignment.strategy", "range")
        .create()
        .unwrap();
    other.subscribe(&[&topic]).unwrap();
    eventually("a member of the group", PATIENCE, || {
        other.poll(std::time::Duration::from_millis(200));
        let assigned = other.assignment().unwrap().count();
        (assigned > 0)
            .then_some(())
            .ok_or("not assigned".to_owned())
    });
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                other.poll(std::time::Duration::from_millis(100));
            }
        });
        let exporter = start(&config);
        assert_said(&exporter, "partition.assignment.strategy");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn the_first_line_names_the_program() {
    let exporter = start(&elsewhere(Kafka::shared(), "127.0.0.1:1"));
    let logs = exporter.logs();
    let first = logs.lines().next().unwrap();
    let version = format!("version={}", env!("CARGO_PKG_VERSION"));
    for words in ["exporter starting", &version, "revision=", "config.yaml"] {
        assert!(first.contains(words), "no {words:?} in {first}");
    }
}
