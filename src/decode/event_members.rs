//! The members of a canonical event, by two readers: a fast one for plain JSON, and the library.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

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

/// For each member, the one that followed it last; the last one is for the beginning. A producer writes the
/// members in few orders, and comparing with an expected name is faster than finding out which name it is.
/// The order has no effect on the result.
#[derive(Debug)]
pub(super) struct MemberOrder([AtomicU8; MEMBERS + 1]);

const MEMBERS: usize = Member::ALL.len();

impl Default for MemberOrder {
    fn default() -> Self {
        Self([const { AtomicU8::new(0) }; MEMBERS + 1])
    }
}

impl MemberOrder {
    /// The member after a position.
    #[inline(always)]
    fn expected(&self, position: usize) -> (Member, &'static [u8]) {
        let expected = usize::from(self.0[position].load(Relaxed));
        QUOTED.get(expected).copied().unwrap_or(QUOTED[0])
    }

    fn learn(&self, position: usize, member: Member) {
        self.0[position].store(member as u8, Relaxed);
    }
}

/// Each member with its name as it is written.
const QUOTED: [(Member, &[u8]); MEMBERS] = [
    (Member::TicketId, b"\"ticket_id\":"),
    (Member::Type, b"\"type\":"),
    (Member::At, b"\"at\":"),
    (Member::EventId, b"\"event_id\":"),
    (Member::CreatedAt, b"\"created_at\":"),
    (Member::Team, b"\"team\":"),
    (Member::Agent, b"\"agent\":"),
    (Member::Priority, b"\"priority\":"),
    (Member::Status, b"\"status\":"),
    (Member::Channel, b"\"channel\":"),
    (Member::Actor, b"\"actor\":"),
    (Member::Attributes, b"\"attributes\":"),
    (Member::Requester, b"\"requester\":"),
    (Member::Author, b"\"author\":"),
    (Member::Public, b"\"public\":"),
    (Member::HandleSeconds, b"\"handle_seconds\":"),
    (Member::Score, b"\"score\":"),
    (Member::ScoreMax, b"\"score_max\":"),
    (Member::Into, b"\"into\":"),
];

impl<'a> EventMembers<&'a str> {
    /// Reads plain JSON.
    pub(super) fn of_plain(text: &'a str, order: &MemberOrder) -> Result<Self, NotPlain> {
        let mut members = Self::default();
        let mut reader = PlainReader::new(text)?;
        let mut seen = 0_u32;
        let mut position = MEMBERS;
        let mut is_end = !reader.begin_object()?;
        while !is_end {
            let (expected, quoted) = order.expected(position);
            let mut known = Some(expected);
            if !reader.is_name(quoted) {
                known = Member::from_name(reader.name()?);
                if let Some(member) = known {
                    order.learn(position, member);
                }
            }
            let value = reader.value()?;
            match known {
                Some(member) => {
                    position = member as usize;
                    let bit = 1 << position;
                    if seen & bit != 0 {
                        return Err(NotPlain);
                    }
                    seen |= bit;
                    match member {
                        Member::Attributes => {
                            members.attributes = attributes(&mut reader, value)?;
                        }
                        _ => members.set(member, value)?,
                    }
                }
                None if matches!(value, PlainValue::Object) => reader.skip_object()?,
                None => {}
            }
            is_end = reader.ends_object()?;
        }
        reader.end()?;
        Ok(members)
    }

    #[inline(always)]
    fn set(&mut self, member: Member, value: PlainValue<'a>) -> Result<(), NotPlain> {
        match member {
            Member::TicketId => self.ticket_id = id(value)?,
            Member::Type => self.kind = type_name(value)?,
            Member::At => self.at = time(value)?,
            Member::EventId => self.event_id = text(value)?,
            Member::CreatedAt => self.created_at = time(value)?,
            Member::Team => self.team = nullable(value)?,
            Member::Agent => self.agent = nullable(value)?,
            Member::Priority => self.priority = text(value)?,
            Member::Status => self.status = text(value)?,
            Member::Channel => self.channel = text(value)?,
            Member::Actor => self.actor = text(value)?,
            Member::Requester => self.requester = id(value)?,
            Member::Author => self.author = id(value)?,
            Member::Public => self.public = truth(value)?,
            Member::HandleSeconds => self.handle_seconds = number(value)?,
            Member::Score => self.score = number(value)?,
            Member::ScoreMax => self.score_max = number(value)?,
            Member::Into => self.into = id(value)?,
            Member::Attributes => return Err(NotPlain),
        }
        Ok(())
    }
}

#[inline]
fn text(value: PlainValue<'_>) -> Result<Option<JsonString<&str>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Text(text) => Ok(Some(JsonString(text))),
        _ => Err(NotPlain),
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
        PlainValue::Bool(_) | PlainValue::Object => Err(NotPlain),
    }
}

#[inline]
fn time(value: PlainValue<'_>) -> Result<Option<EventTime>, NotPlain> {
    let time = match value {
        PlainValue::Null => return Ok(None),
        PlainValue::Text(text) => Timestamp::parse(text),
        PlainValue::Integer(number, _) => Timestamp::checked(number),
        PlainValue::Bool(_) | PlainValue::Object => None,
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
        _ => Err(NotPlain),
    }
}

fn number(value: PlainValue<'_>) -> Result<Option<f64>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        #[allow(clippy::cast_precision_loss, reason = "the library does the same")]
        PlainValue::Integer(number, _) => Ok(Some(number as f64)),
        _ => Err(NotPlain),
    }
}

fn attributes<'a>(
    reader: &mut PlainReader<'a>,
    value: PlainValue<'a>,
) -> Result<Option<Attributes<&'a str>>, NotPlain> {
    match value {
        PlainValue::Null => Ok(None),
        PlainValue::Object => Attributes::of_plain(reader).map(Some),
        _ => Err(NotPlain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_expected_by_its_own_name() {
        for (position, (member, quoted)) in QUOTED.into_iter().enumerate() {
            assert_eq!(member as usize, position);
            let expected = format!("\"{}\":", member.name());
            assert_eq!(quoted, expected.as_bytes());
        }
    }
}
