//! The members of a canonical event, by two readers: a fast one for plain JSON, and the library.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::json_members::{EventTime, Id, JsonString, Nullable, TypeName};
use super::plain_json::{NotPlain, PlainReader, PlainValue};
use crate::domain::event::EventType;
use crate::domain::mapping::Member;
use crate::domain::timestamp::Timestamp;

/// The members of a canonical event, as they were written.
#[derive(Default, serde::Deserialize)]
pub(super) struct EventMembers<'a> {
    #[serde(borrow)]
    pub(super) ticket_id: Option<Id<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<TypeName>,
    pub(super) at: Option<EventTime>,
    #[serde(borrow)]
    pub(super) event_id: Option<JsonString<'a>>,
    pub(super) created_at: Option<EventTime>,
    #[serde(borrow, default)]
    pub(super) team: Nullable<'a>,
    #[serde(borrow, default)]
    pub(super) agent: Nullable<'a>,
    #[serde(borrow)]
    pub(super) priority: Option<JsonString<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<JsonString<'a>>,
    #[serde(borrow)]
    pub(super) channel: Option<JsonString<'a>>,
    #[serde(borrow)]
    pub(super) actor: Option<JsonString<'a>>,
    #[serde(borrow)]
    pub(super) attributes: Option<Attributes<'a>>,
    #[serde(borrow)]
    pub(super) requester: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) author: Option<Id<'a>>,
    pub(super) public: Option<bool>,
    pub(super) handle_seconds: Option<f64>,
    pub(super) score: Option<f64>,
    pub(super) score_max: Option<f64>,
    #[serde(borrow)]
    pub(super) into: Option<Id<'a>>,
}

impl<'a> EventMembers<'a> {
    /// Reads plain JSON. After an error, some members are set.
    pub(super) fn read_plain(&mut self, text: &'a str) -> Result<(), NotPlain> {
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
            self.set(member, reader)
        })?;
        reader.end()
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
fn text(value: PlainValue<'_>) -> Result<Option<JsonString<'_>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Text(text) => Ok(Some(JsonString(Cow::Borrowed(text)))),
        PlainValue::Bool(_) | PlainValue::Integer(..) => Err(NotPlain),
    }
}

#[inline]
fn nullable(value: PlainValue<'_>) -> Result<Nullable<'_>, NotPlain> {
    Ok(text(value)?.map_or(Nullable::Null, |text| Nullable::Text(text.0)))
}

#[inline]
fn id(value: PlainValue<'_>) -> Result<Option<Id<'_>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Text(text) | PlainValue::Integer(_, text) => {
            Id::checked(Cow::Borrowed(text)).map(Some).ok_or(NotPlain)
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
    let (kind, implied) = EventType::from_word(&word).ok_or(NotPlain)?;
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

fn attributes<'a>(reader: &mut PlainReader<'a>) -> Result<Option<Attributes<'a>>, NotPlain> {
    if !reader.is_object() {
        return match reader.value()? {
            PlainValue::Null => Ok(None),
            _ => Err(NotPlain),
        };
    }
    Attributes::of_plain(reader).map(Some)
}
