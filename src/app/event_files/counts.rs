//! Counts of the records of files or topics: events, and what is wrong with the others.

use std::collections::BTreeMap;

use crate::decode::{Decoded, IgnoreReason, Rejection};

/// Number of places that are named for each reason.
const PLACES_NAMED: usize = 3;

/// Records rejected for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    pub count: u64,
    /// The first places.
    pub places: Vec<String>,
}

/// Counts of what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Records, or lines that are not blank.
    pub records: u64,
    pub rejected: BTreeMap<Rejection, Rejected>,
    /// Records that are about no ticket, by reason.
    pub ignored: BTreeMap<IgnoreReason, u64>,
    /// Values that the mapping does not know, by member and path.
    pub unmapped: BTreeMap<(String, String), u64>,
    /// Number of events in the records.
    pub events: u64,
}

impl ReadCounts {
    /// Whether there were records, and none could be used.
    pub fn is_useless(&self) -> bool {
        self.records > 0 && self.events == 0
    }

    pub fn rejections(&self) -> u64 {
        self.rejected.values().map(|rejected| rejected.count).sum()
    }

    /// Adds the counts of another partition.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.events += other.events;
        for (rejection, rejected) in &other.rejected {
            let entry = self.rejected.entry(*rejection).or_default();
            entry.count += rejected.count;
            let room = PLACES_NAMED.saturating_sub(entry.places.len());
            entry
                .places
                .extend(rejected.places.iter().take(room).cloned());
        }
        for (ignorance, count) in &other.ignored {
            *self.ignored.entry(*ignorance).or_default() += count;
        }
        for (word, count) in &other.unmapped {
            *self.unmapped.entry(word.clone()).or_default() += count;
        }
    }

    /// Counts a record and its faults. `place` is called only for the first ones.
    pub fn note(&mut self, decoded: &Decoded<'_>, place: impl Fn() -> String) {
        self.records += 1;
        self.events += decoded.events().len() as u64;
        match decoded {
            Decoded::Canonical(Ok(_)) => {}
            Decoded::Canonical(Err(rejection)) => self.reject(*rejection, &place),
            Decoded::Mapped(mapped) => {
                if let Some(rejection) = mapped.rejected {
                    self.reject(rejection, &place);
                }
                for rejected in &mapped.rejected_events {
                    self.reject(rejected.rejection, &place);
                }
                for word in &mapped.unmapped {
                    let key = (word.member.to_string(), word.path.clone());
                    *self.unmapped.entry(key).or_default() += 1;
                }
                if let Some(ignorance) = mapped.ignored {
                    *self.ignored.entry(ignorance).or_default() += 1;
                }
            }
        }
    }

    fn reject(&mut self, rejection: Rejection, place: &impl Fn() -> String) {
        let entry = self.rejected.entry(rejection).or_default();
        entry.count += 1;
        if entry.places.len() < PLACES_NAMED {
            entry.places.push(place());
        }
    }
}
