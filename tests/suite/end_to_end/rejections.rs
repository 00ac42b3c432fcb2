//! Invalid records: good events count as if the others did not exist. Each bad record is counted by its
//! reason and written to the dead-letter topic, and the exporter continues.

use std::collections::BTreeMap;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::json;

use super::{
    PATIENCE, assert_same, clock, cumulative, kafka_section, kpis, lines, replay, simulate, text,
};
use crate::harness::{Exporter, Kafka, Received, Record};

const BAD: usize = 100_000;
const PARTITIONS: i32 = 3;

/// A repeatable random generator (Marsaglia's xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A good event with one member replaced by a JSON text.
fn with(member: &str, value: &str) -> Vec<u8> {
    let mut members = BTreeMap::from([
        ("ticket_id", "\"bad\""),
        ("type", "\"created\""),
        ("at", "\"2026-03-02T09:00:00Z\""),
    ]);
    members.insert(member, value);
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// A value that is no event, and the reason of its rejection. `None`: a record without a value.
fn bad(number: usize, noise: &mut Noise) -> (Option<Vec<u8>>, &'static str) {
    let deep = |open: &str, depth: usize| open.repeat(depth).into_bytes();
    // Rare ones first: large and deep.
    match number {
        0..5 => {
            let mut large = vec![0xff];
            large.extend(noise.bytes(900_000));
            return (Some(large), "invalid_utf8");
        }
        5..10 => {
            let letters = "x".repeat(900_000);
            return (
                Some(with("actor", &format!("\"{letters}\""))),
                "invalid_actor",
            );
        }
        10..15 => return (Some(deep("[", 200_000)), "invalid_json"),
        15..20 => return (Some(deep("{\"a\":", 100_000)), "invalid_json"),
        20..25 => {
            let mut closed = deep("[", 300_000);
            closed.extend(deep("]", 300_000));
            // Too deep to be parsed as JSON.
            return (Some(closed), "invalid_json");
        }
        _ => {}
    }
    let some = |value: &[u8]| Some(value.to_vec());
    match number % 20 {
        0 => {
            let length = 1 + usize::try_from(noise.next() % 200).unwrap();
            let mut random = noise.bytes(length);
            random[0] = 0x80; // never valid UTF-8
            (Some(random), "invalid_utf8")
        }
        1 => {
            let whole = with("team", "\"billing\"");
            let end = 1 + usize::try_from(noise.next()).unwrap() % (whole.len() - 1);
            (some(&whole[..end]), "invalid_json")
        }
        2 => (None, "empty_value"),
        3 => (some(b""), "empty_value"),
        4 => (Some(with("handle_seconds", "NaN")), "invalid_json"),
        5 => (Some(with("at", "\"9999-12-31T23:59:59Z\"")), "future"),
        6 => (Some(with("at", "\"12026-01-01T00:00:00Z\"")), "invalid_at"),
        7 => (Some(with("at", "\"yesterday\"")), "invalid_at"),
        8 => (Some(with("ticket_id", "{}")), "invalid_ticket_id"),
        9 => (Some(with("ticket_id", "\"\"")), "invalid_ticket_id"),
        10 => (Some(with("type", "\"teleported\"")), "unknown_type"),
        11 => (some(b"[1,2,3]"), "not_an_object"),
        12 => (some(b"{}"), "missing_ticket_id"),
        13 => (some(b"{\"ticket_id\":1}"), "missing_type"),
        14 => (
            some(b"{\"ticket_id\":1,\"type\":\"created\"}"),
            "missing_at",
        ),
        15 => (Some(with("priority", "7")), "invalid_priority"),
        16 => (Some(with("public", "\"yes\"")), "invalid_public"),
        17 => (Some(with("handle_seconds", "-1")), "invalid_handle_seconds"),
        18 => {
            let mut broken = with("team", "\"billing?\"");
            let place = broken.iter().position(|byte| *byte == b'?').unwrap();
            broken[place] = 0xc3; // a truncated character
            (Some(broken), "invalid_utf8")
        }
        _ => (some(b"null"), "not_an_object"),
    }
}

#[test]
fn bad_records_are_counted_preserved_and_skipped() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("rejections", PARTITIONS);
    let dead = kafka.new_topic("rejections-dead", 2);
    let mut config = simulate("--print-config");
    config += &kafka_section(kafka, &topic, &format!("dead_letter_topic: {dead}"));
    let good = simulate("--seed 6 --from 2026-03-02T00:00:00Z --for 3d --output -");
    let good: Vec<&str> = good.lines().collect();
    assert!(good.len() > 5_000, "only {} good events", good.len());

    let mut expected = BTreeMap::<&str, usize>::new();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut records = Vec::with_capacity(BAD + good.len());
    let mut next_good = 0;
    for number in 0..BAD {
        let (value, reason) = bad(number, &mut noise);
        *expected.entry(reason).or_default() += 1;
        let key = format!("bad-{number}");
        let record = match value {
            Some(value) => Record::keyed(key, value),
            None => Record::tombstone(key),
        };
        let partition = i32::try_from(number).unwrap() % PARTITIONS;
        records.push(record.header("source", "test").partition(partition));
        // The good records are spread evenly among the bad ones.
        while next_good * BAD < good.len() * (number + 1) {
            let event = good[next_good];
            let ticket = event.split("\"ticket_id\":\"").nth(1).unwrap();
            let ticket = ticket.split('"').next().unwrap();
            let digits: i32 = ticket.trim_start_matches("SUP-").parse().unwrap();
            records.push(Record::keyed(ticket, event).partition(digits % PARTITIONS));
            next_good += 1;
        }
    }
    kafka.produce(&topic, records);

    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let found = exporter.wait_for_metrics("all dead letters", PATIENCE, |scrape| {
        let events = scrape.metric("ticket_exporter_events_total");
        events.label("result", "dead_lettered").check(BAD as f64)
    });
    for sample in found.metric("ticket_exporter_rejected_total").samples() {
        let reason = sample.labels["reason"].as_str();
        let count = expected.remove(reason).unwrap_or(0);
        assert_eq!(sample.value, count as f64, "rejected as {reason}");
    }
    assert!(expected.is_empty(), "not counted: {expected:?}");
    let events = found.metric("ticket_exporter_events_total");
    events.label("result", "rejected").is(BAD as f64);

    let source = kafka.consume(&topic);
    assert_eq!(source.len(), BAD + good.len());
    let (bad, good): (Vec<Received>, Vec<Received>) = source
        .into_iter()
        .partition(|record| record.key_text().starts_with("bad-"));
    let truth = kpis(&replay(&config, &lines(&good), clock(&found).unwrap()));
    assert_same(
        "the good events",
        &cumulative(&kpis(&found)),
        &cumulative(&truth),
    );

    check_letters(&topic, &bad, &kafka.consume(&dead));
    let status = exporter.stop(PATIENCE);
    assert_eq!(status.code(), Some(0), "{}", exporter.logs());
}

/// Asserts that each bad record is there once, complete, and with its origin.
#[track_caller]
fn check_letters(topic: &str, bad: &[Received], letters: &[Received]) {
    let mut by_origin = BTreeMap::new();
    for letter in letters {
        let header = |name: &str| {
            letter
                .header(&format!("ticket_exporter.{name}"))
                .unwrap_or_else(|| panic!("a dead letter without {name}: {:?}", letter.headers))
        };
        assert_eq!(header("topic"), topic);
        let origin: (i32, i64) = (
            header("partition").parse().unwrap(),
            header("offset").parse().unwrap(),
        );
        assert!(!header("reason").is_empty());
        let before = by_origin.insert(origin, letter);
        assert!(before.is_none(), "{origin:?} is there twice");
    }
    for record in bad {
        let origin = (record.partition, record.offset);
        let letter = by_origin
            .remove(&origin)
            .unwrap_or_else(|| panic!("no dead letter of {origin:?} {}", record.key_text()));
        assert!(
            letter.value == record.value && letter.key == record.key,
            "{origin:?} is not the same: {:?} was {:?}",
            letter.value.as_deref().map(text),
            record.value.as_deref().map(text)
        );
    }
    assert!(
        by_origin.is_empty(),
        "{} letters of good records",
        by_origin.len()
    );
}

/// The counters do not depend on a dead-letter topic.
#[test]
fn without_a_dead_letter_topic_they_are_counted_and_logged() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("rejected", 1);
    let good = json!({"ticket_id": 1, "type": "created", "at": "2026-03-02T00:00:00Z"});
    let records = [
        Record::new("secret of a customer"),
        Record::new(good.to_string()),
        Record::tombstone("1"),
    ];
    kafka.produce(&topic, records);
    let mut exporter = Exporter::start(&[], &kafka_section(kafka, &topic, ""));
    exporter.wait_ready(PATIENCE);
    let metrics = exporter.metrics();
    metrics.metric("ticket_created_total").is(1.0);
    let rejected = |reason| {
        let rejected = metrics.metric("ticket_exporter_rejected_total");
        rejected.label("reason", reason).value()
    };
    assert_eq!(
        (rejected("invalid_json"), rejected("empty_value")),
        (1.0, 1.0)
    );
    let logs = exporter.logs();
    assert!(logs.contains("reason=invalid_json"), "{logs}");
    assert!(!logs.contains("secret"), "content in the log: {logs}");
}

/// Other clients may send larger records than librdkafka's default.
#[test]
fn a_record_of_the_broker_maximum_size_is_preserved() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("large", 1);
    let dead = kafka.new_topic("large-dead", 1);
    let producer: BaseProducer = kafka
        .client()
        .set("message.max.bytes", "2000000")
        .create()
        .unwrap();
    let large = "x".repeat(1_040_000);
    let record: BaseRecord<'_, [u8], str> = BaseRecord::to(&topic).payload(&large);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    let config = kafka_section(kafka, &topic, &format!("dead_letter_topic: {dead}"));
    let exporter = Exporter::start(&[], &config);
    exporter.wait_for_metrics("the dead letter", PATIENCE, |scrape| {
        let events = scrape.metric("ticket_exporter_events_total");
        let lettered = events.label("result", "dead_lettered").check(1.0);
        lettered.map_err(|complaint| format!("{complaint}; log\n{}", exporter.logs()))
    });
    assert_eq!(kafka.consume(&dead)[0].value_text(), large);
}
