//! Unread records are gone: by retention or with their topic. Exact numbers are impossible then, so the
//! exporter reports it and waits for a decision, or rebuilds from the records that are left.

use std::thread;
use std::time::Duration;

use super::{
    SECOND, STOPPED_WITHIN, assert_logged, assert_withheld, created, reply, start, target_config,
    wait_for_reason, wait_for_truth,
};
use crate::end_to_end::{PATIENCE, now};
use crate::harness::{Exporter, Kafka, Record, Signal};

/// The setting `checkpoint.on_lost_records: rebuild`.
const REBUILD: &str = "checkpoint: { on_lost_records: rebuild }\n";

const LOST: &str = "ticket_exporter_lost_records_total";

/// Each ticket is answered after a second.
fn tickets(name: &str, count: i64) -> Vec<Record> {
    let start = now().minus(count * 10 + 5 * SECOND);
    (0..count)
        .flat_map(|number| {
            let (ticket, at) = (format!("{name}-{number}"), start.plus(number * 10));
            [created(&ticket, at), reply(&ticket, at.plus(SECOND))]
        })
        .map(|record| record.partition(0))
        .collect()
}

/// An exporter that was killed after 200 records, and its topic.
fn killed(name: &str) -> (&'static Kafka, String, String, Exporter) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 2);
    let config = target_config(kafka, &topic, "8s");
    kafka.produce(&topic, tickets("first", 100));
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    exporter.kill9();
    (kafka, topic, config, exporter)
}

/// The exporter stays up, reads and serves nothing, and says why. Then the configuration allows a rebuild.
#[track_caller]
fn holds_and_then_rebuilds(
    kafka: &Kafka,
    topic: &str,
    config: &str,
    mut exporter: Exporter,
    reason: &str,
) {
    exporter.restart();
    wait_for_reason(&exporter, reason);
    for _ in 0..20 {
        assert_withheld(&exporter, reason);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(exporter.get("/-/healthy").status, 200);
    let metrics = exporter.metrics();
    let lost = metrics.metric(LOST).label("topic", topic);
    assert!(lost.sum() > 0.0, "{}", exporter.get("/metrics").text());
    assert_logged(&exporter, "on_lost_records");
    // After a restart it gives the same reason.
    exporter.kill9();
    exporter.restart();
    wait_for_reason(&exporter, reason);
    assert_eq!(
        exporter.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        exporter.logs()
    );

    let config = format!("{config}{REBUILD}");
    exporter.write_config(&config);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, topic);
    kafka.produce(topic, tickets("later", 20));
    wait_for_truth(&exporter, &config, kafka, topic);
    // Everything works again.
    exporter.kill9();
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, topic);
}

#[test]
fn retention_deletes_unread_records_while_it_is_down() {
    let (kafka, topic, config, exporter) = killed("retention");
    kafka.produce(&topic, tickets("second", 100));
    kafka.delete_records(&topic, 0, 300);
    holds_and_then_rebuilds(kafka, &topic, &config, exporter, "lost");
}

/// The topic loses the records before an offset. The exporter has read 200 records, and none after them.
fn loses_nothing_unread(name: &str, before: i64) {
    let (kafka, topic, config, mut exporter) = killed(name);
    kafka.produce(&topic, tickets("second", 100));
    let lines = crate::end_to_end::lines(&kafka.consume(&topic));
    kafka.delete_records(&topic, 0, before);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    super::wait_for_truth_of(&exporter, &config, &kafka.ends(&topic), &lines);
    assert_eq!(exporter.metrics().metric(LOST).sum(), 0.0);
}

#[test]
fn retention_of_read_records_is_no_loss() {
    loses_nothing_unread("retention-behind", 150);
}

/// The last record that it read is gone, too, so it cannot be compared.
#[test]
fn retention_of_exactly_the_read_records_is_no_loss() {
    loses_nothing_unread("retention-exact", 200);
}

#[test]
fn retention_deletes_unread_records_while_it_is_suspended() {
    let (kafka, topic, config, mut exporter) = killed("retention-asleep");
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    exporter.signal(Signal::Stop);
    kafka.produce(&topic, tickets("second", 100));
    kafka.delete_records(&topic, 0, 300);
    exporter.signal(Signal::Cont);
    wait_for_reason(&exporter, "lost");
    assert_withheld(&exporter, "lost");
    exporter.kill9();
    holds_and_then_rebuilds(kafka, &topic, &config, exporter, "lost");
}

#[test]
fn a_topic_is_created_again_with_fewer_records() {
    let (kafka, topic, config, exporter) = killed("again-fewer");
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2, &[]);
    kafka.produce(&topic, tickets("other", 30));
    holds_and_then_rebuilds(kafka, &topic, &config, exporter, "lost");
}

#[test]
fn a_topic_is_created_again_with_more_records() {
    let (kafka, topic, config, exporter) = killed("again-more");
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2, &[]);
    kafka.produce(&topic, tickets("other", 300));
    holds_and_then_rebuilds(kafka, &topic, &config, exporter, "lost");
}

/// The exporter keeps running: no restart makes it look up its offsets.
#[test]
fn a_topic_is_created_again_while_it_runs() {
    let (kafka, topic, config, mut exporter) = killed("again-running");
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2, &[]);
    kafka.produce(&topic, tickets("other", 300));
    wait_for_reason(&exporter, "lost");
    assert_withheld(&exporter, "lost");
    exporter.kill9();
    holds_and_then_rebuilds(kafka, &topic, &config, exporter, "lost");
}

/// Before the exporter asks for the topic's id again.
#[test]
fn a_topic_is_created_again_at_once() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("again-at-once", 2);
    let config = target_config(kafka, &topic, "8s");
    kafka.produce(&topic, tickets("first", 100));
    let exporter = start(&config);
    exporter.wait_for_metrics("the first records", PATIENCE, |scrape| {
        let applied = scrape.metric("ticket_exporter_events_total");
        match applied.label("result", "applied").try_value()? {
            200.0 => Ok(()),
            count => Err(format!("{count} records")),
        }
    });
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2, &[]);
    kafka.produce(&topic, tickets("other", 300));
    wait_for_reason(&exporter, "lost");
    assert_withheld(&exporter, "lost");
    assert_logged(&exporter, "on_lost_records");
}

/// The broker restarts with an older disk: thirty records are gone, and thirty others have their offsets
/// before the exporter connects again.
#[test]
fn a_log_is_truncated_while_it_runs() {
    let mut kafka = Kafka::start();
    let topic = kafka.new_topic("cut", 1);
    // The older disk has the exporter's group, too.
    let config = target_config(&kafka, &topic, "8s").replace("\"6000\"", "\"45000\"");
    kafka.produce(&topic, tickets("first", 35));
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, &kafka, &topic);
    kafka.stop();
    let disk = kafka.copy_disk();
    kafka.restart();
    kafka.produce(&topic, tickets("vanished", 15));
    wait_for_truth(&exporter, &config, &kafka, &topic);
    // The exporter compares anchors that are older than the client's delay.
    thread::sleep(Duration::from_secs(6));

    exporter.signal(Signal::Stop);
    kafka.kill();
    kafka.put_disk_back(&disk);
    kafka.restart();
    kafka.produce(&topic, tickets("other", 15));
    exporter.signal(Signal::Cont);
    wait_for_reason(&exporter, "lost");
    assert_withheld(&exporter, "lost");
    assert_logged(&exporter, "is not the one that was counted");
    exporter.kill9();
    holds_and_then_rebuilds(&kafka, &topic, &config, exporter, "lost");
}
