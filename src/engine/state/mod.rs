//! The engine's state as records of a keyed store: what changed since the last checkpoint, a slice
//! of everything, and the way back.
//!
//! A record is the unit of change: a ticket, a pair of team and priority, a step of a window. Its
//! key says the kind and which one, its value is overwritten as a whole, and of several records of
//! a key the last one counts. Where records are kept, and how, is not known here.
//!
//! | kind | key behind it | value |
//! | --- | --- | --- |
//! | state | | when the series begin to count, the clock of the windows |
//! | rules | | the rules that the numbers depend on |
//! | label | label, number | name, and whether it has a place of its own |
//! | partition | number | stream clock, greatest event time |
//! | ticket | partition, id | the ticket |
//! | pair | team, priority | its counters and histograms |
//! | window | team, series, window, step modulo 64 | step, count, sum, buckets |
//! | journal | running number | observations that are later than the clock of the windows |

mod bytes;
mod changes;
mod former;
mod handover;
mod journal;
mod label;
mod pair;
mod partition;
mod past;
mod policy;
mod restore;
mod rules;
mod ticket;
mod window;
mod write;

pub use bytes::Wrong;
pub use restore::{Restored, Restoring};
pub use rules::Change;
pub use write::RewriteCursor;

pub(super) use changes::Changes;

/// Version of the records written here. A store of a newer version is not read; one of an older
/// version that cannot be read any more is rebuilt.
pub const STATE_VERSION: u32 = 2;

/// Takes the records of a checkpoint, in order: of several with the same key the last one counts.
pub trait Records {
    fn put(&mut self, key: &[u8], value: &[u8]);
    fn delete(&mut self, key: &[u8]);
}

/// Kinds of records: the first byte of a key. From 0x80 on they belong to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    State = 1,
    Rules = 2,
    Label = 3,
    Partition = 4,
    Ticket = 5,
    Pair = 6,
    Window = 7,
    Journal = 8,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::State,
        Self::Rules,
        Self::Label,
        Self::Partition,
        Self::Ticket,
        Self::Pair,
        Self::Window,
        Self::Journal,
    ];

    /// The word in errors.
    const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Rules => "rules",
            Self::Label => "label",
            Self::Partition => "partition",
            Self::Ticket => "ticket",
            Self::Pair => "pair",
            Self::Window => "window",
            Self::Journal => "journal",
        }
    }

    /// What is wrong with a record of this kind.
    const fn is(self, wrong: Wrong) -> StateError {
        StateError::Record {
            kind: self.name(),
            wrong,
        }
    }
}

/// How many of each there are that numbers in records refer to.
#[derive(Clone, Copy, Debug)]
struct Existing {
    teams: usize,
    priorities: usize,
    channels: usize,
    policies: usize,
    calendars: usize,
}

/// Why records give no engine. Never says what they contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("{kind} record: {wrong}")]
    Record { kind: &'static str, wrong: Wrong },
    #[error("a record of an unknown kind")]
    Kind,
    #[error("there is no {0} record")]
    Missing(&'static str),
    /// Written by a newer program.
    #[error("version {0} is newer than this program, which reads up to {STATE_VERSION}")]
    Newer(u32),
    /// The numbers cannot be continued under the rules as they are now.
    #[error("the rules have changed in a way that needs all numbers to be rebuilt: {}", listed(.0))]
    NeedsRebuild(Vec<Change>),
}

fn listed(changes: &[Change]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join("; ")
}
