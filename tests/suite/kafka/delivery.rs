//! The consumer delivers every record exactly once and in order.

use ticket_exporter::edge::kafka::{DeadLetterHeader, DeadLetterProducer, KafkaRecord};

use super::*;

#[test]
fn every_record_of_eight_partitions_is_read_once_and_in_order() {
    let broker = EmbeddedBroker::start(&[("tickets", 8)]).unwrap();
    publish(&broker, "tickets", 0..200_000);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let mut reader = Reader::default();
    reader.until(&mut consumer, |reader, _| reader.count() == 200_000);
    assert_eq!(reader.sorted(), (0..200_000).collect::<Vec<_>>());
    assert_eq!(reader.values.len(), 8);
    for values in reader.values.values() {
        assert!(values.is_sorted(), "published in order");
    }
    assert!(reader.batches < 20_000, "{} batches", reader.batches);
    assert!(reader.troubles.is_empty(), "{:?}", reader.troubles);
    for partition in &reader.assigned {
        assert_eq!(
            consumer.position(partition),
            reader.next.get(partition).copied()
        );
    }
}

#[test]
fn reading_continues_at_the_offsets_of_the_caller() {
    let broker = EmbeddedBroker::start(&[("tickets", 4)]).unwrap();
    publish(&broker, "tickets", 0..10_000);
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    reader.until(&mut consumer, |reader, _| reader.count() >= 5_000);
    let mut offsets: Vec<(TopicPartition, i64)> = reader.next.clone().into_iter().collect();
    // The group's offsets are for lag tools only. These are wrong, and the consumer must not use them.
    for (_, next) in &mut offsets {
        *next += 1;
    }
    consumer.commit(offsets.iter().map(|(partition, next)| (partition, *next)));
    drop(consumer);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    reader.until(&mut consumer, |reader, _| reader.count() == 10_000);
    assert_eq!(reader.sorted(), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn records_are_complete() {
    let broker = EmbeddedBroker::start(&[("tickets", 1)]).unwrap();
    let mut publisher = Publisher::start(&connection(&broker), "tickets").unwrap();
    publisher.send(b"k", b"v", 1_234);
    assert_eq!(publisher.finish(PATIENCE).delivered, 1);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE);
        match consumer.next(TICK) {
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_| None),
            ConsumerEvent::Records(batch) => {
                let record = batch.iter(&[]).next().unwrap();
                assert_eq!(record.key, Some(&b"k"[..]));
                assert_eq!(record.value, Some(&b"v"[..]));
                assert_eq!(record.timestamp, Some(1_234));
                assert_eq!(record.partition, &TopicPartition::new("tickets", 0));
                return;
            }
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Problem(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }
}

#[test]
fn headers_are_read_on_request() {
    let broker = EmbeddedBroker::start(&[("tickets", 1)]).unwrap();
    let mut letters = DeadLetterProducer::start(&connection(&broker), "tickets").unwrap();
    let partition = TopicPartition::new("origin", 3);
    let record = |value| KafkaRecord {
        partition: &partition,
        index: 0,
        offset: 7,
        timestamp: None,
        key: None,
        headers: &[],
        value: Some(value),
    };
    let own: [DeadLetterHeader<'_>; 3] = [
        ("ce_id".into(), Some(b"1")),
        ("ce_type".into(), Some(b"\xff")),
        ("null".into(), None),
    ];
    letters.send(&record(&b"a"[..]), &own, "reason");
    letters.send(&record(b"b"), &[], "other");
    assert_eq!(letters.flush(PATIENCE).delivered, 2);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let start = Instant::now();
    let mut seen: Vec<(Vec<u8>, usize, Vec<u8>)> = Vec::new();
    while seen.len() < 2 {
        assert!(start.elapsed() < PATIENCE);
        match consumer.next(TICK) {
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_| None),
            ConsumerEvent::Records(batch) => {
                let headers = batch.headers();
                assert_eq!(headers, batch.headers(), "asked twice");
                for record in batch.iter(&headers) {
                    let find = |wanted: &str| {
                        let found = record.headers.iter().find(|(name, _)| *name == wanted);
                        found.map_or(Vec::new(), |(_, value)| value.to_vec())
                    };
                    assert_eq!(find("ticket_exporter.topic"), b"origin");
                    let value = record.value.unwrap().to_vec();
                    seen.push((value, record.headers.len(), find("ce_type")));
                }
                assert!(batch.iter(&[]).all(|record| record.headers.is_empty()));
            }
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Problem(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }
    assert_eq!(
        seen,
        [
            (b"a".to_vec(), 6, b"\xff".to_vec()),
            (b"b".to_vec(), 4, Vec::new())
        ]
    );
}
