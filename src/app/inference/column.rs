//! The values of the samples at one path.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::names::{has_any, is_in};
use crate::decode::read_time;
use crate::domain::timestamp::Timestamp;

/// 1990 and 2100. A number that is no time between these is no time.
const EARLIEST: Timestamp = Timestamp(631_152_000_000);
const LATEST: Timestamp = Timestamp(4_102_444_800_000);

/// Words in the names of times. A number is a time only where its name says so.
const TIMES: &str = "at time timestamp date datetime ts ms on created creation updated modified \
     changed occurred opened closed resolved solved geändert erstellt zeit";

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
    pub(super) needs_zone: bool,
}

#[derive(Debug)]
pub(super) struct SampleColumn {
    /// As a mapping writes it.
    pub(super) path: String,
    /// The path of the object that has the value. That of the record is empty.
    pub(super) object: String,
    /// The path of the object around that.
    pub(super) outer: String,
    /// The words of the last name.
    pub(super) name: Vec<String>,
    /// The words of the name before it.
    pub(super) parent: Vec<String>,
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

    pub(super) fn has_only(&self, kinds: &[CellKind]) -> bool {
        self.cells.values().all(|cell| kinds.contains(&cell.kind))
    }

    /// Whether the name, or the name before it, has one of these words.
    pub(super) fn mentions(&self, list: &str) -> bool {
        has_any(&self.name, list) || has_any(&self.parent, list)
    }

    /// The words that say what the value is about, and the path of the object that has it. A mere
    /// `id` or `name` belongs to the object around it.
    pub(super) fn subject(&self) -> (&[String], &str) {
        const PLAIN: &str = "id key name title label value email";
        let is_plain = self.name.len() == 1 && is_in(PLAIN, &self.name[0]);
        if is_plain && !self.parent.is_empty() {
            (&self.parent, &self.outer)
        } else {
            (&self.name, &self.object)
        }
    }

    /// Values that could be the words of a list to choose from: no ids, addresses or free text.
    pub(super) fn is_enumeration(&self) -> bool {
        const MOST_WORDS: usize = 25;
        self.has_only(&[CellKind::Text, CellKind::Number])
            && self.distinct().len() <= MOST_WORDS
            && self.texts().all(is_choice)
    }

    pub(super) fn is_name_or_id(&self) -> bool {
        self.times.is_none() && self.has_only(&[CellKind::Text, CellKind::Number])
    }

    /// Texts with digits and without spaces and addresses, and numbers.
    pub(super) fn is_id_like(&self) -> bool {
        self.is_name_or_id()
            && self.texts().all(|text| {
                text.len() <= 64
                    && text.bytes().any(|byte| byte.is_ascii_digit())
                    && !text.contains([' ', '@', '\n', '\t'])
            })
    }

    /// `None`: the values are no times, or in a format that a mapping has to name.
    pub(super) fn read_times(&self) -> Option<Times> {
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        let has_numbers = self.texts().any(is_number);
        if self.cells.is_empty()
            || !self.has_only(&[CellKind::Text, CellKind::Number])
            || has_numbers && !has_any(&self.name, TIMES)
        {
            return None;
        }
        let zones: &[Option<Tz>] = if has_numbers {
            &[None]
        } else {
            &[None, Some(Tz::UTC)]
        };
        zones.iter().find_map(|zone| {
            let cells = self.cells.iter().map(|(row, cell)| {
                let time = read_time(&cell.text, None, *zone)?;
                (EARLIEST..=LATEST).contains(&time).then_some((*row, time))
            });
            Some(Times {
                instants: cells.collect::<Option<_>>()?,
                needs_zone: zone.is_some(),
            })
        })
    }
}

/// Whether a text could be a word of a list to choose from.
pub fn is_choice(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    text.len() <= 40
        && digits <= 3
        && text.split_whitespace().count() <= 4
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || " _-.:/()'".contains(character))
}
