//! Finds the records of a batch, and the errors in it.

use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::Consumer;
use crate::edge::kafka::problem::KafkaProblem;
use crate::edge::kafka::queue::cached_watermarks;
use crate::edge::kafka::record_batch::BatchEntry;
use crate::edge::kafka::topic_partition::TopicPartition;

impl Consumer {
    pub(super) fn read_messages(&mut self) {
        self.entries.clear();
        let mut errors = Vec::new();
        let mut run = None;
        for (number, message) in self.queue.messages().enumerate() {
            if message.error() != 0 {
                errors.push(number);
                continue;
            }
            // The records of one fetch follow each other, so look the partition up once for all.
            let place = (message.topic_identity(), message.partition());
            let index = match run {
                Some((same, index)) if same == place => index,
                _ => {
                    let index = self.partitions.index(message.topic(), message.partition());
                    run = Some((place, index));
                    index
                }
            };
            if let Some(index) = index
                && let Some(progress) = self.partitions.at_mut(index)
                && progress.accept(message.offset())
            {
                self.entries.push(BatchEntry {
                    message: number,
                    index,
                });
            }
        }
        for number in errors {
            self.read_error(number);
        }
        if !self.entries.is_empty() {
            self.problems.explainer_mut().recovered();
        }
    }

    fn read_error(&mut self, number: usize) {
        let message = self.queue.message(number);
        let code = RDKafkaRespErr::try_from(message.error())
            .map_or(RDKafkaErrorCode::Unknown, RDKafkaErrorCode::from);
        let partition = TopicPartition::new(message.topic(), message.partition());
        if code == RDKafkaErrorCode::AutoOffsetReset {
            let problem = KafkaProblem::OutOfRange {
                position: message.offset(),
                available: cached_watermarks(&self.client, &partition),
                partition,
            };
            self.problems.report_always(problem);
            return;
        }
        let reason = String::from_utf8_lossy(message.value().unwrap_or_default()).into_owned();
        if code == RDKafkaErrorCode::TopicAuthorizationFailed {
            self.refuse(&partition);
            self.report_error(code, &format!("{}: {reason}", partition.topic));
            return;
        }
        self.report_error(code, &reason);
    }
}
