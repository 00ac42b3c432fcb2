//! Writes the events of a simulation to a topic.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::client_properties::KafkaConnection;
use super::producer_callbacks::{DeliveryReport, OnRefusal};
use super::producer_client::ProducerClient;
use super::start_error::StartError;

/// How long a command waits for the last confirmations of the broker.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one wait for delivery reports may take while the client's queue is full.
const BACKPRESSURE: Duration = Duration::from_millis(100);

pub struct Publisher {
    client: ProducerClient,
    topic: String,
}

impl Publisher {
    pub fn start(connection: &KafkaConnection, topic: &str) -> Result<Self, StartError> {
        Ok(Self {
            client: ProducerClient::start(connection, &[], topic, OnRefusal::Fail)?,
            topic: topic.to_owned(),
        })
    }

    /// Sends one record; `timestamp` is in milliseconds since the epoch. Waits while the queue is full.
    /// Records with the same key keep their order. A record that the client rejects counts as failed.
    pub fn send(&mut self, key: &[u8], value: &[u8], timestamp: i64) {
        let mut record = BaseRecord {
            payload: Some(value),
            key: Some(key),
            timestamp: Some(timestamp),
            ..BaseRecord::to(&self.topic)
        };
        loop {
            match self.client.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    self.client.poll(BACKPRESSURE);
                    record = refused;
                }
                Err((error, _)) => {
                    self.client.callbacks().count_failure(&error);
                    break;
                }
            }
        }
        self.client.poll(Duration::ZERO);
    }

    /// Waits until all records are delivered, up to `timeout`.
    pub fn finish(self, timeout: Duration) -> DeliveryReport {
        self.client.flush(timeout);
        let mut report = self.client.callbacks().take_report();
        let left = u64::try_from(self.client.producer.in_flight_count()).unwrap_or(0);
        if left > 0 {
            report.failed += left;
            report
                .reason
                .get_or_insert_with(|| "not delivered in time".to_owned());
        }
        report
    }
}
