//! Words of mappings: `none`, `once`, and the zones of times.

use super::super::repeated_history::RepetitionWatch;
use super::{decoder, items, map_value, mapped};
use crate::decode::{Record, Rejection, TimeFault};
use crate::domain::event::Event;

/// The event of a rule with these members, if it is made.
fn event_of(members: &str, value: &str) -> Option<Event<'static>> {
    let mapping = format!(
        "  tables: {{ t: t.csv }}\n  values: {{ m: {{ '': [Unassigned], x: [y] }} }}\n  rules:\n    r: {{ \
         ticket_id: 1, at: 1, type: updated, {members} }}\n"
    );
    map_value(&decoder(&mapping), value).events.pop()
}

#[test]
fn attributes_are_taken_away() {
    let shown = |written: &str, value: &str| {
        let members =
            ["team", "agent", "priority", "channel"].map(|name| format!("{name}: {written}"));
        let event = event_of(&members.join(", "), value).unwrap();
        let team = event.team.map(Option::unwrap_or_default);
        assert_eq!(team, event.priority, "{written} of {value}");
        assert_eq!(team, event.channel, "{written} of {value}");
        assert_eq!(team.as_ref().map(|team| !team.is_empty()), event.assigned);
        team.map(|team| team.into_owned())
    };
    let person = "[{ value: .o, match: '^p.*' }, { value: '', when: { .o: { matches: '^q' } } }]";
    let item = "['.l[r=a,t=u].n', { value: '', when: { .l: { exists: true } } }]";
    for (written, value, wanted) in [
        ("''", "{}", Some("")),
        (".a", r#"{"a":null}"#, Some("")),
        (".a", r#"{"a":""}"#, Some("")),
        (".a.b", r#"{"a":null}"#, Some("")),
        (".a", r#"{"a":"x"}"#, Some("x")),
        (".a", "{}", None),
        (".a", r#"{"a":[]}"#, None),
        ("[.a, .b]", r#"{"a":null,"b":5}"#, Some("5")),
        ("{ value: .a, none: 0 }", r#"{"a":0}"#, Some("")),
        ("{ value: .a, map: m }", r#"{"a":"unassigned"}"#, Some("")),
        ("{ value: .a, map: m }", r#"{"a":"Y"}"#, Some("x")),
        (
            "{ value: .a, when: { .a: { exists: true } } }",
            r#"{"a":null}"#,
            None,
        ),
        (person, r#"{"o":"p1"}"#, Some("p1")),
        (person, r#"{"o":"q1"}"#, Some("")),
        (person, "{}", None),
        (
            "{ value: .b, when: { .a: .c } }",
            r#"{"a":1,"c":null}"#,
            None,
        ),
        (item, r#"{"l":[{"r":"a","t":"u","n":3}]}"#, Some("3")),
        (
            item,
            r#"{"l":[{"r":"a","t":"g","n":3},{"r":"b","t":"u","n":4}]}"#,
            Some(""),
        ),
        (item, "{}", None),
    ] {
        assert_eq!(
            shown(written, value).as_deref(),
            wanted,
            "{written} of {value}"
        );
    }
}

#[test]
fn a_value_counts_once() {
    let decoder = decoder(
        "  rules:\n    one: { once: .a, continue: true, ticket_id: 1, at: 1, type: message }\n    two: { once: \
         [.a, .b], continue: true, ticket_id: 1, at: 1, type: message }\n",
    );
    let identities = |value: &str| -> Vec<u64> {
        let made = map_value(&decoder, value);
        assert!(made.unidentified.is_empty());
        made.events.iter().map(|event| event.identity.0).collect()
    };
    let first = identities(r#"{"a":5,"b":1,"c":1}"#);
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    assert_eq!(
        first,
        identities(r#"{"a":5,"b":1,"c":2}"#),
        "nothing changed"
    );
    let second = identities(r#"{"a":5,"b":2}"#);
    assert!(second[0] == first[0] && second[1] != first[1]);
    assert_eq!(identities(r#"{"a":5,"b":null}"#), first[..1]);
    assert_eq!(identities(r#"{"b":5}"#), [0; 0]);
}

#[test]
fn rules_that_repeat_history_are_found() {
    let rule = |once: &str| {
        format!(
            "  rules:\n    thread: {{ foreach: .items, {once} ticket_id: 1, at: $item.id, type: message }}\n"
        )
    };
    let repeated = |mapping: &str, counts: &[usize]| {
        let decoder = decoder(mapping);
        let mut watch = RepetitionWatch::default();
        let mut rules = Vec::new();
        for count in counts {
            let made = map_value(&decoder, &items(*count));
            rules.extend(watch.note(&made.unidentified).map(str::to_owned));
        }
        rules
    };
    assert_eq!(repeated(&rule(""), &[1, 3, 3]), ["thread"]);
    assert_eq!(repeated(&rule(""), &[1, 2, 4]), ["thread"; 3]);
    assert_eq!(repeated(&rule("once: $item.id,"), &[1, 2, 4]), [""; 0]);
    let states = rule("").replace("message", "updated");
    assert_eq!(repeated(&states, &[1, 2, 4]), [""; 0]);
}

#[test]
fn a_rejected_time_names_what_is_missing() {
    let fault = |at: &str, value: &str| {
        let mapping = format!("  rules:\n    r: {{ ticket_id: 1, at: {at}, type: updated }}\n");
        let made = map_value(&decoder(&mapping), value);
        made.rejected_events[0].rejection
    };
    let local = r#"{"t":"2026-03-02 08:00"}"#;
    for (at, value, wanted) in [
        (".t", local, TimeFault::NoZone),
        (".t", r#"{"t":"03/02/2026"}"#, TimeFault::NoFormat),
        (".t", r#"{"t":true}"#, TimeFault::NoTime),
        (
            "{ value: .t, format: '%d.%m.%Y', zone: UTC }",
            local,
            TimeFault::OtherFormat,
        ),
    ] {
        assert_eq!(
            fault(at, value),
            Rejection::InvalidAt(wanted),
            "{at} of {value}"
        );
    }
    assert_eq!(Rejection::InvalidAt(TimeFault::NoZone).name(), "invalid_at");
}

#[test]
fn a_zone_of_a_value_is_for_numbers_too() {
    let at = |members: &str| {
        let mapping = format!(
            "  zone: Asia/Tokyo\n  rules:\n    r: {{ ticket_id: 1, type: updated, at: {members} }}\n"
        );
        let record = Record {
            timestamp: Some(1_772_442_000_000),
            headers: vec![("X-Id", b"1")],
            ..Record::of(br#"{"n":1772445600000,"t":"1772445600"}"#)
        };
        mapped(&decoder(&mapping), &record).events[0].at.rfc3339()
    };
    let (as_utc, local) = ("2026-03-02T10:00:00.000Z", "2026-03-02T09:00:00.000Z");
    assert_eq!(at(".n"), as_utc);
    assert_eq!(at("{ value: .n, zone: Europe/Berlin }"), local);
    assert_eq!(
        at("{ value: .n, format: milliseconds, zone: Europe/Berlin }"),
        local
    );
    assert_eq!(at("{ value: .t, zone: Europe/Berlin }"), local);
    assert_eq!(at("{ value: .n, zone: local }"), "2026-03-02T01:00:00.000Z");
    assert_eq!(
        at("{ value: [.none, $timestamp], zone: Europe/Berlin }"),
        local,
        "an instant"
    );
}
