//! Rates of consuming, in one run over the same records: 300-byte events, 8 partitions, zstd.
//! The embedded broker serves them, or the brokers in TICKET_EXPORTER_BENCH_BROKERS (topic
//! `ticket-exporter-bench`, filled if it holds too few).
//!
//! `cargo bench --bench consume`; TICKET_EXPORTER_BENCH_RECORDS sets how many records (600,000).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a bench may stop and tell

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use ticket_exporter::edge::kafka::{
    Connection, Consumer, EmbeddedBroker, Publisher, Settings, Step, TopicPartition,
};

const TOPIC: &str = "ticket-exporter-bench";
const PARTITIONS: i32 = 8;
/// What the embedded broker holds of these events without dropping any.
const RECORDS: usize = 600_000;
/// The machine's other work disturbs a single run: the best of these tells.
const ROUNDS: usize = 3;

fn main() {
    let records = std::env::var("TICKET_EXPORTER_BENCH_RECORDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(RECORDS);
    let (brokers, embedded) = match std::env::var("TICKET_EXPORTER_BENCH_BROKERS") {
        Ok(brokers) => (brokers, None),
        Err(_) => {
            let broker = EmbeddedBroker::start(&[(TOPIC, PARTITIONS)]).unwrap();
            (broker.bootstrap(), Some(broker))
        }
    };
    fill(&connection(&brokers, "fill"), records);
    // First: later the memory that others gave back would be used again.
    println!(
        "a reader that does not read holds {} MiB",
        idle_backlog(&brokers)
    );
    for round in 1..=ROUNDS {
        report(
            round,
            "(a) poll loop, discarding",
            plain(&brokers, round, records),
        );
        report(
            round,
            "(b) batches, discarding",
            batches(&brokers, round, records),
        );
        // (c) batches, decoded and applied by the engine: add it here.
    }
    println!("most memory: {} MiB", memory("VmHWM:"));
    drop(embedded);
}

/// Seconds from the first record to the last, so that joining the group does not count.
fn report(round: usize, what: &str, (records, taken): (usize, Duration)) {
    let rate = records as f64 / taken.as_secs_f64();
    println!("round {round}: {what}: {records} records in {taken:.2?}, {rate:.0} a second");
}

fn connection(brokers: &str, name: &str) -> Connection {
    Connection {
        brokers: brokers.split(',').map(str::to_owned).collect(),
        properties: BTreeMap::from([
            ("client.id".to_owned(), name.to_owned()),
            // The embedded broker sleeps this long on an empty fetch.
            ("fetch.wait.max.ms".to_owned(), "10".to_owned()),
        ]),
    }
}

/// A canonical event of some 300 bytes that differs from the others as events do.
fn event(number: usize) -> String {
    let (minute, second) = (number / 60 % 60, number % 60);
    let ticket = number.wrapping_mul(2_654_435_761) % 100_000;
    format!(
        r#"{{"event_id":"{number:016x}","ticket_id":"{ticket}","type":"message","timestamp":"2026-03-02T10:{minute:02}:{second:02}.000Z","team":"billing","priority":"p{}","status":"open","channel":"email","actor":"agent","public":true,"language":"en-GB","via":"support-portal","assignee":"agent-{}","created_at":"2026-03-02T08:{second:02}:{minute:02}.000Z"}}"#,
        number % 4 + 1,
        number % 97,
    )
}

fn fill(connection: &Connection, records: usize) {
    let mut publisher = Publisher::start(connection, TOPIC).unwrap();
    let start = Instant::now();
    let mut bytes = 0;
    for number in 0..records {
        let value = event(number);
        bytes += value.len();
        let ticket = number.wrapping_mul(2_654_435_761) % 100_000;
        publisher.send(ticket.to_string().as_bytes(), value.as_bytes(), 1_000);
    }
    let report = publisher.finish(Duration::from_secs(120));
    assert_eq!(report.failed, 0, "{report:?}");
    println!(
        "{records} records of {} bytes published in {:.2?}",
        bytes / records,
        start.elapsed()
    );
}

fn plain(brokers: &str, round: usize, records: usize) -> (usize, Duration) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("plain-{round}"))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "10")
        // As much may lie ready as for the batches.
        .set("fetch.queue.backoff.ms", "10")
        .create()
        .unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let mut first = None;
    let mut count = 0;
    while count < records {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            first.get_or_insert_with(Instant::now);
            black_box(message.payload());
            count += 1;
        }
    }
    (count, first.unwrap().elapsed())
}

fn batches(brokers: &str, round: usize, records: usize) -> (usize, Duration) {
    let mut consumer = Consumer::start(&Settings {
        connection: connection(brokers, "batches"),
        topics: vec![TOPIC.to_owned()],
        group_id: format!("batches-{round}"),
    })
    .unwrap();
    let mut first = None;
    let mut count = 0;
    while count < records {
        match consumer.next(Duration::from_millis(100)) {
            Step::Records(batch) => {
                first.get_or_insert_with(Instant::now);
                count += batch.len();
                for record in batch.iter() {
                    black_box(record.value);
                }
            }
            Step::Assigned(_) => consumer.begin(|_: &TopicPartition| None),
            Step::Trouble(trouble) => println!("{trouble}"),
            Step::Revoked(_) | Step::Idle => {}
        }
    }
    (count, first.unwrap().elapsed())
}

/// What fetching adds to the memory in 3 s while nobody takes the records, in MiB.
fn idle_backlog(brokers: &str) -> u64 {
    let mut consumer = Consumer::start(&Settings {
        connection: connection(brokers, "idle"),
        topics: vec![TOPIC.to_owned()],
        group_id: "idle".to_owned(),
    })
    .unwrap();
    while !matches!(consumer.next(Duration::from_millis(100)), Step::Assigned(_)) {}
    let before = memory("VmRSS:");
    consumer.begin(|_: &TopicPartition| None);
    std::thread::sleep(Duration::from_secs(3));
    memory("VmRSS:").saturating_sub(before)
}

/// A line of this process's memory, in MiB (Linux; 0 elsewhere): `VmRSS:` now, `VmHWM:` at most.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
