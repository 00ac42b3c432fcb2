//! The headers of dead letters, and dead letters that a topic does not accept.

use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::*;
use crate::end_to_end::kafka_section;
use crate::harness::Record;

/// Larger than the default limit of topics and of most clients.
const LARGE: usize = 6_000_000;

fn config(kafka: &Kafka, topic: &str, dead: &str) -> String {
    kafka_section(kafka, topic, &format!("dead_letter_topic: {dead}"))
}

#[track_caller]
fn wait_for_letters(exporter: &Exporter, delivered: f64, lost: f64) {
    exporter.wait_for_metrics("the letters", PATIENCE, |scrape| {
        let events = scrape.metric("ticket_exporter_events_total");
        let found = (
            events.label("result", "dead_lettered").value(),
            scrape
                .metric("ticket_exporter_dead_letters_lost_total")
                .value(),
        );
        if found == (delivered, lost) {
            return Ok(());
        }
        Err(format!("{found:?}; log\n{}", exporter.logs()))
    });
}

/// Every header of the only record of a topic.
fn headers_of_only_record(kafka: &Kafka, topic: &str) -> Vec<(String, Option<String>)> {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    let consumer: BaseConsumer = kafka.client().set("group.id", "look").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&list).unwrap();
    let message = consumer.poll(PATIENCE).unwrap().unwrap();
    let headers = message.headers().unwrap().iter();
    headers
        .map(|header| {
            let value = header.value.map(|value| String::from_utf8_lossy(value));
            (header.key.to_owned(), value.map(Into::into))
        })
        .collect()
}

#[test]
fn every_header_of_the_record_is_preserved() {
    let kafka = Kafka::shared();
    let (topic, dead) = (
        kafka.new_topic("headers", 1),
        kafka.new_topic("headers-dead", 1),
    );
    let mut headers = OwnedHeaders::new();
    for (key, value) in [
        ("ce_id", Some(&b"17"[..])),
        ("trace", None),
        ("ce_id", Some(b"18")),
        ("empty", Some(b"")),
        ("ticket_exporter.offset", Some(b"4711")),
        ("binary", Some(b"\xff\x00")),
    ] {
        headers = headers.insert(Header { key, value });
    }
    let producer: BaseProducer = kafka.client().create().unwrap();
    let record = BaseRecord::to(&topic)
        .key("k")
        .payload("no event")
        .headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();

    // Only dead letters need the headers of canonical events.
    let exporter = start(&config(kafka, &topic, &dead));
    wait_for_letters(&exporter, 1.0, 0.0);
    let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(
        headers_of_only_record(kafka, &dead),
        [
            some("ce_id", "17"),
            ("trace".to_owned(), None),
            some("ce_id", "18"),
            some("empty", ""),
            some("ticket_exporter.original.offset", "4711"),
            some("binary", "\u{fffd}\0"),
            some("ticket_exporter.topic", &topic),
            some("ticket_exporter.partition", "0"),
            some("ticket_exporter.offset", "0"),
            some("ticket_exporter.reason", "invalid_json"),
        ]
    );
}

#[test]
fn a_dead_letter_may_be_as_large_as_its_topic_allows() {
    let kafka = Kafka::shared();
    let (topic, dead) = (Kafka::unique("large"), Kafka::unique("large-dead"));
    let roomy = [("max.message.bytes", "8000000")];
    kafka.create_topic(&topic, 1, &roomy);
    kafka.create_topic(&dead, 1, &roomy);
    produce_large(kafka, &topic, LARGE);
    let exporter = start(&config(kafka, &topic, &dead));
    wait_for_letters(&exporter, 1.0, 0.0);
}

/// One record that cannot be compressed.
fn produce_large(kafka: &Kafka, topic: &str, size: usize) {
    let producer: BaseProducer = kafka
        .client()
        .set("message.max.bytes", "20000000")
        .create()
        .unwrap();
    let mut noise = 88_172_645_463_325_252_u64;
    let value: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()[0] | 0x80
    })
    .take(size)
    .collect();
    let record = BaseRecord::to(topic).key("large").payload(&value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn a_dead_letter_that_is_too_large_is_reported_once_and_affects_no_other() {
    let kafka = Kafka::shared();
    let topic = Kafka::unique("narrow");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "8000000")]);
    let dead = Kafka::unique("narrow-dead");
    kafka.create_topic(&dead, 1, &[("max.message.bytes", "20000")]);
    // Each fits into a batch; all together do not.
    let small = |from: usize| (from..from + 40).map(|number| Record::new(noise_text(number)));
    kafka.produce(&topic, small(0));
    produce_large(kafka, &topic, 100_000);
    produce_large(kafka, &topic, LARGE);
    kafka.produce(&topic, small(40));
    let mut exporter = start(&config(kafka, &topic, &dead));
    exporter.wait_ready(PATIENCE);
    wait_for_letters(&exporter, 80.0, 2.0);
    assert_eq!(kafka.consume(&dead).len(), 80);
    let line = wait_for_line(&exporter, &["dead letters lost", &format!("topic={topic}")]);
    for words in ["partition=0", "offset=4", "raise max.message.bytes", &dead] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    assert_eq!(lines_with(&exporter, "dead letters lost"), 1);
}

/// Some 1,500 bytes that do not compress well and are no event.
fn noise_text(seed: usize) -> String {
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed as u64 + 1);
    std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        format!("{noise:016x}")
    })
    .take(100)
    .collect()
}

#[test]
fn a_dead_letter_topic_that_does_not_exist_loses_nothing() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("undelivered", 1);
    let dead = Kafka::unique("undelivered-dead");
    kafka.produce(&topic, [Record::new("no event")]);
    let mut exporter = start(&config(kafka, &topic, &dead));
    let text = format!("topic {dead} cannot be written to because it does not exist");
    crate::end_to_end::wait_for_reason(&exporter, &text);
    wait_for_line(&exporter, &[&text]);
    kafka.create_topic(&dead, 1, &[]);
    exporter.wait_ready(PATIENCE);
    wait_for_letters(&exporter, 1.0, 0.0);
    assert_eq!(kafka.consume(&dead).len(), 1);
}
