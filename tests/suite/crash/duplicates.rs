//! Duplicates count once, and deadlines of quiet partitions pass, also after a kill.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::watch::Watch;
use super::{SECOND, breaches, close, created, reply, start, target_config, wait_for_truth_of};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, lines, now, simulate};
use crate::harness::{Kafka, Record, eventually, get, scrape};

/// Few enough that no ticket has more than 16 events in a segment: the engine remembers the identities of
/// that many.
const SEGMENT: usize = 400;

#[test]
fn segments_that_are_produced_again_count_once() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("again", 3);
    let once = kafka.new_topic("once", 3);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let events = simulate("--seed 4 --from 2026-03-02T00:00:00Z --for 5d --output -");
    let record = |event: &str| {
        let value: serde_json::Value = serde_json::from_str(event).unwrap();
        Record::keyed(value["ticket_id"].as_str().unwrap(), event)
    };
    let records: Vec<Record> = events.lines().map(record).collect();
    let segments: Vec<&[Record]> = records.chunks(SEGMENT).collect();
    assert!(segments.len() > 8, "only {} segments", segments.len());

    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    for (number, segment) in segments.iter().enumerate() {
        kafka.produce(&topic, segment.to_vec());
        // The identities survive a restart: another process sees some of the duplicates.
        if number % 4 == 0 {
            exporter.wait_ready(PATIENCE);
            thread::sleep(Duration::from_millis(1_500));
            exporter.kill9();
        }
        kafka.produce(&topic, segment.to_vec());
        if number % 4 == 0 {
            exporter.restart();
        }
        kafka.produce(&once, segment.to_vec());
    }
    let end = Timestamp::parse("2026-03-09T00:00:00Z").unwrap();
    close(kafka, &topic, end);
    close(kafka, &once, end);
    let unique = lines(&kafka.consume(&once));
    wait_for_truth_of(&exporter, &config, &kafka.ends(&topic), &unique);
    watch.finish();
}

/// A deadline on an idle partition passes in time although the process is killed before it. A goal that was
/// met does not break.
#[test]
fn deadlines_of_an_idle_partition_survive_a_kill() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("quiet", 2);
    let config = target_config(kafka, &topic, "8s");
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let at = now();
    let deadline = at.plus(8 * SECOND);
    let late = ["late-1", "late-2"].map(|ticket| created(ticket, at).partition(1));
    let kept = ["kept-1", "kept-2"].map(|ticket| created(ticket, at).partition(1));
    kafka.produce(&topic, late.into_iter().chain(kept));
    kafka.produce(
        &topic,
        ["kept-1", "kept-2"].map(|ticket| reply(ticket, now()).partition(1)),
    );
    // No goal breaks before its deadline and the grace period have passed.
    let watch = Watch::start_with(&exporter, move |scrape| match breaches(scrape)? {
        0.0 => Ok(()),
        2.0 if now().0 > deadline.0 + 2 * SECOND => Ok(()),
        count => Err(format!("{count} breaches at {}", now().rfc3339())),
    });
    let mut busy = 0;
    while now().0 < deadline.0 - SECOND {
        busy += 1;
        let ticket = format!("busy-{busy}");
        let events = [created(&ticket, now()), reply(&ticket, now().plus(1))];
        kafka.produce(&topic, events.map(|event| event.partition(0)));
        thread::sleep(Duration::from_millis(300));
    }
    exporter.kill9();
    exporter.restart();
    let url = exporter.url("/metrics");
    let seen = eventually("two breaches", Duration::from_secs(30), || {
        let text = get(&url)?.text();
        match breaches(&scrape(&text))? {
            2.0 => Ok(now()),
            count => Err(format!("{count} breaches")),
        }
    });
    let late = seen.0 - deadline.0;
    assert!(
        late > 2 * SECOND,
        "seen {late} ms after the deadline, within the grace"
    );
    assert!(late < 20 * SECOND, "seen only {late} ms after the deadline");
    let ends: BTreeMap<i32, i64> = kafka.ends(&topic);
    wait_for_truth_of(&exporter, &config, &ends, &lines(&kafka.consume(&topic)));
    watch.finish();
}
