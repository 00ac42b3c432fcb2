//! Writes and reads records of a topic, as producers of ticket events and readers of the dead-letter topic
//! do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::kafka::Kafka;

const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    partition: Option<i32>,
    timestamp: Option<i64>,
}

impl Record {
    pub(crate) fn new(value: impl Into<Vec<u8>>) -> Self {
        Self {
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// A record with a key, such as the ticket id.
    pub(crate) fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::new(value)
        }
    }

    /// A key without a value. A compacted topic treats it as a deletion.
    pub(crate) fn tombstone(key: impl Into<Vec<u8>>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::default()
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the partition, instead of the one of the key.
    pub(crate) fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the record's timestamp in milliseconds since the epoch.
    pub(crate) fn timestamp(mut self, milliseconds: i64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }
}

/// A consumed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Received {
    /// The key as text; empty if absent.
    pub(crate) fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }

    /// The value as text; empty if absent.
    pub(crate) fn value_text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(found, _)| found == name)?;
        Some(String::from_utf8_lossy(&found.1).into_owned())
    }
}

impl From<&BorrowedMessage<'_>> for Received {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let header = |header: Header<'_, &[u8]>| {
            (
                header.key.to_owned(),
                header.value.unwrap_or_default().to_vec(),
            )
        };
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: message
                .headers()
                .map(|all| all.iter().map(header).collect())
                .unwrap_or_default(),
        }
    }
}

impl Kafka {
    /// Writes the records and waits until the broker has acknowledged each. Records of one partition keep
    /// their order.
    #[track_caller]
    pub(crate) fn produce(&self, topic: &str, records: impl IntoIterator<Item = Record>) {
        let mut config = self.client();
        // Batches are small, so waiting for more records costs time.
        config
            .set("linger.ms", "1")
            .set("enable.idempotence", "true");
        let deliveries = Deliveries::default();
        let producer = config.create_with_context(deliveries.clone()).unwrap();
        send_all(&producer, &deliveries, topic, records);
    }

    /// Writes the records in one transaction and commits or aborts it. The records of an aborted
    /// transaction have offsets, but a reader of committed records does not see them.
    #[track_caller]
    pub(crate) fn produce_in_transaction(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = Record>,
        commit: bool,
    ) {
        let transaction = self.transactions();
        transaction.begin();
        transaction.send(topic, records);
        if commit {
            transaction.commit();
        } else {
            transaction.abort();
        }
    }

    /// A transactional producer. Its transactions stay open as long as the test needs.
    #[track_caller]
    pub(crate) fn transactions(&self) -> Transactions {
        let mut config = self.client();
        config
            .set("transactional.id", Self::unique("test-transaction"))
            // No test keeps a transaction open for longer.
            .set("transaction.timeout.ms", "300000")
            .set("linger.ms", "1");
        let deliveries = Deliveries::default();
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(deliveries.clone()).unwrap();
        producer.init_transactions(TIMEOUT).unwrap();
        Transactions {
            producer,
            deliveries,
        }
    }

    /// Reads the topic from its start to its present end. The records are sorted by partition, then by
    /// offset.
    #[track_caller]
    pub(crate) fn consume(&self, topic: &str) -> Vec<Received> {
        let ends = self.ends(topic);
        let consumer = self.reader("test-reader");
        let mut assignment = TopicPartitionList::new();
        for &partition in ends.keys() {
            assignment
                .add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut received = Vec::new();
        // The position tells the end of a partition: the last offsets may be transaction markers, which are
        // no records.
        let mut unread = ends.len();
        let start = Instant::now();
        while unread > 0 {
            assert!(
                start.elapsed() < TIMEOUT,
                "{unread} partitions of {topic} are not read to their end"
            );
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => received.push(Received::from(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => unread -= 1,
                Some(Err(error)) => panic!("cannot read {topic}: {error}"),
                None => {}
            }
        }
        received.sort_by_key(|record| (record.partition, record.offset));
        received
    }

    /// The end offset of each partition.
    #[track_caller]
    pub(crate) fn ends(&self, topic: &str) -> BTreeMap<i32, i64> {
        let consumer = self.reader("test-reader");
        let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).unwrap();
        let partitions = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions());
        partitions
            .map(|partition| {
                let (_, end) = consumer
                    .fetch_watermarks(topic, partition.id(), TIMEOUT)
                    .unwrap();
                (partition.id(), end)
            })
            .collect()
    }

    /// The committed offsets of a group, by partition.
    #[track_caller]
    pub(crate) fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let mut list = TopicPartitionList::new();
        for partition in self.ends(topic).keys() {
            list.add_partition(topic, *partition);
        }
        let committed = self.reader(group).committed_offsets(list, TIMEOUT).unwrap();
        let offset = |offset: Offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        let elements = committed.elements();
        elements
            .iter()
            .filter_map(|one| Some((one.partition(), offset(one.offset())?)))
            .collect()
    }

    fn reader(&self, group: &str) -> BaseConsumer {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            // The broker answers an empty fetch soon.
            .set("fetch.wait.max.ms", "10");
        config.create().unwrap()
    }
}

/// A sequence of transactions.
pub(crate) struct Transactions {
    producer: BaseProducer<Deliveries>,
    deliveries: Deliveries,
}

impl Transactions {
    #[track_caller]
    pub(crate) fn begin(&self) {
        self.producer.begin_transaction().unwrap();
    }

    /// Writes records into the open transaction and waits until the broker has them.
    #[track_caller]
    pub(crate) fn send(&self, topic: &str, records: impl IntoIterator<Item = Record>) {
        send_all(&self.producer, &self.deliveries, topic, records);
    }

    #[track_caller]
    pub(crate) fn commit(&self) {
        self.producer.commit_transaction(TIMEOUT).unwrap();
    }

    #[track_caller]
    pub(crate) fn abort(&self) {
        self.producer.abort_transaction(TIMEOUT).unwrap();
    }
}

#[track_caller]
fn send_all(
    producer: &BaseProducer<Deliveries>,
    deliveries: &Deliveries,
    topic: &str,
    records: impl IntoIterator<Item = Record>,
) {
    for record in records {
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.partition = record.partition;
        message.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            let insert = |headers: OwnedHeaders, (key, value): &(String, Vec<u8>)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            };
            message.headers = Some(record.headers.iter().fold(OwnedHeaders::new(), insert));
        }
        while let Err((error, unsent)) = producer.send(message) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert!(error == full, "cannot produce to {topic}: {error}");
            producer.poll(Duration::from_millis(10));
            message = unsent;
        }
        producer.poll(Duration::ZERO);
    }
    producer
        .flush(TIMEOUT)
        .unwrap_or_else(|error| panic!("cannot produce to {topic}: {error}"));
    if let Some(error) = deliveries.failures.lock().unwrap().first() {
        panic!("a record was not delivered to {topic}: {error}");
    }
}

/// Collects failed deliveries.
#[derive(Debug, Clone, Default)]
struct Deliveries {
    failures: Arc<Mutex<Vec<KafkaError>>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failures.lock().unwrap().push(error.clone());
        }
    }
}
