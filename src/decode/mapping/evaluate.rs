//! What values give and whether conditions hold, for one record (or one item of it).

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use chrono_tz::Tz;
use regex::Regex;
use serde_json::Number;

use super::json::Json;
use super::scope::{Roots, is_word};
use super::times;
use crate::domain::mapping::{
    Condition, Path, Piece, Refined, Table, Test, TimeFormat, Unmapped, Value, same_word,
};
use crate::domain::timestamp::Timestamp;

/// What a value gives.
#[derive(Clone, Debug)]
pub(super) enum Scalar<'s> {
    Text(Cow<'s, str>),
    Number(&'s Number),
    Bool(bool),
    /// The result of arithmetic.
    Real(f64),
    /// Of a `format` or `zone`.
    Time(Timestamp),
    /// Something, but not what `format`, `times` or `minus` can read.
    Unreadable,
}

impl<'s> Scalar<'s> {
    /// `None`: the JSON is no value.
    fn of(json: &'s Json<'_>) -> Option<Self> {
        match json {
            Json::Text(text) if text.is_empty() => None,
            Json::Text(text) => Some(Self::Text(Cow::Borrowed(text))),
            Json::Number(number) => Some(Self::Number(number)),
            Json::Bool(truth) => Some(Self::Bool(*truth)),
            Json::Null | Json::List(_) | Json::Object(_) => None,
        }
    }

    pub(super) fn into_text(self) -> Cow<'s, str> {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Self::Real(number) => Cow::Owned(number.to_string()),
            Self::Time(time) => Cow::Owned(time.rfc3339()),
            Self::Unreadable => Cow::Borrowed(""),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::Number(number) => number.as_f64(),
            Self::Real(number) => Some(*number),
            Self::Bool(_) | Self::Time(_) | Self::Unreadable => None,
        }
    }
}

/// What a value gives, and where it was found.
#[derive(Clone, Debug)]
pub(super) struct Found<'s> {
    pub(super) scalar: Scalar<'s>,
    /// A path as it is written, or the constant.
    pub(super) from: &'s str,
}

/// See the module.
pub(super) struct Evaluation<'s, 'a> {
    pub(super) roots: &'s Roots<'a>,
    pub(super) item: Option<&'s Json<'a>>,
    pub(super) tables: &'s [Table],
    pub(super) zone: Option<Tz>,
    /// Of the member that is evaluated.
    pub(super) unmapped: Unmapped,
    pub(super) notes: Notes<'s>,
}

/// What was seen on the way to a member's value.
#[derive(Default)]
pub(super) struct Notes<'s> {
    /// A `null` or empty text where a value could have been.
    pub(super) nothing: Cell<bool>,
    /// The first word that no map or table has, and where it was.
    pub(super) unmapped: RefCell<Option<(&'s str, Cow<'s, str>)>>,
    /// Such a word rejects the record.
    pub(super) rejects: Cell<bool>,
}

impl<'s> Notes<'s> {
    pub(super) fn unmapped(&self, from: &'s str, word: Cow<'s, str>) {
        let mut first = self.unmapped.borrow_mut();
        if first.is_none() {
            *first = Some((from, word));
        }
    }
}

type Take<'t, 's> = &'t mut dyn FnMut(Found<'s>) -> ControlFlow<()>;

impl<'s> Evaluation<'s, '_> {
    /// Shows every value to `take`, in order, until it has enough.
    pub(super) fn each(&self, value: &'s Value, take: Take<'_, 's>) -> ControlFlow<()> {
        match value {
            Value::Path(path) => self
                .roots
                .visit(path, self.item, &mut |json| match Scalar::of(json) {
                    Some(scalar) => take(Found {
                        scalar,
                        from: path.text(),
                    }),
                    None => {
                        let is_nothing = !matches!(json, Json::List(_) | Json::Object(_));
                        self.notes
                            .nothing
                            .set(self.notes.nothing.get() || is_nothing);
                        ControlFlow::Continue(())
                    }
                }),
            Value::Constant(text) => take(Found {
                scalar: Scalar::Text(Cow::Borrowed(text)),
                from: text,
            }),
            Value::Template(pieces) => match self.template(pieces) {
                Some(found) => take(found),
                None => ControlFlow::Continue(()),
            },
            Value::First(values) => values.iter().try_for_each(|value| self.each(value, take)),
            Value::Refined(refined) => {
                if refined.when.as_ref().is_some_and(|when| !self.holds(when)) {
                    return ControlFlow::Continue(());
                }
                self.each(
                    &refined.value,
                    &mut |found| match self.refine(refined, found) {
                        Some(found) => take(found),
                        None if self.notes.rejects.get() => ControlFlow::Break(()),
                        None => ControlFlow::Continue(()),
                    },
                )
            }
        }
    }

    /// The first value.
    pub(super) fn first(&self, value: &'s Value) -> Option<Found<'s>> {
        let mut first = None;
        let _ = self.each(value, &mut |found| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }

    fn template(&self, pieces: &'s [Piece]) -> Option<Found<'s>> {
        let mut text = String::new();
        let mut from = "";
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Path(path) => {
                    text.push_str(&self.text_at(path)?);
                    if from.is_empty() {
                        from = path.text();
                    }
                }
            }
        }
        Some(Found {
            scalar: Scalar::Text(Cow::Owned(text)),
            from,
        })
    }

    fn text_at(&self, path: &Path) -> Option<Cow<'s, str>> {
        let mut text = None;
        let _ = self.roots.visit(path, self.item, &mut |json| {
            text = Scalar::of(json).map(Scalar::into_text);
            match text {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        text
    }

    fn refine(&self, refined: &'s Refined, found: Found<'s>) -> Option<Found<'s>> {
        let Found { mut scalar, from } = found;
        if let Some(pattern) = &refined.pattern {
            scalar = Scalar::Text(group(pattern, scalar.into_text())?);
        }
        if !refined.none.is_empty() {
            let word = scalar.clone().into_text();
            if refined.none.iter().any(|none| same_word(none, &word)) {
                self.notes.nothing.set(true);
                return None;
            }
        }
        if refined.map.is_some() || refined.table.is_some() {
            let mut word = scalar.into_text();
            if let Some(map) = &refined.map {
                word = match map.find(&word) {
                    Some(ours) => Cow::Borrowed(ours),
                    None => self.unmapped(refined, from, word)?,
                };
            }
            if let Some(table) = refined.table {
                word = match self.tables.get(table).and_then(|table| table.find(&word)) {
                    Some(ours) => Cow::Borrowed(ours),
                    None => self.unmapped(refined, from, word)?,
                };
            }
            scalar = Scalar::Text(word);
        }
        if refined.minus.is_some() || refined.times.is_some() {
            scalar = self.calculate(refined, &scalar);
        }
        if refined.format == Some(TimeFormat::Duration) {
            let seconds = times::seconds(&scalar);
            scalar = seconds.map_or(Scalar::Unreadable, Scalar::Real);
        } else if refined.format.is_some() || refined.zone.is_some() {
            let zone = refined.zone.or(self.zone);
            scalar = match times::read(&scalar, refined.format.as_ref(), zone) {
                Some(time) => Scalar::Time(time),
                None => Scalar::Unreadable,
            };
        }
        Some(Found { scalar, from })
    }

    fn unmapped(
        &self,
        refined: &'s Refined,
        from: &'s str,
        word: Cow<'s, str>,
    ) -> Option<Cow<'s, str>> {
        let is_wide = matches!(&refined.value, Value::Path(path) if path.is_wide());
        if !is_wide {
            self.notes.unmapped(from, word.clone());
        }
        match refined.unmapped.unwrap_or(self.unmapped) {
            _ if is_wide && refined.unmapped.is_none() => None,
            Unmapped::Drop => None,
            Unmapped::Pass => Some(word),
            Unmapped::Reject => {
                self.notes.unmapped(from, word.clone());
                self.notes.rejects.set(true);
                None
            }
        }
    }

    fn calculate(&self, refined: &'s Refined, scalar: &Scalar<'s>) -> Scalar<'s> {
        let subtracted = match &refined.minus {
            Some(minus) => self
                .first(minus)
                .map_or(Some(0.0), |found| found.scalar.number()),
            None => Some(0.0),
        };
        match (scalar.number(), subtracted) {
            (Some(number), Some(subtracted)) => {
                Scalar::Real((number - subtracted) * refined.times.unwrap_or(1.0))
            }
            _ => Scalar::Unreadable,
        }
    }

    pub(super) fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.holds(one)),
            Condition::Any(any) => any.iter().any(|one| self.holds(one)),
            Condition::Not(not) => !self.holds(not),
            Condition::Of(path, test) => self.passes(path, test),
        }
    }

    fn passes(&self, path: &Path, test: &Test) -> bool {
        match test {
            Test::All(tests) => tests.iter().all(|test| self.passes(path, test)),
            Test::Any(tests) => tests.iter().any(|test| self.passes(path, test)),
            Test::Not(test) => !self.passes(path, test),
            Test::Exists(wanted) => self.any(path, exists) == *wanted,
            Test::Equals(word) => self.any(path, |json| is_word(json, word)),
            Test::Same(other) => self
                .text_at(other)
                .is_some_and(|word| self.any(path, |json| is_word(json, &word))),
            Test::Matches(pattern) => self.any(path, |json| {
                Scalar::of(json).is_some_and(|scalar| pattern.is_match(&scalar.into_text()))
            }),
            Test::InTable(table) => self.tables.get(*table).is_some_and(|table| {
                self.any(path, |json| {
                    Scalar::of(json).is_some_and(|scalar| table.find(&scalar.into_text()).is_some())
                })
            }),
        }
    }

    fn any(&self, path: &Path, passes: impl Fn(&'s Json<'_>) -> bool) -> bool {
        self.roots
            .visit(path, self.item, &mut |json| {
                if passes(json) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .is_break()
    }
}

fn exists(json: &Json<'_>) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(_) | Json::Number(_) => true,
        Json::Text(text) => !text.is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

/// The first group of a match, or all of it. `None`: no match, or an empty one.
fn group<'s>(pattern: &Regex, text: Cow<'s, str>) -> Option<Cow<'s, str>> {
    let captures = pattern.captures(&text)?;
    let found = captures.get(1).or_else(|| captures.get(0))?.range();
    if found.is_empty() {
        return None;
    }
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[found]),
        Cow::Owned(text) => Cow::Owned(text[found].to_owned()),
    })
}

/// Whether two words are the same, for members that take a few words only.
pub(super) fn find_word<T: Copy>(word: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| same_word(name(*one), word))
}
