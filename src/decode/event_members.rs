//! The members of a canonical event, by two readers: a fast one for plain JSON, and the library.

use serde::Deserialize;

use super::attributes::Attributes;
use super::json_members::{EventTime, Id, JsonString, Nullable, TypeName};
use super::plain_json::{NotPlain, PlainReader, PlainValue};
use crate::domain::event::EventType;
use crate::domain::mapping::Member;
use crate::domain::timestamp::Timestamp;

/// The members of a canonical event, as they were written. `T`: a string.
#[derive(Default, Deserialize)]
#[serde(bound(
    deserialize = "Id<T>: Deserialize<'de>, JsonString<T>: Deserialize<'de>, \
                   Nullable<T>: Deserialize<'de>, Attributes<T>: Deserialize<'de>"
))]
pub(super) struct EventMembers<T> {
    pub(super) ticket_id: Option<Id<T>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<TypeName>,
    pub(super) at: Option<EventTime>,
    pub(super) event_id: Option<JsonString<T>>,
    pub(super) created_at: Option<EventTime>,
    #[serde(default)]
    pub(super) team: Nullable<T>,
    #[serde(default)]
    pub(super) agent: Nullable<T>,
    pub(super) priority: Option<JsonString<T>>,
    pub(super) status: Option<JsonString<T>>,
    pub(super) channel: Option<JsonString<T>>,
    pub(super) actor: Option<JsonString<T>>,
    pub(super) attributes: Option<Attributes<T>>,
    pub(super) requester: Option<Id<T>>,
    pub(super) author: Option<Id<T>>,
    pub(super) public: Option<bool>,
    pub(super) handle_seconds: Option<f64>,
    pub(super) score: Option<f64>,
    pub(super) score_max: Option<f64>,
    pub(super) into: Option<Id<T>>,
}

impl<'a> EventMembers<&'a str> {
    /// Reads plain JSON.
    pub(super) fn of_plain(text: &'a str) -> Result<Self, NotPlain> {
        let mut members = Self::default();
        let mut reader = PlainReader::new(text)?;
        let mut seen = 0_u32;
        reader.object(|reader, name| {
            let Some(member) = Member::from_name(name) else {
                return reader.skip();
            };
            let bit = 1 << member as u32;
            if seen & bit != 0 {
                return Err(NotPlain);
            }
            seen |= bit;
            members.set(member, reader)
        })?;
        reader.end()?;
        Ok(members)
    }

    #[inline]
    fn set(&mut self, member: Member, reader: &mut PlainReader<'a>) -> Result<(), NotPlain> {
        match member {
            Member::TicketId => self.ticket_id = id(reader.value()?)?,
            Member::Type => self.kind = type_name(reader.value()?)?,
            Member::At => self.at = time(reader.value()?)?,
            Member::EventId => self.event_id = text(reader.value()?)?,
            Member::CreatedAt => self.created_at = time(reader.value()?)?,
            Member::Team => self.team = nullable(reader.value()?)?,
            Member::Agent => self.agent = nullable(reader.value()?)?,
            Member::Priority => self.priority = text(reader.value()?)?,
            Member::Status => self.status = text(reader.value()?)?,
            Member::Channel => self.channel = text(reader.value()?)?,
            Member::Actor => self.actor = text(reader.value()?)?,
            Member::Attributes => self.attributes = attributes(reader)?,
            Member::Requester => self.requester = id(reader.value()?)?,
            Member::Author => self.author = id(reader.value()?)?,
            Member::Public => self.public = truth(reader.value()?)?,
            Member::HandleSeconds => self.handle_seconds = number(reader.value()?)?,
            Member::Score => self.score = number(reader.value()?)?,
            Member::ScoreMax => self.score_max = number(reader.value()?)?,
            Member::Into => self.into = id(reader.value()?)?,
        }
        Ok(())
    }
}

#[inline]
fn text(value: PlainValue<'_>) -> Result<Option<JsonString<&str>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Text(text) => Ok(Some(JsonString(text))),
        PlainValue::Bool(_) | PlainValue::Integer(..) => Err(NotPlain),
    }
}

#[inline]
fn nullable(value: PlainValue<'_>) -> Result<Nullable<&str>, NotPlain> {
    Ok(text(value)?.map_or(Nullable::Null, |text| Nullable::Text(text.0)))
}

#[inline]
fn id(value: PlainValue<'_>) -> Result<Option<Id<&str>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Text(text) | PlainValue::Integer(_, text) => {
            Id::checked(text).map(Some).ok_or(NotPlain)
        }
        PlainValue::Bool(_) => Err(NotPlain),
    }
}

#[inline]
fn time(value: PlainValue<'_>) -> Result<Option<EventTime>, NotPlain> {
    let time = match value {
        PlainValue::Null => return Ok(None),
        PlainValue::Text(text) => Timestamp::parse(text),
        PlainValue::Integer(number, _) => Timestamp::checked(number),
        PlainValue::Bool(_) => None,
    };
    time.map(|time| Some(EventTime(time))).ok_or(NotPlain)
}

#[inline]
fn type_name(value: PlainValue<'_>) -> Result<Option<TypeName>, NotPlain> {
    let Some(JsonString(word)) = text(value)? else {
        return Ok(None);
    };
    let (kind, implied) = EventType::from_word(word).ok_or(NotPlain)?;
    Ok(Some(TypeName(kind, implied)))
}

fn truth(value: PlainValue<'_>) -> Result<Option<bool>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Bool(truth) => Ok(Some(truth)),
        PlainValue::Text(_) | PlainValue::Integer(..) => Err(NotPlain),
    }
}

fn number(value: PlainValue<'_>) -> Result<Option<f64>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        #[allow(clippy::cast_precision_loss, reason = "the library does the same")]
        PlainValue::Integer(number, _) => Ok(Some(number as f64)),
        PlainValue::Text(_) | PlainValue::Bool(_) => Err(NotPlain),
    }
}

fn attributes<'a>(
    reader: &mut PlainReader<'a>,
) -> Result<Option<Attributes<&'a str>>, NotPlain> {
    if !reader.is_object() {
        return match reader.value()? {
            PlainValue::Null => Ok(None),
            _ => Err(NotPlain),
        };
    }
    Attributes::of_plain(reader).map(Some)
}
