//! The open goals of a ticket, packed, and what only some goals need.
//!
//! Most tickets have at most three open goals, all in the first group of policies. Only the others pay for
//! [`MoreGoals`].

use crate::domain::calendar::CalendarId;
use crate::domain::timestamp::Timestamp;

/// The position of a group in the order of their first policies.
pub type GroupNumber = u8;

/// The greatest number of groups, with those of earlier configurations on which goals still run.
pub const MOST_GROUPS: usize = 1 << GROUP_BITS;

/// In place of a calendar number: always open.
pub const ALWAYS_OPEN: u16 = CalendarId::NO_NUMBER;

const GROUP_BITS: u32 = 4;
const KIND_BITS: u32 = 3;
/// The low byte of a word: breached, kind, group. The deadline takes the upper bits.
const KEY_BITS: u32 = 1 + KIND_BITS + GROUP_BITS;
const BREACHED: i64 = 1;

/// A kind of goal. First and next response share one: the next response begins after the first one is
/// given, so they never run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum GoalKind {
    Response,
    Resolution,
    Ownership,
    Assignment,
    Update,
}

impl GoalKind {
    pub const ALL: [Self; 5] = [
        Self::Response,
        Self::Resolution,
        Self::Ownership,
        Self::Assignment,
        Self::Update,
    ];
}

/// The place of a goal in its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoalKey {
    pub group: GroupNumber,
    pub kind: GoalKind,
}

/// A goal that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenGoal {
    pub key: GoalKey,
    /// The goal is overdue.
    pub is_breached: bool,
    /// `NEVER` while the goal is paused, and after its breach.
    pub deadline: Timestamp,
}

/// A goal in one word, or no goal. Words are in the order of their deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackedGoal(i64);

impl PackedGoal {
    /// Its deadline is the greatest one, and its kind does not exist.
    pub const NONE: Self = Self(i64::MAX);
    /// Greater deadlines are the same as none. They are more than a million years away.
    const NEVER: i64 = i64::MAX >> KEY_BITS;

    pub fn new(goal: OpenGoal) -> Self {
        let deadline = goal.deadline.0.min(Self::NEVER);
        Self(deadline << KEY_BITS | Self::bits(goal.key) | i64::from(goal.is_breached))
    }

    fn bits(key: GoalKey) -> i64 {
        (i64::from(key.group) << KIND_BITS | key.kind as i64) << 1
    }

    pub fn is(self, key: GoalKey) -> bool {
        const MASK: i64 = (1 << KEY_BITS) - 1 - BREACHED;
        self.0 & MASK == Self::bits(key)
    }

    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    pub fn deadline(self) -> Timestamp {
        match self.0 >> KEY_BITS {
            Self::NEVER => Timestamp::NEVER,
            deadline => Timestamp(deadline),
        }
    }

    pub fn unpack(self) -> Option<OpenGoal> {
        const KIND_MASK: i64 = (1 << KIND_BITS) - 1;
        const GROUP_MASK: i64 = (1 << GROUP_BITS) - 1;
        let kind = usize::try_from(self.0 >> 1 & KIND_MASK).ok()?;
        let group = self.0 >> (1 + KIND_BITS) & GROUP_MASK;
        Some(OpenGoal {
            key: GoalKey {
                group: GroupNumber::try_from(group).ok()?,
                kind: *GoalKind::ALL.get(kind)?,
            },
            is_breached: self.0 & BREACHED != 0,
            deadline: self.deadline(),
        })
    }
}

/// The start of a clock, and the calendar of the team that held the ticket then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStart {
    pub at: Timestamp,
    pub calendar: u16,
}

impl ClockStart {
    /// The clock does not run.
    pub const NEVER: Self = Self {
        at: Timestamp::NEVER,
        calendar: ALWAYS_OPEN,
    };

    pub fn new(at: Timestamp, calendar: Option<CalendarId>) -> Self {
        Self {
            at,
            calendar: calendar_number(calendar),
        }
    }

    pub fn is_before(self, other: Self) -> bool {
        self.at <= other.at
    }

    pub fn calendar(self) -> Option<CalendarId> {
        calendar_id(self.calendar)
    }
}

pub fn calendar_number(id: Option<CalendarId>) -> u16 {
    id.map_or(ALWAYS_OPEN, |id| id.0)
}

pub fn calendar_id(number: u16) -> Option<CalendarId> {
    (number != ALWAYS_OPEN).then_some(CalendarId(number))
}

/// Goals beyond those inside the ticket, and what only some configurations need.
#[derive(Clone, Debug, Default)]
pub struct MoreGoals {
    pub goals: Vec<PackedGoal>,
    /// The policies of the groups from the second one on.
    pub policies: Vec<u16>,
    /// The events that brought the policies in force, by group, if those count from their change.
    pub changes: Vec<(GroupNumber, ClockStart)>,
    /// The resolutions that began at a reopening because their goal had breached, but not in all groups.
    /// `NEVER` until the reopening.
    pub resolutions: Vec<(GroupNumber, ClockStart)>,
    /// The last human reply, while the ticket is unsolved. It starts the goal of the next update.
    pub update: Option<ClockStart>,
}

impl MoreGoals {
    pub fn clocks(&self) -> impl Iterator<Item = &ClockStart> {
        let of_groups = self.changes.iter().chain(&self.resolutions);
        of_groups.map(|(_, clock)| clock).chain(&self.update)
    }

    pub fn clocks_mut(&mut self) -> impl Iterator<Item = &mut ClockStart> {
        let of_groups = self.changes.iter_mut().chain(&mut self.resolutions);
        of_groups.map(|(_, clock)| clock).chain(&mut self.update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_packed_without_loss() {
        for kind in GoalKind::ALL {
            for (group, deadline) in [
                (0, Timestamp::EARLIEST),
                (7, Timestamp(0)),
                (15, Timestamp::LATEST),
                (15, Timestamp::NEVER),
            ] {
                for is_breached in [false, true] {
                    let goal = OpenGoal {
                        key: GoalKey { group, kind },
                        is_breached,
                        deadline,
                    };
                    let packed = PackedGoal::new(goal);
                    assert_eq!(packed.unpack(), Some(goal));
                    assert!(packed.is(goal.key) && !packed.is_none());
                }
            }
        }
        assert_eq!(PackedGoal::NONE.unpack(), None);
        assert_eq!(PackedGoal::NONE.deadline(), Timestamp::NEVER);
    }
}
