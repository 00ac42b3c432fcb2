use super::PRESETS;
use super::presets::find;
use crate::config::tests::{bad, good};
use crate::domain::mapping::Member;

#[test]
fn every_preset_can_be_read() {
    for (name, text) in PRESETS {
        assert!(find(name).is_some(), "{name}: {text}");
        let config = good(&format!("mapping: {{preset: {name}}}\n"));
        let mapping = config.mapping.general.expect(name);
        assert!(mapping.rules.len() > 1, "{name}");
    }
    let names = PRESETS.map(|(name, _)| name);
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn records_are_canonical_by_default() {
    for yaml in ["", "mapping:\n", "mapping: {preset: canonical, rules: {}}"] {
        assert!(good(yaml).mapping.general.is_none(), "{yaml}");
    }
    let own = good("mapping: {rules: {r: {ticket_id: .a, at: .b, type: created}}}");
    assert_eq!(own.mapping.general.unwrap().preset, "none");
}

#[test]
fn a_preset_is_changed_key_by_key() {
    let config = good(
        "mapping:
  preset: jira
  zone: Europe/Berlin
  values: { status: { open: [waiting FOR customer], pending: [Parked] } }
  common: { team: constant, channel: ~ }
  rules:
    comment: { actor: customer, status: ~ }
    new_one: { when: { .a: 1 }, type: updated }
    worklog: off
",
    );
    let mapping = config.mapping.general.unwrap();
    let names: Vec<&str> = mapping
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "new_one",
            "created",
            "deleted",
            "comment",
            "comment_alone",
            "moved",
            "changed",
            "transition"
        ]
    );
    let comment = &mapping.rules[3];
    let shown = |member| format!("{:?}", comment.member(member));
    assert_eq!(shown(Member::Team), "Some(Constant(\"constant\"))");
    assert_eq!(shown(Member::Channel), "None");
    assert_eq!(shown(Member::Status), "None");
    assert_eq!(shown(Member::Actor), "Some(Constant(\"customer\"))");
    assert_eq!(
        shown(Member::EventId),
        "Some(Template([Text(\"comment-\"), Path(.comment.id)]))"
    );
    let changed = format!("{:?}", mapping.rules[6].member(Member::Status));
    assert!(
        changed.contains("\"waiting for customer\": \"open\""),
        "{changed}"
    );
    assert!(
        changed.contains("\"waiting for reporter\": \"pending\""),
        "{changed}"
    );
    assert!(changed.contains("\"parked\": \"pending\""), "{changed}");
}

#[test]
fn mistakes_are_reported_with_their_position() {
    let rule = |members: &str| {
        bad(&format!(
            "mapping: {{rules: {{r: {{ticket_id: .a, at: .b, type: created, {members}}}}}}}"
        ))
    };
    for (members, wanted) in [
        ("statsu: .x", "statsu: unknown key; did you mean status?"),
        (
            "status: ..x",
            "status: not a path: a name is missing after a dot",
        ),
        (
            "status: $x",
            "status: not a path: \"$x\" is none of $item, $key, $timestamp, $topic, \
          $headers, $cloudevent, $op, $before, $source; the record's own names start with a dot",
        ),
        (
            "status: opne",
            "status: unknown status \"opne\"; did you mean open?",
        ),
        (
            "actor: [.x, human]",
            "actor: unknown actor \"human\"; use one of: agent, customer, bot, system",
        ),
        ("team: \"{.x\"", "team: has a \"{\" without \"}\"; add it"),
        ("team: []", "team: must not be empty"),
        (
            "team: {map: x}",
            "team.value: is missing; a value that is a map needs it",
        ),
        (
            "team: {value: .x, map: groups}",
            "team.map: mapping.values has no \"groups\"; none is defined",
        ),
        (
            "team: {value: .x, table: groups}",
            "team.table: mapping.tables has no \"groups\"; none is defined",
        ),
        (
            "team: {value: .x, match: \"(\"}",
            "team.match: not a regular expression: regex parse error:\n    (\n    ^\nerror: unclosed group",
        ),
        (
            "team: {value: .x, unmapped: keep}",
            "team.unmapped: must be drop, pass or reject, not \"keep\"",
        ),
        (
            "team: {value: .x, maps: y}",
            "team.maps: unknown key; did you mean map?",
        ),
        (
            "created_at: {value: .x, format: weeks}",
            "created_at.format: must be seconds, milliseconds, \
          microseconds, nanoseconds, days, duration or a pattern like \"%Y-%m-%d %H:%M\", not \"weeks\"",
        ),
        (
            "created_at: {value: .x, zone: Berlin}",
            "created_at.zone: no IANA time zone \"Berlin\"",
        ),
        (
            "created_at: {value: .x, format: \"%d.%m.%Y\"}",
            "created_at.format: needs a zone, because it reads no offset; add zone: UTC, or an IANA name",
        ),
        (
            "created_at: {value: .x, format: \"%d.%m.%Y %z\", zone: UTC}",
            "created_at.zone: has no effect: the format reads an offset; remove one of both",
        ),
        (
            "created_at: [.y, {value: .x, format: duration}]",
            "created_at[1].format: duration is for handle_seconds only",
        ),
        (
            "created_at: {value: $timestamp, zone: UTC}",
            "created_at.zone: has no effect: $timestamp is in UTC; remove it",
        ),
        (
            "team: {value: .x, format: seconds}",
            "team.format: has no effect: team is no time; remove format",
        ),
        (
            "handle_seconds: {value: .x, format: duration, zone: UTC}",
            "handle_seconds.zone: has no effect: handle_seconds is no time; remove zone",
        ),
        (
            "once: .x, event_id: .y",
            "once: states the event_id too; remove one of both",
        ),
        ("once: x", "once: must be a path, such as .x"),
        (
            "when: {.x: {contains: .y}}",
            "when..x.contains: must be a word, not a path",
        ),
        (
            "when: {.x: {contains: []}}",
            "when..x.contains: must not be empty",
        ),
        (
            "when: {.x: {count: many}}",
            "when..x.count: must be a whole number from 0 to 10000, not \"many\"",
        ),
        (
            "score: {value: .x, times: many}",
            "score.times: must be a number, not \"many\"",
        ),
        ("foreach: items", "foreach: must be a path, such as .items"),
        ("when: {}", "when: must contain at least one test"),
        (
            "when: {x: 1}",
            "when.x: must be a path, such as .x, or all, any, not",
        ),
        (
            "when: {.x: ~}",
            "when..x: must be a value; to match a missing value, use {exists: false}",
        ),
        (
            "when: {.x: {equals: 1}}",
            "when..x.equals: unknown key; use one of: is, not, exists, matches, in_table, contains, count",
        ),
        (
            "when: {.x: {exists: maybe}}",
            "when..x.exists: must be true or false, not \"maybe\"",
        ),
        (
            "when: {any: {.x: 1}}",
            "when.any: must be a list, not a map of keys",
        ),
        (
            "continue: maybe",
            "continue: must be true or false, not \"maybe\"",
        ),
    ] {
        let found = rule(members);
        let found: Vec<&str> = found
            .iter()
            .map(|line| {
                line.split_once("mapping.rules.r.")
                    .map_or(line.as_str(), |(_, rest)| rest)
            })
            .collect();
        assert!(
            found.iter().any(|line| line.starts_with(wanted)),
            "{members}: {found:?}"
        );
    }
    for (yaml, wanted) in [
        (
            "mapping: {preset: zendesc}",
            "1:19: mapping.preset: no preset \"zendesc\"; did you mean zendesk?",
        ),
        (
            "mapping: {preset: none}",
            "1:10: mapping.rules: must contain at least one rule",
        ),
        (
            "mapping: {preset: canonical, zone: UTC, rules: {r: {}}}",
            "1:48: mapping.rules: has no effect with preset: canonical; use preset: none for your own mapping",
        ),
        (
            "mapping: {preset: jira, rules: {nothing: off}}",
            "1:42: mapping.rules.nothing: the preset has no such rule; use one of: created, deleted, comment, \
          comment_alone, worklog, moved, changed, transition",
        ),
        (
            "mapping: {rule: {}}",
            "1:11: mapping.rule: unknown key; did you mean rules?",
        ),
        (
            "mapping: {topics: {t: {preset: jira, rule: {}}}}",
            "1:44: mapping.topics.t.rule: unknown key; use one of: preset, unwrap, zone, tables, values, common, rules",
        ),
        (
            "mapping: {preset: jira, unwrap: [avro]}",
            "1:34: mapping.unwrap[0]: no step \"avro\"; use cloudevents, debezium, or one of \
          path, each, json, base64 with a path",
        ),
        (
            "mapping: {preset: jira, unwrap: [{path: detail}]}",
            "1:41: mapping.unwrap[0].path: must be a path, such as .detail",
        ),
        (
            "mapping: {preset: jira, values: {status: {open: [x], closed: [X]}}}",
            "1:63: mapping.values.status.closed[0]: \"X\" is already open",
        ),
        (
            "mapping: {preset: jira, values: {status: {opne: [x]}}}",
            "mapping.rules.created: is wrong",
        ),
        (
            "mapping: {preset: jira, tables: {t: nowhere.csv}}",
            "1:37: mapping.tables.t: etc/nowhere.csv: cannot read the file: no such file",
        ),
        (
            "mapping: {preset: jira, tables: {t: {file: groups.csv, value: team}}}",
            "1:37: mapping.tables.t: etc/groups.csv: has no column \"team\"; use one of: id, name",
        ),
        (
            "mapping: {rules: {r: {type: created, ticket_id: 1}}}",
            "1:22: mapping.rules.r: needs at; add it here or to common",
        ),
    ] {
        let found = bad(yaml);
        if wanted.ends_with("is wrong") {
            // An invalid word in a map that the preset uses.
            assert!(found.iter().any(|line| line.contains("opne")), "{found:?}");
        } else {
            assert_eq!(found, [wanted], "{yaml}");
        }
    }
}
