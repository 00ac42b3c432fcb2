//! How much of each thing there can be: one table, which follows from the types that hold the
//! values. The configuration refuses more, so that the engine never has to.

use super::core::PartitionId;
use super::labels::{LabelNumber, OWN_NUMBERS};
use super::ticket::NO_POLICY;
use super::windows::WindowNumber;
use crate::domain::calendar::CalendarId;

/// The greatest value of a setting, or the greatest length of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The key of the configuration that it bounds.
    pub key: &'static str,
    /// What there is at most that many of.
    pub what: &'static str,
    pub greatest: usize,
    /// What holds the value.
    pub why: &'static str,
}

impl Limit {
    pub const fn allows(&self, count: usize) -> bool {
        count <= self.greatest
    }

    /// What to say where there are more.
    pub fn exceeded(&self) -> String {
        let Self {
            what,
            greatest,
            why,
            ..
        } = self;
        format!("there can be at most {greatest} {what}: {why}")
    }
}

pub const WINDOWS: Limit = Limit {
    key: "windows",
    what: "windows",
    greatest: WindowNumber::COUNT,
    why: "a window is numbered in one byte",
};

pub const TEAMS: Limit = Limit {
    key: "limits.teams",
    what: "teams with a label of their own",
    greatest: u16::COUNT - OWN_NUMBERS,
    why: "a team is numbered in two bytes, and three numbers are taken: no team, `none` and `__other__`",
};

pub const PRIORITIES: Limit = Limit {
    key: "limits.priorities",
    what: "priorities with a label of their own",
    greatest: u8::COUNT - OWN_NUMBERS,
    why: "a priority is numbered in one byte, and two numbers are taken: `none` and `__other__`",
};

pub const CHANNELS: Limit = Limit {
    key: "limits.channels",
    what: "channels with a label of their own",
    greatest: u8::COUNT - OWN_NUMBERS,
    why: "a channel is numbered in one byte, and two numbers are taken: `none` and `__other__`",
};

pub const POLICIES: Limit = Limit {
    key: "sla.policies[]",
    what: "policies",
    greatest: NO_POLICY as usize,
    why: "a policy is numbered in two bytes, and one number is taken: no policy",
};

pub const CALENDARS: Limit = Limit {
    key: "calendars",
    what: "calendars",
    greatest: CalendarId::COUNT,
    why: "a calendar is numbered in two bytes, and one number is taken: always open",
};

/// Not a setting: what the topics have, and ever had.
pub const PARTITIONS: Limit = Limit {
    key: "kafka.topics",
    what: "partitions of all topics together",
    greatest: PartitionId::COUNT,
    why: "a partition is numbered in two bytes",
};

/// Every limit that follows from a type, in the order of the reference configuration.
pub const ALL: [Limit; 7] = [
    PARTITIONS, CALENDARS, POLICIES, TEAMS, PRIORITIES, CHANNELS, WINDOWS,
];
