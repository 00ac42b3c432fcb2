//! A transaction that stays open hides all records behind it, those of other producers too. Nothing
//! is concluded from their absence.

use std::thread;
use std::time::{Duration, Instant};

use super::SECOND;
use crate::crash::{created, promise_config, reply, start, wait_for_truth};
use crate::end_to_end::{PATIENCE, breaches, now, wait_for_reason};
use crate::harness::{Exporter, Kafka, Scrape};

/// The promise, and far longer than it: grace and lateness are 2 s and 1 s.
const PROMISE: &str = "8s";
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
fn gives_no_false_breach_and_says_which_it_is() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging", 1);
    let config = promise_config(kafka, &topic, PROMISE);
    let mut exporter = start(&config);
    kafka.produce(&topic, [created("answered", now()).partition(0)]);
    exporter.wait_ready(PATIENCE);

    // Another producer's transaction hangs, and the ticket is answered in time behind it.
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
fn counts_what_it_hid_as_of_its_own_time_once_it_is_committed() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging-committed", 1);
    let config = promise_config(kafka, &topic, PROMISE);
    let mut exporter = start(&config);
    kafka.produce(
        &topic,
        [created("late", now().minus(60 * SECOND)).partition(0)],
    );
    exporter.wait_ready(PATIENCE);
    let hanging = kafka.transactions();
    hanging.begin();
    // One ticket is never answered; another producer answers the other in time.
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

/// It had been open before the exporter started: nothing is shown until it has ended.
#[test]
fn is_waited_for_at_a_start() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hanging-before", 1);
    let config = promise_config(kafka, &topic, PROMISE);
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
