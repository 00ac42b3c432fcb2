//! An exporter that is an hour behind reports no false breaches: goals that were met in the meantime count
//! as met once it has read the events.

use ticket_exporter::domain::timestamp::Timestamp;

use super::watch::Watch;
use super::{
    HOUR, MINUTE, SECOND, breaches, created, reply, start_in, target_config, wait_for_end,
    wait_for_truth,
};
use crate::end_to_end::{PATIENCE, now};
use crate::harness::{Faults, Kafka, Record};

/// Tickets that are open when the exporter stops, or created while it is down.
const TICKETS: i64 = 3_000;

/// A third of the tickets is answered in time, a third too late, a third never. All deadlines are within
/// the hour.
fn hour(name: &str, from: Timestamp) -> Vec<(i64, Record)> {
    let mut events = Vec::new();
    for number in 0..TICKETS {
        let ticket = format!("{name}-{number}");
        let at = from.plus(number * 200);
        events.push((at.0, created(&ticket, at)));
        match number % 3 {
            0 => {
                let at = at.plus(9 * MINUTE);
                events.push((at.0, reply(&ticket, at)));
            }
            1 => {
                let at = at.plus(11 * MINUTE);
                events.push((at.0, reply(&ticket, at)));
            }
            _ => {}
        }
    }
    events
}

#[test]
fn an_hour_of_delay_causes_no_breach() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hour", 2);
    let config = target_config(kafka, &topic, "10m");
    let then = now().minus(HOUR);
    let (open, later): (Vec<_>, Vec<_>) = hour("open", then.minus(10 * MINUTE + SECOND))
        .into_iter()
        .chain(hour("new", then.plus(MINUTE)))
        .partition(|(at, _)| *at <= then.0);
    // The exporter ran an hour ago and saw unanswered tickets.
    write(kafka, &topic, open);
    let faults = Faults::new();
    faults.clock(-HOUR);
    let mut exporter = start_in(&config, faults.environment());
    exporter.wait_ready(PATIENCE);
    wait_for_end(&exporter, kafka, &topic);
    exporter.kill9();

    faults.clock(0);
    write(kafka, &topic, later);
    exporter.restart();
    let truth = (2 * TICKETS - 2 * TICKETS / 3) as f64;
    let watch = Watch::start_with(&exporter, move |scrape| match breaches(scrape)? {
        count if count == truth => Ok(()),
        count => Err(format!("{count} breaches, there are {truth}")),
    });
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    assert_eq!(breaches(&exporter.metrics()), Ok(truth));
    watch.finish();
}

fn write(kafka: &Kafka, topic: &str, mut events: Vec<(i64, Record)>) {
    events.sort_by_key(|(at, _)| *at);
    kafka.produce(topic, events.into_iter().map(|(_, record)| record));
}
