//! The members of canonical events, as serde reads them from JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::rejection::Rejection;
use crate::domain::event::{EventType, Status};
use crate::domain::timestamp::Timestamp;

/// The limit of the contract for ids. It holds for other names too, since they become labels.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// A string of the library is borrowed if it needs no unescaping.
pub(super) type LibraryString<'a> = Cow<'a, str>;

pub(super) struct JsonString<T>(pub(super) T);

/// A member whose absence and null have different meanings.
#[derive(Default)]
pub(super) enum Nullable<T> {
    #[default]
    Absent,
    Null,
    Text(T),
}

impl<T: AsRef<str>> Nullable<T> {
    pub(super) fn into_change<'a>(
        self,
        wrong: Rejection,
    ) -> Result<Option<Option<Cow<'a, str>>>, Rejection>
    where
        T: Into<Cow<'a, str>>,
    {
        match self {
            Self::Absent => Ok(None),
            Self::Null => Ok(Some(None)),
            Self::Text(text) if text.as_ref().len() > MAX_NAME_BYTES => Err(wrong),
            Self::Text(text) if text.as_ref().is_empty() => Ok(Some(None)),
            Self::Text(text) => Ok(Some(Some(text.into()))),
        }
    }
}

/// A ticket or an account.
pub(super) struct Id<T>(pub(super) T);
pub(super) struct EventTime(pub(super) Timestamp);
/// The type of an event, and the status that its word implies.
pub(super) struct TypeName(pub(super) EventType, pub(super) Option<Status>);

/// Reads strings and null.
struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Nullable<LibraryString<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Nullable::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Nullable::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Nullable::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Nullable::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Nullable<LibraryString<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for JsonString<LibraryString<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(TextVisitor)? {
            Nullable::Text(text) => Ok(Self(text)),
            Nullable::Null | Nullable::Absent => {
                Err(D::Error::invalid_type(Unexpected::Unit, &TextVisitor))
            }
        }
    }
}

impl<T: AsRef<str>> Id<T> {
    /// `None`: the text is empty or too long.
    pub(super) fn checked(id: T) -> Option<Self> {
        let length = id.as_ref().len();
        (1..=MAX_NAME_BYTES).contains(&length).then_some(Self(id))
    }
}

struct IdVisitor;

impl IdVisitor {
    fn check<E: Error>(id: LibraryString<'_>) -> Result<Id<LibraryString<'_>>, E> {
        let length = id.len();
        Id::checked(id).ok_or_else(|| E::invalid_length(length, &Self))
    }
}

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id<LibraryString<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string of 1 to 256 bytes or an integer")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Self::check(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Self::check(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Id(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Id(Cow::Owned(number.to_string())))
    }
}

impl<'de> Deserialize<'de> for Id<LibraryString<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct EventTimeVisitor;

impl Visitor<'_> for EventTimeVisitor {
    type Value = EventTime;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an RFC 3339 instant or integer epoch milliseconds")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Timestamp::parse(text)
            .map(EventTime)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Timestamp::checked(number)
            .map(EventTime)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let signed = i64::try_from(number)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?;
        self.visit_i64(signed)
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventTimeVisitor)
    }
}

struct TypeNameVisitor;

impl Visitor<'_> for TypeNameVisitor {
    type Value = TypeName;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event type")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        EventType::from_word(name)
            .map(|(kind, implied)| TypeName(kind, implied))
            .ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }
}

impl<'de> Deserialize<'de> for TypeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TypeNameVisitor)
    }
}
