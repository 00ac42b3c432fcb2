//! What the settings of a topic mean for a program that counts its records. Facts in, judgment out:
//! the caller asks the brokers and decides what to do.

use std::fmt;

use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};

/// Below this an exporter that stands still for a night loses records. Kafka's default is a week.
pub const SHORT_RETENTION: Milliseconds = DAY;

/// A topic's settings, as far as they matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    pub is_compacted: bool,
    /// Whether old records are deleted at all.
    pub is_deleted: bool,
    /// `None`: records are kept whatever their age.
    pub retention: Option<Milliseconds>,
    /// Of each partition; `None`: whatever its size.
    pub retention_bytes: Option<i64>,
    /// `None`: not known.
    pub max_message_bytes: Option<i64>,
}

/// What a person should know about a topic before trusting its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicConcern {
    Compacted,
    ShortRetention(Milliseconds),
    /// Some of the records looked at have no key.
    Unkeyed {
        records: usize,
        of: usize,
    },
}

impl TopicSettings {
    /// Reads names and values as Kafka has them; others are left alone.
    pub fn read<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut settings = Self {
            is_deleted: true, // Kafka's default
            ..Self::default()
        };
        // -1 is no limit.
        let limit = |value: &str| value.parse().ok().filter(|number: &i64| *number >= 0);
        for (name, value) in entries {
            match name {
                "cleanup.policy" => {
                    let is = |policy: &str| value.split(',').any(|one| one.trim() == policy);
                    settings.is_compacted = is("compact");
                    settings.is_deleted = is("delete");
                }
                "retention.ms" => settings.retention = limit(value),
                "retention.bytes" => settings.retention_bytes = limit(value),
                "max.message.bytes" => settings.max_message_bytes = limit(value),
                _ => {}
            }
        }
        settings
    }

    /// How long records stay, in words.
    pub fn retention_text(&self) -> String {
        let mut kept = match self.retention.filter(|_| self.is_deleted) {
            Some(retention) => format!("records are kept for {}", duration::format(retention)),
            None => "records are kept forever".to_owned(),
        };
        if let Some(bytes) = self.retention_bytes.filter(|_| self.is_deleted) {
            kept.push_str(&format!(", and {bytes} bytes of each partition at most"));
        }
        kept
    }

    pub fn concerns(&self) -> Vec<TopicConcern> {
        let compacted = self.is_compacted.then_some(TopicConcern::Compacted);
        let short = self
            .retention
            .filter(|retention| self.is_deleted && *retention < SHORT_RETENTION)
            .map(TopicConcern::ShortRetention);
        compacted.into_iter().chain(short).collect()
    }
}

impl TopicConcern {
    /// `None`: each of the records looked at has a key.
    pub fn of_keys(keyed: usize, records: usize) -> Option<Self> {
        (keyed < records).then_some(Self::Unkeyed {
            records: records - keyed,
            of: records,
        })
    }
}

impl fmt::Display for TopicConcern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compacted => formatter.write_str(
                "the topic is compacted: of the records of a key only the last one stays, so a \
                 recount or a first start counts less than happened; set cleanup.policy=delete",
            ),
            Self::ShortRetention(retention) => write!(
                formatter,
                "records are deleted after {}: an exporter that stands still for longer loses \
                 records, and a recount counts only these; set a longer retention.ms",
                duration::format(*retention)
            ),
            Self::Unkeyed { records, of } => write!(
                formatter,
                "{records} of {of} records have no key: events of a ticket may lie in several \
                 partitions, and then count as several tickets; let the producer key records by \
                 ticket id"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::HOUR;

    #[test]
    fn the_defaults_of_kafka_are_fine() {
        let settings = TopicSettings::read([
            ("cleanup.policy", "delete"),
            ("retention.ms", "604800000"),
            ("retention.bytes", "-1"),
            ("segment.ms", "x"),
        ]);
        assert_eq!(settings.concerns(), []);
        assert_eq!(settings.retention_text(), "records are kept for 7d");
    }

    #[test]
    fn compaction_and_short_retention_are_named() {
        let concerns =
            |entries: &[(&str, &str)]| TopicSettings::read(entries.iter().copied()).concerns();
        let short = ("retention.ms", "3600000");
        assert_eq!(concerns(&[short]), [TopicConcern::ShortRetention(HOUR)]);
        let both = [("cleanup.policy", "compact,delete"), short];
        assert_eq!(
            concerns(&both),
            [TopicConcern::Compacted, TopicConcern::ShortRetention(HOUR)]
        );
        // Without deletion the time has no effect.
        assert_eq!(
            concerns(&[("cleanup.policy", "compact"), short]),
            [TopicConcern::Compacted]
        );
        assert_eq!(concerns(&[("retention.ms", "-1")]), []);
    }

    #[test]
    fn every_record_needs_a_key() {
        assert_eq!(TopicConcern::of_keys(3, 3), None);
        let concern = TopicConcern::of_keys(1, 3).unwrap().to_string();
        assert!(concern.starts_with("2 of 3 records"), "{concern}");
    }
}
