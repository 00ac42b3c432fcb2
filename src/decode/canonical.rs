//! Reads canonical events (contract, section 1). Members have to be valid. Unknown ones are skipped.
//!
//! The fast path is one pass into borrowed fields (`event_members.rs`). The library reads a record that is not of the usual
//! form. A record that fails is read once more, to name the member that is wrong.

use std::borrow::Cow;

use serde::de::Deserialize;
use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::event_members::{EventMembers, MemberOrder};
use super::json_members::{
    EventTime, Id, JsonString, LibraryString, MAX_NAME_BYTES, Nullable, TypeName,
};
use super::plain_json::NotPlain;
use super::rejection::{Rejection, TimeFault};
use crate::domain::event::{Actor, Event, EventIdentity, EventType, Status};
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};

/// Kafka's default limit for a record.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// More working time than this in one worklog is a wrong unit.
const MAX_HANDLE: Milliseconds = 3_653 * DAY;
/// The default for `score_max`.
const DEFAULT_SCORE_MAX: f64 = 5.0;
/// A scale from 1 has at least two points.
const LEAST_SCORE_MAX: f64 = 2.0;
/// Distinguishes an `event_id` from a whole record with the same bytes.
const EVENT_ID_SEED: u64 = 1;

/// Reads the value of a record. `latest` is the latest event time allowed: now plus `max_future`. It is
/// `None` in a replay, which has no future.
///
/// # Errors
/// Why the record is not a valid event.
pub fn decode(value: &[u8], latest: Option<Timestamp>) -> Result<Event<'_>, Rejection> {
    decode_within(value, value, latest, None, &MemberOrder::default())
}

/// Reads JSON inside of a record `value`. An event without an `event_id` has the identity of the whole
/// value. The event keeps only the attributes with these names; `None`: all.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_within<'a>(
    json: &'a [u8],
    value: &[u8],
    latest: Option<Timestamp>,
    attributes: Option<&[String]>,
    order: &MemberOrder,
) -> Result<Event<'a>, Rejection> {
    if json.is_empty() {
        return Err(Rejection::EmptyValue);
    }
    if json.len() > MAX_VALUE_BYTES {
        return Err(Rejection::TooLarge);
    }
    read(json, value, attributes, latest, order)
}

/// Reads a document of another format than JSON. A null means that the member or attribute is absent: a
/// record with a schema has all members. An empty text means no value, as in JSON.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_document(
    document: Value,
    value: &[u8],
    latest: Option<Timestamp>,
    attributes: Option<&[String]>,
) -> Result<Event<'static>, Rejection> {
    let Value::Object(mut members) = document else {
        return Err(Rejection::NotAnObject);
    };
    members.retain(|_, member| !member.is_null());
    if let Some(Value::Object(stated)) = members.get_mut("attributes") {
        stated.retain(|_, value| !value.is_null());
    }
    let json = Value::Object(members).to_string();
    let order = MemberOrder::default();
    read(json.as_bytes(), value, attributes, latest, &order).map(Event::into_owned)
}

fn read<'a>(
    json: &'a [u8],
    value: &[u8],
    attributes: Option<&[String]>,
    latest: Option<Timestamp>,
    order: &MemberOrder,
) -> Result<Event<'a>, Rejection> {
    let text = str::from_utf8(json).map_err(|_| Rejection::InvalidUtf8)?;
    match EventMembers::of_plain(text, order) {
        Ok(members) => members.into_event(value, attributes, latest),
        Err(NotPlain) => {
            let members: EventMembers<LibraryString<'_>> =
                serde_json::from_str(text).map_err(|_| diagnose(text))?;
            members.into_event(value, attributes, latest)
        }
    }
}

impl<T: AsRef<str>> EventMembers<T> {
    /// In one expression at the end: an event is large, and this moves it only once.
    #[inline]
    fn into_event<'a>(
        self,
        value: &[u8],
        attributes: Option<&[String]>,
        latest: Option<Timestamp>,
    ) -> Result<Event<'a>, Rejection>
    where
        T: Into<Cow<'a, str>>,
    {
        let ticket_id = self.ticket_id.ok_or(Rejection::MissingTicketId)?.0.into();
        let TypeName(kind, implied) = self.kind.ok_or(Rejection::MissingType)?;
        let at = self.at.ok_or(Rejection::MissingAt)?.0;
        let identity = match self.event_id {
            Some(id) if !id.0.as_ref().is_empty() => identity_of_id(id.0.as_ref()),
            _ => EventIdentity(xxh3_64(value)),
        };
        let team = self.team.into_change(Rejection::InvalidTeam)?;
        let priority = name(self.priority, Rejection::InvalidPriority)?;
        let channel = name(self.channel, Rejection::InvalidChannel)?;
        let stated = match self.status {
            Some(status) => {
                Some(Status::from_name(status.0.as_ref()).ok_or(Rejection::InvalidStatus)?)
            }
            None => None,
        };
        let actor = match self.actor {
            Some(actor) => Some(Actor::from_name(actor.0.as_ref()).ok_or(Rejection::InvalidActor)?),
            None => None,
        };
        let attributes = match self.attributes {
            Some(stated) => stated.into_stated(attributes)?,
            None => Vec::new(),
        };
        let handle = handle(kind, self.handle_seconds)?;
        let rating = rating(kind, self.score, self.score_max)?;
        if latest.is_some_and(|latest| at > latest) {
            return Err(Rejection::Future);
        }
        Ok(Event {
            ticket_id,
            kind,
            at,
            identity,
            created_at: self.created_at.map(|instant| instant.0),
            team,
            assigned: match self.agent {
                Nullable::Absent => None,
                Nullable::Null => Some(false),
                Nullable::Text(agent) => Some(!agent.as_ref().is_empty()),
            },
            priority,
            status: implied.or(stated),
            channel,
            actor,
            attributes,
            requester: self.requester.map(|id| id.0.into()),
            author: self.author.map(|id| id.0.into()),
            public: self.public.unwrap_or(true),
            handle,
            rating,
            into: self.into.map(|id| id.0.into()),
        })
    }
}

pub(super) fn identity_of_id(id: &str) -> EventIdentity {
    EventIdentity(xxh3_64_with_seed(id.as_bytes(), EVENT_ID_SEED))
}

fn name<'a, T: AsRef<str> + Into<Cow<'a, str>>>(
    text: Option<JsonString<T>>,
    wrong: Rejection,
) -> Result<Option<Cow<'a, str>>, Rejection> {
    match text {
        Some(text) if text.0.as_ref().len() > MAX_NAME_BYTES => Err(wrong),
        Some(text) => Ok(Some(text.0.into())),
        None => Ok(None),
    }
}

pub(super) fn handle(
    kind: EventType,
    seconds: Option<f64>,
) -> Result<Option<Milliseconds>, Rejection> {
    let Some(seconds) = seconds else {
        return match kind {
            EventType::Worklog => Err(Rejection::InvalidHandleSeconds),
            _ => Ok(None),
        };
    };
    let milliseconds = (seconds * 1_000.0).round();
    #[allow(clippy::cast_precision_loss, reason = "a bound")]
    if !(0.0..=MAX_HANDLE as f64).contains(&milliseconds) {
        return Err(Rejection::InvalidHandleSeconds);
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "within the range just checked"
    )]
    Ok(Some(milliseconds as Milliseconds))
}

pub(super) fn rating(
    kind: EventType,
    score: Option<f64>,
    score_max: Option<f64>,
) -> Result<Option<f64>, Rejection> {
    let maximum = score_max.unwrap_or(DEFAULT_SCORE_MAX);
    match score {
        Some(_) | None if maximum < LEAST_SCORE_MAX => Err(Rejection::InvalidScore),
        // False for a NaN, which a mapping can read from text.
        Some(score) if (1.0..=maximum).contains(&score) => {
            Ok(Some((score - 1.0) / (maximum - 1.0)))
        }
        Some(_) => Err(Rejection::InvalidScore),
        None if kind == EventType::CsatRated => Err(Rejection::InvalidScore),
        None => Ok(None),
    }
}

/// Finds the member that made the fast path fail.
fn diagnose(text: &str) -> Rejection {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Rejection::InvalidJson;
    };
    let Value::Object(members) = value else {
        return Rejection::NotAnObject;
    };
    let wrong = |member: &str, accepts: fn(&Value) -> bool| {
        members
            .get(member)
            .is_some_and(|value| !value.is_null() && !accepts(value))
    };
    let is_id = |value: &Value| Id::deserialize(value).is_ok();
    let is_instant = |value: &Value| EventTime::deserialize(value).is_ok();
    type Check = (&'static str, fn(&Value) -> bool, Rejection);
    let checks: [Check; 19] = [
        ("ticket_id", is_id, Rejection::InvalidTicketId),
        (
            "type",
            |value| {
                value
                    .as_str()
                    .is_some_and(|name| EventType::from_word(name).is_some())
            },
            Rejection::UnknownType,
        ),
        ("at", is_instant, Rejection::InvalidAt(TimeFault::NoTime)),
        ("event_id", Value::is_string, Rejection::InvalidEventId),
        (
            "created_at",
            is_instant,
            Rejection::InvalidCreatedAt(TimeFault::NoTime),
        ),
        ("team", Value::is_string, Rejection::InvalidTeam),
        ("agent", Value::is_string, Rejection::InvalidAgent),
        ("priority", Value::is_string, Rejection::InvalidPriority),
        ("status", Value::is_string, Rejection::InvalidStatus),
        ("channel", Value::is_string, Rejection::InvalidChannel),
        ("actor", Value::is_string, Rejection::InvalidActor),
        ("attributes", Value::is_object, Rejection::InvalidAttributes),
        ("requester", is_id, Rejection::InvalidRequester),
        ("author", is_id, Rejection::InvalidAuthor),
        ("public", Value::is_boolean, Rejection::InvalidPublic),
        (
            "handle_seconds",
            Value::is_number,
            Rejection::InvalidHandleSeconds,
        ),
        ("score", Value::is_number, Rejection::InvalidScore),
        ("score_max", Value::is_number, Rejection::InvalidScore),
        ("into", is_id, Rejection::InvalidInto),
    ];
    checks
        .into_iter()
        .find(|(member, accepts, _)| wrong(member, *accepts))
        // The only other cause is a duplicate member. JSON readers disagree on which one counts.
        .map_or(Rejection::InvalidJson, |(_, _, rejection)| rejection)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const GOOD: &str = r#"{"ticket_id":7,"type":"message","at":"2026-01-02T03:04:05.678+07:00",
        "actor":"agent","team":null,"agent":"x","priority":"p1","status":"pending","extra":[{}]}"#;

    fn reason(text: &str) -> &'static str {
        decode(text.as_bytes(), None).map_or_else(Rejection::name, |_| "accepted")
    }

    #[test]
    fn reads_every_member() {
        let event = decode(GOOD.as_bytes(), None).unwrap();
        assert_eq!(event.ticket_id, "7");
        assert_eq!(
            event.at,
            Timestamp::parse("2026-01-01T20:04:05.678Z").unwrap()
        );
        assert_eq!(event.kind, EventType::Message);
        assert_eq!((event.actor, event.public), (Some(Actor::Agent), true));
        assert_eq!(event.team, Some(None));
        assert_eq!(event.assigned, Some(true));
        assert_eq!(event.status, Some(Status::Pending));
        assert!(matches!(event.priority, Some(Cow::Borrowed("p1"))));
    }

    #[test]
    fn integer_and_string_ids_are_the_same_ticket() {
        let text = decode(br#"{"ticket_id":"7","type":"updated","at":0}"#, None).unwrap();
        let number = decode(br#"{"ticket_id":7,"type":"updated","at":0}"#, None).unwrap();
        assert_eq!(text.ticket_id, number.ticket_id);
        assert_ne!(text.identity, number.identity);
    }

    #[test]
    fn integer_and_string_accounts_are_the_same() {
        let event = decode(
            br#"{"ticket_id":7,"type":"message","at":0,"requester":42,"author":"42"}"#,
            None,
        )
        .unwrap();
        assert_eq!(event.requester.as_deref(), Some("42"));
        assert_eq!(event.requester, event.author);
    }

    #[test]
    fn every_rejection_names_the_member() {
        let with =
            |members: &str| format!(r#"{{"ticket_id":"a","type":"updated","at":1,{members}}}"#);
        for (text, expected) in [
            (String::new(), "empty_value"),
            ("x".repeat(MAX_VALUE_BYTES + 1), "too_large"),
            ("{".to_owned(), "invalid_json"),
            ("[".repeat(10_000), "invalid_json"),
            ("null".to_owned(), "not_an_object"),
            ("[1]".to_owned(), "not_an_object"),
            (
                r#"{"type":"solved","at":1}"#.to_owned(),
                "missing_ticket_id",
            ),
            (
                r#"{"ticket_id":"","type":"solved","at":1}"#.to_owned(),
                "invalid_ticket_id",
            ),
            (
                r#"{"ticket_id":1.5,"type":"solved","at":1}"#.to_owned(),
                "invalid_ticket_id",
            ),
            (r#"{"ticket_id":1,"at":1}"#.to_owned(), "missing_type"),
            (
                r#"{"ticket_id":1,"type":"Solved","at":1}"#.to_owned(),
                "unknown_type",
            ),
            (
                r#"{"ticket_id":1,"type":"solved"}"#.to_owned(),
                "missing_at",
            ),
            (
                r#"{"ticket_id":1,"type":"solved","at":null}"#.to_owned(),
                "missing_at",
            ),
            (
                r#"{"ticket_id":1,"type":"solved","at":1.5}"#.to_owned(),
                "invalid_at",
            ),
            (
                r#"{"ticket_id":1,"type":"solved","at":"10000-01-01T00:00:00Z"}"#.to_owned(),
                "invalid_at",
            ),
            (
                r#"{"ticket_id":1,"type":"solved","at":999999999999999999}"#.to_owned(),
                "invalid_at",
            ),
            (with(r#""event_id":5"#), "invalid_event_id"),
            (with(r#""created_at":"yesterday""#), "invalid_created_at"),
            (with(r#""team":5"#), "invalid_team"),
            (
                with(&format!(r#""team":"{}""#, "x".repeat(257))),
                "invalid_team",
            ),
            (with(r#""agent":5"#), "invalid_agent"),
            (with(r#""priority":1"#), "invalid_priority"),
            (with(r#""status":"OPEN""#), "invalid_status"),
            (with(r#""channel":{}"#), "invalid_channel"),
            (with(r#""actor":"robot""#), "invalid_actor"),
            (with(r#""public":"yes""#), "invalid_public"),
            (with(r#""handle_seconds":-1"#), "invalid_handle_seconds"),
            (with(r#""handle_seconds":1e300"#), "invalid_handle_seconds"),
            (with(r#""handle_seconds":NaN"#), "invalid_json"),
            (with(r#""score":"5""#), "invalid_score"),
            (with(r#""score":1,"score_max":1"#), "invalid_score"),
            (with(r#""score":1,"score_max":1.9"#), "invalid_score"),
            (with(r#""score":0"#), "invalid_score"),
            (with(r#""score":6"#), "invalid_score"),
            (with(r#""score":10,"score_max":10"#), "accepted"),
            (with(r#""requester":"""#), "invalid_requester"),
            (with(r#""requester":1.5"#), "invalid_requester"),
            (with(r#""author":true"#), "invalid_author"),
            (
                with(&format!(r#""author":"{}""#, "x".repeat(257))),
                "invalid_author",
            ),
            (with(r#""author":null,"requester":null"#), "accepted"),
            (with(r#""attributes":null"#), "accepted"),
            (with(r#""attributes":["gold"]"#), "invalid_attributes"),
            (with(r#""attributes":{"tier":1.5}"#), "invalid_attributes"),
            (with(r#""into":"""#), "invalid_into"),
            (with(r#""at":2"#), "invalid_json"),
            (
                r#"{"ticket_id":1,"type":"worklog","at":1}"#.to_owned(),
                "invalid_handle_seconds",
            ),
            (
                r#"{"ticket_id":1,"type":"csat_rated","at":1}"#.to_owned(),
                "invalid_score",
            ),
            (GOOD.to_owned(), "accepted"),
        ] {
            assert_eq!(reason(&text), expected, "{}", &text[..text.len().min(80)]);
        }
        assert_eq!(decode(&[b'{', 0xff], None), Err(Rejection::InvalidUtf8));
        for member in [
            r#""\xff":1"#,
            r#""other":"\xff""#,
            r#""other":{"\xff":1}"#,
            r#""team":"\xff""#,
        ] {
            let text = with(&member.replace("\\xff", "é"));
            let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0xa9).collect();
            assert_eq!(
                decode(&bytes, None),
                Err(Rejection::InvalidUtf8),
                "{member}"
            );
        }
    }

    #[test]
    fn a_replay_has_no_future() {
        let event = br#"{"ticket_id":1,"type":"solved","at":1001}"#;
        assert_eq!(
            decode(event, Some(Timestamp(1_000))),
            Err(Rejection::Future)
        );
        assert!(decode(event, Some(Timestamp(1_001))).is_ok());
        assert!(decode(event, None).is_ok());
    }

    #[test]
    fn a_type_that_names_a_status_wins_over_the_member() {
        let event = decode(
            br#"{"ticket_id":1,"type":"reopened","at":1,"status":"pending"}"#,
            None,
        );
        assert_eq!(event.unwrap().status, Some(Status::Open));
    }

    /// Members with values of all kinds, rarely with one wrong byte.
    fn texts() -> impl Strategy<Value = String> {
        let names = [
            "ticket_id",
            "type",
            "at",
            "event_id",
            "team",
            "agent",
            "status",
            "public",
            "score",
            "into",
            "attributes",
            "extra",
            "é",
        ];
        let values = [
            "null",
            "true",
            "false",
            "0",
            "-1",
            "17",
            "01",
            "-0",
            "1.0",
            "1e3",
            "9223372036854775808",
            r#""""#,
            r#""solved""#,
            r#""open""#,
            r#""é 1""#,
            r#""\u0041""#,
            r#""2026-01-02T03:04:05Z""#,
            "[]",
            "{}",
            r#"{"a":"b"}"#,
            r#"{"a":{"b":{}}}"#,
            "{1:2}",
        ];
        let required = r#""ticket_id":7,"type":"updated","at":5"#;
        let member = (select(names.to_vec()), select(values.to_vec()), " {0,2}");
        let members = proptest::collection::vec(member, 0..4);
        let wrong = proptest::option::weighted(0.3, (any::<usize>(), "[ -~\t]"));
        (any::<bool>(), members, wrong).prop_map(move |(is_complete, members, wrong)| {
            let members = members.into_iter();
            let members = members.map(|(name, value, space)| {
                format!("{space}\"{name}\"{space}:{space}{value}{space}")
            });
            let required = is_complete.then(|| required.to_owned());
            let members: Vec<_> = required.into_iter().chain(members).collect();
            let mut text = format!("{{{}}}", members.join(","));
            if let Some((position, byte)) = wrong {
                let position = position % text.len();
                if text.is_char_boundary(position) && text.is_char_boundary(position + 1) {
                    text.replace_range(position..=position, &byte);
                }
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        /// Both readers give the same event, if the fast one gives any.
        #[test]
        fn plain_json_means_the_same_to_the_library(text in texts()) {
            let order = MemberOrder::default();
            // The second time, every name is expected.
            for _ in 0..2 {
                if let Ok(plain) = EventMembers::of_plain(&text, &order) {
                    let library = serde_json::from_str::<EventMembers<LibraryString<'_>>>(&text);
                    prop_assert!(library.is_ok(), "{}", text);
                    let library = library.unwrap().into_event(b"", None, None);
                    prop_assert_eq!(plain.into_event(b"", None, None), library);
                }
            }
        }
    }

    /// As producers write it, with and without spaces.
    #[test]
    fn the_usual_form_is_plain() {
        let spaced =
            r#"{"ticket_id": "a", "type": "message", "at": 5, "public": true, "team": null}"#;
        for (text, is_plain) in [
            (spaced, true),
            (&spaced.replace(' ', ""), true),
            (GOOD, false),
        ] {
            let order = MemberOrder::default();
            assert_eq!(EventMembers::of_plain(text, &order).is_ok(), is_plain);
        }
    }
}
