//! Label values as small numbers, with a limit: values beyond it share `__other__`.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// The label value of an absent team, priority or channel.
pub const NONE: &str = "none";
/// The label value that stands for all values beyond the limit.
pub const OTHER: &str = "__other__";

/// Number of [`NONE`] in every table.
pub const NONE_ID: u16 = 0;
/// Number of [`OTHER`] in every table.
pub const OTHER_ID: u16 = 1;

/// The values of one label in order of their first appearance.
#[derive(Clone, Debug)]
pub struct LabelTable {
    limit: usize,
    numbers: HashMap<CompactString, u16>,
    names: Arc<Vec<CompactString>>,
    overflows: u64,
}

impl LabelTable {
    /// `limit` distinct values besides `none` and `__other__`; `known` ones are taken first.
    pub fn new<'a>(limit: usize, known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self {
            limit: limit.min(usize::from(u16::MAX) - 2),
            numbers: HashMap::new(),
            names: Arc::new(Vec::new()),
            overflows: 0,
        };
        table.insert(NONE);
        table.insert(OTHER);
        for name in known {
            table.number(name);
        }
        table
    }

    /// The number of a value, new values included while there is room.
    pub fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.names.len() - 2 < self.limit {
            return self.insert(name);
        }
        self.overflows += 1;
        OTHER_ID
    }

    /// Names by number; cheap to share.
    pub fn names(&self) -> &Arc<Vec<CompactString>> {
        &self.names
    }

    /// How often a value had to become `__other__`.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    fn insert(&mut self, name: &str) -> u16 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the limit is below u16::MAX"
        )]
        let number = self.names.len() as u16;
        Arc::make_mut(&mut self.names).push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }
}

/// A team as a ticket remembers it. Teams that share `__other__` still differ: a ticket that
/// moves between two of them is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    pub label: u16,
    /// Tells overflowing teams apart; 0 for all others.
    pub overflow: u32,
}

impl Team {
    pub const NONE: Self = Self {
        label: NONE_ID,
        overflow: 0,
    };

    pub fn is_none(self) -> bool {
        self.label == NONE_ID
    }
}

/// The three free labels.
#[derive(Clone, Debug)]
pub struct Labels {
    pub teams: LabelTable,
    pub priorities: LabelTable,
    pub channels: LabelTable,
}

impl Labels {
    pub fn team(&mut self, name: &str) -> Team {
        let label = self.teams.number(name);
        #[allow(clippy::cast_possible_truncation, reason = "the low half of a hash")]
        let overflow = if label == OTHER_ID {
            xxh3_64(name.as_bytes()) as u32
        } else {
            0
        };
        Team { label, overflow }
    }

    pub fn priority(&mut self, name: &str) -> u8 {
        narrow(
            self.priorities
                .number(if name.is_empty() { NONE } else { name }),
        )
    }

    pub fn channel(&mut self, name: &str) -> u8 {
        narrow(
            self.channels
                .number(if name.is_empty() { NONE } else { name }),
        )
    }
}

/// Priorities and channels are kept in a byte: their limits are below 254.
fn narrow(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(OTHER_ID as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_all_values_share_one() {
        let mut table = LabelTable::new(2, ["known"]);
        assert_eq!(table.number("none"), NONE_ID);
        assert_eq!(table.number("known"), 2);
        assert_eq!(table.number("new"), 3);
        assert_eq!(table.number("late"), OTHER_ID);
        assert_eq!(table.number("later"), OTHER_ID);
        assert_eq!((table.overflows(), table.names().len()), (2, 4));
    }

    #[test]
    fn overflowing_teams_still_differ() {
        let table = LabelTable::new(0, []);
        let mut labels = Labels {
            teams: table.clone(),
            priorities: table.clone(),
            channels: table,
        };
        assert_ne!(labels.team("a"), labels.team("b"));
        assert_eq!(labels.team("a"), labels.team("a"));
    }
}
