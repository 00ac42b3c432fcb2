//! What the exporter says about its own work: the engine's counts as they grow, into the
//! self-metrics, and rejected records.

use std::sync::Arc;

use tracing::warn;

use crate::decode::{Decoded, MappedRecord, Rejection};
use crate::edge::kafka::KafkaRecord;
use crate::edge::self_metrics::{LimitedLabel, RecordResult, SelfMetrics, TicketState};
use crate::engine::{Counts, Ignored, TicketStates};

/// See the module.
#[derive(Debug)]
pub struct Tally {
    metrics: Arc<SelfMetrics>,
    shown: Counts,
    /// All so far; said at 1, 2, 4, 8 …
    rejections: u64,
    /// The same of words that the mapping does not have.
    unmapped: u64,
}

impl Tally {
    /// `counts`: what the engine has counted before.
    pub fn new(metrics: Arc<SelfMetrics>, counts: Counts) -> Self {
        Self {
            metrics,
            shown: counts,
            rejections: 0,
            unmapped: 0,
        }
    }

    /// Another engine counts from here on; what the last one counted was shown.
    pub fn begin(&mut self, counts: Counts) {
        self.shown = counts;
    }

    /// Counts what of a record is no event, and says so now and then.
    pub fn note(&mut self, record: &KafkaRecord<'_>, decoded: &Decoded<'_>) {
        match decoded {
            Decoded::Canonical(Ok(_)) => {}
            Decoded::Canonical(Err(rejection)) => self.reject(record, *rejection, ""),
            Decoded::Mapped(mapped) => self.note_mapped(record, mapped),
        }
    }

    fn note_mapped(&mut self, record: &KafkaRecord<'_>, mapped: &MappedRecord) {
        if let Some(ignorance) = mapped.ignored {
            self.metrics.ignored(ignorance.reason()).inc();
            self.metrics.events(RecordResult::Ignored).inc();
        }
        if let Some(rejection) = mapped.rejected {
            self.reject(record, rejection, "");
        }
        for rejected in &mapped.rejected_events {
            let place = format!(
                "{}.{}: {}",
                rejected.rule,
                rejected.member.name(),
                rejected.paths
            );
            self.reject(record, rejected.rejection, &place);
        }
        for word in &mapped.unmapped {
            self.metrics.unmapped(word.member).inc();
            self.unmapped += 1;
            if self.unmapped.is_power_of_two() {
                // The word itself is content of the ticket.
                warn!(
                    topic = &*record.partition.topic,
                    partition = record.partition.partition,
                    offset = record.offset,
                    rule = word.rule,
                    member = word.member.name(),
                    path = word.path,
                    unmapped = self.unmapped,
                    "the mapping does not have a word; test-mapping says which"
                );
            }
        }
    }

    /// `mapping`: which member of which rule was looked for where.
    fn reject(&mut self, record: &KafkaRecord<'_>, rejection: Rejection, mapping: &str) {
        let reason = rejection.reason();
        self.metrics.rejected(reason).inc();
        self.metrics.events(RecordResult::Rejected).inc();
        self.rejections += 1;
        if self.rejections.is_power_of_two() {
            warn!(
                topic = &*record.partition.topic,
                partition = record.partition.partition,
                offset = record.offset,
                reason,
                mapping,
                rejected = self.rejections,
                "record rejected: {rejection}"
            );
        }
    }

    /// Adds what is new in the engine's counts.
    pub fn show(&mut self, counts: Counts) {
        let shown = std::mem::replace(&mut self.shown, counts);
        let metrics = &self.metrics;
        metrics
            .events(RecordResult::Applied)
            .inc_by(counts.applied - shown.applied);
        metrics
            .events(RecordResult::Duplicate)
            .inc_by(counts.duplicate - shown.duplicate);
        for (reason, count) in [
            (Ignored::Withdrawn, counts.withdrawn - shown.withdrawn),
            (Ignored::MergedAway, counts.merged_away - shown.merged_away),
        ] {
            metrics.ignored(reason.reason()).inc_by(count);
            metrics.events(RecordResult::Ignored).inc_by(count);
        }
        metrics
            .out_of_order()
            .inc_by(counts.out_of_order - shown.out_of_order);
        metrics
            .misrouted()
            .inc_by(counts.misrouted - shown.misrouted);
        if shown.misrouted == 0 && counts.misrouted > 0 {
            warn!("a ticket was seen in two partitions; producers must key records by ticket id");
        }
        for (label, count) in [
            (
                LimitedLabel::Team,
                counts.overflowed_teams - shown.overflowed_teams,
            ),
            (
                LimitedLabel::Priority,
                counts.overflowed_priorities - shown.overflowed_priorities,
            ),
            (
                LimitedLabel::Channel,
                counts.overflowed_channels - shown.overflowed_channels,
            ),
        ] {
            metrics.overflow(label).inc_by(count);
        }
    }

    pub fn show_tickets(&self, states: TicketStates) {
        for (state, count) in [
            (TicketState::Open, states.open),
            (TicketState::Solved, states.solved),
            (TicketState::Finalized, states.finalized),
            (TicketState::Withdrawn, states.withdrawn),
        ] {
            self.metrics.set_tickets(state, count);
        }
    }
}
