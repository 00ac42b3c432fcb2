//! How far the input is in a published state, as series: shown together with the KPIs that follow
//! from it, so that one scrape tells which records its numbers are of.

use crate::domain::catalog;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::TopicPartition;
use crate::engine::{Sample, Series, Visitor};

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStanding {
    pub source: TopicPartition,
    /// Offset of the first record that is not in the state; `None`: nothing was read.
    pub next: Option<i64>,
    /// The stream clock.
    pub clock: Option<Timestamp>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub partitions: Vec<PartitionStanding>,
    /// The clock of the windows.
    pub windows: Option<Timestamp>,
}

impl Standing {
    /// Partitions that the windows no longer wait for.
    pub fn left_behind(&self) -> impl Iterator<Item = &TopicPartition> {
        let is_behind = |one: &&PartitionStanding| one.clock.is_some() && one.clock < self.windows;
        let behind = self.partitions.iter().filter(is_behind);
        behind.map(|one| &one.source)
    }
}

impl Series for Standing {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.family(&catalog::WINDOWS_WATERMARK, None);
        if let Some(clock) = self.windows {
            visitor.sample(&[], Sample::Number(clock.seconds()));
        }
        visitor.family(&catalog::WATERMARK, None);
        for one in &self.partitions {
            if let Some(clock) = one.clock {
                let labels = [&*one.source.topic, &one.source.partition.to_string()];
                visitor.sample(&labels, Sample::Number(clock.seconds()));
            }
        }
        visitor.family(&catalog::CHECKPOINT_OFFSET, None);
        for one in &self.partitions {
            if let Some(next) = one.next {
                let labels = [&*one.source.topic, &one.source.partition.to_string()];
                #[allow(clippy::cast_precision_loss, reason = "offsets are below 2^53")]
                visitor.sample(&labels, Sample::Number(next as f64));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Format, render};

    #[test]
    fn what_is_not_known_is_absent() {
        let known = PartitionStanding {
            source: TopicPartition::new("tickets", 3),
            next: Some(7),
            clock: Some(Timestamp(1_500)),
        };
        let unknown = PartitionStanding {
            source: TopicPartition::new("tickets", 4),
            next: None,
            clock: None,
        };
        let standing = Standing {
            partitions: vec![known, unknown],
            windows: Some(Timestamp(2_500)),
        };
        assert_eq!(standing.left_behind().count(), 1);
        let text = String::from_utf8(render(Format::Text, &[&standing], 0)).unwrap();
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
