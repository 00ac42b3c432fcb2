//! Slow senders do not keep others from sending, and do not fill the memory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Gateway;
use crate::harness::Kafka;

const SLOW: usize = 200;

#[test]
fn slow_bodies_end_while_others_are_accepted() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("slow", 1);
    let gateway = Gateway::start(kafka, &topic, "{ open: { auth: none } }");
    let started = Instant::now();
    let mut slow: Vec<TcpStream> = (0..SLOW)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
            let head = "POST /hooks/open HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n{";
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    while started.elapsed() < Duration::from_secs(5) {
        let sent = Instant::now();
        assert_eq!(gateway.status("open", &[], b"{\"id\":1}"), 200);
        assert!(
            sent.elapsed() < Duration::from_secs(3),
            "{:?}",
            sent.elapsed()
        );
    }
    let scrape = gateway.exporter.metrics();
    scrape
        .metric("ticket_gateway_requests_in_flight")
        .is(SLOW as f64);
    for stream in &mut slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(started.elapsed() < Duration::from_secs(40));
}
