//! Rebalances, errors and statistics from the client library.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaErrorCode;

use super::{Consumer, ConsumerEvent};
use crate::edge::kafka::client_statistics::PartitionState;
use crate::edge::kafka::consumer_callbacks::ClientEvent;
use crate::edge::kafka::topic_partition::TopicPartition;

impl Consumer {
    /// Runs the library's callbacks and takes their events, and the answers to requests.
    pub(super) fn poll(&mut self) {
        loop {
            let served = self.client.context().served();
            match self.client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    // Forwarding should prevent this. Read the record again through the private queue.
                    let (topic, partition) = (message.topic().to_owned(), message.partition());
                    tracing::warn!(
                        topic,
                        partition,
                        "record outside the private queue is read again"
                    );
                    drop(message);
                    self.seek_to_positions(|other| {
                        *other.topic == topic && other.partition == partition
                    });
                }
                // The callbacks have noted the error.
                Some(Err(_)) => {}
                None if served == self.client.context().served() => break,
                None => {}
            }
        }
        self.events.extend(self.client.context().take());
        self.problems.check_tokens();
        self.topics.warn_of_settings();
        self.take_end_offsets();
    }

    /// The next event for the caller.
    pub(super) fn next_event(&mut self) -> Option<ConsumerEvent<'static>> {
        if let Some(identified) = self.topics.take_ids(&mut self.problems) {
            return Some(ConsumerEvent::Identified(identified));
        }
        while let Some(event) = self.events.pop_front() {
            match event {
                ClientEvent::Assign(partitions)
                    if !partitions.is_empty() && !self.topics.are_identified() =>
                {
                    self.events.push_front(ClientEvent::Assign(partitions));
                    break;
                }
                ClientEvent::Assign(partitions) => {
                    self.new.clone_from(&partitions);
                    if !partitions.is_empty() {
                        return Some(ConsumerEvent::Assigned(partitions));
                    }
                    self.start_reading(|_| None);
                }
                ClientEvent::Revoked(partitions) => {
                    for partition in &partitions {
                        self.partitions.remove(partition);
                    }
                    // The next owner of the partitions reads their held records.
                    let partitions_left = &self.partitions;
                    self.entries
                        .retain(|entry| partitions_left.is_assigned(entry.index));
                    self.seek_to_positions(|_| true);
                    if !partitions.is_empty() {
                        return Some(ConsumerEvent::Revoked(partitions));
                    }
                }
                ClientEvent::Error(code, reason) => self.report_error(code, &reason),
                ClientEvent::Statistics(states) => self.take_statistics(states),
            }
        }
        if !self.reconnected.is_empty() {
            return Some(ConsumerEvent::Reconnected(std::mem::take(
                &mut self.reconnected,
            )));
        }
        self.problems.next().map(ConsumerEvent::Problem)
    }

    pub(super) fn report_error(&mut self, code: RDKafkaErrorCode, reason: &str) {
        let fatal = self.client.client().fatal_error().map(|(code, _)| code);
        self.problems.report_error(code, reason, fatal);
    }

    fn take_statistics(&mut self, states: Vec<(TopicPartition, PartitionState)>) {
        self.statistics = Some(Instant::now());
        if self.can_read() {
            self.problems.explainer_mut().clear_current();
        }
        for (partition, state) in states {
            let Some(progress) = self.partitions.get_mut(&partition) else {
                continue;
            };
            progress.observe(state.fetch);
            if !progress.received() {
                // Stopping a fetcher clears its forwarding, on another thread. The messages fetched
                // since then wait in the partition's queue and are forwarded now.
                self.queue.forward(&partition);
            }
            if let Some(connection) = state.connection {
                progress.leader = Some(connection.leader);
                if self.partitions.set_connection(&partition, connection) {
                    self.reconnected.push(partition);
                }
            }
        }
    }
}
