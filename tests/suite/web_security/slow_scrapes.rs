//! Scrapers that read slowly: they share the text of a publication, they cannot fill the memory with the
//! texts of many, and neither other scrapes nor checkpoints wait for them.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::end_to_end::kafka_section;
use crate::harness::{Exporter, Kafka};

/// The maximum of connections at the same time.
const CLIENTS: usize = 64;
/// Bytes that a client reads each second.
const PACE: usize = 512;
/// The time of the memory measurement. The exporter disconnects clients that read nothing after 15 s.
const WATCHED: Duration = Duration::from_secs(6);
/// A text that is large compared with the rest of the process.
const LARGE: usize = 8 << 20;
/// With texts of many publications and formats, memory stays below this multiple of one client. Two of the
/// largest texts are in memory, two more are being rendered, and the allocator keeps some freed memory.
/// Without a limit it would be more than ten times as much.
const SEVERAL_TEXTS: u64 = 4;

const TEXT: &str = "text/plain; version=0.0.4";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Clients that read slowly until they are dropped.
struct SlowClients {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    streams: Arc<std::sync::Mutex<Vec<TcpStream>>>,
}

impl SlowClients {
    fn new() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let streams = Arc::new(std::sync::Mutex::new(Vec::<TcpStream>::new()));
        let (stopped, read) = (Arc::clone(&stop), Arc::clone(&streams));
        let thread = thread::spawn(move || {
            let mut piece = [0; PACE];
            while !stopped.load(Ordering::Relaxed) {
                for stream in read.lock().unwrap().iter_mut() {
                    // There may be no data, or the connection may be closed.
                    let _ = stream.read(&mut piece);
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self {
            stop,
            thread: Some(thread),
            streams,
        }
    }

    /// Adds a client whose socket buffers almost nothing.
    fn add(&self, exporter: &Exporter, accept: &str, coding: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let address = exporter.address().parse().unwrap();
            socket.connect(address).await.unwrap()
        });
        let mut stream = stream.into_std().unwrap();
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nhost: a\r\naccept: {accept}\r\naccept-encoding: {coding}\r\n\r\n"
        )
        .unwrap();
        self.streams.lock().unwrap().push(stream);
    }
}

impl Drop for SlowClients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// The peak memory of a process while it is watched, in bytes.
fn most_memory(exporter: &Exporter, watched: Duration) -> u64 {
    let started = Instant::now();
    let mut most = 0;
    while started.elapsed() < watched {
        let status = fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
        most = most.max(kibibytes.parse::<u64>().unwrap() << 10);
        thread::sleep(Duration::from_millis(20));
    }
    most
}

/// A ready exporter with a large exposition of many teams.
fn large_exporter() -> Exporter {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("slow-scrapes", 1);
    let mut config = kafka_section(kafka, &topic, "");
    config.push_str("priorities: [p1, p2, p3, p4]\nteams:\n  known:\n");
    for team in 0..400 {
        writeln!(config, "  - team-{team}").unwrap();
    }
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    exporter
}

#[test]
fn slow_scrapers_share_the_memory_of_one_and_no_other_scrape_waits() {
    let exporter = large_exporter();
    // The largest format.
    let size = exporter.get_with("/metrics", &[("accept", OPEN_METRICS)]);
    let size = size.body.len();
    assert!(size > LARGE, "{size} bytes");
    let size = size as u64;

    let one = {
        let clients = SlowClients::new();
        clients.add(&exporter, OPEN_METRICS, "identity");
        most_memory(&exporter, WATCHED)
    };

    let clients = SlowClients::new();
    let checkpoint = |exporter: &Exporter| {
        let name = "ticket_exporter_last_checkpoint_timestamp_seconds";
        exporter.metrics().metric(name).value()
    };
    for _ in 0..CLIENTS {
        clients.add(&exporter, OPEN_METRICS, "identity");
    }
    let same = most_memory(&exporter, WATCHED);
    // All connections are in use by clients that do not read.
    let started = Instant::now();
    let before = checkpoint(&exporter);
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it is a scrape timeout"
    );
    thread::sleep(Duration::from_secs(3));
    assert!(checkpoint(&exporter) > before, "checkpoints go on");
    drop(clients);

    // Texts of many publications, formats and codings.
    let clients = SlowClients::new();
    let accepts = [TEXT, OPEN_METRICS, PROTOBUF];
    let others = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..CLIENTS {
                let coding = ["identity", "gzip"][number / accepts.len() % 2];
                clients.add(&exporter, accepts[number % accepts.len()], coding);
                thread::sleep(WATCHED.div_f64(CLIENTS as f64));
            }
        });
        most_memory(&exporter, WATCHED + Duration::from_secs(2))
    });
    assert_eq!(exporter.get("/metrics").status, 200);
    println!(
        "a text of {} MiB; with one slow client {} MiB, with {CLIENTS} {} MiB, in several formats {} MiB",
        size >> 20,
        one >> 20,
        same >> 20,
        others >> 20
    );
    assert!(
        same < 2 * one,
        "{same} bytes with {CLIENTS} clients, {one} with one"
    );
    assert!(
        others < SEVERAL_TEXTS * one,
        "{others} bytes in several formats, {one} with one client"
    );
}
