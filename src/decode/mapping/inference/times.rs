//! Which paths hold times, and how they are written.

use chrono_tz::Tz;

use super::statistics::{Facts, Kind, ratio};
use crate::decode::mapping::evaluate::Scalar;
use crate::decode::mapping::times::read;
use crate::domain::mapping::TimeFormat;
use crate::domain::timestamp::Timestamp;

/// 1990 and 2100: what is not between them is a number that looks like a time.
const EARLIEST: Timestamp = Timestamp(631_152_000_000);
const LATEST: Timestamp = Timestamp(4_102_444_800_000);
/// So many of the values must be times.
const ENOUGH: f64 = 0.95;

/// Ways of writing that need to be said, in the order of trying.
const FORMS: [&str; 20] = [
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%MZ",
    "%Y%m%d%H%M%S",
    "%Y%m%dT%H%M%SZ",
    "%d-%b-%Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
];

/// Words in the names of times. A number is one only where its name says so.
const NAMES: [&str; 28] = [
    "at",
    "time",
    "timestamp",
    "date",
    "datetime",
    "ts",
    "ms",
    "on",
    "when",
    "created",
    "updated",
    "modified",
    "changed",
    "occurred",
    "occured",
    "opened",
    "closed",
    "resolved",
    "solved",
    "since",
    "sent",
    "received",
    "submitted",
    "last",
    "start",
    "end",
    "zeit",
    "datum",
];

/// The instants of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// With the number of their record.
    pub(super) instants: Vec<(usize, Timestamp)>,
    /// To be said as `format`.
    pub(super) form: Option<&'static str>,
    /// They are written without a zone.
    pub(super) needs_zone: bool,
    /// Day and month could be the other way round.
    pub(super) is_ambiguous: bool,
}

impl Clock {
    pub(super) fn of(&self, record: usize) -> Option<Timestamp> {
        let place = self
            .instants
            .binary_search_by_key(&record, |(record, _)| *record)
            .ok()?;
        Some(self.instants[place].1)
    }
}

/// `None`: they are no times.
pub(super) fn clock(facts: &Facts) -> Option<Clock> {
    if facts.values.is_empty() || facts.share_of(&[Kind::Text, Kind::Integer, Kind::Real]) < 1.0 {
        return None;
    }
    let are_numbers = facts.share_where(|text| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || b".-+".contains(&byte))
            && text.parse::<f64>().is_ok()
    }) > 0.0;
    if are_numbers && !facts.is_named(&NAMES) {
        return None;
    }
    if let Some(clock) = read_as(facts, None, None) {
        return Some(clock);
    }
    if are_numbers {
        return None;
    }
    if let Some(clock) = read_as(facts, None, Some(Tz::UTC)) {
        return Some(clock);
    }
    let mut fitting = FORMS
        .iter()
        .filter_map(|form| read_as(facts, Some(*form), Some(Tz::UTC)));
    let first = fitting.next()?;
    Some(Clock {
        is_ambiguous: first.form.is_some_and(|form| form.starts_with("%d/%m"))
            && fitting.any(|other| other.form.is_some_and(|form| form.starts_with("%m/%d"))),
        ..first
    })
}

fn read_as(facts: &Facts, form: Option<&'static str>, zone: Option<Tz>) -> Option<Clock> {
    let format = form.map(|form| TimeFormat::Pattern(form.to_owned()));
    let instants: Vec<(usize, Timestamp)> = facts
        .values
        .iter()
        .filter_map(|value| {
            let scalar = Scalar::Text(value.text.as_str().into());
            let time = read(&scalar, format.as_ref(), zone)?;
            (EARLIEST..=LATEST)
                .contains(&time)
                .then_some((value.record, time))
        })
        .collect();
    (ratio(instants.len(), facts.values.len()) >= ENOUGH).then_some(Clock {
        instants,
        form,
        needs_zone: zone.is_some() && form.is_none_or(|form| !form.contains("%z")),
        is_ambiguous: false,
    })
}
