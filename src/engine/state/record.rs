//! The kinds of records, and the errors of reading them.

use std::fmt;

use super::bytes::RecordError;
use crate::engine::cohort::MOST_ATTRIBUTES;
use crate::engine::labels::NONE_ID;
use crate::engine::rules::Kpi;

/// Version of the records that this program writes. It does not read newer versions. It rebuilds a
/// store of an older version that it can no longer read.
pub const STATE_VERSION: u32 = 5;

/// The first state version with more than the first six KPIs and four targets, and with groups of
/// policies.
pub const FIRST_WITH_GROUPS: u32 = 5;

/// The number of KPIs in the records of a version.
pub fn kpi_count(version: u32) -> usize {
    if version < FIRST_WITH_GROUPS {
        6
    } else {
        Kpi::ALL.len()
    }
}

/// Receives the records of a checkpoint, in order. The last record of a key counts.
pub trait Records {
    fn put(&mut self, key: &[u8], value: &[u8]);
    fn delete(&mut self, key: &[u8]);
}

/// The kind of a record: the first byte of its key. Values from 0x80 are not the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    State = 1,
    Rules = 2,
    Label = 3,
    Partition = 4,
    Ticket = 5,
    Cohort = 6,
    Window = 7,
    Journal = 8,
}

impl RecordKind {
    pub const ALL: [Self; 8] = [
        Self::State,
        Self::Rules,
        Self::Label,
        Self::Partition,
        Self::Ticket,
        Self::Cohort,
        Self::Window,
        Self::Journal,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Rules => "rules",
            Self::Label => "label",
            Self::Partition => "partition",
            Self::Ticket => "ticket",
            Self::Cohort => "cohort",
            Self::Window => "window",
            Self::Journal => "journal",
        }
    }

    /// An invalid record of this kind.
    pub const fn invalid(self, source: RecordError) -> StateError {
        StateError::Record {
            kind: self.name(),
            source,
        }
    }
}

/// The counts of everything that numbers in records refer to.
#[derive(Clone, Copy, Debug)]
pub struct ReferenceCounts {
    pub teams: usize,
    pub priorities: usize,
    pub channels: usize,
    /// Of the user's own attributes.
    pub attribute_values: [usize; MOST_ATTRIBUTES],
    pub policies: usize,
    pub groups: usize,
    pub calendars: usize,
}

impl ReferenceCounts {
    /// Whether numbers of values exist. An attribute that a ticket or cohort does not have has the number of
    /// `none`, also if there is no such attribute.
    pub fn has_attributes(&self, numbers: [u8; MOST_ATTRIBUTES]) -> bool {
        let mut numbers = numbers.into_iter().zip(self.attribute_values);
        numbers.all(|(number, values)| number == NONE_ID || usize::from(number) < values)
    }
}

/// A difference between the stored rules and the current ones, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesChange(pub String);

impl fmt::Display for RulesChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why an engine cannot be restored. Never contains the content of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("invalid {kind} record: {source}")]
    Record {
        kind: &'static str,
        source: RecordError,
    },
    #[error("a record has an unknown kind")]
    Kind,
    #[error("the {0} record is missing")]
    Missing(&'static str),
    /// A newer program wrote the records.
    #[error("version {0} is newer than this program, which reads up to {STATE_VERSION}")]
    Newer(u32),
    /// The numbers cannot continue under the current rules.
    #[error("the rules have changed, and all numbers must be rebuilt: {}", listed(.0))]
    NeedsRebuild(Vec<RulesChange>),
}

fn listed(changes: &[RulesChange]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join("; ")
}
