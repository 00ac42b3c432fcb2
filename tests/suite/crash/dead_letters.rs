//! The dead-letter topic has a rejected record before a checkpoint has its offset, so a kill loses no dead
//! letter.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{STOPPED_WITHIN, start, wait_for_end};
use crate::end_to_end::{PATIENCE, kafka_section};
use crate::harness::{Kafka, Received, Record};
use crate::stories::dice::Dice;

const KILLS: usize = 10;

#[test]
fn a_kill_loses_no_dead_letter() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("letters", 2);
    let dead = kafka.new_topic("letters-dead", 1);
    let config = kafka_section(kafka, &topic, &format!("dead_letter_topic: {dead}"))
        + "checkpoint: { interval: 100ms }\n";
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, topic) = (Arc::clone(&stop), topic.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let records = (0..50).map(|number| Record::new(format!("no event {number}")));
                kafka.produce(&topic, records);
                thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let mut dice = Dice::new(10);
    let mut exporter = start(&config);
    for _ in 0..KILLS {
        exporter.wait_ready(PATIENCE);
        thread::sleep(Duration::from_millis(dice.below(1_000).unsigned_abs()));
        exporter.kill9();
        exporter.restart();
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    wait_for_end(&exporter, kafka, &topic);
    assert_eq!(
        exporter.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        exporter.logs()
    );

    let number = |letter: &Received, name: &str| -> i64 {
        let header = letter.header(&format!("ticket_exporter.{name}"));
        header.unwrap().parse().unwrap()
    };
    let letters: BTreeSet<(i64, i64)> = kafka
        .consume(&dead)
        .iter()
        .map(|letter| (number(letter, "partition"), number(letter, "offset")))
        .collect();
    let records: BTreeSet<(i64, i64)> = kafka
        .consume(&topic)
        .iter()
        .map(|record| (record.partition.into(), record.offset))
        .collect();
    let missing: Vec<_> = records.difference(&letters).collect();
    assert!(
        missing.is_empty(),
        "{} of {} missing: {missing:?}",
        missing.len(),
        records.len()
    );
    assert_eq!(letters, records);
}
