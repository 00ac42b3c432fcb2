//! Throughput of the consumer, over the same records in each variant: 300-byte events, 8 partitions, zstd.
//! They come from the embedded broker, or from the brokers in TICKET_EXPORTER_BENCH_BROKERS (topic
//! `ticket-exporter-bench`, filled if it has too few records).
//!
//! Run it with `cargo bench --bench consume`. TICKET_EXPORTER_BENCH_TICKETS sets the number of tickets
//! (60,000; some eleven records each).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a benchmark may panic and print

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use ticket_exporter::app::ingest::{Ingest, IngestState, Timing};
use ticket_exporter::app::recovery::recover;
use ticket_exporter::config;
use ticket_exporter::config::KafkaSecurity;
use ticket_exporter::decode::Decoder;
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::edge::http::{self, HttpServer, Protection, Published, Readiness};
use ticket_exporter::edge::kafka::{
    Consumer, ConsumerEvent, ConsumerSettings, EmbeddedBroker, KafkaConnection, Publisher,
    TopicPartition,
};
use ticket_exporter::edge::self_metrics::{BuildInfo, SelfMetrics};
use ticket_exporter::edge::wall_clock::{self, WallClock};
use ticket_exporter::engine::{Engine, Rules};
use ticket_exporter::simulation::{Profile, SimulatedHelpdesk};

const TOPIC: &str = "ticket-exporter-bench";
const PARTITIONS: i32 = 8;
/// The embedded broker holds this many tickets' events without dropping any.
const TICKETS: u64 = 60_000;
/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_767_225_600_000);
/// Teams with four priorities each and all their series: some 300,000 lines a scrape.
const SCRAPED_TEAMS: usize = 400;
/// Much shorter than Prometheus' interval.
const SCRAPE_PAUSE: Duration = Duration::from_secs(1);
/// Other work of the machine disturbs a single run, so the best of these counts.
const ROUNDS: usize = 3;

fn main() {
    let tickets = std::env::var("TICKET_EXPORTER_BENCH_TICKETS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(TICKETS);
    let (brokers, embedded) = match std::env::var("TICKET_EXPORTER_BENCH_BROKERS") {
        Ok(brokers) => (brokers, None),
        Err(_) => {
            let broker = EmbeddedBroker::start(&[(TOPIC, PARTITIONS)]).unwrap();
            (broker.bootstrap(), Some(broker))
        }
    };
    let records = fill(&connection(&brokers, "fill"), tickets);
    // This comes first: a later run would reuse freed memory.
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
        report(
            round,
            "(c) all KPIs",
            kpis(&brokers, &format!("kpis-{round}"), records, None, None),
        );
        let directory = tempfile::tempdir().unwrap();
        report(
            round,
            "(e) all KPIs, kept every second",
            kpis(
                &brokers,
                &format!("kept-{round}"),
                records,
                None,
                Some(directory.path()),
            ),
        );
        let (result, scrapes) = scraped(&brokers, round, records);
        report(round, "(d) all KPIs, scraped", result);
        println!(
            "round {round}: {} scrapes, the slowest took {:.2?}",
            scrapes.0, scrapes.1
        );
    }
    println!("most memory: {} MiB", memory("VmHWM:"));
    drop(embedded);
}

/// In seconds from the first record to the last, without the time to join the group.
fn report(round: usize, what: &str, (records, taken): (usize, Duration)) {
    let rate = records as f64 / taken.as_secs_f64();
    println!("round {round}: {what}: {records} records in {taken:.2?}, {rate:.0} a second");
}

fn connection(brokers: &str, name: &str) -> KafkaConnection {
    KafkaConnection {
        security: KafkaSecurity::default(),
        brokers: brokers.split(',').map(str::to_owned).collect(),
        properties: BTreeMap::from([
            ("client.id".to_owned(), name.to_owned()),
            // The embedded broker sleeps for this time on an empty fetch.
            ("fetch.wait.max.ms".to_owned(), "10".to_owned()),
        ]),
    }
}

/// Publishes events of a load test and returns their number.
fn fill(connection: &KafkaConnection, tickets: u64) -> usize {
    let mut publisher = Publisher::start(connection, TOPIC).unwrap();
    let start = Instant::now();
    let mut bytes = 0;
    let mut records = 0;
    for event in SimulatedHelpdesk::new(1, Profile::load(tickets)).events(START, None) {
        bytes += event.json.len();
        records += 1;
        publisher.send(
            event.ticket_id.as_bytes(),
            event.json.as_bytes(),
            event.at.0,
        );
    }
    let report = publisher.finish(Duration::from_secs(120));
    assert_eq!(report.failed, 0, "{report:?}");
    println!(
        "{records} records of {} bytes about {tickets} tickets published in {:.2?}",
        bytes / records,
        start.elapsed()
    );
    records
}

/// Runs the service's own loop with the rules of the load test. `started` is called when records arrive.
fn kpis(
    brokers: &str,
    group: &str,
    records: usize,
    started: Option<(Arc<Published>, &dyn Fn())>,
    directory: Option<&Path>,
) -> (usize, Duration) {
    let yaml = Profile::load(1).config_yaml();
    let file = Path::new("desk.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.clone())).unwrap();
    let mut config = loaded.config;
    let timing = Timing {
        grace: 30_000,
        max_future: 300_000,
        interval: Duration::from_secs(1),
        clock: Arc::new(WallClock),
    };
    let (published, tell) = started.unzip();
    let published = published.unwrap_or_else(new_published);
    let state = match directory {
        None => IngestState::in_memory(Engine::new(Arc::new(config.rules), START)),
        Some(directory) => {
            config.checkpoint.directory = directory.to_owned();
            let metrics = published.self_metrics();
            recover(&config, START, metrics, None).unwrap().0
        }
    };
    let mut ingest = Ingest::new(
        state,
        Decoder::default(),
        timing,
        Arc::clone(&published),
        None,
    );
    let mut consumer = Consumer::start(&ConsumerSettings {
        connection: connection(brokers, "kpis"),
        topics: vec![TOPIC.to_owned()],
        group_id: group.to_owned(),
        instance_id: None,
    })
    .unwrap();
    let mut first = None;
    while ingest.records() < records as u64 {
        ingest.step(&mut consumer).unwrap();
        if ingest.records() > 0 && first.is_none() {
            first = Some(Instant::now());
            if let Some(tell) = tell {
                tell();
            }
        }
    }
    let taken = first.unwrap().elapsed();
    if directory.is_some() {
        let count = published.self_metrics().checkpoints();
        println!("{count} checkpoints in the next line");
    }
    (records, taken)
}

fn new_published() -> Arc<Published> {
    let build = BuildInfo {
        version: "bench",
        revision: "",
        rustc: "",
    };
    let metrics = SelfMetrics::new(build, wall_clock::now(), &[], &[]).unwrap();
    Arc::new(Published::new(Arc::new(metrics), Readiness::default()))
}

/// Runs [`kpis`] while a scraper reads 300,000 series again and again. Returns the rate, the number of
/// scrapes and the duration of the slowest.
fn scraped(brokers: &str, round: usize, records: usize) -> ((usize, Duration), (usize, Duration)) {
    let large = Rules {
        known_teams: (0..SCRAPED_TEAMS)
            .map(|team| format!("team-{team}"))
            .collect(),
        priorities: ["p1", "p2", "p3", "p4"].map(str::to_owned).to_vec(),
        ..Rules::default()
    };
    let snapshot = Arc::new(Engine::new(Arc::new(large), START).snapshot());
    let published = new_published();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let web = config::Web::default();
    let router = http::router(Arc::clone(&published), &web);
    let listen = config::ListenAddress::parse("127.0.0.1:0").unwrap();
    let protection = Protection::load(&web, Arc::clone(published.self_metrics())).unwrap();
    let server = runtime
        .block_on(HttpServer::bind(&[listen], router, protection))
        .unwrap();
    let address = server.addresses()[0];
    runtime.spawn(server.serve(std::future::pending()));
    let done = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&done);
    let scraper = std::thread::spawn(move || {
        let mut scrapes = (0, Duration::ZERO);
        while !ended.load(Ordering::Relaxed) {
            let start = Instant::now();
            let mut response = ureq::get(format!("http://{address}/metrics"))
                .call()
                .unwrap();
            let text = response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_string()
                .unwrap();
            if text.contains("ticket_created_total") {
                scrapes = (scrapes.0 + 1, scrapes.1.max(start.elapsed()));
            }
            std::thread::sleep(SCRAPE_PAUSE);
        }
        scrapes
    });
    // The exporter withholds the series while it reads a backlog; the benchmark publishes them.
    let show = || {
        published.publish(http::PublishedView {
            kpis: Some(Arc::clone(&snapshot) as _),
            progress: None,
        });
    };
    let group = format!("scraped-{round}");
    let result = kpis(
        brokers,
        &group,
        records,
        Some((Arc::clone(&published), &show)),
        None,
    );
    done.store(true, Ordering::Relaxed);
    (result, scraper.join().unwrap())
}

fn plain(brokers: &str, round: usize, records: usize) -> (usize, Duration) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("plain-{round}"))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "10")
        // The same prefetch limit as for the batches.
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
    let mut consumer = Consumer::start(&ConsumerSettings {
        connection: connection(brokers, "batches"),
        topics: vec![TOPIC.to_owned()],
        group_id: format!("batches-{round}"),
        instance_id: None,
    })
    .unwrap();
    let mut first = None;
    let mut count = 0;
    while count < records {
        match consumer.next(Duration::from_millis(100)) {
            ConsumerEvent::Records(batch) => {
                first.get_or_insert_with(Instant::now);
                count += batch.len();
                for record in batch.iter(&[]) {
                    black_box(record.value);
                }
            }
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_: &TopicPartition| None),
            ConsumerEvent::Problem(trouble) => println!("{trouble}"),
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }
    (count, first.unwrap().elapsed())
}

/// The memory of prefetched records in MiB after 3 s in which no record is consumed.
fn idle_backlog(brokers: &str) -> u64 {
    let mut consumer = Consumer::start(&ConsumerSettings {
        connection: connection(brokers, "idle"),
        topics: vec![TOPIC.to_owned()],
        group_id: "idle".to_owned(),
        instance_id: None,
    })
    .unwrap();
    while !matches!(
        consumer.next(Duration::from_millis(100)),
        ConsumerEvent::Assigned(_)
    ) {}
    let before = memory("VmRSS:");
    consumer.start_reading(|_: &TopicPartition| None);
    std::thread::sleep(Duration::from_secs(3));
    memory("VmRSS:").saturating_sub(before)
}

/// A line of this process's memory, in MiB (Linux; 0 elsewhere): `VmRSS:` current, `VmHWM:` peak.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
