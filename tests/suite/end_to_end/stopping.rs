//! On SIGTERM and SIGINT the exporter becomes not ready, commits its offsets and exits with 0.

use std::time::{Duration, Instant};

use super::{PATIENCE, SimulatedTopic, group_of, kafka_section, wait_for_reason};
use crate::harness::{Exporter, Kafka, Record, Signal, get};

/// A stop waits only for answers in progress.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn a_signal_stops_it_cleanly() {
    let helpdesk = SimulatedTopic::shared();
    for signal in [Signal::Term, Signal::Int] {
        let config = helpdesk.config();
        let mut exporter = Exporter::start(&[], &config);
        exporter.wait_ready(PATIENCE);
        let ready = exporter.url("/-/ready");
        exporter.signal(signal);
        // Once not ready, it does not become ready again. Often it has ended before the test can ask.
        let asked = Instant::now();
        let mut refused = false;
        while let Ok(answer) = get(&ready) {
            assert!(
                asked.elapsed() < STOPPED_WITHIN,
                "{signal:?}: it still answers; log\n{}",
                exporter.logs()
            );
            if answer.status == 503 {
                assert!(answer.text().contains("stopping"), "{}", answer.text());
                refused = true;
            } else {
                assert!(!refused, "{signal:?}: ready again after it was not");
            }
        }
        let status = exporter.wait(STOPPED_WITHIN);
        assert_eq!(status.code(), Some(0), "{signal:?}: {}", exporter.logs());
        let logs = exporter.logs();
        for line in ["stopping", "stopped"] {
            assert!(logs.contains(line), "{signal:?}: no {line:?} in\n{logs}");
        }
        assert!(!logs.contains("level=error"), "{signal:?}: {logs}");
        assert_eq!(
            helpdesk.kafka.committed(group_of(&config), &helpdesk.topic),
            helpdesk.kafka.ends(&helpdesk.topic),
            "{signal:?}: the group's offsets"
        );
    }
}

/// The last publication before the stop is seconds ago, and a dead letter is in flight.
#[test]
fn the_last_records_are_settled_as_well() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("settled", 1);
    let dead = kafka.new_topic("settled-dead", 1);
    let mut config = kafka_section(kafka, &topic, &format!("dead_letter_topic: {dead}"));
    config += "checkpoint: { interval: 10s }\n";
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    kafka.produce(&topic, [Record::new("no event")]);
    exporter.wait_for_metrics("the record", PATIENCE, |scrape| {
        let rejected = scrape.metric("ticket_exporter_rejected_total");
        rejected.label("reason", "invalid_json").check(1.0)
    });
    let status = exporter.stop(STOPPED_WITHIN);
    assert_eq!(status.code(), Some(0), "{}", exporter.logs());
    assert_eq!(kafka.consume(&dead).len(), 1, "{}", exporter.logs());
    let committed = kafka.committed(group_of(&config), &topic);
    assert_eq!(committed, kafka.ends(&topic), "{}", exporter.logs());
}

/// The exporter can be stopped while it reads a backlog, and without any broker.
#[test]
fn it_can_be_stopped_before_it_is_ready() {
    let helpdesk = SimulatedTopic::shared();
    let mut exporter = Exporter::start(&[], &helpdesk.config());
    let status = exporter.stop(STOPPED_WITHIN);
    assert_eq!(status.code(), Some(0), "{}", exporter.logs());

    let unused = format!("127.0.0.1:{}", crate::harness::free_port());
    let config = helpdesk
        .config()
        .replace(&helpdesk.kafka.bootstrap(), &unused);
    let mut exporter = Exporter::start(&[], &config);
    let answer = exporter.get("/-/ready");
    assert_eq!(answer.status, 503);
    wait_for_reason(&exporter, "Connection refused");
    let status = exporter.stop(STOPPED_WITHIN);
    assert_eq!(status.code(), Some(0), "{}", exporter.logs());
}
