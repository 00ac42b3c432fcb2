//! Dead letters on the reading's side: they hold the reading back where Kafka does not confirm them,
//! and the readiness and the log say so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::edge::http::{Latch, Readiness};
use crate::edge::kafka::{DeadLetterHeader, DeadLetterProducer, KafkaRecord, LostDeadLetter};
use crate::edge::self_metrics::{RecordResult, SelfMetrics};

/// Letters that are not confirmed for longer keep the exporter from being ready, since the
/// checkpoint and with it the series stand still. Brokers that elect a leader take less.
const STALL: Duration = Duration::from_secs(10);
/// Time between two log lines about lost letters.
const SAY_LOST_AGAIN: Duration = Duration::from_secs(60);
/// Time between two log lines about one stall.
const SAY_STALL_AGAIN: Duration = Duration::from_secs(900);

/// The dead-letter topic, if there is one.
#[derive(Debug)]
pub(super) struct Letters {
    topic: Option<DeadLetterProducer>,
    readiness: Readiness,
    metrics: Arc<SelfMetrics>,
    /// Held while letters are refused or not confirmed.
    latch: Option<Latch>,
    /// Records wait because no more letters may be on their way. Only [`Self::is_over`] ends that: its
    /// caller then has the consumer go on.
    held: bool,
    /// Since when some letter has been on its way at every look.
    unconfirmed: Option<Instant>,
    stall_said: Option<Instant>,
    lost: Lost,
}

/// Lost letters that the log has not told yet.
#[derive(Debug, Default)]
struct Lost {
    count: u64,
    first: Option<LostDeadLetter>,
    said: Option<Instant>,
}

impl Letters {
    pub(super) fn new(
        topic: Option<DeadLetterProducer>,
        readiness: Readiness,
        metrics: Arc<SelfMetrics>,
    ) -> Self {
        Self {
            topic,
            readiness,
            metrics,
            latch: None,
            held: false,
            unconfirmed: None,
            stall_said: None,
            lost: Lost::default(),
        }
    }

    /// Another topic, or none, from now on.
    pub(super) fn replace(&mut self, topic: Option<DeadLetterProducer>) {
        self.topic = topic;
        self.recover();
    }

    /// Whether a letter may be sent. If not, the records from this one on have to be held until
    /// [`Self::is_over`].
    pub(super) fn has_room(&mut self) -> bool {
        let has_room = self.topic.as_mut().is_none_or(DeadLetterProducer::has_room);
        self.held = !has_room;
        has_room
    }

    /// Sends a record that is no event, where there is a topic for it.
    pub(super) fn send(
        &mut self,
        record: &KafkaRecord<'_>,
        headers: &[DeadLetterHeader<'_>],
        reason: &str,
    ) {
        if let Some(topic) = &mut self.topic {
            topic.send(record, headers, reason);
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.topic.is_some()
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Waits up to `patience` for room; whether there is some.
    pub(super) fn is_over(&mut self, patience: Duration) -> bool {
        let over = match &mut self.topic {
            Some(topic) => topic.wait_for_room(patience),
            None => true,
        };
        self.held = !over;
        over
    }

    /// Counts the letters delivered so far, waiting up to `patience`; whether none is on its way.
    pub(super) fn flush(&mut self, patience: Duration) -> bool {
        let Some(topic) = &mut self.topic else {
            return true;
        };
        let report = topic.flush(patience);
        self.metrics
            .events(RecordResult::DeadLettered)
            .inc_by(report.delivered);
        self.metrics.dead_letters_lost().inc_by(report.lost);
        self.lost.add(report.lost, report.first_lost);
        self.lost.say();
        let confirmed = topic.all_confirmed();
        self.look(confirmed);
        confirmed
    }

    fn look(&mut self, confirmed: bool) {
        if confirmed {
            self.recover();
            return;
        }
        let Some(topic) = &self.topic else {
            return;
        };
        let since = *self.unconfirmed.get_or_insert_with(Instant::now);
        if let Some(refusal) = topic.refusal() {
            // The producer's log line says the same.
            self.hold_latch(refusal);
        } else if self.held || since.elapsed() >= STALL {
            let letters = topic.unconfirmed();
            let name = topic.topic();
            let trouble = topic.problem();
            let because = trouble.map_or_else(String::new, |text| format!(" ({text})"));
            let consequence = if self.held {
                "nothing more is read"
            } else {
                "no checkpoint is made"
            };
            let text = format!(
                "waiting for Kafka to confirm {letters} dead letters in {name}{because}: \
                 {consequence} until then; check that the brokers take records for {name}"
            );
            let again = |said: Instant| said.elapsed() >= SAY_STALL_AGAIN;
            if self.stall_said.is_none_or(again) {
                self.stall_said = Some(Instant::now());
                warn!(%text, "dead letters are not confirmed");
            }
            self.hold_latch(text);
        }
    }

    fn hold_latch(&mut self, reason: String) {
        match &self.latch {
            Some(latch) => latch.set_reason(reason),
            None => self.latch = Some(self.readiness.hold(reason)),
        }
    }

    fn recover(&mut self) {
        self.unconfirmed = None;
        if self.stall_said.take().is_some() {
            info!("dead letters are confirmed again");
        }
        if let Some(latch) = self.latch.take() {
            latch.release();
        }
    }
}

impl Lost {
    fn add(&mut self, count: u64, first: Option<LostDeadLetter>) {
        self.count += count;
        if self.first.is_none() {
            self.first = first;
        }
    }

    /// A flood of them is one line a minute.
    fn say(&mut self) {
        let again = |said: Instant| said.elapsed() >= SAY_LOST_AGAIN;
        if self.count == 0 || !self.said.is_none_or(again) {
            return;
        }
        self.said = Some(Instant::now());
        let count = std::mem::take(&mut self.count);
        let first = self.first.take().unwrap_or_default();
        error!(
            letters = count,
            topic = first.topic,
            partition = first.partition,
            offset = first.offset,
            reason = first.reason,
            "dead letters lost, of which this is the first record"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::edge::self_metrics::BuildInfo;

    #[test]
    fn records_wait_until_the_caller_learns_that_they_need_not() {
        let build = BuildInfo {
            version: "",
            revision: "",
            rustc: "",
        };
        let metrics = Arc::new(SelfMetrics::new(build, Timestamp(0), &[], &[]).unwrap());
        let mut letters = Letters::new(None, Readiness::default(), metrics);
        letters.held = true;
        // The letters are confirmed, or go elsewhere, before the caller asks.
        letters.recover();
        letters.replace(None);
        assert!(letters.is_held());
        assert!(letters.is_over(Duration::ZERO));
        assert!(!letters.is_held());
    }
}
