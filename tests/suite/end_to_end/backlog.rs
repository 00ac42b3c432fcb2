//! A backlog: the exporter serves nothing about tickets until it has read it, then everything at once, in
//! bounded memory.

use std::time::{Duration, Instant};

use super::{PATIENCE, helpdesk_config, kpis, simulate, to_topic};
use crate::harness::{Exporter, Kafka, get, scrape};

/// Kafka's fetched records (32 MiB), 60,000 tickets with timers, and the series: about twice the measured
/// value.
const MEMORY: f64 = 400.0 * 1024.0 * 1024.0;

/// Often enough to observe the catch-up, rarely enough to cause no load.
const BETWEEN_SCRAPES: Duration = Duration::from_millis(20);

#[test]
fn a_backlog_is_withheld_until_it_is_read_and_then_complete() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("backlog", 8);
    let helpdesk = "--seed 5 --load 45000 --from 2026-01-05T00:00:00Z --for 90d";
    simulate(&format!("{helpdesk} {}", to_topic(kafka, &topic)));
    let total: i64 = kafka.ends(&topic).values().sum();
    assert!(total > 500_000, "only {total} events");

    let config = helpdesk_config(kafka, &topic);
    let mut exporter = Exporter::start(&[], &config);
    let started = Instant::now();
    let (metrics, ready) = (exporter.url("/metrics"), exporter.url("/-/ready"));
    let mut withheld = 0;
    let mut memory: f64 = 0.0;
    let first = loop {
        assert!(
            started.elapsed() < PATIENCE,
            "not ready; log\n{}",
            exporter.logs()
        );
        // In this order: a client that reads "ready" finds the series.
        let readiness = get(&ready).unwrap();
        let scrape = scrape(&get(&metrics).unwrap().text());
        memory = memory.max(scrape.metric("process_resident_memory_bytes").value());
        if !kpis(&scrape).is_empty() {
            break scrape;
        }
        let reason = readiness.text();
        assert_eq!(readiness.status, 503, "KPIs are withheld: {reason}");
        assert!(reason.starts_with("not ready\n- "), "{reason}");
        withheld += 1;
        std::thread::sleep(BETWEEN_SCRAPES);
    };
    let took = started.elapsed();
    assert!(withheld > 0, "the backlog was read before it could be seen");
    let result = |result: &str| {
        let events = first.metric("ticket_exporter_events_total");
        events.label("result", result).value()
    };
    let read = result("applied") + result("duplicate") + result("ignored");
    assert_eq!(
        read, total as f64,
        "the first exposition is not the whole backlog"
    );
    assert_eq!(get(&ready).unwrap().status, 200);
    let mebibytes = memory / (1024.0 * 1024.0);
    println!("{total} events in {took:?}, {withheld} scrapes withheld, {mebibytes:.0} MiB");
    assert!(memory < MEMORY, "{mebibytes:.0} MiB resident");
    exporter.wait_ready(PATIENCE);
}
