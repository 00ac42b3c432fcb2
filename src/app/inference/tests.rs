use super::*;

fn mapping(lines: &[String]) -> String {
    let records: Vec<Record<'_>> = lines
        .iter()
        .map(|line| Record::of(line.as_bytes()))
        .collect();
    propose_own_mapping(&records).unwrap_or_default()
}

#[track_caller]
fn has(text: &str, line: &str) {
    let found = text.lines().any(|one| one.trim_start().starts_with(line));
    assert!(found, "no line starts with {line:?} in\n{text}");
}

#[track_caller]
fn lacks(text: &str, words: &[&str]) {
    for word in words {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

/// Three tickets with two records each. `members` gets the ticket and the record, from 0.
fn tickets(members: impl Fn(usize, usize) -> String) -> Vec<String> {
    let record = |ticket: usize, record: usize| {
        format!(
            r#"{{"id":{},"created_at":"2026-03-02T0{ticket}:00:00Z","updated_at":"2026-03-02T0{ticket}:0{record}:00Z",{}}}"#,
            ticket + 70,
            members(ticket, record)
        )
    };
    let all = |ticket| [record(ticket, 0), record(ticket, 1)];
    (0..3).flat_map(all).collect()
}

#[test]
fn the_id_of_a_state_is_not_the_id_of_the_ticket() {
    let text = mapping(&tickets(|_, record| {
        format!(
            r#""state":{{"id":{},"name":"{}"}}"#,
            record + 1,
            ["Open", "Solved"][record]
        )
    }));
    has(&text, "ticket_id: .id ");
    has(&text, "at: .updated_at ");
    has(&text, "created_at: .created_at ");
    has(&text, "status: { value: .state.name, map: status }");
    has(&text, "when: { .created_at: .updated_at }");
    let states: Vec<String> = (0..8)
        .map(|number| {
            format!(
                r#"{{"state":{{"id":{}}},"created_at":"2026-03-02T00:00:0{number}Z"}}"#,
                number % 2
            )
        })
        .collect();
    assert_eq!(mapping(&states), "");
}

#[test]
fn people_become_no_teams() {
    for members in [
        r#""team":"Jane Doe","assignee":{"name":"Jane Doe"}"#,
        r#""team":"jane@example.com""#,
        r#""team":[{"name":"Jane Doe","role":"requester"}]"#,
        r#""customer":"Jane Doe""#,
    ] {
        let text = mapping(&tickets(|_, _| members.to_owned()));
        lacks(&text, &["  team: ", "Jane", "jane@"]);
    }
    let text = mapping(&tickets(|_, _| r#""team":"Blue""#.to_owned()));
    has(&text, "team: .team");
    lacks(&text, &["Blue"]);
}

#[test]
fn an_owner_who_never_changes_is_not_an_agent() {
    let text = mapping(&tickets(|_, _| r#""owner":"Guest""#.to_owned()));
    lacks(&text, &["    agent: ", "Guest"]);
    let text = mapping(&tickets(|_, record| format!(r#""owner_id":{record}"#)));
    has(&text, "agent: { value: .owner_id, none: [\"0\"] }");
}

#[test]
fn a_channel_is_not_an_event() {
    let text = mapping(&tickets(|_, record| {
        format!(r#""type":"{}""#, ["email", "phone"][record])
    }));
    lacks(&text, &["{ .type:", "type: message\n"]);
}

fn messages(author: impl Fn(usize) -> &'static str, rest: &str) -> String {
    mapping(&tickets(|_, record| {
        let event = ["ticket.created", "message.created"][record];
        format!(r#""event":"{event}","author":{},{rest}"#, author(record))
    }))
}

#[test]
fn messages_need_an_author_and_a_visibility() {
    let with_author = |words: [&'static str; 2], rest: &str| {
        mapping(&tickets(|ticket, record| {
            let event = ["ticket.created", "message.created"][record];
            let word = words[ticket % 2];
            format!(
                r#""event":"{event}","author":{{"type":"{word}{}"}},{rest}"#,
                if record == 0 { "-" } else { "" }
            )
        }))
    };
    let private = r#""private":false"#;
    let text = with_author(["contact", "user"], private);
    has(&text, "when: { .event: [message.created] }");
    has(&text, "actor: { value: .author.type, map: actor }");
    has(&text, "agent: [user]");
    has(&text, "customer: [contact]");
    for text in [
        with_author(["user", "admin"], private),
        with_author(["contact", "user"], r#""x":1"#),
        messages(|_| "null", private),
    ] {
        lacks(&text, &["type: message\n", "actor: {"]);
        has(&text, "when: { .event: [ticket.created] }");
    }
}

#[test]
fn the_words_of_a_status_are_shown_and_texts_are_not() {
    let words = ["Open", "Escalated to 360001", "Frobbed"];
    let text = mapping(&tickets(|ticket, record| {
        format!(
            r#""status":"{}","title":"My printer""#,
            words[ticket * record]
        )
    }));
    has(&text, "open: [Open]");
    assert!(text.contains("Frobbed, 1 more."), "{text}");
    lacks(&text, &["360001", "printer"]);
}

#[test]
fn wrappers_are_removed() {
    let row = |op: &str, state: &str, at: u64, id: u64| {
        format!(
            r#"{{"before":null,"after":{{"id":{id},"status":"{state}","created_at":{},"updated_at":{at}}},"source":{{"connector":"mysql","table":"cases","ts_ms":{at}}},"op":"{op}"}}"#,
            1_772_442_000_000 + id
        )
    };
    let text = mapping(&[
        row("c", "open", 1_772_442_000_007, 7),
        row("c", "open", 1_772_442_000_008, 8),
        row("u", "done", 1_772_442_060_000, 7),
    ]);
    has(&text, "unwrap: [debezium]");
    has(&text, "ticket_id: .id ");
    has(&text, "at: $source.ts_ms ");
    has(&text, "created_at: .created_at ");
    has(&text, "when: { $op: c }");
}

#[test]
fn the_zone_of_times_without_one_is_a_question() {
    let lines = tickets(|_, _| r#""x":1"#.to_owned());
    let local: Vec<String> = lines.iter().map(|line| line.replace("00Z", "00")).collect();
    has(&mapping(&local), "zone: UTC ");
    lacks(&mapping(&lines), &["zone"]);
}

#[test]
fn records_without_tickets_have_no_mapping() {
    let lines = ["{}", "[]", "7", "null", "\"x\"", "{"].map(str::to_owned);
    assert_eq!(mapping(&lines), "");
    assert_eq!(mapping(&[]), "");
}
