//! The offsets and clocks of a published state, as series. They are published together with the KPI
//! series, so that one scrape tells which records its numbers contain.

use crate::app::source_offsets::SourceOffsets;
use crate::domain::catalog;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::TopicPartition;
use crate::engine::{Engine, Sample, Series, Visitor};

#[derive(Clone, Debug, PartialEq, Eq)]
struct PublishedPartition {
    source: TopicPartition,
    /// Offset of the first record that is not in the state.
    next: Option<i64>,
    /// The stream clock.
    clock: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct InputProgress {
    partitions: Vec<PublishedPartition>,
    windows_clock: Option<Timestamp>,
}

impl InputProgress {
    pub(super) fn of(offsets: &SourceOffsets, engine: &Engine) -> Self {
        let partitions = offsets.iter().map(|offset| PublishedPartition {
            source: offset.source.clone(),
            next: offset.next,
            clock: engine.clock_of(offset.partition),
        });
        Self {
            partitions: partitions.collect(),
            windows_clock: engine.windows_clock(),
        }
    }

    /// Offset of the first record that is not in the state, by partition.
    pub(super) fn offsets(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        let partitions = self.partitions.iter();
        partitions.filter_map(|one| Some((&one.source, one.next?)))
    }

    /// Partitions that the windows no longer wait for.
    pub(super) fn left_behind(&self) -> impl Iterator<Item = &TopicPartition> {
        let is_behind =
            |one: &&PublishedPartition| one.clock.is_some() && one.clock < self.windows_clock;
        let behind = self.partitions.iter().filter(is_behind);
        behind.map(|one| &one.source)
    }
}

impl Series for InputProgress {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.family(
            &catalog::WINDOWS_WATERMARK,
            catalog::WINDOWS_WATERMARK.labels,
            None,
        );
        if let Some(clock) = self.windows_clock {
            visitor.sample(&[], Sample::Number(clock.seconds()));
        }
        visitor.family(&catalog::WATERMARK, catalog::WATERMARK.labels, None);
        for one in &self.partitions {
            if let Some(clock) = one.clock {
                let labels = [&*one.source.topic, &one.source.partition.to_string()];
                visitor.sample(&labels, Sample::Number(clock.seconds()));
            }
        }
        visitor.family(
            &catalog::CHECKPOINT_OFFSET,
            catalog::CHECKPOINT_OFFSET.labels,
            None,
        );
        for (source, next) in self.offsets() {
            let labels = [&*source.topic, &source.partition.to_string()];
            #[allow(clippy::cast_precision_loss, reason = "offsets are below 2^53")]
            visitor.sample(&labels, Sample::Number(next as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Format, render};

    #[test]
    fn an_unknown_value_has_no_series() {
        let known = PublishedPartition {
            source: TopicPartition::new("tickets", 3),
            next: Some(7),
            clock: Some(Timestamp(1_500)),
        };
        let unknown = PublishedPartition {
            source: TopicPartition::new("tickets", 4),
            next: None,
            clock: None,
        };
        let progress = InputProgress {
            partitions: vec![known, unknown],
            windows_clock: Some(Timestamp(2_500)),
        };
        assert_eq!(progress.left_behind().count(), 1);
        let text = String::from_utf8(render(Format::Text, &[&progress], 0)).unwrap();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "ticket_exporter_windows_watermark_timestamp_seconds 2.5",
                "ticket_exporter_watermark_timestamp_seconds{topic=\"tickets\",partition=\"3\"} 1.5",
                "ticket_exporter_checkpoint_offset{topic=\"tickets\",partition=\"3\"} 7",
            ]
        );
    }
}
