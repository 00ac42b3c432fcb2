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
pub const NONE_ID: u8 = 0;
/// Number of [`OTHER`] in every table.
pub const OTHER_ID: u8 = 1;
/// Numbers that every table has for itself: those two.
pub const OWN_NUMBERS: usize = 2;

/// The type that holds the numbers of a label's values. How many there are follows from it.
pub trait LabelNumber: Copy + Ord + From<u8> + Into<usize> + TryFrom<usize> {
    /// How many numbers there are, those of [`NONE`] and [`OTHER`] included.
    const COUNT: usize;
}

/// Priorities and channels: a million tickets remember them.
impl LabelNumber for u8 {
    const COUNT: usize = 1 << Self::BITS;
}

/// Teams. [`NO_TEAM`] is no number.
impl LabelNumber for u16 {
    const COUNT: usize = NO_TEAM as usize;
}

/// In place of the team of a solve, where there was none yet.
pub const NO_TEAM: u16 = u16::MAX;

/// The values of one label. A value's *number* tells it from all others as far as the rules need
/// (calendars, policies); its *label* is the number it is exposed under.
#[derive(Clone, Debug)]
pub struct LabelTable<N> {
    limit: usize,
    placed: usize,
    numbers: HashMap<CompactString, N>,
    names: Arc<Vec<CompactString>>,
    /// By number.
    places: Vec<Place>,
    overflows: u64,
    /// Numbers that are new or got their place since this was last emptied; at most two entries
    /// a number.
    pub changed: Vec<N>,
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

impl<N: LabelNumber> LabelTable<N> {
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
            places: Vec::new(),
            overflows: 0,
            changed: Vec::new(),
        };
        for name in [NONE, OTHER] {
            table.insert(name, Place::Own);
        }
        table.add(known, named);
        table
    }

    /// A table of values that have their places, by number; `None` where it does not begin with
    /// [`NONE`] and [`OTHER`], or a name comes twice. What `known` and `named` have besides comes
    /// behind them. Values beyond the last number are left out: an earlier version counted them,
    /// but no ticket could refer to one.
    pub fn restored<'a>(
        limit: usize,
        values: impl IntoIterator<Item = (&'a str, Place)>,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut table = Self::new(limit, [], []);
        for (number, (name, place)) in values.into_iter().take(N::COUNT).enumerate() {
            if number < OWN_NUMBERS {
                if table.names[number] != name || place != Place::Own {
                    return None;
                }
                continue;
            }
            if table.numbers.contains_key(name) {
                return None;
            }
            table.placed += usize::from(place == Place::Own);
            table.insert(name, place);
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
            if !self.numbers.contains_key(name) {
                self.insert(name, Place::None);
            }
            self.number(name);
        }
        for name in named {
            if !self.numbers.contains_key(name) {
                self.insert(name, Place::None);
            }
        }
        self.overflows = 0;
    }

    /// Name and place of a number.
    pub fn value(&self, number: N) -> Option<(&str, Place)> {
        let name = self.names.get(number.into())?;
        Some((name, *self.places.get(number.into())?))
    }

    /// The number of a value that was seen; new values get one while there is room.
    pub fn number(&mut self, name: &str) -> N {
        let has_room = self.placed < self.limit;
        let number = match self.numbers.get(name) {
            Some(number) => Some(*number),
            None if has_room => self.insert(name, Place::None),
            None => None,
        };
        let Some(number) = number else {
            self.overflows += 1;
            return OTHER_ID.into();
        };
        let place = &mut self.places[number.into()];
        if *place == Place::None {
            *place = if has_room { Place::Own } else { Place::Shared };
            self.placed += usize::from(has_room);
            self.changed.push(number);
        }
        self.overflows += u64::from(*place == Place::Shared);
        number
    }

    /// The number of a value that the configuration names; `None` where there was no number left.
    pub fn named(&self, name: &str) -> Option<N> {
        self.numbers.get(name).copied()
    }

    /// The label of a number.
    pub fn label(&self, number: N) -> N {
        match self.places[number.into()] {
            Place::Own => number,
            Place::None | Place::Shared => OTHER_ID.into(),
        }
    }

    /// The name that a number is exposed under.
    pub fn exposed(&self, number: N) -> &str {
        &self.names[self.label(number).into()]
    }

    /// Whether a number is that of a name: most events repeat what their ticket has already.
    pub fn is(&self, number: N, name: &str) -> bool {
        number != OTHER_ID.into() && self.names[number.into()] == name
    }

    /// Names by number, and so by label; cheap to share.
    pub fn names(&self) -> &Arc<Vec<CompactString>> {
        &self.names
    }

    /// How often a value was taken that is exposed as `__other__`.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Gives a new name the next number, where one is left.
    fn insert(&mut self, name: &str, place: Place) -> Option<N> {
        if self.names.len() >= N::COUNT {
            return None;
        }
        let number = N::try_from(self.names.len()).ok()?;
        Arc::make_mut(&mut self.names).push(name.into());
        self.numbers.insert(name.into(), number);
        self.places.push(place);
        self.changed.push(number);
        Some(number)
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
        number: NONE_ID as u16,
        overflow: 0,
    };

    pub fn is_none(self) -> bool {
        self == Self::NONE
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
    pub teams: LabelTable<u16>,
    pub priorities: LabelTable<u8>,
    pub channels: LabelTable<u8>,
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
        let overflow = if number == u16::from(OTHER_ID) {
            xxh3_64(name.as_bytes()) as u32
        } else {
            0
        };
        Team { number, overflow }
    }

    pub fn priority(&mut self, name: &str) -> Priority {
        let number = self.priorities.number(value_of(name));
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a byte of a hash: it only tells when to add status time"
        )]
        let overflow = if number == OTHER_ID {
            xxh3_64(name.as_bytes()) as u8
        } else {
            0
        };
        Priority { number, overflow }
    }

    pub fn channel(&mut self, name: &str) -> u8 {
        self.channels.number(value_of(name))
    }
}

fn value_of(name: &str) -> &str {
    if name.is_empty() { NONE } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_all_values_share_one() {
        let mut table: LabelTable<u16> = LabelTable::new(2, ["known"], []);
        assert_eq!(table.number("none"), u16::from(NONE_ID));
        assert_eq!(table.number("known"), 2);
        assert_eq!(table.number("new"), 3);
        assert_eq!(table.number("late"), u16::from(OTHER_ID));
        assert_eq!(table.number("later"), u16::from(OTHER_ID));
        assert_eq!((table.overflows(), table.names().len()), (2, 4));
    }

    #[test]
    fn a_named_value_keeps_its_number_but_takes_a_place_only_when_seen() {
        let mut table: LabelTable<u8> = LabelTable::new(1, [], ["early", "late"]);
        let (early, late) = (table.named("early").unwrap(), table.named("late").unwrap());
        assert_eq!((table.number("early"), table.label(early)), (early, early));
        assert_eq!((table.number("late"), table.label(late)), (late, OTHER_ID));
        assert_ne!(early, late);
        table.number("late");
        assert_eq!(table.overflows(), 2, "each time it is taken");
    }

    #[test]
    fn every_number_of_its_type_is_used_and_what_comes_behind_is_counted() {
        let name = |number: usize| format!("v{number}");
        let most = <u8 as LabelNumber>::COUNT - OWN_NUMBERS;
        let mut table: LabelTable<u8> = LabelTable::new(most + 10, [], []);
        let numbers: Vec<u8> = (0..most).map(|value| table.number(&name(value))).collect();
        assert!(numbers.iter().is_sorted());
        assert_eq!((numbers[0], numbers[most - 1]), (2, u8::MAX));
        assert!(numbers.iter().all(|number| table.label(*number) == *number));
        assert_eq!(table.overflows(), 0);
        assert_eq!(table.number(&name(most)), OTHER_ID);
        assert_eq!(table.overflows(), 1, "no number is left for it");
        assert_eq!(table.named(&name(most)), None);
        assert_eq!(table.number(&name(most - 1)), u8::MAX, "it stays itself");
        let values: Vec<_> = (0..=u8::MAX).filter_map(|one| table.value(one)).collect();
        let values = values.iter().copied().chain([("beyond", Place::Own)]);
        let restored = LabelTable::<u8>::restored(most, values, [], ["new"]).unwrap();
        assert_eq!(
            (restored.named("beyond"), restored.named("new")),
            (None, None)
        );
        assert_eq!(restored.named(&name(most - 1)), Some(u8::MAX));
    }

    #[test]
    fn no_team_has_the_number_that_says_there_is_none() {
        let most = <u16 as LabelNumber>::COUNT - OWN_NUMBERS;
        let mut table: LabelTable<u16> = LabelTable::new(most + 10, [], []);
        let last = (0..most)
            .map(|value| table.number(&value.to_string()))
            .last();
        assert_eq!((last, table.overflows()), (Some(NO_TEAM - 1), 0));
        assert_eq!(table.number("late"), u16::from(OTHER_ID));
        assert_eq!(table.overflows(), 1);
    }

    #[test]
    fn overflowing_teams_still_differ() {
        let mut labels = Labels {
            teams: LabelTable::new(0, [], []),
            priorities: LabelTable::new(0, [], []),
            channels: LabelTable::new(0, [], []),
        };
        assert_ne!(labels.team("a"), labels.team("b"));
        assert_eq!(labels.team("a"), labels.team("a"));
    }
}
