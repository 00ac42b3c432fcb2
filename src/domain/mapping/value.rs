//! Values of a mapping, and the conditions on them.

use std::sync::Arc;

use chrono_tz::Tz;
use regex::Regex;

use super::path::RecordPath;
use super::word_map::WordMap;
use crate::domain::named::named_enum;

/// The source of a member's value.
#[derive(Clone, Debug)]
pub enum ValueSource {
    Path(RecordPath),
    Constant(String),
    Template(Vec<TemplatePart>),
    /// The first source that gives a value.
    First(Vec<ValueSource>),
    Refined(Box<Refined>),
}

#[derive(Clone, Debug)]
pub enum TemplatePart {
    Text(String),
    Path(RecordPath),
}

/// A value and the operations on it, in the order of the fields.
#[derive(Clone, Debug)]
pub struct Refined {
    pub value: ValueSource,
    pub when: Option<Condition>,
    pub pattern: Option<Regex>,
    /// Words that stand for no value, such as the owner 0.
    pub none: Vec<String>,
    pub map: Option<Arc<WordMap>>,
    /// An index into [`Mappings::tables`](super::Mappings::tables).
    pub table: Option<usize>,
    pub unmapped: Option<Unmapped>,
    /// Is subtracted from a number.
    pub minus: Option<ValueSource>,
    /// Multiplies a number.
    pub times: Option<f64>,
    pub format: Option<TimeFormat>,
    pub zone: Option<Tz>,
    /// Seconds that are added to a time.
    pub plus: Option<ValueSource>,
}

named_enum! {
    /// The treatment of a word that is in no map and no lookup table.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Unmapped {
        /// It gives no value.
        Drop = "drop",
        /// It is the value.
        Pass = "pass",
        /// It rejects the record.
        Reject = "reject",
    }
}

/// The format of a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// Since 1970.
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Days,
    /// A duration, which becomes seconds.
    Duration,
    /// A strftime pattern.
    Pattern(String),
}

/// A condition of a rule or a value.
#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// Any value of the path passes the test.
    Of(RecordPath, ValueTest),
}

impl Condition {
    /// Holds for all records.
    pub const ALWAYS: Self = Self::All(Vec::new());
}

/// A test of a value.
#[derive(Clone, Debug)]
pub enum ValueTest {
    Equals(String),
    /// Equals this value.
    Same(Box<ValueSource>),
    Matches(Regex),
    /// An index into [`Mappings::tables`](super::Mappings::tables).
    InTable(usize),
    Exists(bool),
    /// A list, or a text with several words, has this word.
    Contains(String),
    /// The number of values that exist.
    Count(usize),
    All(Vec<ValueTest>),
    Any(Vec<ValueTest>),
    Not(Box<ValueTest>),
}

impl ValueSource {
    /// Its paths as they are written, in order.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            Self::Path(path) => vec![path.text()],
            Self::Constant(_) => Vec::new(),
            Self::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    TemplatePart::Path(path) => Some(path.text()),
                    TemplatePart::Text(_) => None,
                })
                .collect(),
            Self::First(values) => values.iter().flat_map(Self::paths).collect(),
            Self::Refined(refined) => refined.value.paths(),
        }
    }
}
