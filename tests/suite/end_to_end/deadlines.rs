//! A deadline needs no event: on an idle topic a breach appears by itself, and not before its time.

use std::time::Duration;

use serde_json::json;

use super::{PATIENCE, breaches, event_time, kafka_section, now};
use crate::harness::{Exporter, Kafka, Record, eventually, get, scrape};

const TARGET: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(1);
/// A breach appears after a publication (1 s) and one query for the end of the partition; the rest is for a
/// busy machine.
const LATEST: Duration = Duration::from_secs(10);

#[test]
fn a_breach_appears_without_an_event_and_not_before_its_deadline() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("idle", 2);
    let config = format!(
        "{}stream: {{ lateness: 1s, grace: {}s }}\nteams: {{ known: [billing] }}\n\
         priorities: [p1]\nsla:\n  policies:\n    - name: all\n      clock: calendar\n      \
         targets: {{ first_response: {}s }}\n",
        kafka_section(kafka, &topic, ""),
        GRACE.as_secs(),
        TARGET.as_secs()
    );
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    assert_eq!(
        breaches(&exporter.metrics()),
        Ok(0.0),
        "at 0 from the start"
    );

    let created = json!({
        "ticket_id": 1, "type": "created", "at": now().rfc3339(),
        "team": "billing", "priority": "p1",
    })
    .to_string();
    let deadline = event_time(created.as_bytes()) + i64::try_from(TARGET.as_millis()).unwrap();
    kafka.produce(&topic, [Record::keyed("1", created).partition(0)]);

    let mut running = false;
    let url = exporter.url("/metrics");
    let seen = eventually("the breach", TARGET + GRACE + LATEST, || {
        // The answer was right before this instant.
        let text = get(&url)?.text();
        let answered = now();
        let scrape = scrape(&text);
        if breaches(&scrape)? > 0.0 {
            return Ok(answered);
        }
        let goals = scrape
            .metric("ticket_sla_running")
            .label("target", "first_response")
            .label("team", "billing");
        running |= goals.check(1.0).is_ok();
        Err(format!("no breach in\n{text}"))
    });
    assert!(running, "the goal was never seen running");
    let late = seen.0 - deadline;
    let grace = i64::try_from(GRACE.as_millis()).unwrap();
    assert!(
        late > grace,
        "seen {late} ms after the deadline, before the grace was over"
    );
    let metrics = exporter.metrics();
    let overdue = metrics.metric("ticket_sla_overdue");
    overdue
        .label("target", "first_response")
        .label("team", "billing")
        .is(1.0);
    metrics
        .metric("ticket_exporter_sla_breach_detection_seconds_count")
        .is(1.0);
}

/// Tickets of the measurement, each with a deadline.
const MEASURED: i64 = 600;
/// Time between two deadlines in milliseconds: no divisor of the second between checkpoints.
const APART: i64 = 97;

/// Measures the time from a deadline until a scrape shows the breach, on an exporter that has caught up and
/// reads an idle topic.
#[test]
#[ignore = "long: a measurement of more than a minute"]
fn breaches_are_visible_soon_after_their_deadlines() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("delays", 4);
    let config = format!(
        "{}stream: {{ lateness: 1s, grace: {}s }}\nteams: {{ known: [billing] }}\n\
         priorities: [p1]\nsla:\n  policies:\n    - name: all\n      clock: calendar\n      \
         targets: {{ first_response: 70s }}\n",
        kafka_section(kafka, &topic, ""),
        GRACE.as_secs(),
    );
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let start = now();
    kafka.produce(
        &topic,
        (0..MEASURED).map(|ticket| {
            // All events are before the exporter's clock and do not move it. Their deadlines are ahead.
            let at = start.minus(65_000).plus(ticket * APART);
            let event = json!({
                "ticket_id": ticket, "type": "created", "at": at.rfc3339(),
                "team": "billing", "priority": "p1",
            });
            Record::keyed(ticket.to_string(), event.to_string())
        }),
    );
    let scrape =
        exporter.wait_for_metrics("every breach", 3 * PATIENCE, |scrape| {
            match breaches(scrape)? {
                count if count >= MEASURED as f64 => Ok(()),
                count => Err(format!("{count} breaches")),
            }
        });
    let family = "ticket_exporter_sla_breach_detection_seconds";
    let part = |suffix: &str| scrape.metric(&format!("{family}_{suffix}"));
    println!(
        "{} breaches, {:.3} s after their deadlines on average, grace {} s",
        part("count").value(),
        part("sum").value() / part("count").value(),
        GRACE.as_secs()
    );
    for line in exporter.get("/metrics").text().lines() {
        if line.starts_with(&format!("{family}_bucket")) {
            println!("{line}");
        }
    }
}
