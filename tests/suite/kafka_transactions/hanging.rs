//! An open transaction hides all records after it, also those of other producers. The exporter concludes
//! nothing from their absence.

use std::thread;
use std::time::{Duration, Instant};

use super::SECOND;
use crate::crash::{created, reply, start, target_config, wait_for_truth};
use crate::end_to_end::{PATIENCE, breaches, now, wait_for_reason};
use crate::harness::{Exporter, Kafka, Scrape};

/// The SLA target is far longer than grace and lateness, which are 2 s and 1 s.
const TARGET: &str = "8s";
const BREACHED_BY_THEN: Duration = Duration::from_secs(14);

fn is_open(scrape: &Scrape) -> f64 {
    scrape.metric("ticket_exporter_open_transaction").value()
}

fn lag(scrape: &Scrape) -> f64 {
    scrape.metric("ticket_exporter_consumer_lag").value()
}

fn count_in_log(exporter: &Exporter, words: &str) -> usize {
    exporter.logs().matches(words).count()
}

#[test]
fn causes_no_false_breach_and_is_named() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging", 1);
    let config = target_config(kafka, &topic, TARGET);
    let mut exporter = start(&config);
    kafka.produce(&topic, [created("answered", now()).partition(0)]);
    exporter.wait_ready(PATIENCE);

    // Another producer's transaction stays open, and the answer to the ticket comes after it, in time.
    let hanging = kafka.transactions();
    hanging.begin();
    hanging.send(&topic, [created("never-was", now()).partition(0)]);
    kafka.produce(&topic, [reply("answered", now()).partition(0)]);
    let begun = Instant::now();
    wait_for_reason(
        &exporter,
        "a transaction is open since offset 1; records that wait for its end: 2",
    );
    while begun.elapsed() < BREACHED_BY_THEN {
        assert_eq!(breaches(&exporter.metrics()).unwrap_or(0.0), 0.0);
        thread::sleep(Duration::from_millis(200));
    }
    let scrape = exporter.metrics();
    assert_eq!((is_open(&scrape), lag(&scrape)), (1.0, 2.0));
    assert_eq!(
        count_in_log(&exporter, "a transaction is open for longer"),
        1
    );

    hanging.abort();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let scrape = exporter.metrics();
    assert_eq!((is_open(&scrape), lag(&scrape)), (0.0, 0.0));
    assert_eq!(breaches(&scrape).unwrap_or(0.0), 0.0);
    assert_eq!(count_in_log(&exporter, "the open transaction has ended"), 1);
}

#[test]
fn hidden_events_count_at_their_own_time_once_it_is_committed() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging-committed", 1);
    let config = target_config(kafka, &topic, TARGET);
    let mut exporter = start(&config);
    kafka.produce(
        &topic,
        [created("late", now().minus(60 * SECOND)).partition(0)],
    );
    exporter.wait_ready(PATIENCE);
    let hanging = kafka.transactions();
    hanging.begin();
    // One ticket stays unanswered; another producer answers the other in time.
    hanging.send(&topic, [created("unanswered", now()).partition(0)]);
    kafka.produce(&topic, [created("answered", now()).partition(0)]);
    kafka.produce(&topic, [reply("answered", now()).partition(0)]);
    wait_for_reason(&exporter, "a transaction is open since offset 1");
    thread::sleep(BREACHED_BY_THEN);
    hanging.commit();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    exporter.wait_for_metrics("two breaches", PATIENCE, |scrape| match breaches(scrape)? {
        2.0 => Ok(()),
        other => Err(format!("{other}")),
    });
    wait_for_truth(&exporter, &config, kafka, &topic);
}

/// The transaction was open before the exporter started, so it serves nothing until the transaction ends.
#[test]
fn a_start_waits_for_its_end() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging-before", 1);
    let config = target_config(kafka, &topic, TARGET);
    kafka.produce(&topic, [created("first", now()).partition(0)]);
    let hanging = kafka.transactions();
    hanging.begin();
    hanging.send(&topic, [reply("first", now()).partition(0)]);
    let mut exporter = start(&config);
    wait_for_reason(
        &exporter,
        "a transaction is open since offset 1; records that wait for its end: 1",
    );
    hanging.commit();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    assert_eq!(breaches(&exporter.metrics()).unwrap_or(0.0), 0.0);
}
