//! Topics whose records have no key. Kafka spreads such records over all partitions, so the records of
//! one ticket lose their order.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::warn;

use crate::app::source_offsets::SourceOffsets;
use crate::edge::kafka::KafkaRecord;

/// Topics that the log has reported.
#[derive(Debug, Default)]
pub(super) struct KeylessTopics(BTreeSet<Arc<str>>);

impl KeylessTopics {
    /// Reports each topic of several partitions once, if a record has no key.
    pub(super) fn check(&mut self, records: &[KafkaRecord<'_>], offsets: &SourceOffsets) {
        let mut last = None;
        for record in records.iter().filter(|record| record.key.is_none()) {
            let topic = &record.partition.topic;
            // Records of a partition mostly follow each other.
            if last == Some(topic) || self.0.contains(topic) {
                continue;
            }
            last = Some(topic);
            let mut partitions = offsets.iter().filter(|one| one.source.topic == *topic);
            if partitions.nth(1).is_none() {
                continue; // one partition keeps the order of all records
            }
            self.0.insert(Arc::clone(topic));
            warn!(
                %topic,
                partition = record.partition.partition,
                offset = record.offset,
                "records have no key: Kafka spreads the records of a ticket over all partitions, and \
                 its numbers are wrong; configure the producer to use the ticket id as the key"
            );
        }
    }
}
