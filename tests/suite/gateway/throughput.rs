//! Requests per second of 2 KB, against a server that only passes bodies on.

use std::future::IntoFuture;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Gateway;
use crate::harness::{Kafka, free_port};

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(15);
const SIZE: usize = 2_048;

/// The mean rate of accepted requests, and the 99th percentile of their times.
fn rate(port: u16, path: &str) -> (f64, Duration) {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut times = Vec::new();
    let mut rate = 0.0;
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|sender| {
                let (stop, count) = (&stop, &count);
                scope.spawn(move || send_all(port, path, sender, stop, count))
            })
            .collect();
        thread::sleep(WARM_UP);
        let (before, start) = (count.load(Ordering::Relaxed), Instant::now());
        thread::sleep(MEASURED);
        let sent = count.load(Ordering::Relaxed) - before;
        rate = sent as f64 / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            times.extend(sender.join().unwrap());
        }
    });
    times.sort();
    (rate, times[times.len() * 99 / 100])
}

/// Sends on one connection. Returns the times of the requests.
fn send_all(
    port: u16,
    path: &str,
    sender: usize,
    stop: &AtomicBool,
    count: &AtomicU64,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    let mut buffer = [0; 4_096];
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut body = format!("{{\"id\":\"{sender}-{number}\",\"text\":\"");
        body.push_str(&"x".repeat(SIZE - body.len() - 2));
        body.push_str("\"}");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let started = Instant::now();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let length = stream.read(&mut buffer).unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        times.push(started.elapsed());
        count.fetch_add(1, Ordering::Relaxed);
    }
    times
}

/// axum and rdkafka, and nothing else: the body becomes the value, 200 after the acknowledgment.
fn start_echo(kafka: &Kafka, topic: &str) -> (tokio::runtime::Runtime, u16) {
    let mut config = kafka.client();
    let producer: FutureProducer = config
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("compression.codec", "zstd")
        .create()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (topic, port) = (topic.to_owned(), free_port());
    let router = axum::Router::new().route(
        "/echo",
        axum::routing::post(move |body: axum::body::Bytes| {
            let (producer, topic) = (producer.clone(), topic.clone());
            async move {
                let record: FutureRecord<'_, (), [u8]> =
                    FutureRecord::to(&topic).payload(&body[..]);
                producer.send(record, Duration::ZERO).await.unwrap();
                "accepted\n"
            }
        }),
    );
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))
        .unwrap();
    runtime.spawn(axum::serve(listener, router).into_future());
    (runtime, port)
}

#[test]
#[ignore = "long: a measurement of a minute, on a quiet machine"]
fn requests_per_second() {
    let kafka = Kafka::start();
    for topic in ["gateway", "echo"] {
        kafka.create_topic(topic, 6, &[]);
    }
    let gateway = Gateway::start(
        &kafka,
        "gateway",
        "{ open: { auth: none }, token: { auth: bearer, secret: t0ken } }",
    );
    let (runtime, echo) = start_echo(&kafka, "echo");
    // The echo is measured before and after, because the machine may not be equally quiet.
    let before = rate(echo, "/echo");
    let measured = rate(gateway.port, "/hooks/open");
    let after = rate(echo, "/echo");
    runtime.shutdown_background();
    let show = |name: &str, (rate, slow): (f64, Duration)| {
        println!("{name}: {rate:.0} requests/s, 99 % within {slow:?}");
    };
    show("echo", before);
    show("gateway", measured);
    show("echo", after);
    assert!(
        measured.0 > 0.5 * before.0.min(after.0),
        "slower than half of the echo"
    );
}
