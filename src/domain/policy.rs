//! SLA policies (contract, section 5): the targets of a ticket and their clock.

use super::calendar::CalendarId;
use super::event::Status;
use super::named::named_enum;
use super::timestamp::Milliseconds;

named_enum! {
    /// The four SLA targets.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Target {
        FirstResponse = "first_response",
        NextResponse = "next_response",
        Resolution = "resolution",
        Ownership = "ownership",
    }
}

named_enum! {
    /// The clock of a duration (contract, section 3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Clock {
        Calendar = "calendar",
        Business = "business",
    }
}

/// A set of statuses, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet(u8);

impl StatusSet {
    pub const EMPTY: Self = Self(0);

    #[must_use]
    pub const fn with(self, status: Status) -> Self {
        Self(self.0 | 1 << status as u8)
    }

    pub const fn contains(self, status: Status) -> bool {
        self.0 & (1 << status as u8) != 0
    }
}

impl FromIterator<Status> for StatusSet {
    fn from_iter<I: IntoIterator<Item = Status>>(statuses: I) -> Self {
        statuses.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// The tickets of a policy. `None` matches every value. The word `none` matches an absent value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    pub team: Option<Vec<String>>,
    pub priority: Option<Vec<String>>,
    pub channel: Option<Vec<String>>,
}

/// One policy. The first one that matches a ticket counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: String,
    pub matches: Match,
    pub clock: Clock,
    /// The calendar of the policy; `Some(None)` is always open. `None`: the calendar of the ticket's team
    /// when the goal starts.
    pub calendar: Option<Option<CalendarId>>,
    /// The durations, by [`Target`].
    pub targets: [Option<Milliseconds>; 4],
    /// The statuses that pause each target, by [`Target`].
    pub pauses: [StatusSet; 4],
}

impl Policy {
    pub fn target(&self, target: Target) -> Option<Milliseconds> {
        self.targets[target as usize]
    }

    /// By default a resolution pauses in `pending` and `on_hold`, while it waits for the customer or a third
    /// party. The other targets never pause.
    pub fn default_pauses() -> [StatusSet; 4] {
        let mut pauses = [StatusSet::EMPTY; 4];
        pauses[Target::Resolution as usize] =
            StatusSet::EMPTY.with(Status::Pending).with(Status::OnHold);
        pauses
    }
}
