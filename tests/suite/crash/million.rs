//! A measurement, not a test: how long a million open tickets take to load, and how much disk they need
//! after a day of work. Run it in release mode on a quiet machine:
//!
//! `cargo test --release --test with_tools -- --ignored --nocapture a_million_open_tickets`

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{DIRECTORY, HOUR, MINUTE, SECOND, start};
use crate::end_to_end::{helpdesk_config_on_event_time, now};
use crate::harness::{Exporter, Kafka, Record, eventually};

const TICKETS: u64 = 1_000_000;
/// Events of the day per ticket, on average.
const CHURN: u64 = 2;
/// The number of batches in which the day's events arrive. After each there is time for some checkpoints.
const PIECES: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(600);

fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

fn event(ticket: u64, kind: &str, at: i64, more: &serde_json::Value) -> Record {
    let mut event = json!({
        "ticket_id": format!("SUP-{ticket}"), "type": kind, "at": at,
        "event_id": format!("{kind}-{ticket}-{at}"),
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    Record::keyed(format!("SUP-{ticket}"), event.to_string())
}

/// A ticket that is created, answered, changed and pending.
fn opening(ticket: u64, at: i64) -> [Record; 5] {
    let priority = ["p1", "p2", "p3", "p4"][usize::try_from(ticket % 4).unwrap()];
    let team = ["billing", "network", "hardware"][usize::try_from(ticket % 3).unwrap()];
    [
        event(
            ticket,
            "created",
            at,
            &json!({"team": team, "priority": priority, "channel": "email"}),
        ),
        event(
            ticket,
            "agent_changed",
            at + MINUTE,
            &json!({"agent": "a", "status": "open"}),
        ),
        event(
            ticket,
            "message",
            at + 5 * MINUTE,
            &json!({"actor": "agent", "public": true}),
        ),
        event(
            ticket,
            "status_changed",
            at + 6 * MINUTE,
            &json!({"status": "pending"}),
        ),
        event(
            ticket,
            "message",
            at + 30 * MINUTE,
            &json!({"actor": "customer", "status": "open"}),
        ),
    ]
}

fn came_back(exporter: &mut Exporter) -> Duration {
    exporter.kill9();
    let started = Instant::now();
    exporter.restart();
    eventually("ready", PATIENCE, || {
        match exporter.get("/-/ready").status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    started.elapsed()
}

#[test]
#[ignore = "long: a measurement of some minutes"]
fn a_million_open_tickets_load() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("million", 8);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let day = now().0 - 36 * HOUR;
    let begun = Instant::now();
    kafka.produce(
        &topic,
        (0..TICKETS).flat_map(|ticket| opening(ticket, day + i64::try_from(ticket).unwrap())),
    );
    println!("produced in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    println!("first catch-up in {:.1?}", begun.elapsed());
    let directory = exporter.folder().join(DIRECTORY);
    let per_ticket = || size(&directory) / TICKETS;
    println!("{} bytes a ticket after the catch-up", per_ticket());
    println!("back after {:.2?}", came_back(&mut exporter));

    let mut sizes = Vec::new();
    for piece in 0..PIECES {
        let count = TICKETS * CHURN / PIECES;
        let at =
            day + HOUR + i64::try_from(piece).unwrap() * 24 * HOUR / i64::try_from(PIECES).unwrap();
        kafka.produce(
            &topic,
            (0..count).map(|number| {
                // The events are spread over all tickets.
                let ticket = (piece * count + number).wrapping_mul(7_919) % TICKETS;
                let at = at + i64::try_from(number).unwrap() % (30 * MINUTE);
                if number % 2 == 0 {
                    event(
                        ticket,
                        "message",
                        at,
                        &json!({"actor": "agent", "status": "pending"}),
                    )
                } else {
                    event(
                        ticket,
                        "message",
                        at,
                        &json!({"actor": "customer", "status": "open"}),
                    )
                }
            }),
        );
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(SECOND.unsigned_abs()));
            sizes.push(per_ticket());
        }
    }
    exporter.wait_ready(PATIENCE);
    println!(
        "{} bytes a ticket after a day, at most {}: {sizes:?}",
        per_ticket(),
        sizes.iter().max().unwrap()
    );
    println!("back after {:.2?}", came_back(&mut exporter));
}
