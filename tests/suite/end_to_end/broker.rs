//! A broker that starts late, dies and returns, and a topic that grows: no event is lost or counted twice.

use std::process::{Child, Stdio};
use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::{
    PATIENCE, close, helpdesk_config_on_event_time, kpis, simulate, text, to_topic,
    wait_for_counters, wait_for_reason,
};
use crate::harness::{Exporter, Kafka, Record, command};

/// More than the history of [`start_helpdesk`], so that new events arrive.
const HISTORY: f64 = 30_000.0;

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[track_caller]
fn assert_not_ready(exporter: &Exporter, reason: &str) {
    let answer = exporter.get("/-/ready");
    assert_eq!(answer.status, 503, "{}", answer.text());
    wait_for_reason(exporter, reason);
    assert!(kpis(&exporter.metrics()).is_empty(), "KPIs without a topic");
}

/// A helpdesk with a week of history, and then another week within some seconds.
fn start_helpdesk(kafka: &Kafka, topic: &str) -> Child {
    let target = to_topic(kafka, topic);
    let arguments = format!(
        "simulate --seed 8 --from 2026-03-02T00:00:00Z --live-from 2026-03-09T00:00:00Z --for 14d \
         --pace 4000/s {target}"
    );
    command()
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_broker_starts_late_dies_and_returns() {
    let mut kafka = Kafka::start();
    kafka.stop();
    let topic = "late";
    let config = helpdesk_config_on_event_time(&kafka, topic);
    let mut exporter = Exporter::start(&[], &config);
    assert_not_ready(&exporter, "Connection refused");
    kafka.restart();
    assert_not_ready(&exporter, "topic late does not exist");
    kafka.create_topic(topic, 3, &[]);
    let mut helpdesk = start_helpdesk(&kafka, topic);
    exporter.wait_ready(PATIENCE);
    exporter.wait_for_metrics("live events", PATIENCE, |scrape| {
        if kpis(scrape).is_empty() {
            return Err(exporter.get("/-/ready").text());
        }
        let events = scrape.metric("ticket_exporter_events_total");
        match events.label("result", "applied").value() {
            many if many > HISTORY => Ok(()),
            few => Err(format!("{few} applied")),
        }
    });
    // The producer retries, as producers do.
    assert!(
        helpdesk.try_wait().unwrap().is_none(),
        "no more events arrive"
    );
    kafka.kill();
    // The numbers of the state stay right.
    assert!(!kpis(&exporter.metrics()).is_empty(), "{}", exporter.logs());
    kafka.restart();
    let written = helpdesk.wait_with_output().unwrap();
    assert!(written.status.success(), "{}", text(&written.stderr));
    let clock = close(&kafka, topic, instant("2026-04-01T00:00:00Z"));
    let records = kafka.consume(topic);
    // The last line has the number of events; those before are about the outage.
    let said = text(&written.stderr);
    let count = said.lines().last().and_then(|line| line.split(' ').next());
    let count: usize = count.unwrap().parse().unwrap();
    assert_eq!(count + 3, records.len(), "written, and those that close");
    wait_for_counters(&exporter, &config, &records, clock);
    assert_eq!(exporter.stop(Duration::from_secs(15)).code(), Some(0));
}

#[test]
fn added_partitions_are_read() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("growing", 1);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let events = simulate("--seed 2 --from 2026-03-02T00:00:00Z --for 3d --output -");
    let events: Vec<&str> = events.lines().collect();
    let (early, late) = events.split_at(events.len() / 2);
    // A ticket stays in its partition, so the new partition has other tickets.
    let to = |partition: i32, events: &[&str]| {
        let records = events.iter().map(|event| {
            let other = event.replace("SUP-", &format!("P{partition}-"));
            Record::new(other.replace("\"event_id\":\"", &format!("\"event_id\":\"{partition}")))
                .partition(partition)
        });
        kafka.produce(&topic, records);
    };
    to(0, early);
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    kafka.add_partitions(&topic, 3);
    to(0, late);
    to(1, early);
    to(2, &events);
    exporter.wait_for_metrics("the new partitions", PATIENCE, |scrape| {
        let assigned = scrape.metric("ticket_exporter_partitions_assigned");
        assigned.check(3.0)
    });
    to(1, late);
    let clock = close(kafka, &topic, instant("2026-03-08T00:00:00Z"));
    let records = kafka.consume(&topic);
    assert_eq!(records.len(), 3 * events.len() + 3);
    wait_for_counters(&exporter, &config, &records, clock);
    let metrics = exporter.metrics();
    metrics.metric("ticket_exporter_misrouted_total").is(0.0);
}
