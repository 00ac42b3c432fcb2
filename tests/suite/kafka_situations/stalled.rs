//! A dead-letter topic that confirms nothing: the exporter stops reading, but still handles reloads and
//! signals.

use std::time::{Duration, Instant};

use super::*;
use crate::end_to_end::{kafka_section, wait_for_reason};
use crate::harness::{Proxy, Record, Signal};

/// More than the limit of unconfirmed dead letters.
const LETTERS: usize = 12_000;

/// A stop waits ten seconds for dead letters and some for the group. Kubernetes allows thirty.
const STOPPED_WITHIN: Duration = Duration::from_secs(24);

/// An exporter with unconfirmed dead letters. Returns also the dead-letter topic and the configuration.
#[track_caller]
fn stall(kafka: &Kafka, proxy: &Proxy, more: &str) -> (String, String, Exporter) {
    let (topic, dead) = (
        kafka.new_topic("stalled", 1),
        kafka.new_topic("stalled-dead", 1),
    );
    proxy.hold_writes(true);
    let records = (0..LETTERS).map(|number| Record::new(format!("no event {number}")));
    kafka.produce(&topic, records);
    let config = kafka_section(kafka, &topic, &format!("dead_letter_topic: {dead}"))
        .replace(&kafka.bootstrap(), &proxy.address().to_string())
        + more;
    let exporter = start(&config);
    let text = format!("waiting for Kafka to confirm 10000 dead letters in {dead}");
    wait_for_reason(&exporter, &text);
    let line = wait_for_line(&exporter, &["dead letters are not confirmed", &text]);
    assert!(line.contains("nothing more is read until then"), "{line}");
    (dead, config, exporter)
}

#[test]
fn reading_pauses_and_continues_without_a_loss() {
    let (kafka, proxy) = Kafka::start_behind_proxy();
    let (dead, _, mut exporter) = stall(&kafka, &proxy, "");
    assert_eq!(
        lines_with(&exporter, "dead letters are not confirmed"),
        1,
        "{}",
        exporter.logs()
    );
    proxy.hold_writes(false);
    exporter.wait_ready(PATIENCE);
    wait_for_line(&exporter, &["dead letters are confirmed again"]);
    assert_eq!(kafka.consume(&dead).len(), LETTERS);
    let scrape = exporter.metrics();
    let lost = scrape.metric("ticket_exporter_dead_letters_lost_total");
    lost.is(0.0);
}

#[test]
fn a_stop_and_a_reload_work_while_the_broker_is_silent() {
    let (mut kafka, proxy) = Kafka::start_behind_proxy();
    let more = "web: { enable_lifecycle: true }\nstream: { grace: 5s }\n";
    let (dead, config, mut exporter) = stall(&kafka, &proxy, more);
    kafka.pause();
    let begun = Instant::now();
    exporter.write_config(&config.replace("grace: 5s", "grace: 6s"));
    let answer = exporter.post("/-/reload");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(begun.elapsed() < Duration::from_secs(15), "{begun:?}");
    // The reload needs a checkpoint first. It is refused in time.
    let begun = Instant::now();
    exporter.write_config(&format!("{config}priorities: [p1, p2, p3, p9]\n"));
    let answer = exporter.post("/-/reload");
    let said = answer.text();
    assert_eq!(answer.status, 500, "{said}");
    assert!(said.contains("could not be written"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(24), "{begun:?}");

    let begun = Instant::now();
    exporter.signal(Signal::Term);
    assert_eq!(exporter.wait(STOPPED_WITHIN).code(), Some(0));
    assert!(begun.elapsed() < STOPPED_WITHIN);
    kafka.resume();
    proxy.hold_writes(false);
    exporter.write_config(&config);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    // The exporter sends the dead letters after the last checkpoint again.
    assert!(kafka.consume(&dead).len() >= LETTERS);
}
