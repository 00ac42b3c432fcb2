//! Brokers that fail, offsets out of range, and topics that do not fit.

use super::*;
use ticket_exporter::edge::kafka::DeadLetterProducer;

#[test]
fn brokers_that_stop_and_return() {
    let broker = EmbeddedBroker::start(&[("tickets", 2)]).unwrap();
    publish(&broker, "tickets", 0..1_000);
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    reader.until(&mut consumer, |reader, consumer| {
        reader.count() == 1_000 && consumer.assigned().all(|one| consumer.read_to_end(one))
    });
    broker.down().unwrap();
    reader.until(&mut consumer, |reader, _| {
        reader
            .troubles
            .iter()
            .any(|one| one.to_string().contains("kafka.brokers"))
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        reader.step(&mut consumer);
    }
    assert!(reader.troubles.len() <= 4, "{:#?}", reader.troubles);
    // The old end may no longer be the end.
    assert!(consumer.assigned().all(|one| !consumer.read_to_end(one)));
    broker.up().unwrap();
    publish(&broker, "tickets", 1_000..2_000);
    reader.until(&mut consumer, |reader, consumer| {
        reader.count() == 2_000 && consumer.assigned().all(|one| consumer.read_to_end(one))
    });
    assert_eq!(reader.sorted(), (0..2_000).collect::<Vec<_>>());
}

#[test]
fn a_missing_broker_is_reported_and_awaited() {
    let mut settings = ConsumerSettings {
        topics: vec!["tickets".into()],
        group_id: "test".into(),
        instance_id: None,
        ..ConsumerSettings::default()
    };
    settings.connection.brokers = vec!["127.0.0.1:1".into()];
    let mut consumer = Consumer::start(&settings).unwrap();
    let mut reader = Reader::default();
    reader.until(&mut consumer, |reader, _| !reader.troubles.is_empty());
    let text = reader.troubles[0].to_string();
    assert!(text.contains("127.0.0.1:1"), "{text}");
    let start = Instant::now();
    drop(consumer);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_offset_out_of_range_is_an_error_until_the_caller_decides() {
    let broker = EmbeddedBroker::start(&[("tickets", 1)]).unwrap();
    publish(&broker, "tickets", 0..100);
    let tickets = TopicPartition::new("tickets", 0);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let mut reader = Reader::default();
    reader.next.insert(tickets.clone(), 5_000);
    reader.until(&mut consumer, |reader, _| !reader.troubles.is_empty());
    let expected = KafkaProblem::OutOfRange {
        partition: tickets.clone(),
        position: 5_000,
        available: Some((0, 100)),
    };
    assert_eq!(reader.troubles, [expected]);
    assert_eq!(reader.count(), 0);
    assert!(!consumer.read_to_end(&tickets));
    reader.next.clear();
    consumer.restart_at(&tickets, None);
    reader.until(&mut consumer, |reader, _| reader.count() == 100);
    assert_eq!(reader.troubles.len(), 1);
}

#[test]
fn dead_letters_have_their_origin() {
    let broker = EmbeddedBroker::start(&[("tickets", 1), ("dead", 1)]).unwrap();
    publish(&broker, "tickets", 0..3);
    let mut letters = DeadLetterProducer::start(&connection(&broker), "dead").unwrap();
    assert!(letters.all_confirmed());
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let mut sent = 0;
    let start = Instant::now();
    while sent < 3 {
        assert!(start.elapsed() < PATIENCE);
        match consumer.next(TICK) {
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_| None),
            ConsumerEvent::Records(batch) => {
                for record in batch.iter(&[]) {
                    letters.send(&record, &[], "malformed_json");
                    sent += 1;
                }
            }
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Problem(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }
    let report = letters.flush(PATIENCE);
    assert_eq!((report.delivered, report.lost), (3, 0), "{report:?}");
    assert!(letters.all_confirmed());
    assert_eq!(letters.flush(PATIENCE).delivered, 0, "reported once");

    use rdkafka::Message as _;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::Headers as _;
    let plain: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("group.id", "plain")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    plain.subscribe(&["dead"]).unwrap();
    let letter = loop {
        assert!(start.elapsed() < PATIENCE);
        if let Some(Ok(message)) = plain.poll(TICK) {
            break message.detach();
        }
    };
    assert_eq!(letter.payload(), Some(&b"0"[..]));
    assert_eq!(letter.key(), Some(&b"0"[..]));
    let headers: Vec<(String, String)> = letter
        .headers()
        .unwrap()
        .iter()
        .map(|one| {
            let value = String::from_utf8(one.value.unwrap().to_vec()).unwrap();
            (one.key.to_owned(), value)
        })
        .collect();
    let expected = [
        ("ticket_exporter.topic", "tickets"),
        ("ticket_exporter.partition", "0"),
        ("ticket_exporter.offset", "0"),
        ("ticket_exporter.reason", "malformed_json"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(headers, expected);
}

#[test]
fn an_undelivered_dead_letter_is_not_confirmed() {
    let broker = EmbeddedBroker::start(&[("tickets", 1), ("dead", 1)]).unwrap();
    let mut letters = DeadLetterProducer::start(&connection(&broker), "dead").unwrap();
    broker.down().unwrap();
    let partition = TopicPartition::new("tickets", 0);
    let record = ticket_exporter::edge::kafka::KafkaRecord {
        partition: &partition,
        index: 0,
        offset: 7,
        timestamp: None,
        key: None,
        headers: &[],
        value: Some(b"x"),
    };
    letters.send(&record, &[], "reason");
    assert_eq!(letters.flush(Duration::from_millis(300)).delivered, 0);
    assert!(!letters.all_confirmed());
    broker.up().unwrap();
    assert_eq!(letters.flush(PATIENCE).delivered, 1);
    assert!(letters.all_confirmed());
}
