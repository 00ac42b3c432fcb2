//! Continuous transactions: the exporter becomes ready without a pause in the traffic, and stays ready.

use std::thread;
use std::time::{Duration, Instant};

use super::{Load, Pace};
use crate::crash::{STOPPED_WITHIN, start, target_config, wait_for_end, wait_for_truth};
use crate::end_to_end::{PATIENCE, group_of, kpis};
use crate::harness::{Exporter, Kafka, eventually};

/// After the assignment of the partitions.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// The exporter stays ready for at least this time.
const STEADY: Duration = Duration::from_secs(4);

/// The grace period is longer than any of these transactions, even on a busy machine.
fn config(kafka: &Kafka, topic: &str) -> String {
    target_config(kafka, topic, "8s").replace("grace: 2s", "grace: 5s")
}

#[track_caller]
fn wait_until_assigned(exporter: &Exporter, partitions: i32) -> Instant {
    exporter.wait_for_metrics("its partitions", PATIENCE, |scrape| {
        let assigned = scrape.metric("ticket_exporter_partitions_assigned");
        match assigned.try_value()? {
            count if count == f64::from(partitions) => Ok(()),
            count => Err(format!("{count} of {partitions}; {}", exporter.logs())),
        }
    });
    Instant::now()
}

/// Asserts that the exporter becomes ready in time after the assignment, and stays ready.
#[track_caller]
fn becomes_and_stays_ready(exporter: &Exporter, partitions: i32) {
    let assigned = wait_until_assigned(exporter, partitions);
    eventually("a ready exporter", READY_WITHIN, || {
        let answer = exporter.get("/-/ready");
        match answer.status {
            200 => Ok(()),
            status => Err(format!("{status} {}; {}", answer.text(), exporter.logs())),
        }
    });
    let ready = Instant::now();
    assert!(ready - assigned < READY_WITHIN);
    while ready.elapsed() < STEADY {
        let answer = exporter.get("/-/ready");
        assert_eq!(answer.status, 200, "{}; {}", answer.text(), exporter.logs());
        assert!(!kpis(&exporter.metrics()).is_empty());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Asserts that the exporter is ready under load and exact after it, and that the group has no lag.
#[track_caller]
fn is_ready_under(name: &str, pace: Pace) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, pace.partitions);
    let load = Load::start(kafka, &topic, pace);
    eventually("records", PATIENCE, || {
        let ends = kafka.ends(&topic);
        let has_some = ends.values().all(|end| *end > 3);
        has_some.then_some(()).ok_or_else(|| format!("{ends:?}"))
    });
    let config = config(kafka, &topic);
    let mut exporter = start(&config);
    becomes_and_stays_ready(&exporter, pace.partitions);
    drop(load);
    wait_for_end(&exporter, kafka, &topic);
    wait_for_truth(&exporter, &config, kafka, &topic);
    exporter.stop(STOPPED_WITHIN);
    let committed = kafka.committed(group_of(&config), &topic);
    assert_eq!(
        committed,
        kafka.ends(&topic),
        "lag for kafka-consumer-groups"
    );
}

#[test]
fn one_transaction_a_second() {
    let pace = Pace {
        partitions: 1,
        open: Duration::ZERO,
        pause: Duration::from_secs(1),
    };
    is_ready_under("one-a-second", pace);
}

#[test]
fn ten_transactions_a_second() {
    let pace = Pace {
        partitions: 6,
        open: Duration::ZERO,
        pause: Duration::from_millis(100),
    };
    is_ready_under("ten-a-second", pace);
}

#[test]
fn a_transaction_every_two_seconds() {
    let pace = Pace {
        partitions: 12,
        open: Duration::ZERO,
        pause: Duration::from_secs(2),
    };
    is_ready_under("every-two-seconds", pace);
}

#[test]
fn a_transaction_every_five_seconds() {
    let pace = Pace {
        partitions: 12,
        open: Duration::ZERO,
        pause: Duration::from_secs(5),
    };
    is_ready_under("every-five-seconds", pace);
}

/// As Kafka Streams with exactly-once: a transaction is open almost all the time.
#[test]
fn a_commit_every_hundred_milliseconds() {
    let pace = Pace {
        partitions: 2,
        open: Duration::from_millis(100),
        pause: Duration::ZERO,
    };
    is_ready_under("always-open", pace);
}

#[test]
fn a_partition_is_added_while_it_is_ready() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("added-under-load", 2);
    let pace = Pace {
        partitions: 2,
        open: Duration::ZERO,
        pause: Duration::from_millis(200),
    };
    let load = Load::start(kafka, &topic, pace);
    let config = config(kafka, &topic);
    let exporter = start(&config);
    becomes_and_stays_ready(&exporter, 2);
    kafka.add_partitions(&topic, 3);
    becomes_and_stays_ready(&exporter, 3);
    drop(load);
    wait_for_truth(&exporter, &config, kafka, &topic);
}
