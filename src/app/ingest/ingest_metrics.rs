//! Counts of records: the engine's, and those of records without an event.

use std::sync::Arc;

use tracing::warn;

use crate::decode::{Decoded, MappedRecord, Rejection, RepetitionWatch};
use crate::edge::kafka::KafkaRecord;
use crate::edge::self_metrics::{LimitedLabel, RecordResult, SelfMetrics};
use crate::engine::{Counts, Ignored, StateMember};

#[derive(Debug)]
pub(super) struct IngestMetrics {
    metrics: Arc<SelfMetrics>,
    /// The engine's counts that are in the metrics.
    exported: Counts,
    /// Logged at 1, 2, 4, 8 …
    rejected: u64,
    /// The same.
    unmapped: u64,
    repetitions: RepetitionWatch,
    repeated: u64,
}

impl IngestMetrics {
    /// `counts`: the engine's counts from before the start.
    pub(super) fn new(metrics: Arc<SelfMetrics>, counts: Counts) -> Self {
        Self {
            metrics,
            exported: counts,
            rejected: 0,
            unmapped: 0,
            repetitions: RepetitionWatch::default(),
            repeated: 0,
        }
    }

    /// Another engine continues, with these counts.
    pub(super) fn engine_replaced(&mut self, counts: Counts) {
        self.exported = counts;
    }

    /// Counts the parts of a record that are no events, and sometimes logs them.
    pub(super) fn count(&mut self, record: &KafkaRecord<'_>, decoded: &Decoded<'_>) {
        match decoded {
            Decoded::Canonical(Ok(_)) => {}
            Decoded::Canonical(Err(rejection)) => self.count_rejection(record, *rejection, ""),
            Decoded::Mapped(mapped) => self.count_mapped(record, mapped),
        }
    }

    fn count_mapped(&mut self, record: &KafkaRecord<'_>, mapped: &MappedRecord) {
        if let Some(ignorance) = mapped.ignored {
            self.metrics.ignored(ignorance.reason()).inc();
            self.metrics.events(RecordResult::Ignored).inc();
        }
        if let Some(rejection) = mapped.rejected {
            self.count_rejection(record, rejection, "");
        }
        for event in &mapped.rejected_events {
            let place = format!("{}.{}: {}", event.rule, event.member.name(), event.paths);
            self.count_rejection(record, event.rejection, &place);
        }
        self.watch_repetitions(record, mapped);
        for word in &mapped.unmapped {
            self.metrics.unmapped(word.member).inc();
            self.unmapped += 1;
            if self.unmapped.is_power_of_two() {
                // Without the value: it is content of the ticket.
                warn!(
                    topic = &*record.partition.topic,
                    partition = record.partition.partition,
                    offset = record.offset,
                    rule = word.rule,
                    member = word.member.name(),
                    path = word.path,
                    unmapped = self.unmapped,
                    "the mapping has no entry for a value; ticket-exporter test-mapping shows the value"
                );
            }
        }
    }

    /// Logged from the eighth on: two messages may have the same time.
    fn watch_repetitions(&mut self, record: &KafkaRecord<'_>, mapped: &MappedRecord) {
        for rule in self.repetitions.note(&mapped.unidentified) {
            self.repeated += 1;
            if self.repeated >= 8 && self.repeated.is_power_of_two() {
                warn!(
                    topic = &*record.partition.topic,
                    partition = record.partition.partition,
                    offset = record.offset,
                    rule,
                    repeated = self.repeated,
                    "a rule makes the same event of several records, and each counts; add once or event_id to \
                     the rule"
                );
            }
        }
    }

    /// `mapping`: the rule, member and paths that did not match.
    fn count_rejection(&mut self, record: &KafkaRecord<'_>, rejection: Rejection, mapping: &str) {
        let reason = rejection.reason();
        self.metrics.rejected(reason).inc();
        self.metrics.events(RecordResult::Rejected).inc();
        self.rejected += 1;
        if self.rejected.is_power_of_two() {
            warn!(
                topic = &*record.partition.topic,
                partition = record.partition.partition,
                offset = record.offset,
                reason,
                mapping,
                details = %rejection,
                rejected = self.rejected,
                "record rejected"
            );
        }
    }

    /// Adds the growth of the engine's counts.
    pub(super) fn add_engine_counts(&mut self, counts: Counts) {
        let exported = std::mem::replace(&mut self.exported, counts);
        let metrics = &self.metrics;
        metrics
            .events(RecordResult::Applied)
            .inc_by(counts.applied - exported.applied);
        metrics
            .events(RecordResult::Duplicate)
            .inc_by(counts.duplicate - exported.duplicate);
        for (reason, count) in [
            (Ignored::Withdrawn, counts.withdrawn - exported.withdrawn),
            (
                Ignored::MergedAway,
                counts.merged_away - exported.merged_away,
            ),
        ] {
            metrics.ignored(reason.reason()).inc_by(count);
            metrics.events(RecordResult::Ignored).inc_by(count);
        }
        metrics
            .out_of_order()
            .inc_by(counts.out_of_order - exported.out_of_order);
        for member in StateMember::ALL {
            let before = exported.stale[member as usize];
            metrics
                .stale_state(member)
                .inc_by(counts.stale[member as usize] - before);
        }
        metrics
            .misrouted()
            .inc_by(counts.misrouted - exported.misrouted);
        if exported.misrouted == 0 && counts.misrouted > 0 {
            warn!(
                "a ticket has records in two partitions; configure the producer to use the ticket id \
                 as the key"
            );
        }
        for (label, count) in [
            (
                LimitedLabel::Team,
                counts.overflowed_teams - exported.overflowed_teams,
            ),
            (
                LimitedLabel::Priority,
                counts.overflowed_priorities - exported.overflowed_priorities,
            ),
            (
                LimitedLabel::Channel,
                counts.overflowed_channels - exported.overflowed_channels,
            ),
        ] {
            metrics.overflow(label).inc_by(count);
        }
    }
}
