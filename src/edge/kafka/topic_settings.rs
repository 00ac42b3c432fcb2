//! Decides whether the settings of a topic allow an exact count of its records. Pure: the caller asks
//! the brokers.

use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};

/// With a shorter retention, an exporter that is down for a night loses records. Kafka's default is a
/// week.
pub const SHORT_RETENTION: Milliseconds = DAY;

/// The settings of a topic that matter for an exact count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    pub is_compacted: bool,
    /// Whether Kafka deletes old records.
    pub is_deleted: bool,
    /// `None`: no limit by age.
    pub retention: Option<Milliseconds>,
    /// Of each partition; `None`: no limit by size.
    pub retention_bytes: Option<i64>,
    /// `None`: unknown.
    pub max_message_bytes: Option<i64>,
}

/// A reason why the counts of a topic may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicConcern {
    #[error(
        "the topic is compacted: Kafka keeps only the last record of a key, so a recount or a first \
         start counts too little; set cleanup.policy=delete"
    )]
    Compacted,
    #[error(
        "records are deleted after {}: an exporter that is down for longer loses records, and a \
         recount counts only the records that are left; set a longer retention.ms",
        duration::format(*.0)
    )]
    ShortRetention(Milliseconds),
    /// Some of the records read have no key.
    #[error(
        "{records} of {of} records have no key: the events of a ticket may be in several partitions and \
         then count as several tickets; let the producer use the ticket id as the key"
    )]
    Unkeyed { records: usize, of: usize },
}

impl TopicSettings {
    /// Reads the names and values of Kafka's settings and ignores other names.
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

    /// A text about how long Kafka keeps records.
    pub fn retention_text(&self) -> String {
        let mut text = match self.retention.filter(|_| self.is_deleted) {
            Some(retention) => format!("records are kept for {}", duration::format(retention)),
            None => "records are kept forever".to_owned(),
        };
        if let Some(bytes) = self.retention_bytes.filter(|_| self.is_deleted) {
            text.push_str(&format!(", and {bytes} bytes of each partition at most"));
        }
        text
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
    /// `None`: all of the records have keys.
    pub fn of_keys(keyed: usize, records: usize) -> Option<Self> {
        (keyed < records).then_some(Self::Unkeyed {
            records: records - keyed,
            of: records,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::HOUR;

    #[test]
    fn the_defaults_of_kafka_raise_no_concern() {
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
