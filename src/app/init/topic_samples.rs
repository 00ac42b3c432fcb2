//! The first records of a topic as samples.

use std::time::{Duration, Instant};

use crate::app::kafka_clients::{end_client, start_in_time};
use crate::app::samples::SampleRecord;
use crate::config::Kafka;
use crate::edge::kafka::{ConsumerSettings, InspectError, Inspector, KafkaRecord, StartError};

/// Some days of a large helpdesk: enough to suggest targets, and read in seconds.
const MOST_RECORDS: usize = 20_000;
/// The records are in memory.
const MOST_BYTES: usize = 64 << 20;
/// Time for each request, and for all records.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum TopicSamplesError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("topic {topic}: {source}")]
    Topic { topic: String, source: InspectError },
    #[error("topic {0} has no records yet; give a file with sample records")]
    Empty(String),
}

/// Reads the first records in the order of their times. Joins no consumer group.
///
/// # Errors
/// Kafka does not answer, or the topic has no records.
pub fn topic_samples(kafka: &Kafka, topic: &str) -> Result<Vec<SampleRecord>, TopicSamplesError> {
    let mut settings = ConsumerSettings::from(kafka);
    settings.topics = vec![topic.to_owned()];
    let mut inspector = start_in_time(move || Inspector::start(&settings))?;
    let samples = read(&mut inspector, topic);
    end_client(inspector);
    let mut samples = samples.map_err(|source| TopicSamplesError::Topic {
        topic: topic.to_owned(),
        source,
    })?;
    if samples.is_empty() {
        return Err(TopicSamplesError::Empty(topic.to_owned()));
    }
    // Partitions come one after the other.
    samples.sort_by_key(|sample| sample.timestamp);
    Ok(samples)
}

fn read(inspector: &mut Inspector, topic: &str) -> Result<Vec<SampleRecord>, InspectError> {
    let deadline = || Instant::now() + PATIENCE;
    let mut ranges = Vec::new();
    for partition in inspector.partitions(topic, deadline())? {
        ranges.push(inspector.offset_range(&partition, deadline())?);
    }
    let (mut samples, mut bytes) = (Vec::new(), 0);
    let result = inspector.read(&ranges, MOST_RECORDS, deadline(), &mut |record| {
        bytes += record.value.map_or(0, <[u8]>::len);
        if bytes <= MOST_BYTES {
            samples.push(sample(record));
        }
    });
    match result {
        Err(error) if samples.is_empty() => Err(error),
        _ => Ok(samples),
    }
}

fn sample(record: &KafkaRecord<'_>) -> SampleRecord {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let headers = record.headers.iter();
    SampleRecord {
        place: format!("{} offset {}", record.partition, record.offset),
        value: record.value.map(<[u8]>::to_vec),
        key: record.key.and_then(text),
        headers: headers
            .filter_map(|(name, value)| Some(((*name).to_owned(), text(value)?)))
            .collect(),
        timestamp: record.timestamp,
        topic: record.partition.topic.to_string(),
    }
}
