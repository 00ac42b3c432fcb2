//! One configured topic does not exist, another one does.

use super::*;
use crate::crash::{STOPPED_WITHIN, created};
use crate::end_to_end::{kpis, now, wait_for_reason};
use crate::harness::Signal;

const MISSING: &str = "ticket_exporter_topic_missing";

/// Waits for these numbers of created and open tickets.
#[track_caller]
fn wait_for_tickets(exporter: &Exporter, all: f64, open: f64) {
    exporter.wait_for_metrics("the tickets", PATIENCE, |scrape| {
        let found = (
            scrape.metric("ticket_created_total").sum(),
            scrape.metric("ticket_backlog").sum(),
        );
        if found == (all, open) {
            return Ok(());
        }
        let ready = exporter.get("/-/ready").text();
        Err(format!("{found:?}; {ready}; log\n{}", exporter.logs()))
    });
}

#[track_caller]
fn assert_missing(exporter: &Exporter, missing: &str, existing: &str) {
    let text = format!("topic {missing} does not exist: create it");
    wait_for_reason(exporter, &text);
    wait_for_line(exporter, &["level=warn", &text]);
    let scrape = exporter.metrics();
    assert!(kpis(&scrape).is_empty(), "the KPIs are withheld");
    of_topic(&scrape, MISSING, missing).is(1.0);
    of_topic(&scrape, MISSING, existing).is(0.0);
}

#[test]
fn a_topic_that_does_not_exist_yet_is_reported_and_awaited() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("beside", 1);
    let missing = Kafka::unique("missing");
    let config = target_config(kafka, &format!("{topic}, {missing}"), "10m");
    kafka.produce(&topic, [created("a", now())]);
    let mut exporter = start(&config);
    assert_missing(&exporter, &missing, &topic);
    kafka.create_topic(&missing, 1, &[]);
    kafka.produce(&missing, [created("b", now())]);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 2.0, 2.0);
    of_topic(&exporter.metrics(), MISSING, &missing).is(0.0);
    assert_eq!(lines_with(&exporter, "does not exist"), 1);
}

/// Two topics with a ticket each, the second of which is deleted while the exporter runs. Returns the
/// configuration without it.
#[track_caller]
fn delete_one(name: &str) -> (&'static Kafka, String, String, Exporter, String) {
    let kafka = Kafka::shared();
    let (stays, goes) = (kafka.new_topic(name, 1), kafka.new_topic(name, 2));
    let both = format!("{stays}, {goes}");
    let config = target_config(kafka, &both, "10m");
    kafka.produce(&stays, [created("a", now())]);
    kafka.produce(&goes, [created("b", now()), created("c", now())]);
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 3.0, 3.0);
    kafka.delete_topic(&goes);
    assert_missing(&exporter, &goes, &stays);
    let without = config.replace(&both, &stays);
    (kafka, stays, goes, exporter, without)
}

/// The exporter continues with the other topic: counters never fall, and the windows move.
#[track_caller]
fn assert_goes_on(kafka: &Kafka, stays: &str, exporter: &Exporter) {
    wait_for_tickets(exporter, 3.0, 1.0);
    kafka.produce(stays, [created("later", now())]);
    wait_for_tickets(exporter, 4.0, 2.0);
    exporter.wait_for_metrics("moving windows", PATIENCE, |scrape| {
        let events = scrape.metric("ticket_window_events");
        let counts = events.label("event", "created").label("window", "1h");
        counts.check(4.0)
    });
}

#[test]
fn a_reload_can_remove_a_deleted_topic() {
    let (kafka, stays, goes, mut exporter, without) = delete_one("deleted-reload");
    exporter.write_config(&without);
    exporter.signal(Signal::Hup);
    exporter.wait_ready(PATIENCE);
    assert_goes_on(kafka, &stays, &exporter);
    let scrape = exporter.metrics();
    assert!(of_topic(&scrape, MISSING, &goes).samples().is_empty());

    // The topic stays removed after a crash.
    exporter.kill9();
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 4.0, 2.0);
}

#[test]
fn a_restart_can_remove_a_deleted_topic() {
    let (kafka, stays, goes, mut exporter, without) = delete_one("deleted-restart");
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
    exporter.write_config(&without);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    assert_goes_on(kafka, &stays, &exporter);

    // The exporter reads a new topic of the same name from its start.
    kafka.create_topic(&goes, 1, &[]);
    kafka.produce(&goes, [created("d", now())]);
    let again = without.replace(&format!("[{stays}]"), &format!("[{stays}, {goes}]"));
    exporter.write_config(&again);
    exporter.signal(Signal::Hup);
    wait_for_tickets(&exporter, 5.0, 3.0);
    exporter.wait_ready(PATIENCE);
}

#[test]
fn an_existing_topic_cannot_be_removed() {
    let kafka = Kafka::shared();
    let (stays, other) = (kafka.new_topic("kept", 1), kafka.new_topic("kept", 1));
    let both = format!("{stays}, {other}");
    let config = target_config(kafka, &both, "10m");
    kafka.produce(&other, [created("a", now())]);
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 1.0, 1.0);
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
    exporter.write_config(&config.replace(&both, &stays));
    assert_eq!(exporter.restart_to_end().code(), Some(78));
    let logs = exporter.logs_since_start();
    let expected = format!("{other} is no longer read, but counted");
    assert!(logs.contains(&expected), "{logs}");
}
