//! Records without a key: Kafka spreads them over the partitions of their topic, and the records of
//! one ticket with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::warn;

use super::readings::Readings;
use crate::edge::kafka::KafkaRecord;

/// Topics of which the log has said that they have records without a key.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeSet<Arc<str>>);

impl Keys {
    /// Says once of each topic that its records have no key, where that matters.
    pub(super) fn look(&mut self, records: &[KafkaRecord<'_>], readings: &Readings) {
        let mut last = None;
        for record in records.iter().filter(|record| record.key.is_none()) {
            let topic = &record.partition.topic;
            // Records of a partition lie together.
            if last == Some(topic) || self.0.contains(topic) {
                continue;
            }
            last = Some(topic);
            let mut partitions = readings.iter().filter(|one| one.source.topic == *topic);
            if partitions.nth(1).is_none() {
                continue; // one partition keeps all records in order
            }
            self.0.insert(Arc::clone(topic));
            warn!(
                %topic,
                partition = record.partition.partition,
                offset = record.offset,
                "records have no key: Kafka spreads the records of a ticket over all partitions, and \
                 its numbers are wrong; have the producer use the ticket id as the key"
            );
        }
    }
}
