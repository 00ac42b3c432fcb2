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

/// A value that the configuration names but that has not been seen: it takes no place yet.
const UNPLACED: u16 = u16::MAX;

/// The values of one label. A value's *number* tells it from all others as far as the rules need
/// (calendars, policies); its *label* is the number it is exposed under.
#[derive(Clone, Debug)]
pub struct LabelTable {
    limit: usize,
    placed: usize,
    numbers: HashMap<CompactString, u16>,
    names: Arc<Vec<CompactString>>,
    /// Label by number.
    labels: Vec<u16>,
    overflows: u64,
    /// Numbers that are new or got their label since this was last emptied; at most two entries
    /// a number.
    pub changed: Vec<u16>,
}

/// Where a value is exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// It has not been seen.
    None,
    /// Under its own name.
    Own,
    /// Under [`OTHER`].
    Shared,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::None, Self::Own, Self::Shared];
}

impl LabelTable {
    /// `limit` values besides `none` and `__other__` get a label of their own: the `known` ones,
    /// then others as they come. Those that rules `name` have a number in any case.
    pub fn new<'a>(
        limit: usize,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut table = Self {
            limit,
            placed: 0,
            numbers: HashMap::new(),
            names: Arc::new(Vec::new()),
            labels: Vec::new(),
            overflows: 0,
            changed: Vec::new(),
        };
        for (own, name) in [(NONE_ID, NONE), (OTHER_ID, OTHER)] {
            table.insert(name, own);
        }
        table.add(known, named);
        table
    }

    /// A table of values that have their places, by number; `None` where it does not begin with
    /// [`NONE`] and [`OTHER`], or a name comes twice. What `known` and `named` have besides comes
    /// behind them.
    pub fn restored<'a>(
        limit: usize,
        values: impl IntoIterator<Item = (&'a str, Place)>,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut table = Self::new(limit, [], []);
        for (number, (name, place)) in values.into_iter().enumerate() {
            let own = u16::try_from(number).ok().filter(|own| *own != UNPLACED)?;
            if own <= OTHER_ID {
                if table.names[number] != name || place != Place::Own {
                    return None;
                }
                continue;
            }
            if table.numbers.contains_key(name) {
                return None;
            }
            let label = match place {
                Place::None => UNPLACED,
                Place::Own => own,
                Place::Shared => OTHER_ID,
            };
            table.placed += usize::from(place == Place::Own);
            table.insert(name, label);
        }
        table.changed.clear();
        table.add(known, named);
        Some(table)
    }

    /// Gives what the configuration names its number, and a place to what it knows.
    fn add<'a>(
        &mut self,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) {
        for name in known {
            match self.numbers.get(name) {
                None => {
                    let label = self.place(self.next());
                    self.insert(name, label);
                }
                Some(_) => {
                    self.number(name);
                }
            }
        }
        for name in named {
            if !self.numbers.contains_key(name) {
                self.insert(name, UNPLACED);
            }
        }
        self.overflows = 0;
    }

    /// Name and place of a number.
    pub fn value(&self, number: u16) -> Option<(&str, Place)> {
        let name = self.names.get(usize::from(number))?;
        let place = match self.labels.get(usize::from(number))? {
            label if *label == number => Place::Own,
            &UNPLACED => Place::None,
            _ => Place::Shared,
        };
        Some((name, place))
    }

    /// The number of a value that was seen; new values get one while there is room.
    pub fn number(&mut self, name: &str) -> u16 {
        let Some(number) = self.numbers.get(name).copied() else {
            return match self.place(self.next()) {
                OTHER_ID => OTHER_ID,
                label => self.insert(name, label),
            };
        };
        if self.labels[usize::from(number)] == UNPLACED {
            self.labels[usize::from(number)] = self.place(number);
            self.changed.push(number);
        }
        number
    }

    /// The number of a value that the configuration names.
    pub fn named(&self, name: &str) -> u16 {
        self.numbers.get(name).copied().unwrap_or(OTHER_ID)
    }

    /// The label of a number.
    pub fn label(&self, number: u16) -> u16 {
        match self.labels[usize::from(number)] {
            UNPLACED => OTHER_ID,
            label => label,
        }
    }

    /// Whether a number is that of a name: most events repeat what their ticket has already.
    pub fn is(&self, number: u16, name: &str) -> bool {
        number != OTHER_ID && self.names[usize::from(number)] == name
    }

    /// Names by number, and so by label; cheap to share.
    pub fn names(&self) -> &Arc<Vec<CompactString>> {
        &self.names
    }

    /// How many values had to become `__other__`, each as often as it came unknown.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// A label of its own, if there is room.
    fn place(&mut self, number: u16) -> u16 {
        if self.placed < self.limit && number < UNPLACED {
            self.placed += 1;
            return number;
        }
        self.overflows += 1;
        OTHER_ID
    }

    fn next(&self) -> u16 {
        u16::try_from(self.names.len()).unwrap_or(UNPLACED)
    }

    fn insert(&mut self, name: &str, label: u16) -> u16 {
        let number = self.next();
        if number == UNPLACED {
            return OTHER_ID; // no number is left
        }
        Arc::make_mut(&mut self.names).push(name.into());
        self.numbers.insert(name.into(), number);
        self.labels.push(label);
        self.changed.push(number);
        number
    }
}

/// A team as a ticket remembers it. Teams that share `__other__` still differ: a ticket that
/// moves between two of them is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    pub number: u16,
    /// Tells overflowing teams apart; 0 for all others.
    pub overflow: u32,
}

impl Team {
    pub const NONE: Self = Self {
        number: NONE_ID,
        overflow: 0,
    };

    pub fn is_none(self) -> bool {
        self.number == NONE_ID
    }
}

/// A priority as a ticket remembers it, for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    pub number: u8,
    /// Tells overflowing priorities apart; 0 for all others.
    pub overflow: u8,
}

/// Names of a pair's labels.
#[derive(Clone, Copy, Debug)]
pub struct PairNames<'a> {
    pub team: &'a str,
    pub priority: &'a str,
}

/// The three free labels.
#[derive(Clone, Debug)]
pub struct Labels {
    pub teams: LabelTable,
    pub priorities: LabelTable,
    pub channels: LabelTable,
}

impl Labels {
    /// Names of the labels of a pair.
    pub fn names(&self, team: u16, priority: u8) -> PairNames<'_> {
        PairNames {
            team: &self.teams.names()[usize::from(team)],
            priority: &self.priorities.names()[usize::from(priority)],
        }
    }

    pub fn team(&mut self, name: &str) -> Team {
        let number = self.teams.number(name);
        #[allow(clippy::cast_possible_truncation, reason = "the low half of a hash")]
        let overflow = if number == OTHER_ID {
            xxh3_64(name.as_bytes()) as u32
        } else {
            0
        };
        Team { number, overflow }
    }

    pub fn priority(&mut self, name: &str) -> Priority {
        let number = narrow(
            self.priorities
                .number(if name.is_empty() { NONE } else { name }),
        );
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a byte of a hash: it only tells when to add status time"
        )]
        let overflow = if u16::from(number) == OTHER_ID {
            xxh3_64(name.as_bytes()) as u8
        } else {
            0
        };
        Priority { number, overflow }
    }

    pub fn channel(&mut self, name: &str) -> u8 {
        narrow(
            self.channels
                .number(if name.is_empty() { NONE } else { name }),
        )
    }
}

/// Priorities and channels are kept in a byte; what would not fit is [`OTHER_ID`].
pub fn narrow(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_all_values_share_one() {
        let mut table = LabelTable::new(2, ["known"], []);
        assert_eq!(table.number("none"), NONE_ID);
        assert_eq!(table.number("known"), 2);
        assert_eq!(table.number("new"), 3);
        assert_eq!(table.number("late"), OTHER_ID);
        assert_eq!(table.number("later"), OTHER_ID);
        assert_eq!((table.overflows(), table.names().len()), (2, 4));
    }

    #[test]
    fn a_named_value_keeps_its_number_but_takes_a_place_only_when_seen() {
        let mut table = LabelTable::new(1, [], ["early", "late"]);
        let (early, late) = (table.named("early"), table.named("late"));
        assert_eq!((table.number("early"), table.label(early)), (early, early));
        assert_eq!((table.number("late"), table.label(late)), (late, OTHER_ID));
        assert_ne!(early, late);
    }

    #[test]
    fn overflowing_teams_still_differ() {
        let table = LabelTable::new(0, [], []);
        let mut labels = Labels {
            teams: table.clone(),
            priorities: table.clone(),
            channels: table,
        };
        assert_ne!(labels.team("a"), labels.team("b"));
        assert_eq!(labels.team("a"), labels.team("a"));
    }
}
