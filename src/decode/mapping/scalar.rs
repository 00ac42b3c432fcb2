//! A single value, on its way from JSON to a member of the event.

use std::borrow::Cow;

use serde_json::Number;

use super::json::Json;
use crate::decode::rejection::TimeFault;
use crate::domain::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub(super) enum Scalar<'s> {
    Text(Cow<'s, str>),
    Number(&'s Number),
    Bool(bool),
    /// The result of arithmetic.
    Real(f64),
    /// The result of `format` or `zone`.
    Time(Timestamp),
    /// A value that `format`, `times` or `minus` cannot read.
    Unreadable(TimeFault),
}

impl<'s> Scalar<'s> {
    /// `None`: the JSON is empty, an object or a list.
    pub(super) fn of(json: &'s Json<'_>) -> Option<Self> {
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
            Self::Unreadable(_) => Cow::Borrowed(""),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::Number(number) => number.as_f64(),
            Self::Real(number) => Some(*number),
            Self::Bool(_) | Self::Time(_) | Self::Unreadable(_) => None,
        }
    }
}
