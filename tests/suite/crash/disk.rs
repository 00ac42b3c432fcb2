//! A disk that is slow, full or read-only.

use std::thread;
use std::time::Duration;

use super::watch::Watch;
use super::{
    DIRECTORY, Desk, LIVELY, STOPPED_WITHIN, after_lively, close, offsets, start_in,
    wait_for_truth, wait_until_lively,
};
use crate::end_to_end::{PATIENCE, desk_config_on_event_time, kpis};
use crate::harness::{Exporter, Faults, Kafka, Record, Scrape, eventually};

const SLOW: i64 = 3_000;

/// Enough for a few frames, so that a write is cut in its middle.
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
fn a_slow_disk_makes_numbers_staler_and_not_wrong() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("slow-disk", 3);
    let config = desk_config_on_event_time(kafka, &topic);
    let faults = Faults::new();
    let desk = Desk::start(kafka, &topic, LIVELY);
    let mut exporter = start_in(&config, faults.environment());
    let watch = Watch::start(&exporter);
    wait_until_lively(&mut exporter);
    faults.sync_delay(SLOW);
    // A checkpoint takes long, and only then is seen.
    let mut shown: Vec<i64> = Vec::new();
    for _ in 0..60 {
        shown.push(offsets(&exporter.metrics()).values().sum());
        thread::sleep(Duration::from_millis(100));
    }
    shown.dedup();
    assert!(
        shown.len() <= 5,
        "what is not on the disk yet is shown: {shown:?}"
    );
    exporter.kill9();
    exporter.restart();
    desk.finish();
    close(kafka, &topic, after_lively());
    wait_for_truth(&exporter, &config, kafka, &topic);
    watch.finish();
}

#[test]
fn a_full_disk_holds_the_numbers_until_there_is_room() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("full-disk", 3);
    let config = desk_config_on_event_time(kafka, &topic);
    let faults = Faults::new();
    let mut desk = Desk::start(kafka, &topic, LIVELY);
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
    assert!(!kpis(&held).is_empty(), "what was true stays true");
    desk.assert_working();
    // Counted as it is read.
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
    exporter.wait_for_metrics("numbers that move again", PATIENCE, |scrape| {
        if offsets(scrape) == offsets(&held) {
            return Err(exporter.logs());
        }
        Ok(())
    });

    // Killed while the disk is full, with half a write on it.
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
    desk.finish();
    close(kafka, &topic, after_lively());
    wait_for_truth(&exporter, &config, kafka, &topic);
    watch.finish();
    let aside = super::stored(&exporter, "set-aside-");
    assert!(aside.is_empty(), "half a write is no damage: {aside:?}");
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_at_start() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("read-only", 1);
    let config = desk_config_on_event_time(kafka, &topic);
    // Where there is no directory yet, and where there is one.
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
