//! The presets with samples of the systems' own documentation, and the expected events of each sample.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use ticket_exporter::app::samples::{self, SampleRecord};
use ticket_exporter::config::PRESETS;

use crate::logs;
use crate::mapping::{applied, preset, total};

/// The timestamp of every record whose JSON has none: 2 March 2026, 09:00 UTC.
const ARRIVAL: i64 = 1_772_442_000_000;

/// The events of a sample, and whether it was ignored.
fn events(name: &str, file: &str) -> Vec<Value> {
    let path = logs::folder().join("webhook_payloads").join(file);
    let read = samples::read(&path, false).unwrap_or_else(|error| panic!("{error:?}"));
    let decoder = preset(name);
    let mut events = Vec::new();
    for sample in read {
        let sample = SampleRecord {
            timestamp: Some(ARRIVAL),
            ..sample
        };
        let outcome = samples::apply(&decoder, &sample);
        assert_eq!(outcome.rejections, Vec::<String>::new(), "{file}");
        assert_eq!(outcome.unmapped, Vec::<String>::new(), "{file}");
        assert_eq!(
            outcome.events.is_empty(),
            outcome.ignored.is_some(),
            "{file}"
        );
        let lines = outcome.events.iter().map(|event| &event.line);
        events.extend(lines.map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    events
}

/// Asserts that the sample gives these events, each with at least these members.
fn becomes(name: &str, file: &str, expected: &[&str]) {
    let events = events(name, file);
    assert_eq!(events.len(), expected.len(), "{file}: {events:?}");
    for (event, expected) in events.iter().zip(expected) {
        let expected: Value = serde_json::from_str(expected).unwrap();
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(
                event.get(member),
                Some(value),
                "{file}: {member} of {event}"
            );
        }
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn freshdesk_tickets_are_created_answered_and_reopened() {
    for (file, expected) in [
        (
            "01-ticket_created",
            r#"{"ticket_id":"11","type":"created","status":"pending","priority":"high","at":"2026-03-02T09:00:00.000Z"}"#,
        ),
        (
            "02-public_note",
            r#"{"ticket_id":"11","type":"message","actor":"agent","public":true,"status":"open"}"#,
        ),
        (
            "03-status_changed",
            r#"{"ticket_id":"11","type":"status_changed","status":"pending"}"#,
        ),
    ] {
        becomes("freshdesk", &format!("freshdesk/{file}.json"), &[expected]);
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn a_new_freshservice_ticket_may_be_spam_as_well() {
    becomes(
        "freshservice",
        "freshservice/01-ticket.json",
        &[
            r#"{"ticket_id":"14000239432","type":"created","status":"open","priority":"medium","at":"2021-11-22T16:58:45.000Z"}"#,
            r#"{"ticket_id":"14000239432","type":"spam"}"#,
        ],
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_first_article_of_a_zammad_ticket_creates_it() {
    becomes(
        "zammad",
        "zammad/01-default_webhook-ticket_and_article.json",
        &[
            r#"{"ticket_id":"81","type":"created","at":"2020-11-13T14:34:35.282Z","team":"Service Desk","agent":"assigned","priority":"normal","channel":"phone"}"#,
            r#"{"ticket_id":"81","type":"message","actor":"customer","public":true}"#,
            r#"{"ticket_id":"81","type":"updated","status":"open"}"#,
        ],
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn servicenow_incidents_are_created_and_assigned() {
    for (file, expected) in [
        (
            "01-incident-jsonv2",
            r#"{"ticket_id":"INC0010180","type":"created","at":"2010-02-23T22:51:49.000Z","status":"new","agent":null,"channel":"phone"}"#,
        ),
        (
            "02-incident-created",
            r#"{"ticket_id":"INC0010005","type":"created","at":"2021-01-27T22:49:11.000Z","status":"new","team":null,"agent":null}"#,
        ),
        (
            "06-table_api-incident-patched_in_progress",
            r#"{"ticket_id":"INC0000050","type":"updated","at":"2016-01-22T14:12:37.000Z","status":"open","agent":"assigned","priority":"critical"}"#,
        ),
    ] {
        becomes(
            "servicenow",
            &format!("servicenow/{file}.json"),
            &[expected],
        );
    }
}

/// The author of an issue is its requester. The engine takes the message for a customer's.
#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn gitlab_incidents_are_created_closed_and_commented() {
    for (file, expected) in [
        (
            "01-incident_created",
            r#"{"ticket_id":"support-group/desk#2","type":"created","at":"2026-05-28T05:04:31.155Z","status":"open","agent":null}"#,
        ),
        // 159.093 s after its creation.
        (
            "03-incident_closed",
            r#"{"ticket_id":"support-group/desk#6","type":"status_changed","status":"solved","created_at":"2026-05-28T06:09:06.964Z","at":"2026-05-28T06:11:46.057Z","agent":"assigned"}"#,
        ),
        (
            "06-issue_note",
            r#"{"ticket_id":"gitlab-org/gitlab-test#17","type":"message","actor":"agent","requester":"1","author":"1","public":true,"at":"2015-05-17T17:06:40.000Z"}"#,
        ),
    ] {
        becomes("gitlab", &format!("gitlab/{file}.json"), &[expected]);
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn github_issues_are_created_assigned_labeled_commented_and_reopened() {
    for (file, expected) in [
        (
            "01-issues.opened",
            r#"{"type":"created","at":"2019-05-15T15:20:18.000Z","status":"open"}"#,
        ),
        (
            "02-issues.assigned",
            r#"{"type":"agent_changed","agent":"assigned"}"#,
        ),
        ("03-issues.labeled", r#"{"type":"updated","status":"open"}"#),
        (
            "04-issue_comment.created",
            r#"{"type":"message","actor":"agent","requester":"21031067","author":"21031067","event_id":"comment-492700400","at":"2019-05-15T15:20:21.000Z"}"#,
        ),
        (
            "05-issues.reopened",
            r#"{"type":"status_changed","status":"open","at":"2021-10-11T16:40:56.000Z"}"#,
        ),
    ] {
        becomes("github", &format!("github/{file}.json"), &[expected]);
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn envelopes_without_a_ticket_are_ignored() {
    for file in [
        "debezium/01-create-payload_only",
        "debezium/02-update",
        "debezium/06-outbox-raw_row",
        "cloudevents/03-debezium_in_cloudevents",
    ] {
        becomes("debezium", &format!("{file}.json"), &[]);
    }
    becomes(
        "cloudevents",
        "cloudevents/01-structured-json_object.json",
        &[],
    );
}

/// The whole history of a ticket as changes of its row: 30 days open, 28 pending, 20 on hold.
#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_changes_of_a_row_give_the_time_in_each_status() {
    let path = logs::folder().join("zendesk_dbt_seed/ticket_field_history_data.csv");
    let table = fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<u8>> = table
        .lines()
        .filter_map(|line| line.strip_prefix("status,11071,"))
        .map(|line| {
            let (at, status) = (&line[..19], line.rsplit(',').next().unwrap());
            let row = format!(
                "{{\"before\":{{\"id\":11071}},\"after\":{{\"id\":11071,\"status\":\"{status}\",\
                 \"created_at\":\"2020-08-28 11:01:27\",\"updated_at\":\"{at}\"}},\
                 \"source\":{{\"table\":\"tickets\"}},\"op\":\"u\"}}"
            );
            row.into_bytes()
        })
        .collect();
    assert_eq!(rows.len(), 13);
    let (text, _) = applied(&preset("debezium"), rows.iter().map(Vec::as_slice), 1);
    let days =
        |status| total(&text, "ticket_status_seconds_total", &[("status", status)]) / 86_400.0;
    let found = ["open", "pending", "on_hold", "solved"].map(days);
    for (found, truth) in found.into_iter().zip([30.0, 28.0, 20.0, 1.0]) {
        assert!((found - truth).abs() < 1e-9, "{found} days, not {truth}");
    }
}

/// No preset rejects the records of another system: it ignores them.
#[test]
fn records_of_other_systems_are_ignored_by_every_preset() {
    for (name, _) in PRESETS {
        let decoder = preset(name);
        for text in [
            "{}",
            "[]",
            "7",
            "\"text\"",
            "{\"ping\":{\"id\":1}}",
            "null",
            "{\"id\":null}",
        ] {
            let sample = SampleRecord {
                value: Some(text.into()),
                timestamp: Some(ARRIVAL),
                ..SampleRecord::default()
            };
            let outcome = samples::apply(&decoder, &sample);
            assert_eq!(outcome.rejections, Vec::<String>::new(), "{name}: {text}");
            assert!(outcome.ignored.is_some(), "{name}: {text}: {outcome:?}");
        }
    }
}

/// Each preset has a golden case and a guide.
#[test]
fn every_preset_has_a_case_and_a_guide() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let index = fs::read_to_string(root.join("docs/how-to/connect-a-helpdesk.md")).unwrap();
    for (name, _) in PRESETS {
        let config = root.join("tests/mapping").join(name).join("config.yaml");
        let config = fs::read_to_string(&config).unwrap_or_else(|_| panic!("no case of {name}"));
        assert!(config.contains(&format!("preset: {name}\n")), "{name}");
        let guide = root
            .join("docs/how-to/helpdesks")
            .join(format!("{name}.md"));
        let guide = fs::read_to_string(&guide).unwrap_or_else(|_| panic!("no guide of {name}"));
        assert!(guide.contains(&format!("preset: {name}")), "{name}");
        assert!(
            index.contains(&format!("(helpdesks/{name}.md)")),
            "{name} is not in the index"
        );
    }
}
