//! Label values as small numbers. Values beyond a limit share the label `__other__`.

use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::cohort::{CohortKey, MOST_ATTRIBUTES};
use super::rules::Rules;
use super::shared_places::{SharedLimits, SharedPlaces};

/// The label value of an absent team, priority or channel.
pub const NONE: &str = "none";
/// The label value of all values beyond the limit.
pub const OTHER: &str = "__other__";

/// Number of [`NONE`] in every table.
pub const NONE_ID: u8 = 0;
/// Number of [`OTHER`] in every table.
pub const OTHER_ID: u8 = 1;
/// The numbers that every table reserves: those of [`NONE`] and [`OTHER`].
pub const OWN_NUMBERS: usize = 2;

/// The type of a label's numbers. It limits how many there are.
pub trait LabelNumber: Copy + Ord + From<u8> + Into<usize> + TryFrom<usize> {
    /// The count of numbers, including those of [`NONE`] and [`OTHER`].
    const COUNT: usize;
}

/// Priorities and channels. One byte, because every ticket stores them.
impl LabelNumber for u8 {
    const COUNT: usize = 1 << Self::BITS;
}

/// Teams. [`NO_TEAM`] is not a number of a team.
impl LabelNumber for u16 {
    const COUNT: usize = NO_TEAM as usize;
}

/// In place of the team of the last solve, if there was none.
pub const NO_TEAM: u16 = u16::MAX;

/// The values of one label. The *number* of a value identifies it for calendars and policies. Its
/// *label* is the number under which it is exposed: its own, or that of [`OTHER`].
#[derive(Clone, Debug)]
pub struct LabelTable<N> {
    limit: usize,
    /// The count of values with a label of their own.
    own: usize,
    numbers: HashMap<CompactString, N>,
    names: Arc<Vec<CompactString>>,
    /// By number.
    exposures: Vec<LabelExposure>,
    overflows: u64,
    /// `None`: all values under the limit are in this table.
    shared: Option<SharedPlaces>,
    /// Numbers that are new or were first exposed since this list was last emptied. At most two
    /// entries per number.
    pub changed: Vec<N>,
}

/// The label under which a value is exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LabelExposure {
    /// The value has not been seen.
    Unseen,
    /// Its own name.
    Own,
    /// [`OTHER`].
    Shared,
}

impl LabelExposure {
    pub const ALL: [Self; 3] = [Self::Unseen, Self::Own, Self::Shared];
}

impl<N: LabelNumber> LabelTable<N> {
    /// A table in which `limit` values, besides `none` and `__other__`, get a label of their own: the
    /// `known` values, then others in the order in which they appear. The `named` values get a number
    /// in any case, because the rules refer to them.
    pub fn new<'a>(
        limit: usize,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut table = Self {
            limit,
            own: 0,
            numbers: HashMap::new(),
            names: Arc::new(Vec::new()),
            exposures: Vec::new(),
            overflows: 0,
            shared: None,
            changed: Vec::new(),
        };
        for name in [NONE, OTHER] {
            table.insert(name, LabelExposure::Own);
        }
        table.add(known, named);
        table
    }

    /// A table from stored values, in the order of their numbers. New `known` and `named` values get
    /// the next numbers. `None` if the values do not begin with [`NONE`] and [`OTHER`], or if a name
    /// occurs twice.
    ///
    /// Values beyond the last number are dropped. An earlier version stored them, but no ticket could
    /// refer to one.
    pub fn restored<'a>(
        limit: usize,
        values: impl IntoIterator<Item = (&'a str, LabelExposure)>,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut table = Self::new(limit, [], []);
        for (number, (name, exposure)) in values.into_iter().take(N::COUNT).enumerate() {
            if number < OWN_NUMBERS {
                if table.names[number] != name || exposure != LabelExposure::Own {
                    return None;
                }
                continue;
            }
            if table.numbers.contains_key(name) {
                return None;
            }
            table.own += usize::from(exposure == LabelExposure::Own);
            table.insert(name, exposure);
        }
        table.changed.clear();
        table.add(known, named);
        Some(table)
    }

    /// Gives numbers to the values that the configuration names, and labels to the known ones.
    fn add<'a>(
        &mut self,
        known: impl IntoIterator<Item = &'a str>,
        named: impl IntoIterator<Item = &'a str>,
    ) {
        for name in known {
            if !self.numbers.contains_key(name) {
                self.insert(name, LabelExposure::Unseen);
            }
            self.number(name);
        }
        for name in named {
            if !self.numbers.contains_key(name) {
                self.insert(name, LabelExposure::Unseen);
            }
        }
        self.overflows = 0;
    }

    /// Name and exposure of a number.
    pub fn value(&self, number: N) -> Option<(&str, LabelExposure)> {
        let name = self.names.get(number.into())?;
        Some((name, *self.exposures.get(number.into())?))
    }

    /// The number of a value from an event. A new value gets a number while there is room.
    pub fn number(&mut self, name: &str) -> N {
        let number = match self.numbers.get(name) {
            Some(number) => Some(*number),
            None if self.has_place(name, false) => self.insert(name, LabelExposure::Unseen),
            None => None,
        };
        let Some(number) = number else {
            self.overflows += 1;
            return OTHER_ID.into();
        };
        if self.exposures[number.into()] == LabelExposure::Unseen {
            let has_place = self.has_place(name, true);
            self.exposures[number.into()] = if has_place {
                LabelExposure::Own
            } else {
                LabelExposure::Shared
            };
            self.own += usize::from(has_place);
            self.changed.push(number);
        }
        self.overflows += u64::from(self.exposures[number.into()] == LabelExposure::Shared);
        number
    }

    /// Whether there is room under the limit for a value that was not seen here. `is_final`: a refusal
    /// holds for good.
    fn has_place(&self, name: &str, is_final: bool) -> bool {
        match &self.shared {
            None => self.own < self.limit,
            Some(places) => places.take(name, self.limit, is_final),
        }
    }

    /// Shares the limit with other tables of the same label.
    pub fn share(&mut self, places: SharedPlaces) {
        for (name, exposure) in self.names.iter().zip(&self.exposures).skip(OWN_NUMBERS) {
            if *exposure != LabelExposure::Unseen {
                places.note(name, *exposure == LabelExposure::Own);
            }
        }
        self.shared = Some(places);
    }

    /// The number of a value that the configuration names. `None` if no number was left.
    pub fn named(&self, name: &str) -> Option<N> {
        self.numbers.get(name).copied()
    }

    /// The label of a number.
    pub fn label(&self, number: N) -> N {
        match self.exposures[number.into()] {
            LabelExposure::Own => number,
            LabelExposure::Unseen | LabelExposure::Shared => OTHER_ID.into(),
        }
    }

    /// The label value of a number.
    pub fn exposed(&self, number: N) -> &str {
        &self.names[self.label(number).into()]
    }

    /// Whether a number belongs to a name. A fast check, because most events repeat a ticket's values.
    pub fn is(&self, number: N, name: &str) -> bool {
        number != OTHER_ID.into() && self.names[number.into()] == name
    }

    /// Names by number, and so by label; cheap to share.
    pub fn names(&self) -> &Arc<Vec<CompactString>> {
        &self.names
    }

    /// How often an event had a value that is exposed as `__other__`.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Marks all numbers as changed.
    pub fn change_all(&mut self) {
        let numbers = (0..self.names.len()).filter_map(|number| N::try_from(number).ok());
        self.changed = numbers.collect();
    }

    /// Gives a new name the next number. `None` if no number is left.
    fn insert(&mut self, name: &str, exposure: LabelExposure) -> Option<N> {
        if self.names.len() >= N::COUNT {
            return None;
        }
        let number = N::try_from(self.names.len()).ok()?;
        Arc::make_mut(&mut self.names).push(name.into());
        self.numbers.insert(name.into(), number);
        self.exposures.push(exposure);
        self.changed.push(number);
        Some(number)
    }
}

/// A team as a ticket stores it. Teams that share `__other__` still differ: a ticket that moves
/// between two of them is transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    pub number: u16,
    /// Distinguishes teams that share `__other__`; 0 for all others.
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

/// A priority as a ticket stores it, like [`Team`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    pub number: u8,
    /// Distinguishes priorities that share `__other__`; 0 for all others.
    pub overflow: u8,
}

/// The label values of a cohort.
#[derive(Clone, Debug)]
pub struct CohortNames<'a> {
    pub team: &'a str,
    pub priority: &'a str,
    /// Name and label value of each attribute that is a label.
    pub attributes: Vec<(&'a str, &'a str)>,
}

impl CohortNames<'_> {
    /// All values as one text.
    pub fn joined(&self) -> String {
        let attributes = self.attributes.iter().map(|(_, value)| *value);
        let values = [self.team, self.priority].into_iter().chain(attributes);
        values.fold(String::new(), |mut text, value| {
            text.push_str(value);
            text.push('\0');
            text
        })
    }
}

/// One of the user's own attributes and its values.
#[derive(Clone, Debug)]
pub struct AttributeTable {
    pub name: CompactString,
    pub is_label: bool,
    pub values: LabelTable<u8>,
}

/// The label values of an attribute that is a label; cheap to share.
#[derive(Clone, Debug)]
pub struct AttributeNames {
    /// In the rules.
    pub position: usize,
    pub name: CompactString,
    /// By label.
    pub values: Arc<Vec<CompactString>>,
}

/// The tables of the labels whose values come from events.
#[derive(Clone, Debug)]
pub struct Labels {
    pub teams: LabelTable<u16>,
    pub priorities: LabelTable<u8>,
    pub channels: LabelTable<u8>,
    /// In the order of the rules.
    pub attributes: Vec<AttributeTable>,
}

impl Labels {
    /// Shares the limits with other shards.
    pub fn share(&mut self, limits: &SharedLimits) {
        self.teams.share(limits.teams.clone());
        self.priorities.share(limits.priorities.clone());
        self.channels.share(limits.channels.clone());
        for attribute in &mut self.attributes {
            attribute.values.share(limits.attribute(&attribute.name));
        }
    }

    /// The labels under which a cohort is exposed.
    pub fn exposed(&self, numbers: CohortKey) -> CohortKey {
        let mut labels = CohortKey::new(
            self.teams.label(numbers.team),
            self.priorities.label(numbers.priority),
        );
        for (position, attribute) in self.attributes.iter().enumerate() {
            if attribute.is_label {
                let number = numbers.attributes[position];
                labels.attributes[position] = attribute.values.label(number);
            }
        }
        labels
    }

    /// The cohort of the same team and priority for combinations of attributes beyond the limit.
    pub fn beyond_limit(&self, mut labels: CohortKey) -> CohortKey {
        for (label, attribute) in labels.attributes.iter_mut().zip(&self.attributes) {
            if attribute.is_label {
                *label = OTHER_ID;
            }
        }
        labels
    }

    /// The combinations of configured values. An attribute without such values, or without a label, is
    /// `none`.
    pub fn known_combinations(&self, rules: &Rules) -> Vec<[u8; MOST_ATTRIBUTES]> {
        let mut combinations = vec![[NONE_ID; MOST_ATTRIBUTES]];
        for (position, (table, rule)) in self.attributes.iter().zip(&rules.attributes).enumerate() {
            let known = rule.values.iter().filter(|_| table.is_label);
            let numbers: Vec<u8> = known.filter_map(|name| table.values.named(name)).collect();
            if numbers.is_empty() {
                continue;
            }
            let longer = combinations.iter().flat_map(|shorter| {
                numbers.iter().map(move |number| {
                    let mut longer = *shorter;
                    longer[position] = *number;
                    longer
                })
            });
            combinations = longer.collect();
        }
        combinations
    }

    /// The attributes that are labels.
    pub fn shown_attributes(&self) -> Vec<AttributeNames> {
        let attributes = self.attributes.iter().enumerate();
        let shown = attributes.filter(|(_, attribute)| attribute.is_label);
        shown
            .map(|(position, attribute)| AttributeNames {
                position,
                name: attribute.name.clone(),
                values: Arc::clone(attribute.values.names()),
            })
            .collect()
    }

    pub fn has_attribute_labels(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.is_label)
    }

    /// The names of labels.
    pub fn names(&self, labels: CohortKey) -> CohortNames<'_> {
        CohortNames {
            team: &self.teams.names()[usize::from(labels.team)],
            priority: &self.priorities.names()[usize::from(labels.priority)],
            attributes: self
                .attributes
                .iter()
                .zip(labels.attributes)
                .filter(|(attribute, _)| attribute.is_label)
                .map(|(attribute, label)| {
                    let value = attribute.values.names()[usize::from(label)].as_str();
                    (attribute.name.as_str(), value)
                })
                .collect(),
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
            reason = "a byte of a hash; it only decides when status time is counted"
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

impl AttributeTable {
    /// The number of a value from an event.
    pub fn number(&mut self, value: Option<&str>) -> u8 {
        self.values.number(value.unwrap_or(NONE))
    }

    /// Whether a number belongs to a value. Values beyond the limit share one number.
    pub fn is(&self, number: u8, value: Option<&str>) -> bool {
        self.values.is(number, value.unwrap_or(NONE))
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
    fn a_named_value_has_a_number_but_gets_a_label_only_when_seen() {
        let mut table: LabelTable<u8> = LabelTable::new(1, [], ["early", "late"]);
        let (early, late) = (table.named("early").unwrap(), table.named("late").unwrap());
        assert_eq!((table.number("early"), table.label(early)), (early, early));
        assert_eq!((table.number("late"), table.label(late)), (late, OTHER_ID));
        assert_ne!(early, late);
        table.number("late");
        assert_eq!(table.overflows(), 2, "each time it is taken");
    }

    #[test]
    fn every_number_of_the_type_is_used_and_further_values_are_counted() {
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
        let values = values
            .iter()
            .copied()
            .chain([("beyond", LabelExposure::Own)]);
        let restored = LabelTable::<u8>::restored(most, values, [], ["new"]).unwrap();
        assert_eq!(
            (restored.named("beyond"), restored.named("new")),
            (None, None)
        );
        assert_eq!(restored.named(&name(most - 1)), Some(u8::MAX));
    }

    #[test]
    fn no_team_gets_the_number_that_means_no_team() {
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
            attributes: Vec::new(),
        };
        assert_ne!(labels.team("a"), labels.team("b"));
        assert_eq!(labels.team("a"), labels.team("a"));
    }
}
