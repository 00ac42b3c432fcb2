//! A real Kafka for the features that the embedded broker lacks: transactions, compaction, deletion, new
//! partitions, and a broker that dies.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::harness::Kafka;

fn settings_for(kafka: &Kafka, topic: &str) -> ConsumerSettings {
    let properties = [
        ("topic.metadata.refresh.interval.ms", "1000"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
    ];
    ConsumerSettings {
        connection: KafkaConnection {
            brokers: vec![kafka.bootstrap()],
            security: KafkaSecurity::default(),
            properties: properties
                .map(|(property, value)| (property.to_owned(), value.to_owned()))
                .into(),
        },
        topics: vec![topic.to_owned()],
        group_id: Kafka::unique("group"),
        instance_id: None,
    }
}

/// The values in order, and whether there were gaps.
#[derive(Default)]
struct Gapped {
    values: Vec<u64>,
    next: i64,
    gaps: usize,
    troubles: Vec<KafkaProblem>,
}

impl Gapped {
    /// Takes one step on a topic of one partition.
    fn step(&mut self, consumer: &mut Consumer) {
        match consumer.next(TICK) {
            ConsumerEvent::Records(batch) => {
                for record in batch.iter(&[]) {
                    assert!(record.offset >= self.next, "repeated");
                    self.gaps += usize::from(record.offset > self.next);
                    self.next = record.offset + 1;
                    let text = std::str::from_utf8(record.value.unwrap()).unwrap();
                    self.values.push(text.parse().unwrap());
                }
            }
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_| None),
            ConsumerEvent::Problem(trouble) => self.troubles.push(trouble),
            ConsumerEvent::Revoked(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }

    fn until(&mut self, consumer: &mut Consumer, done: impl Fn(&Self, &Consumer) -> bool) {
        let start = Instant::now();
        while !done(self, consumer) {
            let count = self.values.len();
            assert!(start.elapsed() < PATIENCE, "{count}, {:?}", self.troubles);
            self.step(consumer);
        }
    }
}

fn send(producer: &BaseProducer, topic: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let text = number.to_string();
        let record = BaseRecord::to(topic).payload(&text).key(&text);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn transactions_are_read_once_committed_and_their_end_is_found() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("transactions", 1);
    let tickets = TopicPartition::new(topic.as_str(), 0);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("transactional.id", &topic)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 0..100);
    producer.commit_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 1_000..1_050);
    producer.abort_transaction(PATIENCE).unwrap();

    let settings = settings_for(kafka, &topic);
    let mut consumer = Consumer::start(&settings).unwrap();
    let mut reader = Gapped::default();
    let at_end = |_: &Gapped, consumer: &Consumer| consumer.read_to_end(&tickets);
    reader.until(&mut consumer, at_end);
    assert_eq!(reader.values, (0..100).collect::<Vec<_>>());
    // 100 records and their control record, 50 aborted ones and theirs.
    assert_eq!(consumer.position(&tickets), Some(152));
    assert_eq!(consumer.lag(&tickets), Some(0));

    // An open transaction cannot be read, and does not delay other records before it.
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 100..110);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        reader.step(&mut consumer);
    }
    assert_eq!(reader.values.len(), 100);
    reader.until(&mut consumer, at_end);
    producer.commit_transaction(PATIENCE).unwrap();
    reader.until(&mut consumer, |reader, _| reader.values.len() == 110);
    reader.until(&mut consumer, at_end);
    assert_eq!(consumer.lag(&tickets), Some(0));

    // A rebalance at the end, after a control record: no record is skipped or repeated.
    let mut guest = Consumer::start(&settings).unwrap();
    let mut visitor = Gapped::default();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        reader.step(&mut consumer);
        visitor.step(&mut guest);
    }
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 110..120);
    producer.commit_transaction(PATIENCE).unwrap();
    reader.until(&mut consumer, |reader, _| reader.values.len() == 120);
    reader.until(&mut consumer, at_end);
    assert_eq!(reader.values, (0..120).collect::<Vec<_>>());
    assert!(visitor.values.is_empty(), "sticky");
}

#[test]
fn a_compacted_topic_is_read_to_its_end() {
    let kafka = Kafka::shared();
    let topic = Kafka::unique("compacted");
    let configs = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("segment.ms", "200"),
        ("min.compaction.lag.ms", "0"),
        ("max.compaction.lag.ms", "500"),
    ];
    kafka.create_topic(&topic, 1, &configs);
    let tickets = TopicPartition::new(topic.as_str(), 0);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    let start = Instant::now();
    let mut last = 0;
    loop {
        for _ in 0..5 {
            // The same keys again, each time in a new segment.
            send(&producer, &topic, 0..50);
            std::thread::sleep(Duration::from_millis(250));
            last += 50;
        }
        let mut consumer = Consumer::start(&settings_for(kafka, &topic)).unwrap();
        let mut reader = Gapped::default();
        reader.until(&mut consumer, |_, consumer| consumer.read_to_end(&tickets));
        assert_eq!(reader.next, last);
        assert_eq!(consumer.lag(&tickets), Some(0));
        if reader.gaps > 0 {
            return;
        }
        assert!(start.elapsed() < PATIENCE * 2, "never compacted");
    }
}

#[test]
fn records_deleted_before_they_were_read_are_an_error() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("deleted", 1);
    let tickets = TopicPartition::new(topic.as_str(), 0);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    send(&producer, &topic, 0..100);
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 0, Offset::Offset(60))
        .unwrap();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(admin.delete_records(&list, &AdminOptions::new()))
        .unwrap();

    let mut consumer = Consumer::start(&settings_for(kafka, &topic)).unwrap();
    let mut reader = Gapped::default();
    // Reading from the start begins at the first record that is left.
    reader.until(&mut consumer, |reader, _| reader.values.len() == 40);
    assert_eq!(reader.values[0], 60);
    drop(consumer);

    let mut consumer = Consumer::start(&settings_for(kafka, &topic)).unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE);
        match consumer.next(TICK) {
            ConsumerEvent::Assigned(_) => consumer.start_reading(|_| Some(30)),
            ConsumerEvent::Records(_) => panic!("skipped silently"),
            ConsumerEvent::Problem(KafkaProblem::OutOfRange {
                partition,
                position,
                available,
            }) => {
                assert_eq!((partition, position), (tickets.clone(), 30));
                // A fetch response with an error has no offsets.
                assert!(available.is_none_or(|(low, high)| (low, high) == (60, 100)));
                break;
            }
            ConsumerEvent::Problem(_)
            | ConsumerEvent::Revoked(_)
            | ConsumerEvent::Identified(_)
            | ConsumerEvent::Reconnected(_)
            | ConsumerEvent::Idle => {}
        }
    }
    assert!(!consumer.read_to_end(&tickets));
}

#[test]
fn new_partitions_are_read() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("growing", 1);
    let settings = settings_for(kafka, &topic);
    let mut consumer = Consumer::start(&settings).unwrap();
    let mut reader = Reader::default();
    reader.until(&mut consumer, |reader, _| reader.assigned.len() == 1);
    kafka.add_partitions(&topic, 4);
    reader.until(&mut consumer, |reader, _| reader.assigned.len() == 4);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    send(&producer, &topic, 0..1_000);
    reader.until(&mut consumer, |reader, _| reader.count() == 1_000);
    assert_eq!(reader.values.len(), 4);
    assert!(reader.revoked.is_empty(), "cooperative: nothing moved");

    // Lag tools see the offsets that the caller has processed.
    consumer.commit(
        reader
            .next
            .iter()
            .map(|(partition, next)| (partition, *next)),
    );
    reader.until(&mut consumer, |_, _| {
        let committed = kafka.committed(&settings.group_id, &topic);
        committed.values().sum::<i64>() == 1_000
    });
}

#[test]
fn a_broker_that_is_killed_and_restarted_loses_no_record() {
    let mut kafka = Kafka::start();
    let topic = kafka.new_topic("killed", 4);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    send(&producer, &topic, 0..20_000);
    let mut consumer = Consumer::start(&settings_for(&kafka, &topic)).unwrap();
    let mut reader = Reader::default();
    reader.until(&mut consumer, |reader, _| reader.count() > 5_000);
    kafka.kill();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        reader.step(&mut consumer);
    }
    kafka.restart();
    send(&producer, &topic, 20_000..30_000);
    reader.until(&mut consumer, |reader, consumer| {
        reader.count() == 30_000 && reader.assigned.iter().all(|one| consumer.read_to_end(one))
    });
    assert_eq!(reader.sorted(), (0..30_000).collect::<Vec<_>>());
}
