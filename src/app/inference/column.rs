//! The values of the samples at one path.

use std::collections::{BTreeMap, BTreeSet};

use super::names::is_in;
use crate::domain::timestamp::Timestamp;

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers of samples, far below 2^53"
)]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    Text,
    LongText,
    Number,
    Bool,
}

#[derive(Debug)]
pub(super) struct SampleCell {
    pub(super) kind: CellKind,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Times {
    /// By the number of the row.
    pub(super) instants: BTreeMap<usize, Timestamp>,
    /// A pattern that the mapping has to name.
    pub(super) format: Option<&'static str>,
    pub(super) needs_zone: bool,
}

/// The values at one path.
#[derive(Debug)]
pub(super) struct SampleColumn {
    /// As a mapping writes it.
    pub(super) path: String,
    /// The words of the last name.
    pub(super) name: Vec<String>,
    /// The words of the name before it.
    pub(super) parent: Vec<String>,
    /// The paths of the objects around it, from the inside to the outside; the record is `""`.
    pub(super) around: Vec<String>,
    /// By the number of the row.
    pub(super) cells: BTreeMap<usize, SampleCell>,
    /// Rows where the value is `null` or an empty text.
    pub(super) empty: BTreeSet<usize>,
    /// Present where the values are times.
    pub(super) times: Option<Times>,
}

impl SampleColumn {
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        self.cells.get(&row).map(|cell| cell.text.as_str())
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.values().map(|cell| cell.text.as_str())
    }

    pub(super) fn distinct(&self) -> BTreeSet<&str> {
        self.texts().collect()
    }

    pub(super) fn is_named(&self, words: &[&str]) -> bool {
        self.name
            .iter()
            .map(String::as_str)
            .eq(words.iter().copied())
    }

    pub(super) fn has_only(&self, kinds: &[CellKind]) -> bool {
        self.cells.values().all(|cell| kinds.contains(&cell.kind))
    }

    /// The words that say what the value is about, and the path of the object that has it. A mere
    /// `id` or `name` belongs to the object around it.
    pub(super) fn subject(&self) -> (&[String], &str) {
        const PLAIN: &str = "id key name title label value email";
        let around = |index: usize| self.around.get(index).map_or("", String::as_str);
        let is_plain = self.name.len() == 1 && is_in(PLAIN, &self.name[0]);
        if is_plain && !self.parent.is_empty() {
            (&self.parent, around(1))
        } else {
            (&self.name, around(0))
        }
    }

    /// Values that could be the words of a list to choose from: no ids, addresses or free text.
    pub(super) fn is_enumeration(&self) -> bool {
        const MOST_WORDS: usize = 25;
        self.has_only(&[CellKind::Text, CellKind::Number])
            && self.distinct().len() <= MOST_WORDS
            && self.texts().all(is_choice)
    }

    /// Texts without spaces and addresses, and numbers.
    pub(super) fn is_id_like(&self) -> bool {
        self.times.is_none()
            && self.has_only(&[CellKind::Text, CellKind::Number])
            && self
                .texts()
                .all(|text| text.len() <= 64 && !text.contains([' ', '@', '\n', '\t']))
    }
}

/// Whether a text could be a word of a list to choose from.
pub(super) fn is_choice(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    text.len() <= 40
        && digits <= 3
        && text.split_whitespace().count() <= 4
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || " _-.:/()'".contains(character))
}
