//! Dead letters on the way to Kafka. The ingest loop waits for unconfirmed dead letters; the readiness and
//! the log name the reason.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::{DeadLetterHeader, DeadLetterProducer, KafkaRecord, LostDeadLetter};
use crate::edge::self_metrics::{RecordResult, SelfMetrics};

/// While dead letters are unconfirmed there are no checkpoints, and the series stand still. After this
/// time the exporter is not ready. The election of a partition leader takes less.
const STALL: Duration = Duration::from_secs(10);
/// Time between two log lines about lost dead letters.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Time between two log lines about one stall.
const STALL_LOG_INTERVAL: Duration = Duration::from_secs(900);

pub(super) struct DeadLetterQueue {
    /// `None`: no dead-letter topic is configured.
    producer: Option<DeadLetterProducer>,
    readiness: Readiness,
    metrics: Arc<SelfMetrics>,
    /// Held while dead letters are refused or unconfirmed.
    latch: Option<Latch>,
    /// Records wait for room. Only [`Self::wait_for_room`] ends that, so that its caller resumes the
    /// consumer.
    held: bool,
    /// Since when some dead letter has been unconfirmed.
    unconfirmed_since: Option<Instant>,
    stall_logged: Option<Instant>,
    lost: LostDeadLetters,
}

/// Lost dead letters since the last log line.
#[derive(Debug, Default)]
struct LostDeadLetters {
    count: u64,
    first: Option<LostDeadLetter>,
    logged: Option<Instant>,
}

impl DeadLetterQueue {
    pub(super) fn new(
        producer: Option<DeadLetterProducer>,
        readiness: Readiness,
        metrics: Arc<SelfMetrics>,
    ) -> Self {
        Self {
            producer,
            readiness,
            metrics,
            latch: None,
            held: false,
            unconfirmed_since: None,
            stall_logged: None,
            lost: LostDeadLetters::default(),
        }
    }

    pub(super) fn set_producer(&mut self, producer: Option<DeadLetterProducer>) {
        self.producer = producer;
        self.recovered();
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.producer.is_some()
    }

    /// Whether there is room for a dead letter. If not, records are held from this one on.
    pub(super) fn has_room(&mut self) -> bool {
        let producer = self.producer.as_mut();
        let has_room = producer.is_none_or(DeadLetterProducer::has_room);
        self.held = !has_room;
        has_room
    }

    /// Whether records wait for room.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Waits up to `patience` for room. Returns whether there is room.
    pub(super) fn wait_for_room(&mut self, patience: Duration) -> bool {
        let producer = self.producer.as_mut();
        let has_room = producer.is_none_or(|producer| producer.wait_for_room(patience));
        self.held = !has_room;
        has_room
    }

    pub(super) fn send(
        &mut self,
        record: &KafkaRecord<'_>,
        headers: &[DeadLetterHeader<'_>],
        reason: &str,
    ) {
        if let Some(producer) = &mut self.producer {
            producer.send(record, headers, reason);
        }
    }

    /// Waits up to `patience` until all dead letters are confirmed. Returns whether they are.
    pub(super) fn flush(&mut self, patience: Duration) -> bool {
        let Some(producer) = &mut self.producer else {
            return true;
        };
        let report = producer.flush(patience);
        self.metrics
            .events(RecordResult::DeadLettered)
            .inc_by(report.delivered);
        self.metrics.dead_letters_lost().inc_by(report.lost);
        self.lost.add(report.lost, report.first_lost);
        self.lost.log();
        let all_confirmed = producer.all_confirmed();
        if all_confirmed {
            self.recovered();
        } else {
            self.report_unconfirmed();
        }
        all_confirmed
    }

    fn report_unconfirmed(&mut self) {
        let Some(producer) = &self.producer else {
            return;
        };
        let since = *self.unconfirmed_since.get_or_insert_with(Instant::now);
        if let Some(refusal) = producer.refusal() {
            self.not_ready(refusal); // the producer has logged it
        } else if self.held || since.elapsed() >= STALL {
            let count = producer.unconfirmed();
            let topic = producer.topic();
            let problem = producer.problem();
            let problem = problem.map_or_else(String::new, |text| format!(" ({text})"));
            let consequence = if self.held {
                "nothing more is read"
            } else {
                "no checkpoint is made"
            };
            let reason = format!(
                "waiting for Kafka to confirm {count} dead letters in {topic}{problem}: \
                 {consequence} until then; check that the brokers accept records for {topic}"
            );
            let is_old = |logged: Instant| logged.elapsed() >= STALL_LOG_INTERVAL;
            if self.stall_logged.is_none_or(is_old) {
                self.stall_logged = Some(Instant::now());
                warn!(reason, "dead letters are not confirmed");
            }
            self.not_ready(reason);
        }
    }

    fn not_ready(&mut self, reason: String) {
        match &self.latch {
            Some(latch) => latch.set_reason(reason),
            None => self.latch = Some(self.readiness.hold(reason)),
        }
    }

    fn recovered(&mut self) {
        self.unconfirmed_since = None;
        if self.stall_logged.take().is_some() {
            info!("dead letters are confirmed again");
        }
        self.latch = None;
    }
}

impl LostDeadLetters {
    fn add(&mut self, count: u64, first: Option<LostDeadLetter>) {
        self.count += count;
        if self.first.is_none() {
            self.first = first;
        }
    }

    fn log(&mut self) {
        let is_old = |logged: Instant| logged.elapsed() >= LOSS_LOG_INTERVAL;
        if self.count == 0 || !self.logged.is_none_or(is_old) {
            return;
        }
        self.logged = Some(Instant::now());
        let count = std::mem::take(&mut self.count);
        let first = self.first.take().unwrap_or_default();
        error!(
            count,
            topic = first.topic,
            partition = first.partition,
            offset = first.offset,
            reason = first.reason,
            "dead letters lost; this is the first record"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::self_metrics::tests::self_metrics;

    #[test]
    fn records_are_held_until_the_caller_waits_for_room() {
        let metrics = Arc::new(self_metrics());
        let mut queue = DeadLetterQueue::new(None, Readiness::default(), metrics);
        queue.held = true;
        // The dead letters are confirmed, or another producer starts, before the caller waits.
        queue.recovered();
        queue.set_producer(None);
        assert!(queue.is_held());
        assert!(queue.wait_for_room(Duration::ZERO));
        assert!(!queue.is_held());
    }
}
