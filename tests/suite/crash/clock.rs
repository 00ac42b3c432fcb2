//! The wall clock jumps. It causes no breach and hides none, and no event counts as one from the future.

use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::watch::Watch;
use super::{HOUR, SECOND, breaches, created, reply, start_in, target_config, wait_for_truth};
use crate::end_to_end::{PATIENCE, now};
use crate::harness::{Faults, Kafka, Record, eventually, get, scrape};

const TARGET: i64 = 8 * SECOND;
const GRACE: i64 = 2 * SECOND;
/// A breach appears only after a checkpoint, on a machine that may be busy.
const LATEST: i64 = 15 * SECOND;

/// Tickets before and after a jump, with goals that are met and missed. Each breach appears soon after its
/// deadline, and there are no others.
fn check_jump(name: &str, jump: i64) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 2);
    let config = target_config(kafka, &topic, "8s");
    let faults = Faults::new();
    let mut exporter = start_in(&config, faults.environment());
    exporter.wait_ready(PATIENCE);

    let before = now();
    let write = |records: &[Record]| kafka.produce(&topic, records.to_vec());
    write(&[created("a-late", before), created("a-kept", before)]);
    exporter.wait_for_metrics("two tickets", PATIENCE, |scrape| {
        let tickets = scrape.metric("ticket_created_total");
        match tickets.clone().label("team", "billing").sum() {
            2.0 => Ok(()),
            count => Err(format!("{count} tickets")),
        }
    });
    let first_deadline = before.plus(TARGET);
    let after = before.plus(5 * SECOND);
    let second_deadline = after.plus(TARGET);
    let watch = Watch::start_with(&exporter, move |scrape| {
        let possible = [first_deadline, second_deadline]
            .iter()
            .filter(|deadline| now().0 > deadline.0 + GRACE)
            .count();
        match breaches(scrape)? {
            count if count <= possible as f64 => Ok(()),
            count => Err(format!("{count} breaches, {possible} are possible")),
        }
    });
    faults.clock(jump);
    sleep_until(after);
    // These agents answer in time by the true clock.
    write(&[
        reply("a-kept", after),
        created("b-late", after),
        created("b-kept", after),
    ]);
    let url = exporter.url("/metrics");
    let wait_for = |count: f64, deadline: Timestamp| {
        let what = format!("{count} breaches");
        eventually(&what, Duration::from_secs(60), || {
            match breaches(&scrape(&get(&url)?.text()))? {
                found if found == count => Ok(()),
                found => Err(format!("{found} breaches; log\n{}", exporter.logs())),
            }
        });
        let late = now().0 - deadline.0;
        assert!(
            late < GRACE + LATEST,
            "{what}: {late} ms after the deadline"
        );
    };
    wait_for(1.0, first_deadline);
    write(&[reply("b-kept", now())]);
    wait_for(2.0, second_deadline);
    // Further events tell the true time.
    for number in 0..4 {
        let ticket = format!("c-{number}");
        write(&[created(&ticket, now()), reply(&ticket, now().plus(1))]);
        std::thread::sleep(Duration::from_millis(500));
    }
    faults.clock(0);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let metrics = exporter.metrics();
    let rejected = metrics.metric("ticket_exporter_rejected_total");
    rejected.label("reason", "future").is(0.0);
    assert_eq!(breaches(&metrics), Ok(2.0));
    watch.finish();
}

fn sleep_until(instant: Timestamp) {
    let left = u64::try_from(instant.0 - now().0).unwrap_or_default();
    std::thread::sleep(Duration::from_millis(left));
}

#[test]
fn a_jump_of_an_hour_forward_causes_no_breach() {
    check_jump("forward", HOUR);
}

#[test]
fn a_jump_of_an_hour_back_hides_no_breach() {
    check_jump("back", -HOUR);
}
