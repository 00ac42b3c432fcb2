//! Record values of any bytes.

use serde_json::Value;
use ticket_exporter::decode::{self, MAX_VALUE_BYTES, Rejection};
use ticket_exporter::domain::event::Event;
use ticket_exporter::domain::timestamp::Timestamp;

use super::fuzz;
use super::mutation::{mutated, random_bytes, random_text};
use crate::naive;
use crate::stories::dice::Dice;
use crate::stories::{self, Size};

/// Special words of JSON and the event format.
const WORDS: [&str; 46] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1e400",
    "1e308",
    "-1e308",
    "5e-324",
    "1.0",
    "0.5",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "9223372036854775807",
    "253402300799999",
    "253402300800000",
    "-62135596800000",
    "-62135596800001",
    "\"0000-12-31T23:59:59Z\"",
    "\"0001-01-01T00:00:00Z\"",
    "\"0001-01-01T00:00:00+23:59\"",
    "\"9999-12-31T23:59:59.9999999999Z\"",
    "\"9999-12-31T23:59:59-23:59\"",
    "\"10000-01-01T00:00:00Z\"",
    "\"2026-06-30T23:59:60Z\"",
    "\"2026-02-29t24:00:00z\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\"",
    "[",
    "]",
    "{",
    "}",
    "[[[[[[[[[[[[[[[[",
    "\"ticket_id\":",
    "\"at\":1,",
    "\"attributes\":{\"tier\":\"gold\",\"tier\":7},",
    "{\"a\":true,\"b\":1.5,\"c\":[{}]}",
    "\"score\":6,",
    "\"score_max\":1,",
    "\"handle_seconds\":1e9,",
    "\"created_at\":\"1970-01-01T00:00:00Z\",",
    "\u{feff}",
    ",",
];

fn check(value: &[u8], dice: &mut Dice) {
    let decoded = decode::decode(value, None);
    assert_eq!(decoded, decode::decode(value, None), "another time");
    let (now, text) = (
        Timestamp(1_774_569_600_000 + dice.below(1_000_000_000)),
        std::str::from_utf8(value),
    );
    match (decode::decode(value, Some(now)), &decoded) {
        (Err(Rejection::Future), Ok(event)) => assert!(event.at > now),
        (Ok(live), Ok(event)) => assert!(live == *event && event.at <= now),
        (Err(live), Err(rejection)) => assert_eq!(live, *rejection),
        (live, replayed) => panic!("{live:?} and {replayed:?}"),
    }
    if let Ok(text) = text {
        agree(text, decoded.is_ok());
    }
    match decoded {
        Ok(event) => is_sensible(value, &event),
        Err(rejection) => {
            assert!(!rejection.name().is_empty() && !rejection.to_string().is_empty());
        }
    }
}

/// The naive implementation accepts the same events. It cannot read JSON whose ignored members are too
/// large a number or too deep.
fn agree(text: &str, accepted: bool) {
    if accepted && serde_json::from_str::<Value>(text).is_ok() {
        assert!(naive::event::parse(text, []).is_some(), "no event: {text}");
    }
}

fn is_sensible(value: &[u8], event: &Event<'_>) {
    let fine = Timestamp::EARLIEST..=Timestamp::LATEST;
    let text = String::from_utf8_lossy(value);
    assert!((1..=256).contains(&event.ticket_id.len()), "{text}");
    assert!(fine.contains(&event.at), "{text}");
    assert!(
        event.created_at.is_none_or(|at| fine.contains(&at)),
        "{text}"
    );
    let names = [
        event.team.clone().flatten(),
        event.priority.clone(),
        event.channel.clone(),
        event.into.clone(),
    ];
    for name in names.into_iter().flatten() {
        assert!(name.len() <= 256, "{text}");
    }
    assert!(event.handle.is_none_or(|handle| handle >= 0), "{text}");
    assert!(event.rating.is_none_or(|rating| !rating.is_nan()), "{text}");
    let members = match serde_json::from_slice::<Value>(value) {
        Ok(Value::Object(members)) => members,
        Ok(_) => panic!("no object: {text}"),
        Err(_) => return,
    };
    let id = match &members["ticket_id"] {
        Value::String(id) => id.clone(),
        number => number.to_string(),
    };
    assert_eq!(event.ticket_id, id, "{text}");
}

#[test]
fn any_bytes() {
    fuzz("any bytes", 5_000, |dice| {
        let bytes = random_bytes(200, dice);
        check(&bytes, dice);
        let text = random_text(80, dice);
        check(text.as_bytes(), dice);
        let spliced: String = (0..dice.below(12)).map(|_| *dice.pick(&WORDS)).collect();
        check(spliced.as_bytes(), dice);
        check(format!("{{{spliced}}}").as_bytes(), dice);
    });
}

#[test]
fn changed_events() {
    fuzz("changed events", 300, |dice| {
        let size = Size {
            tickets: 2,
            events: 10,
        };
        let seed = u64::try_from(dice.below(1 << 40)).unwrap();
        let (_, lines) = stories::random(seed, size);
        for _ in 0..40 {
            let (line, other) = (dice.pick(&lines), dice.pick(&lines));
            let value = mutated(line.as_bytes(), other.as_bytes(), &WORDS, dice);
            check(&value, dice);
        }
    });
}

#[test]
fn events_of_any_members() {
    let members = [
        "ticket_id",
        "type",
        "at",
        "event_id",
        "created_at",
        "team",
        "agent",
        "priority",
        "status",
        "channel",
        "actor",
        "attributes",
        "requester",
        "author",
        "public",
        "handle_seconds",
        "score",
        "score_max",
        "into",
        "other",
    ];
    fuzz("any members", 3_000, |dice| {
        let mut text = "{\"ticket_id\":1,\"type\":\"csat_rated\",\"at\":1".to_owned();
        if dice.chance(50) {
            text.truncate(1);
        }
        for _ in 0..dice.below(8) {
            if text.len() > 1 {
                text.push(',');
            }
            let long = format!(
                "\"{}\"",
                "é".repeat(usize::try_from(dice.below(200)).unwrap())
            );
            let value = match dice.below(4) {
                0 => long.as_str(),
                1 => "\"open\"",
                _ => *dice.pick(&WORDS),
            };
            text.push_str(&format!("\"{}\":{value}", dice.pick(&members)));
        }
        text.push('}');
        check(text.as_bytes(), dice);
    });
}

#[test]
fn deep_and_large_values() {
    let mut dice = Dice::new(0);
    for open in [
        "[",
        "{\"a\":",
        "{\"ticket_id\":1,\"type\":\"spam\",\"at\":1,\"x\":[",
    ] {
        check(open.repeat(100_000).as_bytes(), &mut dice);
    }
    let deep = format!(
        "{{\"ticket_id\":1,\"type\":\"spam\",\"at\":1,\"x\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    // A deep value may be rejected, but must not overflow the stack.
    let _ = decode::decode(deep.as_bytes(), None);
    let large = vec![b'1'; MAX_VALUE_BYTES + 1];
    assert_eq!(decode::decode(&large, None), Err(Rejection::TooLarge));
    check(&large[1..], &mut dice);
}
