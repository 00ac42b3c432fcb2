use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::mapper::{MOST_EVENTS, Mapper};
use super::outcome::{MappedMember, MappedRecord};
use super::wanted::WantedParts;
use crate::config;
use crate::decode::{Decoded, Decoder, IgnoreReason, Record, Rejection};
use crate::domain::event::{Actor, EventIdentity, EventType, Status};
use crate::domain::mapping::Member;
use crate::domain::timestamp::Timestamp;

mod words;

/// A decoder with this text under `mapping`.
fn decoder(mapping: &str) -> Decoder {
    let yaml = format!("mapping:\n{mapping}");
    let loaded = config::load(Some(Path::new("m.yaml")), [], &[], &mut |path| {
        if path == Path::new("m.yaml") {
            Ok(yaml.clone())
        } else {
            Ok("id,team\n7,Network\n8,Billing\n".to_owned())
        }
    });
    Decoder::new(
        &loaded
            .unwrap_or_else(|errors| panic!("{errors}"))
            .config
            .mapping,
    )
}

fn mapped(decoder: &Decoder, record: &Record<'_>) -> MappedRecord {
    match decoder.explain(record) {
        Decoded::Mapped(mapped) => *mapped,
        other => panic!("{other:?}"),
    }
}

fn map_value(decoder: &Decoder, value: &str) -> MappedRecord {
    mapped(decoder, &Record::of(value.as_bytes()))
}

fn rules(made: &MappedRecord) -> Vec<&str> {
    made.derivations
        .iter()
        .map(|derivation| derivation.rule.as_str())
        .collect()
}

const DESK: &str = r#"
  zone: Europe/Berlin
  tables: { teams: teams.csv }
  values:
    status: { open: [Open, 2], pending: [Waiting], solved: ["*"] }
    priority: { p1: [urgent], p2: [high] }
  common:
    ticket_id: .ticket.id
    at: .ticket.updated
    team: { value: .ticket.group, table: teams }
    agent: [.ticket.assignee.id, .ticket.assignee]
    status: { value: .ticket.status, map: status }
    priority: { value: ".labels[*].name", map: priority }
  rules:
    robot: { when: { .author.kind: [bot, APP] }, ignore: true }
    reply:
      when: { .event: comment, .comment.body: { exists: true } }
      type: message
      event_id: "c-{.comment.id}"
      public: .comment.public
      actor: [{ value: customer, when: { .author.id: .ticket.requester } }, agent]
      requester: .ticket.requester
      author: .author.id
    parts:
      when: { $item.what: time }
      foreach: .parts
      continue: true
      type: worklog
      handle_seconds: { value: $item.minutes, minus: $item.before, times: 60 }
    changed: { when: { any: [{ .event: changed }, { .parts: { exists: true } }] }, type: updated }
"#;

#[test]
fn a_rule_makes_an_event() {
    let decoder = decoder(DESK);
    let made = map_value(
        &decoder,
        r#"{"event":"COMMENT","comment":{"id":5,"body":"x","public":false},"author":{"id":"9"},
            "ticket":{"id":17,"updated":"2026-07-01 12:00:00","requester":9,"group":7,
            "status":"OPEN","assignee":{"id":""}},"labels":[{"name":"x"},{"name":"High"}]}"#,
    );
    let [event] = made.events.as_slice() else {
        panic!("{made:?}")
    };
    assert_eq!(event.ticket_id, "17");
    assert_eq!(event.kind, EventType::Message);
    assert_eq!(event.at.rfc3339(), "2026-07-01T10:00:00.000Z");
    assert_eq!(event.team, Some(Some("Network".into())));
    assert_eq!(event.assigned, Some(false));
    assert_eq!(event.status, Some(Status::Open));
    assert_eq!(event.priority.as_deref(), Some("p2"));
    assert_eq!((event.actor, event.public), (Some(Actor::Customer), false));
    assert_eq!(event.author.as_deref(), Some("9"));
    assert_eq!(event.author, event.requester, "a text and a number");
    assert_eq!(rules(&made), ["reply"]);
    assert!(made.unmapped.is_empty(), "{:?}", made.unmapped);
    let origin = |member| {
        made.derivations[0]
            .origins
            .iter()
            .find(|origin| origin.member == MappedMember::from(member))
    };
    assert_eq!(origin(Member::Priority).unwrap().from, ".labels[*].name");
    let canonical = br#"{"ticket_id":"17","type":"updated","at":1,"event_id":"c-5"}"#;
    let canonical = crate::decode::decode(canonical, None).unwrap();
    assert_eq!(event.identity, canonical.identity);
}

#[test]
fn a_rule_states_the_configured_attributes() {
    let decoder = decoder(
        "
  tables: { teams: teams.csv }
  common:
    ticket_id: .id
    at: .at
    attributes: { tier: { value: .tier, table: teams }, size: .size, other: .id }
  rules: { changed: { type: updated } }
attributes: { tier: {}, size: {} }
",
    );
    let made = map_value(&decoder, r#"{"id":1,"at":1,"tier":9,"size":null}"#);
    let stated = made.events[0].attributes.iter();
    let stated: Vec<_> = stated
        .map(|one| (&*one.name, one.value.as_deref()))
        .collect();
    assert_eq!(stated, [("size", None), ("tier", Some("9"))]);
    assert_eq!(made.unmapped[0].member.to_string(), "attributes.tier");
    let origin = made.derivations[0].origins.last().unwrap();
    assert_eq!(
        (origin.member.to_string().as_str(), origin.from.as_str()),
        ("attributes.tier", ".tier")
    );
    let long = "x".repeat(257);
    let made = map_value(&decoder, &format!(r#"{{"id":1,"at":1,"size":"{long}"}}"#));
    let rejected = &made.rejected_events[0];
    assert_eq!(rejected.rejection, Rejection::InvalidAttributes);
    assert_eq!(
        (
            rejected.member.to_string().as_str(),
            rejected.paths.as_str()
        ),
        ("attributes.size", ".size")
    );
}

#[test]
fn absent_members_stay_absent() {
    let made = map_value(
        &decoder(DESK),
        r#"{"event":"changed","ticket":{"id":1,"updated":1,"group":99,"assignee":null}}"#,
    );
    let event = &made.events[0];
    assert_eq!((event.status, event.assigned), (None, Some(false)));
    assert_eq!(event.priority, None);
    assert_eq!(event.team, Some(Some("99".into())), "taken as it is");
    assert_eq!(made.unmapped.len(), 1);
    assert_eq!(
        (&made.unmapped[0].member, &*made.unmapped[0].word),
        (&Member::Team.into(), "99")
    );
}

#[test]
fn several_events_keep_their_order_and_have_different_identities() {
    let record = r#"{"ticket":{"id":1,"updated":5},"parts":[{"what":"time","minutes":10},
        {"what":"x"},{"what":"time","minutes":"5","before":2}]}"#;
    let decoder = decoder(DESK);
    let made = map_value(&decoder, record);
    assert_eq!(rules(&made), ["parts", "parts", "changed"]);
    let handled: Vec<_> = made.events.iter().map(|event| event.handle).collect();
    assert_eq!(handled, [Some(600_000), Some(180_000), None]);
    let identities = |made: &MappedRecord| -> Vec<EventIdentity> {
        made.events.iter().map(|event| event.identity).collect()
    };
    let first = identities(&made);
    assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    assert_eq!(
        first,
        identities(&map_value(&decoder, record)),
        "delivered again"
    );
}

#[test]
fn records_without_a_rule_are_ignored_and_events_without_a_member_are_rejected() {
    let decoder = decoder(DESK);
    for (value, reason) in [
        (r#"{"author":{"kind":"app"}}"#, IgnoreReason::IgnoredByRule),
        (r#"{"event":"other"}"#, IgnoreReason::NoRule),
        ("[1]", IgnoreReason::NoRule),
        ("null", IgnoreReason::Tombstone),
        ("", IgnoreReason::Tombstone),
    ] {
        assert_eq!(map_value(&decoder, value).ignored, Some(reason), "{value}");
    }
    assert_eq!(
        mapped(&decoder, &Record::default()).ignored,
        Some(IgnoreReason::Tombstone)
    );
    let changed = |ticket: &str| {
        let made = map_value(
            &decoder,
            &format!("{{\"event\":\"changed\",\"ticket\":{ticket}}}"),
        );
        assert!(made.events.is_empty() && made.ignored.is_none());
        let rejected = &made.rejected_events[0];
        (
            rejected.rejection.name(),
            rejected.rule.clone(),
            rejected.paths.clone(),
        )
    };
    let rejected = |reason, path: &str| (reason, "changed".to_owned(), path.to_owned());
    assert_eq!(
        changed(r#"{"updated":1}"#),
        rejected("missing_ticket_id", ".ticket.id")
    );
    assert_eq!(
        changed(r#"{"id":1,"updated":""}"#),
        rejected("missing_at", ".ticket.updated")
    );
    assert_eq!(
        changed(r#"{"id":1,"updated":"soon"}"#),
        rejected("invalid_at", ".ticket.updated")
    );
    let broken = decoder.decode(&Record::of(b"{"), None);
    assert_eq!(broken.rejection(), Some(Rejection::InvalidJson));
    let value = br#"{"event":"changed","ticket":{"id":1,"updated":1001}}"#;
    let latest = Some(Timestamp(1_000));
    assert_eq!(
        decoder.decode(&Record::of(value), latest).rejection(),
        Some(Rejection::Future)
    );
}

#[test]
fn words_that_no_map_has() {
    let with = |more: &str| {
        let made = map_value(
            &decoder(&format!(
                "  values: {{ s: {{ open: [go] }} }}\n  rules:\n    r: {{ ticket_id: .id, at: 1, \
                 type: updated, status: {more} }}\n"
            )),
            r#"{"id":1,"s":"stop","t":"Solved"}"#,
        );
        let words: Vec<String> = made.unmapped.iter().map(|one| one.word.clone()).collect();
        let status = made.events.first().map(|event| event.status);
        (
            status,
            words,
            made.rejected_events
                .first()
                .map(|rejected| rejected.rejection.name()),
        )
    };
    let stop = || vec!["stop".to_owned()];
    assert_eq!(with("{ value: .s, map: s }"), (Some(None), stop(), None));
    assert_eq!(
        with("{ value: .s, map: s, unmapped: pass }"),
        (Some(None), stop(), None)
    );
    assert_eq!(
        with("{ value: .s, map: s, unmapped: reject }"),
        (None, stop(), Some("invalid_status"))
    );
    assert_eq!(
        with("[{ value: .s, map: s }, .t]"),
        (Some(Some(Status::Solved)), vec![], None)
    );
    assert_eq!(with(".s"), (Some(None), stop(), None));
    assert_eq!(
        with("{ value: .s, match: \"(x+)\" }"),
        (Some(None), vec![], None)
    );
}

#[test]
fn conditions() {
    let holds = |when: &str| {
        let mapping = format!(
            "  tables: {{ t: t.csv }}\n  values: {{ letters: {{ 7: [x] }} }}\n  rules:\n    r: {{ when: {when}, \
             ticket_id: 1, at: 1, type: updated }}\n"
        );
        let value = r#"{"a":"X","n":7,"t":true,"e":"","z":null,"l":[{"v":1},{"v":2}],"o":{},"s":"7",
                "w":"one, two words","m":[{"t":"u","r":"a"},{"t":"g","r":"b"}]}"#;
        !map_value(&decoder(&mapping), value).events.is_empty()
    };
    for yes in [
        "{ .a: x }",
        "{ .n: '7', .t: true }",
        "{ .n: .s }",
        "{ .a: [y, X] }",
        "{ .a: { not: [y, { matches: z }] } }",
        "{ .missing: { not: x } }",
        "{ .e: { exists: false }, .z: { exists: false }, .o: { exists: false } }",
        "{ .l: { exists: true } }",
        "{ \".l[*].v\": 2 }",
        "{ .n: { in_table: t } }",
        "{ .a: { matches: '^[A-Z]$' } }",
        "{ any: [{ .a: y }, { .n: 7 }], not: { .a: y } }",
        "{ all: [{ .a: x }, { .n: 7 }] }",
        "{ .n: { is: { value: .a, map: letters } }, .s: { value: .n, match: '[0-9]+' } }",
        "{ .a: { not: { value: .z } } }",
        "{ .w: { contains: [none, TWO WORDS] } }",
        "{ \".m[t=u,r=a]\": { exists: true } }",
        "{ \".m[t=u,r=b]\": { count: 0 } }",
        "{ \".m[*].t\": { count: [1, 2] } }",
        "{ \".m[t=u][r!=b].r\": a }",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in [
        "{ .a: y }",
        "{ .a: x, .n: 8 }",
        "{ .missing: .other }",
        "{ .z: 'null' }",
        "{ .a: { matches: '^[a-z]$' } }",
        "{ .a: { in_table: t } }",
        "{ .a: { not: x } }",
        "{ \".l[*].v\": 3 }",
        "{ not: { .a: x } }",
        "{ .w: { contains: two } }",
        "{ .w: { contains: one, not: { contains: two words } } }",
        "{ \".m[t=u][r=b].r\": b }",
        "{ \".m[*]\": { count: 1 } }",
    ] {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn wrappers_are_removed() {
    let ids = |unwrap: &str, record: &Record<'_>| -> Vec<String> {
        let mapping = format!(
            "  unwrap: {unwrap}\n  rules:\n    r: {{ ticket_id: \
             [\"{{.id}}{{$cloudevent.type}}\", \"{{.id}}{{$op}}\", .id], at: 1, type: updated }}\n"
        );
        let made = mapped(&decoder(&mapping), record);
        made.events
            .iter()
            .map(|event| event.ticket_id.to_string())
            .collect()
    };
    let value = |unwrap: &str, value: &str| ids(unwrap, &Record::of(value.as_bytes()));
    assert_eq!(
        value(
            "[cloudevents]",
            r#"{"specversion":"1.0","type":"t","data":{"id":1}}"#
        ),
        ["1t"]
    );
    assert_eq!(
        value(
            "[cloudevents]",
            r#"[{"specversion":"1.0","type":"t","data":{"id":1}},
            {"specversion":"1.0","type":"u","data_base64":"eyJpZCI6Mn0="}]"#
        ),
        ["1t", "2u"]
    );
    let binary = Record {
        headers: vec![("ce_type", b"h"), ("content-type", b"application/json")],
        ..Record::of(br#"{"id":3}"#)
    };
    assert_eq!(ids("[cloudevents]", &binary), ["3h"]);
    assert_eq!(value("[cloudevents]", r#"{"id":4}"#), ["4"]);
    for change in [
        r#"{"before":null,"after":{"id":5},"op":"c","source":{}}"#,
        r#"{"schema":{},"payload":{"before":{"id":4},"after":{"id":5},"op":"c"}}"#,
        r#"{"before":{"id":5},"after":null,"op":"c"}"#,
        r#"{"id":5,"__op":"c"}"#,
    ] {
        assert_eq!(value("[debezium]", change), ["5c"], "{change}");
    }
    assert_eq!(
        value(
            "[cloudevents, debezium]",
            r#"{"specversion":"1.0","type":"t","iodebeziumop":"r",
            "data":{"before":null,"after":{"id":6}}}"#
        ),
        ["6t"]
    );
    assert_eq!(
        value("[{ path: .detail }]", r#"{"detail":{"id":7}}"#),
        ["7"]
    );
    assert_eq!(
        value("[{ each: .records }]", r#"{"records":[{"id":8},{"id":9}]}"#),
        ["8", "9"]
    );
    assert_eq!(value("[{ each: . }]", r#"[{"id":8}]"#), ["8"]);
    assert_eq!(value("[{ json: .p }]", r#"{"p":"{\"id\":10}"}"#), ["10"]);
    assert_eq!(value("[{ base64: .p }]", r#"{"p":"eyJpZCI6Mn0="}"#), ["2"]);
    assert_eq!(
        value("[{ json: .p }, debezium, { each: .x }]", r#"{"id":11}"#),
        ["11"]
    );
}

#[test]
fn topics_have_mappings_of_their_own() {
    let decoder = decoder(
        "  topics:\n    raw:\n      rules: { r: { ticket_id: $key, at: $timestamp, type: updated } }\n",
    );
    let record = Record {
        topic: "raw",
        key: Some(b"K"),
        timestamp: Some(1_767_225_600_000),
        ..Record::of(b"{}")
    };
    let made = mapped(&decoder, &record);
    assert_eq!(
        (&*made.events[0].ticket_id, made.events[0].at.0),
        ("K", 1_767_225_600_000)
    );
    let other = Record {
        topic: "other",
        ..record
    };
    assert_eq!(
        decoder.decode(&other, None).rejection(),
        Some(Rejection::MissingTicketId)
    );
}

#[test]
fn many_steps_of_unwrapping_are_no_many_places() {
    let steps = ["cloudevents", "debezium", "{ path: .a }", "{ each: .b }"];
    let steps: Vec<&str> = steps.into_iter().cycle().take(64).collect();
    let mapping = format!(
        "  unwrap: [{}]\n  rules:\n    r: {{ ticket_id: .id, at: 1, type: updated }}\n",
        steps.join(", ")
    );
    let made = map_value(&decoder(&mapping), r#"{"a":{"a":{"after":{"id":5}}}}"#);
    assert_eq!(&*made.events[0].ticket_id, "5");
}

/// Arbitrary JSON with the names and words of the mappings below.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    const NAMES: [&str; 24] = [
        "issue",
        "fields",
        "status",
        "name",
        "key",
        "assignee",
        "changelog",
        "items",
        "field",
        "to",
        "from",
        "webhookEvent",
        "timestamp",
        "comment",
        "author",
        "id",
        "ticket",
        "updated",
        "labels",
        "parts",
        "what",
        "minutes",
        "event",
        "created",
    ];
    const TEXTS: [&str; 14] = [
        "",
        "jira:issue_updated",
        "comment_created",
        "timespent",
        "Key",
        "Done",
        "time",
        "changed",
        "2026-03-02T09:00:00Z",
        "9999999999999999999",
        "-1",
        "1e999",
        "é",
        "high",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<u16>().prop_map(Into::into),
        prop::sample::select(&TEXTS[..]).prop_map(Into::into),
        ".{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..8).prop_map(
                |members| {
                    let named = members.into_iter();
                    named
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect()
                }
            ),
        ]
    })
}

/// Arbitrary JSON in the wrappers of other systems.
fn any_record() -> impl Strategy<Value = serde_json::Value> {
    let around = prop::collection::vec(0..10_u8, 0..3);
    (any_json(), any_json(), around).prop_map(|(one, other, around)| {
        let put = |inside: serde_json::Value, kind| match kind {
            0 => json!([inside, other]),
            1 => json!({"records": [other, inside]}),
            2 => json!({"tickets": [inside], "result": other}),
            3 => json!({"result": inside, "id": 1}),
            4 => json!({"payload": {"before": other, "after": inside, "op": "u", "source": other}}),
            5 => json!({"before": inside, "after": null, "op": "d", "payload": other}),
            6 => json!({"specversion": "1.0", "type": "changed", "data": inside, "id": "7"}),
            7 => json!([{"specversion": "1.0", "iodebeziumop": "r", "data": inside}]),
            8 => json!({"text": inside.to_string(), "ticket": other}),
            _ => {
                let text = BASE64_STANDARD.encode(inside.to_string());
                json!({"specversion": "1.0", "data_base64": text})
            }
        };
        around.into_iter().fold(one, put)
    })
}

/// A mapping with all steps of `unwrap`.
const WRAPPED: &str = r#"
  unwrap: [cloudevents, debezium, { json: .text }, { path: .result }, { each: .records }, { each: . }]
  common: { ticket_id: [.issue.key, .id, $cloudevent.id, $before.id], at: [.timestamp, .created, 1] }
  rules:
    parts:
      when: { $item.id: { exists: true } }
      foreach: $before.items
      continue: true
      type: updated
      status: $item.status
    newest:
      once: [".items[field!=Key,newest:created].id", .name]
      when: { .labels: { contains: [high, time] }, ".items[field=status,to=Done]": { count: [0, 1] } }
      continue: true
      type: message
      at: { value: ".items[newest:timestamp].created", zone: Europe/Berlin }
      team: [".parts[what=time][author.name=Done].id", ""]
    deleted: { when: { $op: d }, type: deleted, team: $source.name }
    other: { when: { $cloudevent.type: changed }, type: updated, team: .status.name, agent: $before.assignee }
    any: { type: updated, priority: .fields.status }
"#;

/// Every preset and the mappings above.
static DECODERS: LazyLock<Vec<Decoder>> = LazyLock::new(|| {
    let presets = config::PRESETS.map(|(name, _)| format!("  preset: {name}\n"));
    let all = presets.iter().map(String::as_str).chain([DESK, WRAPPED]);
    all.map(decoder).collect()
});

proptest! {
    #[test]
    fn no_json_panics_and_skipped_parts_make_no_difference(value in any_record()) {
        let text = value.to_string();
        let record = Record::of(text.as_bytes());
        for decoder in DECODERS.iter() {
            let mapping = decoder.mappings().general.clone().unwrap();
            let part = Mapper::new(&mapping);
            let everything = Mapper { wanted: WantedParts::everything(), ..part.clone() };
            let [whole, part] = [everything, part].map(|mapper| {
                mapper.map(&decoder.mappings().contents, &record, text.as_bytes(), None, true)
            });
            prop_assert_eq!(format!("{whole:?}"), format!("{part:?}"), "{}", mapping.preset);
        }
    }
}

/// `{"items":[{"id":0},…]}`
fn items(count: usize) -> String {
    let items: Vec<String> = (0..count).map(|id| format!("{{\"id\":{id}}}")).collect();
    format!("{{\"items\":[{}]}}", items.join(","))
}

/// Rules with an event for each item.
fn rules_of_items(names: &[&str]) -> String {
    let rule = |name: &&str| {
        format!(
            "    {name}: {{ foreach: .items, continue: true, ticket_id: $item.id, type: updated, at: 2026-01-01T00:00:00Z }}\n"
        )
    };
    let rules: String = names.iter().map(rule).collect();
    format!("  preset: none\n  rules:\n{rules}")
}

const EACH_ITEM: &str = "  preset: none
  unwrap: [{ each: .items }]
  rules:
    all: { ticket_id: .id, type: $headers.kind, at: 2026-01-01T00:00:00Z }
";

#[test]
fn a_record_gives_as_many_events_as_are_allowed_and_none_where_it_has_more() {
    let map = |decoder: &Decoder, count| {
        let value = items(count);
        let headers = vec![("kind", b"updated".as_slice())];
        let value = value.as_bytes();
        mapped(
            decoder,
            &Record {
                headers,
                ..Record::of(value)
            },
        )
    };
    for mapping in [EACH_ITEM, &rules_of_items(&["all"])] {
        let decoder = decoder(mapping);
        let most = map(&decoder, MOST_EVENTS);
        assert_eq!((most.events.len(), most.rejected), (MOST_EVENTS, None));
        let more = map(&decoder, MOST_EVENTS + 1);
        assert_eq!(more.rejected, Some(Rejection::TooManyEvents));
        assert_eq!((more.events.len(), more.rejected_events.len()), (0, 0));
    }
}

#[test]
fn the_limit_on_events_holds_for_all_rules_together() {
    let twice = decoder(&rules_of_items(&["one", "two"]));
    let most = map_value(&twice, &items(MOST_EVENTS / 2));
    assert_eq!((most.events.len(), most.rejected), (MOST_EVENTS, None));
    let mut identities: Vec<u64> = most.events.iter().map(|one| one.identity.0).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), MOST_EVENTS);
    let more = map_value(&twice, &items(MOST_EVENTS / 2 + 1));
    assert_eq!(more.rejected, Some(Rejection::TooManyEvents));
}

#[test]
fn the_work_grows_linearly_with_the_record() {
    let square = decoder(
        "  preset: none
  rules:
    wide: { foreach: .items, when: { '.items[*].none': 5 }, ignore: true }
    all: { ticket_id: one, type: updated, at: 2026-01-01T00:00:00Z }
",
    );
    let few = map_value(&square, &items(100));
    assert_eq!((few.events.len(), few.rejected), (1, None));
    let many = map_value(&square, &items(MOST_EVENTS));
    assert_eq!(many.rejected, Some(Rejection::TooComplex));
}

#[test]
fn records_of_one_value_share_its_headers() {
    // A copy of this for each of them would take 10 GB.
    let large = vec![b'x'; 1_000_000];
    let value = items(MOST_EVENTS);
    let record = Record {
        headers: vec![("kind", b"updated"), ("large", &large)],
        ..Record::of(value.as_bytes())
    };
    let mapped = mapped(&decoder(EACH_ITEM), &record);
    assert_eq!(mapped.events.len(), MOST_EVENTS);
}
