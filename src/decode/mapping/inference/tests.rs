use super::*;

fn mapping(lines: &[&str]) -> String {
    let records: Vec<Record<'_>> = lines
        .iter()
        .map(|line| Record::of(line.as_bytes()))
        .collect();
    infer(&records).mapping.unwrap_or_default()
}

#[track_caller]
fn says(text: &str, line: &str) {
    let found = text.lines().any(|one| one.trim_start().starts_with(line));
    assert!(found, "no line begins with {line:?} in\n{text}");
}

#[test]
fn the_ticket_is_what_repeats_and_the_event_what_does_not() {
    let text = mapping(&[
        r#"{"id":901,"case_no":"A-1","kind":"case.opened","happened":"2026-03-02T09:00:00Z","opened":"2026-03-02T09:00:00Z","state":"New"}"#,
        r#"{"id":902,"case_no":"A-1","kind":"case.closed","happened":"2026-03-02T10:00:00Z","opened":"2026-03-02T09:00:00Z","state":"Closed"}"#,
        r#"{"id":903,"case_no":"A-2","kind":"ping","happened":"2026-03-02T11:00:00Z","opened":"2026-03-02T11:00:00Z","state":"Frobbed"}"#,
    ]);
    says(&text, "ticket_id: .case_no ");
    says(&text, "event_id: .id ");
    says(&text, "at: .happened ");
    says(&text, "created_at: .opened ");
    says(&text, "status: { value: .state, map: status }");
    says(&text, "new: [New]");
    says(&text, "closed: [Closed]");
    says(&text, "# what does this mean? Frobbed");
    says(&text, "when: { .kind: [ping] }");
    says(&text, "when: { .kind: [case.closed] }");
    says(&text, "# team: not found");
}

#[test]
fn wrappers_are_taken_off() {
    let row = |op: &str, state: &str, at: u64| {
        format!(
            r#"{{"before":null,"after":{{"id":7,"status":"{state}","created_at":1772442000000,"updated_at":{at}}},"source":{{"connector":"mysql","table":"cases","ts_ms":{at}}},"op":"{op}"}}"#
        )
    };
    let rows = [
        row("c", "open", 1_772_442_000_000),
        row("u", "done", 1_772_442_060_000),
    ];
    let text = mapping(&[&rows[0], &rows[1]]);
    says(&text, "unwrap: [debezium]");
    says(&text, "ticket_id: .id ");
    says(&text, "at: .updated_at ");
    says(&text, "created_at: .created_at ");
    says(&text, "when: { $op: c }");
    let text = mapping(&[
        r#"{"from":"x","body":"{\"ticket\":{\"id\":1,\"status\":\"open\",\"updated\":\"2026-03-02 09:00:00\",\"team\":\"a\"}}"}"#,
    ]);
    says(&text, "unwrap: [{ json: .body }]");
    says(&text, "ticket_id: .ticket.id ");
    says(&text, "zone: UTC ");
}

#[test]
fn nothing_of_people_is_shown() {
    let text = mapping(&[
        r#"{"ticket_id":4711,"time":"2026-03-02T09:00:00Z","status":"open","assignee":"Jane Doe","team":"Blue","title":"My printer","email":"jane@example.com","jane@example.com":{"status":"x"},"state":"Jane Doe said 12345"}"#,
        r#"{"ticket_id":4711,"time":"2026-03-02T09:01:00Z","status":"jane@example.com","assignee":"Jane Doe","team":"Blue","title":"My printer burns","email":"jane@example.com","state":"x"}"#,
    ]);
    for secret in ["Jane", "jane", "4711", "printer", "Blue", "12345"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    says(&text, "agent: .assignee ");
    says(&text, "team: .team ");
}

#[test]
fn nobody_and_forms_of_times_are_said() {
    let text = mapping(&[
        r#"{"ticket":{"id":1,"owner_id":0,"modified":"31.12.2025 23:15","priority":"P1"}}"#,
        r#"{"ticket":{"id":1,"owner_id":5,"modified":"01.01.2026 00:15","priority":"P2"}}"#,
    ]);
    says(&text, "agent: { value: .ticket.owner_id, none: [\"0\"] }");
    says(
        &text,
        "at: { value: .ticket.modified, format: \"%d.%m.%Y %H:%M\" }",
    );
    says(&text, "priority: .ticket.priority ");
}

#[test]
fn what_is_no_ticket_has_no_mapping() {
    for lines in [&["{}", "[]", "7", "null", "\"x\"", "{"][..], &[][..]] {
        assert_eq!(mapping(lines), "", "{lines:?}");
    }
}
