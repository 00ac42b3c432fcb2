//! A measurement, not a test: how long a reload with other rules takes with many open tickets, how old the
//! served numbers become, and how much memory it needs. Run it in release mode on a quiet machine:
//!
//! `cargo test --release --test with_tools -- --ignored --nocapture reload_with_a_million`

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{LIFECYCLE, take_over};
use crate::crash::start;
use crate::end_to_end::{helpdesk_config_on_event_time, now};
use crate::harness::{Exporter, Kafka, Record, get, scrape};

const TICKETS: u64 = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(600);

/// The memory of the process in MiB: current and peak.
fn memory(exporter: &Exporter) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.id())).unwrap();
    let of = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse::<u64>().unwrap() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

#[test]
#[ignore = "long: a measurement"]
fn reload_with_a_million_open_tickets() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("million-reload", 4);
    let from = now().minus(86_400_000).0;
    for piece in 0..20 {
        let tickets = (piece * TICKETS / 20)..((piece + 1) * TICKETS / 20);
        let records = tickets.map(|ticket| {
            let id = format!("SUP-{ticket}");
            let event = json!({"ticket_id": id, "type": "created", "team": "billing",
                "at": from + i64::try_from(ticket / 20).unwrap(), "priority": "p2"});
            Record::keyed(id, event.to_string())
        });
        kafka.produce(&topic, records);
    }
    let config = helpdesk_config_on_event_time(kafka, &topic) + LIFECYCLE;
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    println!("memory: {:?} MiB (now, most)", memory(&exporter));
    for (what, more) in [
        ("nothing", ""),
        ("an interval", "checkpoint: { interval: 900ms }\n"),
        ("rules", "limits: { teams: 999 }\n"),
        ("rules", "limits: { teams: 998 }\n"),
    ] {
        let url = exporter.url("/metrics");
        let stop = std::sync::atomic::AtomicBool::new(false);
        let (took, oldest) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut oldest: f64 = 0.0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let metrics = scrape(&get(&url).unwrap().text());
                    let at = metrics.metric("ticket_exporter_last_checkpoint_timestamp_seconds");
                    oldest = oldest.max(now().seconds() - at.value());
                    assert!(metrics.metric("ticket_created_total").sum() > 0.0);
                }
                oldest
            });
            let begun = Instant::now();
            take_over(&exporter, &format!("{config}{more}"));
            let took = begun.elapsed();
            std::thread::sleep(Duration::from_secs(3));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            (took, watch.join().unwrap())
        });
        println!(
            "{what}: answered after {took:?}, numbers at most {oldest:.1} s old, memory {:?} MiB",
            memory(&exporter)
        );
    }
}
