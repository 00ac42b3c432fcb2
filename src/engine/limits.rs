//! The limits that follow from the types of the engine, for the configuration to check.

use super::cohort::MOST_ATTRIBUTES;
use super::core::PartitionId;
use super::labels::{LabelNumber, OWN_NUMBERS};
use super::ticket::NO_POLICY;
use super::windows::WindowNumber;
use crate::domain::calendar::CalendarId;

/// The greatest value of a setting, or the greatest length of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The limited key of the configuration.
    pub key: &'static str,
    /// The limited things, in words.
    pub what: &'static str,
    pub greatest: usize,
    /// The type that causes the limit, in words.
    pub why: &'static str,
}

impl Limit {
    pub const fn allows(&self, count: usize) -> bool {
        count <= self.greatest
    }

    /// The error message for a greater value.
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

pub const ATTRIBUTES: Limit = Limit {
    key: "attributes",
    what: "attributes",
    greatest: MOST_ATTRIBUTES,
    why: "a ticket and its series have that many numbers for their values",
};

pub const ATTRIBUTE_VALUES: Limit = Limit {
    key: "attributes.<name>.limit",
    what: "values of an attribute with a label of their own",
    greatest: u8::COUNT - OWN_NUMBERS,
    why: "a value is numbered in one byte, and two numbers are taken: `none` and `__other__`",
};

pub const GROUPS: Limit = Limit {
    key: "sla.policies[].group",
    what: "groups of policies",
    greatest: 8,
    why: "a ticket has a policy for each group",
};

pub const CALENDARS: Limit = Limit {
    key: "calendars",
    what: "calendars",
    greatest: CalendarId::COUNT,
    why: "a calendar is numbered in two bytes, and one number is taken: always open",
};

/// The partitions of all current and former topics. Not a setting.
pub const PARTITIONS: Limit = Limit {
    key: "kafka.topics",
    what: "partitions of all topics together",
    greatest: PartitionId::COUNT,
    why: "a partition is numbered in two bytes",
};

/// Every limit that follows from a type, in the order of the reference configuration.
pub const ALL: [Limit; 10] = [
    PARTITIONS,
    CALENDARS,
    POLICIES,
    GROUPS,
    TEAMS,
    PRIORITIES,
    ATTRIBUTES,
    ATTRIBUTE_VALUES,
    CHANNELS,
    WINDOWS,
];
