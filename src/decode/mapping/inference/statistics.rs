//! What stands at each path of the samples: how often, how many different values, times or not.

use std::collections::{HashMap, HashSet};

use super::names;
use super::times::{self, Clock};
use crate::decode::mapping::json::Json;
use crate::decode::mapping::scope::Roots;

/// Records that are looked at; more say no more.
pub(super) const MOST_RECORDS: usize = 2_000;
/// Paths that are looked at: a record that has more has content for names.
const MOST_PATHS: usize = 1_000;
const MOST_DEPTH: usize = 8;
/// Longer texts are free text, of which nothing is kept.
const MOST_TEXT_BYTES: usize = 120;

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Its content is not kept.
    LongText,
    Integer,
    Real,
    Truth,
}

/// A value of one record.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) record: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What is known of a path.
#[derive(Debug)]
pub(super) struct Facts {
    /// As it is written in a mapping, and that of what it is a member of.
    pub(super) path: String,
    pub(super) within: String,
    /// The words of the last name, and of the one before it.
    pub(super) name: Vec<String>,
    pub(super) parent: Vec<String>,
    /// Names on the way.
    pub(super) depth: usize,
    /// Of the first item of a list.
    pub(super) in_list: bool,
    /// In the order of the records, one of each at most.
    pub(super) values: Vec<Value>,
    /// Records where it is `null` or empty.
    pub(super) nothing: usize,
    /// Different values.
    pub(super) distinct: usize,
    /// The instants that the values are, if they are.
    pub(super) clock: Option<Clock>,
}

impl Facts {
    fn at(place: &Place) -> Self {
        Self {
            path: place.path.clone(),
            within: place.within.clone(),
            name: names::words(&place.name),
            parent: names::words(&place.parent),
            depth: place.depth,
            in_list: place.in_list,
            values: Vec::new(),
            nothing: 0,
            distinct: 0,
            clock: None,
        }
    }

    pub(super) fn is_named(&self, words: &[&str]) -> bool {
        self.name.iter().any(|word| words.contains(&word.as_str()))
    }

    pub(super) fn is_within(&self, words: &[&str]) -> bool {
        self.parent
            .iter()
            .any(|word| words.contains(&word.as_str()))
    }

    /// The name says it, or the name is a mere `id`, `name`, … inside of what says it.
    pub(super) fn is_about(&self, words: &[&str]) -> bool {
        self.is_named(words) || self.is_plain() && self.is_within(words)
    }

    /// Names that say nothing but for what they are in.
    pub(super) fn is_plain(&self) -> bool {
        const PLAIN: [&str; 16] = [
            "id",
            "key",
            "name",
            "title",
            "label",
            "value",
            "slug",
            "code",
            "number",
            "email",
            "uuid",
            "display",
            "username",
            "login",
            "text",
            "identifier",
        ];
        self.name.iter().all(|word| PLAIN.contains(&word.as_str()))
    }

    /// Records that have it, of all.
    pub(super) fn share(&self, records: usize) -> f64 {
        ratio(self.values.len(), records)
    }

    /// Values of this kind, of all values.
    pub(super) fn share_of(&self, kinds: &[Kind]) -> f64 {
        let fitting = self
            .values
            .iter()
            .filter(|value| kinds.contains(&value.kind));
        ratio(fitting.count(), self.values.len())
    }

    /// Values of which this holds, of all values.
    pub(super) fn share_where(&self, holds: impl Fn(&str) -> bool) -> f64 {
        let fitting = self.values.iter().filter(|value| holds(&value.text));
        ratio(fitting.count(), self.values.len())
    }

    /// The different values with their numbers, most frequent first.
    pub(super) fn counted(&self) -> Vec<(&str, usize)> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for value in &self.values {
            *counts.entry(value.text.as_str()).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        counts
    }

    /// Few short words, as of a list to choose from: no free text, no names, no ids.
    pub(super) fn is_enumeration(&self) -> bool {
        self.distinct <= 25
            && self.share_where(is_word) >= 1.0
            && self.share_of(&[Kind::Text, Kind::Integer]) >= 1.0
    }

    /// The value of a record.
    pub(super) fn of(&self, record: usize) -> Option<&str> {
        let place = self
            .values
            .binary_search_by_key(&record, |value| value.record)
            .ok()?;
        Some(&self.values[place].text)
    }
}

/// Whether a text could be a word of a list to choose from.
pub(super) fn is_word(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    !text.is_empty()
        && text.len() <= 60
        && digits <= 3
        && text.split_whitespace().count() <= 4
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || " _-.:/'".contains(character))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers of samples, far below 2^53"
)]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Collects the facts of all records.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) records: usize,
    pub(super) facts: Vec<Facts>,
    places: HashMap<String, usize>,
}

impl Statistics {
    pub(super) fn of(records: &[Roots<'_>]) -> Self {
        let mut statistics = Self::default();
        for (number, roots) in records.iter().take(MOST_RECORDS).enumerate() {
            statistics.records += 1;
            let place = |path: &str| Place {
                path: path.to_owned(),
                ..Place::default()
            };
            let named = [
                ("$headers", roots.headers.as_deref()),
                ("$cloudevent", roots.cloud_event.as_deref()),
                ("$source", roots.source.as_ref()),
            ];
            statistics.walk(&roots.record, number, &place(""));
            for (root, json) in named {
                if let Some(json) = json {
                    statistics.walk(json, number, &place(root));
                }
            }
            if let Some(key) = &roots.key {
                let place = Place {
                    name: "key".to_owned(),
                    depth: 1,
                    ..place("$key")
                };
                statistics.walk(key, number, &place);
            }
        }
        for facts in &mut statistics.facts {
            let all: HashSet<&str> = facts.values.iter().map(|one| one.text.as_str()).collect();
            facts.distinct = all.len();
            facts.clock = times::clock(facts);
        }
        statistics
    }

    fn walk(&mut self, json: &Json<'_>, record: usize, place: &Place) {
        if place.depth > MOST_DEPTH {
            return;
        }
        match json {
            Json::Object(members) => {
                for (name, value) in members {
                    if let Some(step) = names::step(name) {
                        self.walk(value, record, &place.member(name, &step));
                    }
                }
            }
            Json::List(items) => {
                if let (Some(first), true) = (items.first(), place.depth > 0) {
                    self.walk(first, record, &place.first_item());
                }
            }
            Json::Null => self.note(record, place, None),
            Json::Bool(truth) => self.note(record, place, Some((Kind::Truth, truth.to_string()))),
            Json::Number(number) => {
                let kind = if number.is_f64() {
                    Kind::Real
                } else {
                    Kind::Integer
                };
                self.note(record, place, Some((kind, number.to_string())));
            }
            Json::Text(text) => {
                let value = match text.len() {
                    0 => None,
                    1..=MOST_TEXT_BYTES => Some((Kind::Text, text.clone().into_owned())),
                    _ => Some((Kind::LongText, String::new())),
                };
                self.note(record, place, value);
            }
        }
    }

    fn note(&mut self, record: usize, at: &Place, value: Option<(Kind, String)>) {
        if at.depth == 0 {
            return;
        }
        let place = match self.places.get(&at.path) {
            Some(place) => *place,
            None if self.facts.len() >= MOST_PATHS => return,
            None => {
                self.facts.push(Facts::at(at));
                let place = self.facts.len() - 1;
                self.places.insert(at.path.clone(), place);
                place
            }
        };
        let facts = &mut self.facts[place];
        // Of two members with the same name the last one counts.
        if facts
            .values
            .last()
            .is_some_and(|last| last.record == record)
        {
            facts.values.pop();
        }
        match value {
            Some((kind, text)) => facts.values.push(Value { record, kind, text }),
            None => facts.nothing += 1,
        }
    }
}

/// Where the walk through a record is.
#[derive(Clone, Debug, Default)]
struct Place {
    path: String,
    within: String,
    name: String,
    parent: String,
    depth: usize,
    in_list: bool,
}

impl Place {
    fn member(&self, name: &str, step: &str) -> Self {
        Self {
            path: format!("{}{step}", self.path),
            within: self.path.clone(),
            name: name.to_owned(),
            parent: self.name.clone(),
            depth: self.depth + 1,
            in_list: self.in_list,
        }
    }

    fn first_item(&self) -> Self {
        Self {
            path: format!("{}[0]", self.path),
            depth: self.depth + 1,
            in_list: true,
            ..self.clone()
        }
    }
}
