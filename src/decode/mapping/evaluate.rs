//! Evaluates the values and the conditions of a rule for one record, or for one item of it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use chrono_tz::Tz;
use regex::Regex;

use super::json::Json;
use super::scalar::Scalar;
use super::scope::{Roots, has_word, is_word};
use super::{durations, times};
use crate::decode::rejection::TimeFault;
use crate::domain::mapping::{
    Condition, LookupTable, RecordPath, Refined, TemplatePart, TimeFormat, Unmapped, ValueSource,
    ValueTest, same_word,
};
use crate::domain::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct FoundValue<'s> {
    pub(super) scalar: Scalar<'s>,
    /// The path that led to it, or the constant.
    pub(super) from: &'s str,
}

pub(super) struct Evaluation<'s, 'a> {
    pub(super) roots: &'s Roots<'a>,
    pub(super) item: Option<&'s Json<'a>>,
    pub(super) tables: &'s [LookupTable],
    pub(super) zone: Option<Tz>,
    /// The treatment of unmapped words of the current member.
    pub(super) unmapped: Unmapped,
    pub(super) notes: EvaluationNotes<'s>,
}

/// Side results of the evaluation of one member.
#[derive(Default)]
pub(super) struct EvaluationNotes<'s> {
    /// A path led to a `null` or an empty text, or a constant is empty.
    pub(super) empty: Cell<bool>,
    /// The first word that no map or table has, with its path.
    pub(super) unmapped: RefCell<Option<(&'s str, Cow<'s, str>)>>,
    /// An unmapped word rejects the record.
    pub(super) rejects: Cell<bool>,
}

impl<'s> EvaluationNotes<'s> {
    pub(super) fn unmapped(&self, from: &'s str, word: Cow<'s, str>) {
        let mut first = self.unmapped.borrow_mut();
        if first.is_none() {
            *first = Some((from, word));
        }
    }
}

type Take<'t, 's> = &'t mut dyn FnMut(FoundValue<'s>) -> ControlFlow<()>;

impl<'s> Evaluation<'s, '_> {
    /// Passes every value to `take`, in order, until it breaks.
    pub(super) fn each(&self, value: &'s ValueSource, take: Take<'_, 's>) -> ControlFlow<()> {
        match value {
            ValueSource::Path(path) => {
                self.roots
                    .visit(path, self.item, &mut |json| match Scalar::of(json) {
                        Some(scalar) => take(FoundValue {
                            scalar,
                            from: path.text(),
                        }),
                        None => {
                            let is_empty = !matches!(json, Json::List(_) | Json::Object(_));
                            self.notes.empty.set(self.notes.empty.get() || is_empty);
                            ControlFlow::Continue(())
                        }
                    })
            }
            ValueSource::Constant(text) if text.is_empty() => {
                self.notes.empty.set(true);
                ControlFlow::Continue(())
            }
            ValueSource::Constant(text) => take(FoundValue {
                scalar: Scalar::Text(Cow::Borrowed(text)),
                from: text,
            }),
            ValueSource::Template(pieces) => match self.template(pieces) {
                Some(found) => take(found),
                None => ControlFlow::Continue(()),
            },
            ValueSource::First(values) => {
                values.iter().try_for_each(|value| self.each(value, take))
            }
            ValueSource::Refined(refined) => {
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

    pub(super) fn first(&self, value: &'s ValueSource) -> Option<FoundValue<'s>> {
        let mut first = None;
        let _ = self.each(value, &mut |found| {
            first = Some(found);
            ControlFlow::Break(())
        });
        first
    }

    fn template(&self, pieces: &'s [TemplatePart]) -> Option<FoundValue<'s>> {
        let mut text = String::new();
        let mut from = "";
        for piece in pieces {
            match piece {
                TemplatePart::Text(piece) => text.push_str(piece),
                TemplatePart::Path(path) => {
                    text.push_str(&self.text_at(path)?);
                    if from.is_empty() {
                        from = path.text();
                    }
                }
            }
        }
        Some(FoundValue {
            scalar: Scalar::Text(Cow::Owned(text)),
            from,
        })
    }

    fn text_at(&self, path: &RecordPath) -> Option<Cow<'s, str>> {
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

    fn refine(&self, refined: &'s Refined, found: FoundValue<'s>) -> Option<FoundValue<'s>> {
        let FoundValue { mut scalar, from } = found;
        if let Some(pattern) = &refined.pattern {
            scalar = Scalar::Text(group(pattern, scalar.into_text())?);
        }
        if !refined.none.is_empty() {
            let word = scalar.clone().into_text();
            if refined.none.iter().any(|none| same_word(none, &word)) {
                self.notes.empty.set(true);
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
            if word.is_empty() {
                self.notes.empty.set(true);
                return None;
            }
            scalar = Scalar::Text(word);
        }
        if refined.minus.is_some() || refined.times.is_some() {
            scalar = self.calculate(refined, &scalar);
        }
        if refined.format == Some(TimeFormat::Duration) {
            let seconds = durations::seconds(&scalar);
            scalar = seconds.map_or(Scalar::Unreadable(TimeFault::NoTime), Scalar::Real);
        } else if refined.format.is_some() || refined.zone.is_some() || refined.plus.is_some() {
            let zone = refined.zone.or(self.zone);
            // Kafka and Debezium give these in UTC.
            let is_instant = from == "$timestamp" || from.starts_with("$source");
            let of_numbers = refined.zone.filter(|_| !is_instant);
            scalar = times::read(&scalar, refined.format.as_ref(), zone, of_numbers)
                .map_or_else(Scalar::Unreadable, Scalar::Time);
            if let (Some(plus), Scalar::Time(time)) = (&refined.plus, &scalar) {
                scalar = self.later(*time, plus)?;
            }
        }
        Some(FoundValue { scalar, from })
    }

    /// A time some seconds later. `None`: there is no value to add.
    fn later(&self, time: Timestamp, plus: &'s ValueSource) -> Option<Scalar<'s>> {
        let seconds = self.first(plus)?.scalar.number();
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a number that does not fit is out of the range of timestamps"
        )]
        let later = seconds.and_then(|seconds| {
            let length = (seconds * 1_000.0).round() as i64;
            Timestamp::checked(time.0.saturating_add(length))
        });
        Some(later.map_or(Scalar::Unreadable(TimeFault::NoTime), Scalar::Time))
    }

    fn unmapped(
        &self,
        refined: &'s Refined,
        from: &'s str,
        word: Cow<'s, str>,
    ) -> Option<Cow<'s, str>> {
        let is_wide = matches!(&refined.value, ValueSource::Path(path) if path.is_wide());
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
            _ => Scalar::Unreadable(TimeFault::NoTime),
        }
    }

    pub(super) fn holds(&self, condition: &'s Condition) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.holds(one)),
            Condition::Any(any) => any.iter().any(|one| self.holds(one)),
            Condition::Not(not) => !self.holds(not),
            Condition::Of(path, test) => self.passes(path, test),
        }
    }

    fn passes(&self, path: &'s RecordPath, test: &'s ValueTest) -> bool {
        match test {
            ValueTest::All(tests) => tests.iter().all(|test| self.passes(path, test)),
            ValueTest::Any(tests) => tests.iter().any(|test| self.passes(path, test)),
            ValueTest::Not(test) => !self.passes(path, test),
            ValueTest::Exists(wanted) => self.any(path, exists) == *wanted,
            ValueTest::Equals(word) => self.any(path, |json| is_word(json, word)),
            ValueTest::Contains(word) => self.any(path, |json| has_word(json, word)),
            ValueTest::Count(wanted) => {
                let mut count = 0;
                let _ = self.roots.visit(path, self.item, &mut |json| {
                    count += usize::from(exists(json));
                    ControlFlow::Continue(())
                });
                count == *wanted
            }
            ValueTest::Same(other) => self
                .other(other)
                .is_some_and(|word| self.any(path, |json| is_word(json, &word))),
            ValueTest::Matches(pattern) => self.any(path, |json| {
                Scalar::of(json).is_some_and(|scalar| pattern.is_match(&scalar.into_text()))
            }),
            ValueTest::InTable(table) => self.tables.get(*table).is_some_and(|table| {
                self.any(path, |json| {
                    Scalar::of(json).is_some_and(|scalar| table.find(&scalar.into_text()).is_some())
                })
            }),
        }
    }

    /// A value that a condition compares with. It says nothing about the member.
    fn other(&self, value: &'s ValueSource) -> Option<Cow<'s, str>> {
        let evaluation = Evaluation {
            notes: EvaluationNotes::default(),
            ..*self
        };
        Some(evaluation.first(value)?.scalar.into_text())
    }

    fn any(&self, path: &RecordPath, passes: impl Fn(&'s Json<'_>) -> bool) -> bool {
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

pub(super) fn exists(json: &Json<'_>) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(_) | Json::Number(_) => true,
        Json::Text(text) => !text.is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

/// The first group of a match, or the whole match. `None`: there is no match, or it is empty.
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

/// Finds a word in the fixed list of a member.
pub(super) fn find_word<T: Copy>(word: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| same_word(name(*one), word))
}
