//! SLA policies (contract, section 5): the targets of a ticket and their clock.

use std::collections::BTreeMap;

use super::calendar::CalendarId;
use super::event::Status;
use super::named::named_enum;
use super::timestamp::Milliseconds;

named_enum! {
    /// The SLA targets.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Target {
        FirstResponse = "first_response",
        NextResponse = "next_response",
        Resolution = "resolution",
        Ownership = "ownership",
        Assignment = "assignment",
        Update = "update",
    }
}

named_enum! {
    /// From when the goals of a policy are measured that applies after a change of the ticket.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Rebase {
        /// From the start of the clock, as if the policy had always applied.
        #[default]
        FromStart = "from_start",
        FromChange = "from_change",
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
    /// Values by attribute. Attributes that are not listed match every value.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// One policy. In each group, the first one that matches a ticket counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Unique over all groups.
    pub name: String,
    /// The policies of a group exclude each other; the goals of different groups run side by side.
    pub group: String,
    pub matches: Match,
    pub clock: Clock,
    /// The calendar of the policy; `Some(None)` is always open. `None`: the calendar of the ticket's team
    /// when the goal starts.
    pub calendar: Option<Option<CalendarId>>,
    /// The durations, by [`Target`].
    pub targets: [Option<Milliseconds>; Target::ALL.len()],
    /// The statuses that pause each target, by [`Target`].
    pub pauses: [StatusSet; Target::ALL.len()],
    pub rebase: Rebase,
}

impl Policy {
    /// The group of a policy that names none.
    pub const DEFAULT_GROUP: &'static str = "sla";

    /// A policy for all tickets, on calendar time and without targets.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            group: Self::DEFAULT_GROUP.to_owned(),
            matches: Match::default(),
            clock: Clock::Calendar,
            calendar: None,
            targets: [None; Target::ALL.len()],
            pauses: Self::default_pauses(),
            rebase: Rebase::default(),
        }
    }

    pub fn target(&self, target: Target) -> Option<Milliseconds> {
        self.targets[target as usize]
    }

    /// By default a resolution pauses in `pending` and `on_hold`, while it waits for the customer or a third
    /// party. The other targets never pause.
    pub fn default_pauses() -> [StatusSet; Target::ALL.len()] {
        let mut pauses = [StatusSet::EMPTY; Target::ALL.len()];
        pauses[Target::Resolution as usize] =
            StatusSet::EMPTY.with(Status::Pending).with(Status::OnHold);
        pauses
    }
}
