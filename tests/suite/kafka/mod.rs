//! The consumer and the producers against the embedded broker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod delivery;
mod end;
mod real;
mod rebalance;
mod trouble;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ticket_exporter::config::KafkaSecurity;
use ticket_exporter::edge::kafka::{
    Consumer, ConsumerEvent, ConsumerSettings, EmbeddedBroker, KafkaConnection, KafkaProblem,
    Publisher, TopicPartition,
};

const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

fn connection(broker: &EmbeddedBroker) -> KafkaConnection {
    KafkaConnection {
        brokers: vec![broker.bootstrap()],
        security: KafkaSecurity::default(),
        properties: BTreeMap::from(
            [
                // The embedded broker sleeps for this time on an empty fetch.
                ("fetch.wait.max.ms", "10"),
                // The embedded broker waits almost a session for the members to join again.
                ("session.timeout.ms", "1500"),
                ("heartbeat.interval.ms", "200"),
            ]
            .map(|(property, value)| (property.to_owned(), value.to_owned())),
        ),
    }
}

fn settings(broker: &EmbeddedBroker, topics: &[&str]) -> ConsumerSettings {
    ConsumerSettings {
        connection: connection(broker),
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        group_id: "test".to_owned(),
        instance_id: None,
    }
}

/// Publishes numbered records from `from` on, with their number as the key.
fn publish(broker: &EmbeddedBroker, topic: &str, numbers: std::ops::Range<u64>) {
    let mut publisher = Publisher::start(&connection(broker), topic).unwrap();
    let count = numbers.end - numbers.start;
    for number in numbers {
        let text = number.to_string();
        publisher.send(text.as_bytes(), text.as_bytes(), 1_000);
    }
    let report = publisher.finish(PATIENCE);
    assert_eq!((report.delivered, report.failed), (count, 0), "{report:?}");
}

/// The records that a test has read, and the offsets that a checkpoint would have.
#[derive(Default)]
struct Reader {
    next: BTreeMap<TopicPartition, i64>,
    /// Values by partition in the order of arrival.
    values: BTreeMap<TopicPartition, Vec<u64>>,
    assigned: Vec<TopicPartition>,
    revoked: Vec<TopicPartition>,
    troubles: Vec<KafkaProblem>,
    batches: usize,
}

impl Reader {
    /// Takes one step. Panics on a gap or a repetition, since the topics of these tests have none.
    fn step(&mut self, consumer: &mut Consumer) {
        let mut assigned = false;
        match consumer.next(TICK) {
            ConsumerEvent::Records(batch) => {
                self.batches += 1;
                assert!(!batch.is_empty());
                for record in batch.iter(&[]) {
                    let next = self.next.entry(record.partition.clone()).or_default();
                    assert_eq!(record.offset, *next, "{}", record.partition);
                    *next += 1;
                    let value = std::str::from_utf8(record.value.unwrap()).unwrap();
                    assert_eq!(record.key, record.value);
                    let values = self.values.entry(record.partition.clone()).or_default();
                    values.push(value.parse().unwrap());
                }
            }
            ConsumerEvent::Assigned(partitions) => {
                self.assigned.extend(partitions);
                assigned = true;
            }
            ConsumerEvent::Revoked(partitions) => {
                self.assigned.retain(|one| !partitions.contains(one));
                self.revoked.extend(partitions);
            }
            ConsumerEvent::Problem(trouble) => self.troubles.push(trouble),
            ConsumerEvent::Identified(_) | ConsumerEvent::Reconnected(_) | ConsumerEvent::Idle => {}
        }
        if assigned {
            consumer.start_reading(|partition| self.next.get(partition).copied());
        }
    }

    fn count(&self) -> usize {
        self.values.values().map(Vec::len).sum()
    }

    fn sorted(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.values.values().flatten().copied().collect();
        all.sort_unstable();
        all
    }

    fn until(&mut self, consumer: &mut Consumer, mut done: impl FnMut(&Self, &Consumer) -> bool) {
        let start = Instant::now();
        while !done(self, consumer) {
            assert!(
                start.elapsed() < PATIENCE,
                "{} records, assigned {:?}, {:?}",
                self.count(),
                self.assigned,
                self.troubles
            );
            self.step(consumer);
        }
    }
}
