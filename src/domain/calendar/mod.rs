//! Business calendars (contract, section 3): when a team works.

use super::timestamp::{Milliseconds, Timestamp};

/// Position of a calendar in the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(pub u16);

/// A compiled calendar: open intervals on the time line.
#[derive(Clone, Debug)]
pub struct Calendar {}

impl Calendar {
    /// Open milliseconds in `[start, end)`; 0 where `end <= start`.
    pub fn between(&self, _start: Timestamp, _end: Timestamp) -> Milliseconds {
        todo!("being built")
    }

    /// The last instant `t >= start` with `between(start, t) == running` (so the opening of the
    /// next interval, where `running` ends exactly with one). `Timestamp::NEVER` if there is none.
    pub fn latest(&self, _start: Timestamp, _running: Milliseconds) -> Timestamp {
        todo!("being built")
    }
}
