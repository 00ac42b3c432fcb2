//! Usability: can the mapping decode the records of a topic, why not, and which preset would fit? A wrong
//! mapping decodes no record; a correct mapping ignores many on purpose.

use std::collections::BTreeMap;

use super::inference;
use super::samples::SampleRecord;
use crate::decode::{Decoded, IgnoreReason, Record};

/// Samples of a topic: a dozen records show which system has written them.
const MOST_SAMPLES: usize = 20;
/// Larger records are no samples: memory is bounded.
const LARGEST_SAMPLE: usize = 16 << 10;

/// How a record was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordUsability {
    /// It contains events.
    Counted,
    /// A mapping rule ignores it on purpose.
    Ignored,
    Tombstone,
    /// No mapping rule matches.
    NoRule,
    /// Rejected, for this reason.
    Rejected(&'static str),
}

impl RecordUsability {
    pub fn of(decoded: &Decoded<'_>) -> Self {
        if !decoded.events().is_empty() {
            return Self::Counted;
        }
        if let Some(rejection) = decoded.rejection() {
            return Self::Rejected(rejection.name());
        }
        match decoded {
            Decoded::Canonical(_) => Self::Counted,
            Decoded::Mapped(mapped) => match mapped.ignored {
                None | Some(IgnoreReason::IgnoredByRule) => Self::Ignored,
                Some(IgnoreReason::Tombstone) => Self::Tombstone,
                Some(IgnoreReason::NoRule) => Self::NoRule,
            },
        }
    }
}

/// Number of records by usability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsabilityCounts {
    pub counted: u64,
    pub ignored: u64,
    pub tombstones: u64,
    pub no_rule: u64,
    /// By reason.
    pub rejected: BTreeMap<&'static str, u64>,
}

impl UsabilityCounts {
    pub fn count(&mut self, one: RecordUsability) {
        match one {
            RecordUsability::Counted => self.counted += 1,
            RecordUsability::Ignored => self.ignored += 1,
            RecordUsability::Tombstone => self.tombstones += 1,
            RecordUsability::NoRule => self.no_rule += 1,
            RecordUsability::Rejected(reason) => *self.rejected.entry(reason).or_default() += 1,
        }
    }

    pub fn rejections(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All records except tombstones.
    pub fn records(&self) -> u64 {
        self.counted + self.ignored + self.no_rule + self.rejections()
    }

    /// Whether there are records, and none is usable.
    pub fn are_unusable(&self) -> bool {
        self.records() > 0 && self.counted == 0 && self.ignored == 0
    }

    /// The most frequent reason why a record is unusable.
    pub fn top_reason(&self) -> &'static str {
        let no_rule = (self.no_rule, IgnoreReason::NoRule.name());
        let rejected = self
            .rejected
            .iter()
            .map(|(reason, count)| (*count, *reason));
        rejected
            .chain([no_rule])
            .max()
            .map_or("", |(_, reason)| reason)
    }

    /// Halves the counts, so that older records count less and less.
    pub fn halve(&mut self) {
        let Self {
            counted,
            ignored,
            tombstones,
            no_rule,
            rejected,
        } = self;
        for count in [counted, ignored, tombstones, no_rule] {
            *count /= 2;
        }
        for count in rejected.values_mut() {
            *count /= 2;
        }
    }
}

/// Some unusable records. Their content only serves to find the preset that fits.
#[derive(Debug, Default)]
pub struct UnusableSamples(Vec<SampleRecord>);

impl UnusableSamples {
    /// Adds a record. Returns false if there is no room, or the record is too large.
    pub fn add(&mut self, record: &Record<'_>) -> bool {
        let value = record.value.unwrap_or_default();
        if self.0.len() >= MOST_SAMPLES || value.is_empty() || value.len() > LARGEST_SAMPLE {
            return false;
        }
        let header = |(name, value): &(&str, &[u8])| {
            let value = std::str::from_utf8(value).ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        };
        self.0.push(SampleRecord {
            place: String::new(),
            value: Some(value.to_vec()),
            key: None,
            headers: record.headers.iter().filter_map(header).collect(),
            timestamp: record.timestamp,
            topic: record.topic.to_owned(),
        });
        true
    }

    #[allow(clippy::len_without_is_empty, reason = "no caller needs it")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST_SAMPLES
    }

    /// The preset that decodes the samples, unless it is the configured one.
    pub fn fitting_preset(&self, configured: &str) -> Option<&'static str> {
        let records: Vec<_> = self.0.iter().map(SampleRecord::record).collect();
        inference::fitting_preset(&records).filter(|preset| *preset != configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_record_is_usable() {
        let mut counts = UsabilityCounts::default();
        assert!(!counts.are_unusable(), "no records");
        counts.count(RecordUsability::Tombstone);
        assert!(!counts.are_unusable(), "tombstones do not count");
        counts.count(RecordUsability::NoRule);
        assert!(counts.are_unusable());
        assert_eq!(counts.top_reason(), "no_rule");
        counts.count(RecordUsability::Rejected("missing_type"));
        counts.count(RecordUsability::Rejected("missing_type"));
        assert_eq!((counts.top_reason(), counts.records()), ("missing_type", 3));
        counts.count(RecordUsability::Ignored);
        assert!(!counts.are_unusable());
        counts.halve();
        assert_eq!((counts.rejections(), counts.no_rule), (1, 0));
    }

    #[test]
    fn samples_are_few_and_small() {
        let mut samples = UnusableSamples::default();
        assert!(!samples.add(&Record::of(&vec![b' '; LARGEST_SAMPLE + 1])));
        assert!(!samples.add(&Record::of(b"")));
        let canonical = br#"{"ticket_id":1,"type":"created","at":"2026-03-02T09:00:00Z"}"#;
        for _ in 0..MOST_SAMPLES {
            assert!(samples.add(&Record::of(canonical)));
        }
        assert!(samples.is_full() && !samples.add(&Record::of(canonical)));
        assert_eq!(samples.fitting_preset("jira"), Some("canonical"));
        assert_eq!(samples.fitting_preset("canonical"), None);
        let mut nonsense = UnusableSamples::default();
        nonsense.add(&Record::of(br#"{"a":1}"#));
        assert_eq!(nonsense.fitting_preset("jira"), None);
    }
}
