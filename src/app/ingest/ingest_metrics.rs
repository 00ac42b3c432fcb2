//! Counts of records: the engine's, and those of records without an event.

use std::sync::Arc;

use tracing::warn;

use crate::decode::{Decoded, MappedRecord, Rejection, RepetitionWatch};
use crate::edge::kafka::KafkaRecord;
use crate::edge::self_metrics::{LimitedLabel, RecordResult, SelfMetrics};
use crate::engine::{AttributeRule, Counts, Engine, Ignored, StateMember};

/// The label `label` of combinations of attributes beyond the limit.
const COMBINATIONS: &str = "attributes";

#[derive(Debug)]
pub(super) struct IngestMetrics {
    metrics: Arc<SelfMetrics>,
    /// The engine's counts that are in the metrics.
    exported: Counts,
    /// The user's own attributes.
    attributes: Vec<AttributeRule>,
    rejected: LoggedCount,
    unmapped: LoggedCount,
    repetitions: RepetitionWatch,
    repeated: LoggedCount,
}

/// A count that is logged at 1, 2, 4, 8 …
#[derive(Debug, Default)]
struct LoggedCount(u64);

impl LoggedCount {
    /// Counts one more. Returns the count if it is to be logged.
    fn add(&mut self) -> Option<u64> {
        self.0 += 1;
        self.0.is_power_of_two().then_some(self.0)
    }
}

impl IngestMetrics {
    pub(super) fn new(metrics: Arc<SelfMetrics>, engine: &Engine) -> Self {
        let mut created = Self {
            metrics,
            exported: Counts::default(),
            attributes: Vec::new(),
            rejected: LoggedCount::default(),
            unmapped: LoggedCount::default(),
            repetitions: RepetitionWatch::default(),
            repeated: LoggedCount::default(),
        };
        created.engine_replaced(engine);
        created
    }

    /// Another engine continues. Its counts are from before.
    pub(super) fn engine_replaced(&mut self, engine: &Engine) {
        self.exported = engine.counts();
        self.attributes = engine.attributes().to_vec();
        self.add_attribute_counts(&engine.counts(), &engine.counts());
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
            self.metrics.ignored(ignorance.name()).inc();
            self.metrics.events(RecordResult::Ignored).inc();
        }
        if let Some(rejection) = mapped.rejected {
            self.count_rejection(record, rejection, "");
        }
        for event in &mapped.rejected_events {
            let place = format!("{}.{}: {}", event.rule, event.member, event.paths);
            self.count_rejection(record, event.rejection, &place);
        }
        self.watch_repetitions(record, mapped);
        for word in &mapped.unmapped {
            self.metrics.unmapped(word.member.member).inc();
            if let Some(unmapped) = self.unmapped.add() {
                // Without the value: it is content of the ticket.
                warn!(
                    topic = &*record.partition.topic,
                    partition = record.partition.partition,
                    offset = record.offset,
                    rule = word.rule,
                    member = %word.member,
                    path = word.path,
                    unmapped,
                    "the mapping has no entry for a value; ticket-exporter test-mapping shows the value"
                );
            }
        }
    }

    /// Logged from the eighth on: two messages may have the same time.
    fn watch_repetitions(&mut self, record: &KafkaRecord<'_>, mapped: &MappedRecord) {
        for rule in self.repetitions.note(&mapped.unidentified) {
            if let Some(repeated) = self.repeated.add().filter(|repeated| *repeated >= 8) {
                warn!(
                    topic = &*record.partition.topic,
                    partition = record.partition.partition,
                    offset = record.offset,
                    rule,
                    repeated,
                    "a rule makes the same event of several records, and each counts; add once or event_id to \
                     the rule"
                );
            }
        }
    }

    /// `mapping`: the rule, member and paths that did not match.
    fn count_rejection(&mut self, record: &KafkaRecord<'_>, rejection: Rejection, mapping: &str) {
        let reason = rejection.name();
        self.metrics.rejected(reason).inc();
        self.metrics.events(RecordResult::Rejected).inc();
        if let Some(rejected) = self.rejected.add() {
            warn!(
                topic = &*record.partition.topic,
                partition = record.partition.partition,
                offset = record.offset,
                reason,
                mapping,
                details = %rejection,
                rejected,
                "record rejected"
            );
        }
    }

    /// Adds the growth of what is counted for each of the user's own attributes.
    fn add_attribute_counts(&self, counts: &Counts, exported: &Counts) {
        let metrics = &self.metrics;
        for (position, attribute) in self.attributes.iter().enumerate() {
            let grown =
                |count: fn(&Counts) -> &[u64]| count(counts)[position] - count(exported)[position];
            let stale = grown(|counts| &counts.stale_attributes);
            metrics.stale_attribute(&attribute.name).inc_by(stale);
            if attribute.is_label {
                let beyond = grown(|counts| &counts.overflowed_attributes);
                metrics.overflowed_attribute(&attribute.name).inc_by(beyond);
            }
        }
        if self.attributes.iter().any(|attribute| attribute.is_label) {
            let beyond = counts.overflowed_combinations - exported.overflowed_combinations;
            metrics.overflowed_attribute(COMBINATIONS).inc_by(beyond);
        }
    }

    /// Adds the growth of the engine's counts.
    pub(super) fn add_engine_counts(&mut self, counts: Counts) {
        let exported = std::mem::replace(&mut self.exported, counts);
        let metrics = &self.metrics;
        let grown = |count: fn(&Counts) -> u64| count(&counts) - count(&exported);
        let withdrawn = grown(|counts| counts.withdrawn);
        let merged_away = grown(|counts| counts.merged_away);
        let ignored = |reason: Ignored| metrics.ignored(reason.name());
        let overflow = |label| metrics.overflow(label);
        for (counter, grown) in [
            (
                metrics.events(RecordResult::Applied),
                grown(|counts| counts.applied),
            ),
            (
                metrics.events(RecordResult::Duplicate),
                grown(|counts| counts.duplicate),
            ),
            (
                metrics.events(RecordResult::Ignored),
                withdrawn + merged_away,
            ),
            (ignored(Ignored::Withdrawn), withdrawn),
            (ignored(Ignored::MergedAway), merged_away),
            (metrics.out_of_order(), grown(|counts| counts.out_of_order)),
            (metrics.misrouted(), grown(|counts| counts.misrouted)),
            (
                overflow(LimitedLabel::Team),
                grown(|counts| counts.overflowed_teams),
            ),
            (
                overflow(LimitedLabel::Priority),
                grown(|counts| counts.overflowed_priorities),
            ),
            (
                overflow(LimitedLabel::Channel),
                grown(|counts| counts.overflowed_channels),
            ),
        ] {
            counter.inc_by(grown);
        }
        for member in StateMember::ALL {
            let stale = counts.stale[member as usize] - exported.stale[member as usize];
            metrics.stale_state(member).inc_by(stale);
        }
        self.add_attribute_counts(&counts, &exported);
        if exported.misrouted == 0 && counts.misrouted > 0 {
            warn!(
                "a ticket has records in two partitions; configure the producer to use the ticket id \
                 as the key"
            );
        }
    }
}
