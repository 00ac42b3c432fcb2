//! SLA policies (contract, section 5): which ticket gets which targets, on which clock.

use super::calendar::CalendarId;
use super::event::Status;
use super::timestamp::Milliseconds;

/// One of the four things an SLA can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Target {
    FirstResponse,
    NextResponse,
    Resolution,
    Ownership,
}

impl Target {
    pub const ALL: [Self; 4] = [
        Self::FirstResponse,
        Self::NextResponse,
        Self::Resolution,
        Self::Ownership,
    ];

    /// The word in the configuration and in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::Resolution => "resolution",
            Self::Ownership => "ownership",
        }
    }
}

/// A time base (contract, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Clock {
    Calendar,
    Business,
}

impl Clock {
    pub const ALL: [Self; 2] = [Self::Calendar, Self::Business];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Business => "business",
        }
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

/// Which tickets a policy is for. `None` = any; the word `none` matches an absent value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    pub team: Option<Vec<String>>,
    pub priority: Option<Vec<String>>,
    pub channel: Option<Vec<String>>,
}

/// One policy: targets, their clock and what pauses them. Policies are tried in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: String,
    pub matches: Match,
    pub clock: Clock,
    /// The policy's own calendar, where `Some(None)` is always open; else that of the team
    /// holding the ticket when a goal starts.
    pub calendar: Option<Option<CalendarId>>,
    /// Target durations, indexed by [`Target`].
    pub targets: [Option<Milliseconds>; 4],
    /// Statuses that pause each target, indexed by [`Target`].
    pub pauses: [StatusSet; 4],
}

impl Policy {
    pub fn target(&self, target: Target) -> Option<Milliseconds> {
        self.targets[target as usize]
    }

    /// The pausing statuses where the configuration says nothing: a resolution waits for the
    /// customer or a third party in `pending` and `on_hold`, the other targets never wait.
    pub fn default_pauses() -> [StatusSet; 4] {
        let mut pauses = [StatusSet::EMPTY; 4];
        pauses[Target::Resolution as usize] =
            StatusSet::EMPTY.with(Status::Pending).with(Status::OnHold);
        pauses
    }
}
