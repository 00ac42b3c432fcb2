//! A slow, full or read-only disk.

use std::thread;
use std::time::{Duration, Instant};

use super::watch::Watch;
use super::{
    DIRECTORY, LIVELY, STOPPED_WITHIN, Simulation, after_lively, close, offsets, start_in,
    wait_for_truth, wait_until_lively,
};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, kpis};
use crate::harness::{Exporter, Faults, Kafka, Record, Scrape, eventually};

const SLOW: i64 = 3_000;

/// Enough for a few frames, so that the disk is full in the middle of a write.
const LITTLE_ROOM: i64 = 20_000;

fn failures(scrape: &Scrape) -> f64 {
    scrape
        .metric("ticket_exporter_checkpoint_failures_total")
        .value()
}

fn applied(scrape: &Scrape) -> f64 {
    let events = scrape.metric("ticket_exporter_events_total");
    events.label("result", "applied").value()
}

#[test]
fn a_slow_disk_delays_numbers_and_keeps_them_right() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("slow-disk", 3);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let faults = Faults::new();
    let simulation = Simulation::start(kafka, &topic, LIVELY);
    let mut exporter = start_in(&config, faults.environment());
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    faults.sync_delay(SLOW);
    // The series change only after a checkpoint, which takes long.
    let mut shown: Vec<i64> = Vec::new();
    let began = Instant::now();
    for _ in 0..60 {
        shown.push(offsets(&exporter.metrics()).values().sum());
        thread::sleep(Duration::from_millis(100));
    }
    shown.dedup();
    let checkpoints = began.elapsed().as_millis() / SLOW.unsigned_abs() as u128;
    assert!(
        shown.len() as u128 <= checkpoints + 3,
        "what is not on the disk yet is shown: {shown:?}"
    );
    exporter.kill9();
    exporter.restart();
    simulation.finish();
    close(kafka, &topic, after_lively());
    wait_for_truth(&exporter, &config, kafka, &topic);
    watch.finish();
}

#[test]
fn a_full_disk_stops_the_numbers_until_there_is_room() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("full-disk", 3);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let faults = Faults::new();
    let mut simulation = Simulation::start(kafka, &topic, LIVELY);
    let mut exporter = start_in(&config, faults.environment());
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    assert_eq!(failures(&exporter.metrics()), 0.0);
    faults.room(LITTLE_ROOM);
    let two_failures = |exporter: &Exporter| {
        exporter.wait_for_metrics("two failures", PATIENCE, |scrape| match failures(scrape) {
            count if count >= 2.0 => Ok(()),
            count => Err(format!("{count} failures; log\n{}", exporter.logs())),
        })
    };
    let held = two_failures(&exporter);
    assert!(!kpis(&held).is_empty(), "the last numbers stay");
    simulation.assert_working();
    // The counter rises when the record is read.
    kafka.produce(&topic, [Record::new("{\"at\": 0}")]);
    eventually(
        "reading that goes on, and numbers that stay",
        PATIENCE,
        || {
            let scrape = exporter.metrics();
            assert_eq!(
                offsets(&scrape),
                offsets(&held),
                "not on the disk and shown"
            );
            crate::end_to_end::assert_same("the held values", &kpis(&scrape), &kpis(&held));
            let rejected = scrape.metric("ticket_exporter_rejected_total").sum();
            let new = applied(&scrape) - applied(&held);
            if rejected == 1.0 && new > 0.0 {
                return Ok(());
            }
            Err(format!("{rejected} records rejected, {new} applied"))
        },
    );
    faults.no_limit();
    exporter.wait_for_metrics("new numbers", PATIENCE, |scrape| {
        if offsets(scrape) == offsets(&held) {
            return Err(exporter.logs());
        }
        Ok(())
    });

    // The kill happens while the disk is full and half a write is on it.
    faults.room(LITTLE_ROOM);
    let before = failures(&exporter.metrics());
    exporter.wait_for_metrics("another failure", PATIENCE, |scrape| {
        if failures(scrape) > before {
            return Ok(());
        }
        Err(exporter.logs())
    });
    exporter.kill9();
    faults.no_limit();
    exporter.restart();
    simulation.finish();
    close(kafka, &topic, after_lively());
    wait_for_truth(&exporter, &config, kafka, &topic);
    watch.finish();
    let aside = super::stored(&exporter, "set-aside-");
    assert!(aside.is_empty(), "half a write is no damage: {aside:?}");
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
}

#[test]
fn a_read_only_directory_is_an_error_at_start() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("read-only", 1);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    // With and without an existing directory.
    let faults = Faults::new();
    faults.read_only(true);
    let (mut exporter, status) = Exporter::run_to_end(&[], &config, faults.environment());
    assert_refused(&exporter, status.code());
    faults.read_only(false);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    exporter.stop(STOPPED_WITHIN);
    faults.read_only(true);
    let status = exporter.restart_to_end();
    assert_refused(&exporter, status.code());
}

#[track_caller]
fn assert_refused(exporter: &Exporter, code: Option<i32>) {
    let said = exporter.logs_since_start();
    assert_eq!(code, Some(1), "{said}");
    for words in [DIRECTORY, "Read-only file system"] {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}
