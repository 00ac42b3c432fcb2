//! Hostile clients, all at once, while events arrive: memory stays bounded, legitimate clients get answers,
//! and no event is lost.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::curl::curl;
use super::http2::{Http2, tls};
use super::{NO_KAFKA, PATIENCE, Site, TLS, connect, refused};
use crate::crash::{created, offsets};
use crate::end_to_end::{helpdesk_config, now};
use crate::harness::{Exporter, Kafka, eventually, scrape};

/// The maximum of memory: connections with their buffers, and answers in progress.
const MEMORY: u64 = 96 << 20;
/// HTTP/2's error codes.
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The peak of a process' memory, in bytes.
fn peak(exporter: &Exporter) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() << 10
}

/// Sends bytes through TLS and reads the answer. Returns the status, 0 if the connection just ended.
fn status_of(address: &str, request: &[u8]) -> u16 {
    let mut stream = tls(address, b"http/1.1");
    // The server may refuse it before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).unwrap_or(0);
    let text = String::from_utf8_lossy(&answer[..length]);
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    status.map_or(0, |status| status.parse().unwrap())
}

/// Opens connections that send `word` and nothing more.
fn idle(address: &str, count: usize, word: &[u8]) -> Vec<TcpStream> {
    (0..count)
        .map(|_| {
            let mut stream = connect(address);
            // The server may close some of them first.
            let _ = stream.write_all(word);
            stream
        })
        .collect()
}

/// Invalid or too large requests of HTTP/1.1, and the expected status of each.
fn bad_requests() -> Vec<(Vec<u8>, &'static [u16])> {
    let with = |head: &str| format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{head}\r\n").into_bytes();
    let many: String = (0..200).map(|number| format!("a{number}: b\r\n")).collect();
    vec![
        (with(""), &[200]),
        (with(&format!("a: {}\r\n", "b".repeat(1 << 20))), &[431]),
        (with(&many), &[431]),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20)).into_bytes(),
            &[414, 431],
        ),
        (with("content-length: 1000000000000\r\n"), &[413]),
        (with("transfer-encoding: chunked\r\n"), &[413]),
        (
            with("content-length: 5\r\ntransfer-encoding: chunked\r\n"),
            &[400, 413],
        ),
        (with("content-length: -1\r\n"), &[400]),
        (with("content-length: 1\r\ncontent-length: 2\r\n"), &[400]),
        (
            b"GET /../../../../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[404],
        ),
        (
            b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[404],
        ),
        (
            b"GET /metrics/../-/ready HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[404],
        ),
        (
            b"GET //etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[404],
        ),
        (
            b"DELETE /metrics HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[405],
        ),
        (
            b"TRACE /metrics HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[405],
        ),
        (
            b"CONNECT example.com:443 HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            &[400, 404, 405],
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400]),
        (b"GET /metrics HTTP/9.9\r\n\r\n".to_vec(), &[0, 400, 505]),
        (b"\x00\x01\x02\xff\xfe garbage \r\n\r\n".to_vec(), &[400]),
        (vec![b'a'; 1 << 20], &[0, 400, 414, 431]),
    ]
}

/// Opens requests of HTTP/2 and cancels them at once, until the server closes the connection.
fn rapid_reset(address: &str) {
    let mut connection = Http2::connect(address);
    for _ in 0..20_000 {
        let sent = connection
            .request("/metrics", &[])
            .and_then(|stream| connection.reset(stream));
        if sent.is_err() {
            break;
        }
    }
    let seen = connection.read(|seen| seen.go_away.is_some());
    assert!(
        matches!(seen.go_away, None | Some(ENHANCE_YOUR_CALM)),
        "{seen:?}"
    );
}

/// More requests on a connection of HTTP/2 than are allowed. The server refuses the rest one by one.
fn many_streams(address: &str) {
    let mut connection = Http2::connect(address);
    for _ in 0..60 {
        if connection.request("/api/v1/kpis", &[]).is_err() {
            break;
        }
    }
    let seen =
        connection.read(|seen| seen.answers + seen.resets.len() == 60 || seen.go_away.is_some());
    assert!(
        seen.resets.iter().all(|code| *code == REFUSED_STREAM),
        "{seen:?}"
    );
    assert!(seen.go_away.is_some() || seen.answers >= 16, "{seen:?}");
}

/// A request head of HTTP/2 that is too large.
fn large_head(address: &str) {
    let mut connection = Http2::connect(address);
    // Two of them just fit into an HTTP/2 frame, but exceed the limit of a head.
    let large = "b".repeat(8_140);
    let _ = connection.request("/-/healthy", &[("a", &large), ("c", &large)]);
    let seen =
        connection.read(|seen| seen.answers + seen.resets.len() > 0 || seen.go_away.is_some());
    // A good answer has a body.
    assert!(seen.bare_answers == 1 || seen.resets.len() == 1, "{seen:?}");
}

/// Concurrent scrapes; each is answered or told to retry.
fn scrapes(address: &str, count: usize) {
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let address = address.to_owned();
            let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
            thread::spawn(move || status_of(&address, request))
        })
        .collect();
    let statuses: Vec<u16> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    assert!(
        statuses.iter().filter(|status| **status == 200).count() >= 32,
        "{statuses:?}"
    );
}

#[test]
fn hostile_clients_do_not_affect_the_numbers() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hostile", 2);
    let site = Site::new();
    let config = helpdesk_config(kafka, &topic);
    let mut exporter = Exporter::start(&["serve", &site.flag(TLS)], &config);
    let address = exporter.address();
    let ready = |what: &str| {
        eventually(what, PATIENCE, || {
            let answer = site.curl(&exporter, "/-/ready", &[]);
            if answer.status == 200 {
                Ok(())
            } else {
                Err(format!("{answer:?}"))
            }
        });
    };
    ready("a ready exporter");
    let before = peak(&exporter);

    let done = Arc::new(AtomicBool::new(false));
    let (stop, to) = (Arc::clone(&done), topic);
    let writer = thread::spawn(move || {
        let mut written: i64 = 0;
        while !stop.load(Ordering::Relaxed) {
            let records = (0..50).map(|number| created(&format!("{written}-{number}"), now()));
            kafka.produce(&to, records);
            written += 50;
        }
        written
    });

    // Slow request heads through TLS, which stay open all the time.
    let slow: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = tls(&address, b"http/1.1");
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost:").unwrap();
            stream
        })
        .collect();
    // Slow handshakes: the start of a record without the rest.
    let handshakes = idle(&address, 200, b"\x16\x03\x01\x02\x00");
    for (request, statuses) in bad_requests() {
        let status = status_of(&address, &request);
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(statuses.contains(&status), "{status} for {shown}");
    }
    rapid_reset(&address);
    many_streams(&address);
    large_head(&address);
    scrapes(&address, 100);
    for _ in 0..20 {
        let mut stream = connect(&address);
        let _ = stream.write_all(&[0x80; 4096]);
    }
    let crowd = idle(&address, 1_000, b"");
    let started = Instant::now();
    assert_eq!(site.curl(&exporter, "/metrics", &[]).status, 200);
    // No client waits until idle connections time out, which takes 10 s at least.
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let metrics = site.metrics(&exporter, &[]);
    assert!(refused(&metrics, "connection") >= 700.0);
    assert!(refused(&metrics, "body") >= 2.0);
    assert!(refused(&metrics, "handshake") >= 20.0);
    drop((slow, handshakes, crowd));

    done.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    assert!(written > 0);
    let name = "ticket_exporter_events_total";
    eventually("every event", PATIENCE, || {
        let metrics = site.metrics(&exporter, &[]);
        metrics
            .metric(name)
            .label("result", "applied")
            .check(written as f64)
    });
    assert_eq!(
        offsets(&site.metrics(&exporter, &[])).values().sum::<i64>(),
        written
    );
    ready("an exporter that is still ready");
    let after = peak(&exporter);
    println!(
        "{written} events; peak before {} MiB, after {} MiB",
        before >> 20,
        after >> 20
    );
    assert!(
        after < before + MEMORY,
        "{before} bytes before, {after} after"
    );
    assert!(exporter.stop(PATIENCE).success());
}

/// A scraper from another address keeps its connection during a flood.
#[test]
fn a_flood_only_affects_its_own_address() {
    let exporter = Exporter::start(&[], NO_KAFKA);
    let mut scraper = connect(&exporter.address());
    let crowd: Vec<_> = (0..400)
        .map(|_| {
            // Linux has all of 127.0.0.0/8; curl would not keep its connections open.
            let socket = socket_from([127, 0, 0, 2], &exporter.address());
            socket
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            socket
        })
        .collect();
    eventually("the limit of connections", PATIENCE, || {
        let answer = curl(&["--interface", "127.0.0.3", &exporter.url("/metrics")]);
        let evicted = refused(&scrape(&answer.body), "connection");
        if evicted >= 145.0 {
            Ok(())
        } else {
            Err(evicted.to_string())
        }
    });
    let request = b"GET /-/healthy HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    scraper.write_all(request).unwrap();
    let mut answer = String::new();
    scraper.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(crowd);
}

/// A connection from that address of the loopback.
fn socket_from(from: [u8; 4], to: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(to.parse().unwrap()).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}
