//! The registry is unreachable, slow, or available again: reading waits for it, and no event is lost or
//! counted twice.

use std::thread;
use std::time::{Duration, Instant};

use super::encoded::Format;
use super::{Written, helpdesk, registry_section};
use crate::crash::watch::Watch;
use crate::crash::{STOPPED_WITHIN, created, offsets, start, target_config};
use crate::end_to_end::{PATIENCE, breaches, helpdesk_config_on_event_time, now, wait_for_reason};
use crate::harness::{Exporter, Kafka, Proxy, SchemaRegistry};

/// Longer than the session timeout of the tests (6 s), and than the longest allowed pause between two polls
/// in the tests below.
const LONGER_THAN_THE_GROUP_WAITS: Duration = Duration::from_secs(9);

const WAITING: &str = "waiting for the schema registry";

fn waits(exporter: &Exporter) -> bool {
    let scrape = exporter.metrics();
    scrape
        .metric("ticket_exporter_schema_registry_waiting")
        .value()
        == 1.0
}

fn errors(exporter: &Exporter) -> f64 {
    let scrape = exporter.metrics();
    scrape
        .metric("ticket_exporter_schema_registry_errors_total")
        .sum()
}

#[test]
fn reading_waits_for_an_unreachable_registry() {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic("away", 3);
    let proxy = Proxy::start(registry.address());
    let url = SchemaRegistry::url_at(proxy.address());
    let config = helpdesk_config_on_event_time(kafka, &topic) + &registry_section(&url);
    // The group removes a member that does not poll for this time.
    let config = config.replace(
        "  properties:\n",
        "  properties:\n    max.poll.interval.ms: \"6000\"\n",
    );
    let subject = format!("{topic}-value");
    let (old, new) = (
        Format::plain_avro(registry, &subject),
        Format::typed_avro(registry, &subject),
    );
    let events = helpdesk();
    let (first, second) = events.split_at(events.len() / 2);
    let mut written = Written::default();
    written.write(kafka, &topic, first, |_| &old);

    // Unreachable at the start: no record is consumed, and none is rejected.
    proxy.cut();
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    wait_for_reason(&exporter, WAITING);
    assert!(waits(&exporter) && errors(&exporter) > 0.0);
    exporter.kill9();
    exporter.restart();
    wait_for_reason(&exporter, WAITING);
    assert!(offsets(&exporter.metrics()).values().all(|next| *next == 0));
    proxy.mend();
    exporter.wait_ready(PATIENCE);
    assert!(!waits(&exporter));

    // Unreachable later, with a new schema, for longer than the group's timeouts, and during a kill.
    proxy.cut();
    written.write(kafka, &topic, second, |number| [&old, &new][number % 2]);
    wait_for_reason(&exporter, WAITING);
    thread::sleep(LONGER_THAN_THE_GROUP_WAITS);
    let before = offsets(&exporter.metrics());
    assert!(
        before.values().sum::<i64>() < i64::try_from(events.len()).unwrap(),
        "what cannot be read is passed over: {before:?}"
    );
    let answer = exporter.get("/-/ready").text();
    assert!(
        answer.matches("\n- ").count() == 1,
        "only the registry is away: {answer}"
    );
    exporter.kill9();
    exporter.restart();
    wait_for_reason(&exporter, WAITING);
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
    exporter.restart();
    wait_for_reason(&exporter, WAITING);
    proxy.mend();
    exporter.wait_ready(PATIENCE);
    written.wait_for_truth(&exporter, &config, kafka, &topic);
    watch.finish();
    let rejected = exporter.metrics();
    assert_eq!(rejected.metric("ticket_exporter_rejected_total").sum(), 0.0);
}

#[test]
fn an_unreachable_registry_causes_no_breach() {
    let kafka = Kafka::shared();
    let mut registry = SchemaRegistry::start();
    let topic = kafka.new_topic("frozen", 1);
    let reply = Format::plain_avro(&registry, &format!("{topic}-value"));
    let config = target_config(kafka, &topic, "4s") + &registry_section(&registry.url());
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    registry.pause();
    let asked = now();
    // Later than an opening message, and before the deadline.
    let answered = asked.plus(3_000);
    kafka.produce(&topic, [created("a", asked)]);
    let mut written = Written::default();
    let answer = serde_json::json!({
        "ticket_id": "a", "type": "message", "at": answered.rfc3339(), "actor": "agent",
    });
    written.write(kafka, &topic, &[answer], |_| &reply);
    wait_for_reason(&exporter, WAITING);
    // Without an answer the goal would have breached by now. Scrapes do not wait.
    while now().since(asked) < 10_000 {
        let begun = Instant::now();
        assert_eq!(breaches(&exporter.metrics()), Ok(0.0));
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        thread::sleep(Duration::from_millis(200));
    }
    assert!(waits(&exporter));
    registry.resume();
    exporter.wait_ready(PATIENCE);
    exporter.wait_for_metrics("the answer", PATIENCE, |scrape| {
        let counted = scrape.metric("ticket_first_response_seconds_count");
        counted
            .label("clock", "calendar")
            .label("team", "billing")
            .check(1.0)
    });
    assert_eq!(breaches(&exporter.metrics()), Ok(0.0));

    // The exporter stops at once while it waits.
    let other = Format::protobuf(&registry, &format!("{topic}-protobuf"));
    registry.pause();
    let event = serde_json::json!({
        "ticket_id": "b", "type": "created", "at": now().rfc3339(), "team": "billing",
    });
    written.write(kafka, &topic, &[event], |_| &other);
    wait_for_reason(&exporter, WAITING);
    let begun = Instant::now();
    assert_eq!(exporter.stop(STOPPED_WITHIN).code(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_rebalance_while_reading_waits_for_the_registry() {
    let (kafka, registry) = (Kafka::shared(), SchemaRegistry::shared());
    let topic = kafka.new_topic("rebalanced", 4);
    let proxy = Proxy::start(registry.address());
    let url = SchemaRegistry::url_at(proxy.address());
    let config = helpdesk_config_on_event_time(kafka, &topic) + &registry_section(&url);
    let format = Format::typed_avro(registry, &format!("{topic}-value"));
    let mut written = Written::default();
    proxy.cut();
    written.write(kafka, &topic, &helpdesk(), |_| &format);
    let mut exporter = start(&config);
    wait_for_reason(&exporter, WAITING);
    // Another member of the group takes half of the partitions, and returns them.
    let mut other = start(&config);
    let owned = |exporter: &Exporter, count: f64| {
        exporter.wait_for_metrics("its partitions", PATIENCE, |scrape| {
            let owned = scrape.metric("ticket_exporter_partitions_assigned");
            owned.check(count)
        });
    };
    owned(&exporter, 2.0);
    owned(&other, 2.0);
    assert_eq!(other.stop(STOPPED_WITHIN).code(), Some(0));
    owned(&exporter, 4.0);
    assert!(waits(&exporter));
    proxy.mend();
    exporter.wait_ready(PATIENCE);
    written.wait_for_truth(&exporter, &config, kafka, &topic);
}
