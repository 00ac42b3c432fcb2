//! Whether the records of a topic can be used at all, why not, and which preset would fit. A wrong
//! mapping makes nothing of any record; a right one passes many over on purpose.

use std::collections::BTreeMap;

use super::inference;
use super::samples::Sample;
use crate::decode::{Decoded, IgnoreReason, Record};

/// Samples kept of a topic: some dozen tell which system they are from.
const MOST_SAMPLES: usize = 20;
/// Larger records are not kept as samples: memory is bounded.
const LARGEST_SAMPLE: usize = 16 << 10;

/// What a record was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It gave events.
    Counted,
    /// A rule ignores it on purpose.
    PassedOver,
    /// A tombstone, which says nothing.
    Empty,
    /// No rule is for it.
    Unknown,
    /// It is rejected, for this reason.
    Rejected(&'static str),
}

impl Use {
    pub fn of(decoded: &Decoded<'_>) -> Self {
        if !decoded.events().is_empty() {
            return Self::Counted;
        }
        if let Some(rejection) = decoded.rejection() {
            return Self::Rejected(rejection.reason());
        }
        match decoded {
            Decoded::Canonical(_) => Self::Counted,
            Decoded::Mapped(mapped) => match mapped.ignored {
                None | Some(IgnoreReason::IgnoredByRule) => Self::PassedOver,
                Some(IgnoreReason::Tombstone) => Self::Empty,
                Some(IgnoreReason::NoRule) => Self::Unknown,
            },
        }
    }
}

/// How many records were good for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    pub counted: u64,
    pub passed_over: u64,
    pub empty: u64,
    pub unknown: u64,
    /// By reason.
    pub rejected: BTreeMap<&'static str, u64>,
}

impl Uses {
    pub fn note(&mut self, one: Use) {
        match one {
            Use::Counted => self.counted += 1,
            Use::PassedOver => self.passed_over += 1,
            Use::Empty => self.empty += 1,
            Use::Unknown => self.unknown += 1,
            Use::Rejected(reason) => *self.rejected.entry(reason).or_default() += 1,
        }
    }

    /// Records that were rejected.
    pub fn rejections(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Records that say something, whether it can be used or not.
    pub fn records(&self) -> u64 {
        self.counted + self.passed_over + self.unknown + self.rejections()
    }

    /// Whether there are records, and nothing can be made of any.
    pub fn are_none(&self) -> bool {
        self.records() > 0 && self.counted == 0 && self.passed_over == 0
    }

    /// The most frequent reason why a record cannot be used.
    pub fn reason(&self) -> &'static str {
        let unknown = (self.unknown, IgnoreReason::NoRule.reason());
        let rejected = self
            .rejected
            .iter()
            .map(|(reason, count)| (*count, *reason));
        rejected
            .chain([unknown])
            .max()
            .map_or("", |(_, reason)| reason)
    }

    /// Forgets half: what was long ago counts less and less.
    pub fn fade(&mut self) {
        let Self {
            counted,
            passed_over,
            empty,
            unknown,
            rejected,
        } = self;
        for count in [counted, passed_over, empty, unknown] {
            *count /= 2;
        }
        for count in rejected.values_mut() {
            *count /= 2;
        }
    }
}

/// Some records that could not be used. Their content goes nowhere but into the question which
/// preset knows them.
#[derive(Debug, Default)]
pub struct Unused(Vec<Sample>);

impl Unused {
    /// Keeps a record, if there is room; whether there was.
    pub fn keep(&mut self, record: &Record<'_>) -> bool {
        let value = record.value.unwrap_or_default();
        if self.0.len() >= MOST_SAMPLES || value.is_empty() || value.len() > LARGEST_SAMPLE {
            return false;
        }
        let header = |(name, value): &(&str, &[u8])| {
            let value = std::str::from_utf8(value).ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        };
        self.0.push(Sample {
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

    /// The preset that makes events of them, other than the one that did not.
    pub fn fitting_preset(&self, configured: &str) -> Option<&'static str> {
        let records: Vec<_> = self.0.iter().map(Sample::record).collect();
        inference::fitting_preset(&records).filter(|preset| *preset != configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_on_purpose_is_of_use() {
        let mut uses = Uses::default();
        assert!(!uses.are_none(), "no record is no sign");
        uses.note(Use::Empty);
        assert!(!uses.are_none(), "a tombstone says nothing");
        uses.note(Use::Unknown);
        assert!(uses.are_none());
        assert_eq!(uses.reason(), "no_rule");
        uses.note(Use::Rejected("missing_type"));
        uses.note(Use::Rejected("missing_type"));
        assert_eq!((uses.reason(), uses.records()), ("missing_type", 3));
        uses.note(Use::PassedOver);
        assert!(!uses.are_none());
        uses.fade();
        assert_eq!((uses.rejections(), uses.unknown), (1, 0));
    }

    #[test]
    fn samples_are_few_and_small() {
        let mut unused = Unused::default();
        assert!(!unused.keep(&Record::of(&vec![b' '; LARGEST_SAMPLE + 1])));
        assert!(!unused.keep(&Record::of(b"")));
        let canonical = br#"{"ticket_id":1,"type":"created","at":"2026-03-02T09:00:00Z"}"#;
        for _ in 0..MOST_SAMPLES {
            assert!(unused.keep(&Record::of(canonical)));
        }
        assert!(unused.is_full() && !unused.keep(&Record::of(canonical)));
        assert_eq!(unused.fitting_preset("jira"), Some("canonical"));
        assert_eq!(unused.fitting_preset("canonical"), None);
        let mut nonsense = Unused::default();
        nonsense.keep(&Record::of(br#"{"a":1}"#));
        assert_eq!(nonsense.fitting_preset("jira"), None);
    }
}
