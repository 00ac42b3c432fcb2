//! Recorded tickets as canonical events in time order. The repository does not contain them; the tests read
//! them from the folder `TICKET_EXPORTER_TEST_DATA`.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod table;
mod truth;

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use table::Table;

const FOLDER_VARIABLE: &str = "TICKET_EXPORTER_TEST_DATA";
/// The size of the large log, as of a real helpdesk over some years.
const LARGE_TICKETS: usize = 25_000;
const LARGE_TEAMS: usize = 649;

/// The folder with the logs. Tests that need it are ignored by default; `tests/run` runs them if the folder
/// exists.
pub fn folder() -> PathBuf {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(default, PathBuf::from);
    assert!(
        folder.is_dir(),
        "the recorded ticket data is missing: there is no folder {}.\n\
         Set {FOLDER_VARIABLE} to where it is. A test that needs it is marked \
         #[ignore = \"recorded data: …\"]; tests/README.md says what the data is.",
        folder.display()
    );
    folder
}

/// An Italian help desk: taking in charge is a reply, the resource is the team.
pub fn helpdesk_italian() -> Vec<String> {
    let table = Table::gzip("helpdesk_italian/helpdesk.csv.gz");
    let mut log = EventLog::default();
    for row in table.rows() {
        let (case, index) = (row["case_id"], row["event_index"]);
        let at = instant(row["timestamp"]);
        let activity = row["activity"];
        let (kind, status) = match activity {
            "Take in charge ticket" => ("message", "open"),
            "Resolve ticket" => ("solved", "solved"),
            "Closed" => ("closed", "closed"),
            "Wait" => ("status_changed", "pending"),
            _ => ("status_changed", "open"),
        };
        log.step(case, index, at, kind, status, row["resource"]);
    }
    log.lines()
}

/// Problem management of Volvo IT: accepting is a reply, completing closes, the organization line is the
/// team.
pub fn bpi2013() -> Vec<String> {
    let table = Table::gzip("bpi2013_closed_problems/closed_problems.csv.gz");
    let mut log = EventLog::default();
    for row in table.rows() {
        let (case, index) = (row["case_id"], row["event_index"]);
        let at = instant(row["timestamp"]);
        let (kind, status) = match row["activity"] {
            "Accepted-Wait" => ("message", "pending"),
            accepted if accepted.starts_with("Accepted-") => ("message", "open"),
            completed if completed.starts_with("Completed-") => ("closed", "closed"),
            _ => ("status_changed", "open"),
        };
        log.step(case, index, at, kind, status, row["org_line"]);
    }
    log.lines()
}

/// Sample rows of a Zendesk: tickets, their field history and comments, which do not join well.
pub fn zendesk() -> Vec<String> {
    let read = |name: &str| Table::plain(&format!("zendesk_dbt_seed/{name}_data.csv"));
    let (groups, users) = (read("group"), read("user"));
    let group_names: BTreeMap<&str, &str> =
        groups.rows().map(|row| (row["id"], row["name"])).collect();
    let roles: BTreeMap<&str, &str> = users.rows().map(|row| (row["id"], row["role"])).collect();
    let mut log = EventLog::default();
    for (index, row) in read("ticket").rows().enumerate() {
        let at = zendesk_instant(row["created_at"]);
        let mut event = event(row["id"], &format!("ticket-{index}"), "created");
        event.insert("channel".into(), json!(row["via_channel"]));
        if let Some(name) = group_names.get(row["group_id"]) {
            event.insert("team".into(), json!(name));
        }
        if !row["priority"].is_empty() {
            event.insert("priority".into(), json!(row["priority"]));
        }
        log.add(at, event);
    }
    for (index, row) in read("ticket_field_history").rows().enumerate() {
        let at = zendesk_instant(row["updated"]);
        let value = row["value"];
        let mut event = event(row["ticket_id"], &format!("field-{index}"), "updated");
        match (row["field_name"], value) {
            ("status", "deleted") => event.insert("type".into(), json!("deleted")),
            ("status", "on-hold" | "hold") => event.insert("status".into(), json!("on_hold")),
            ("status", "") | ("priority", "") => None,
            ("status", status) => event.insert("status".into(), json!(status)),
            ("priority", priority) => event.insert("priority".into(), json!(priority)),
            ("assignee_id", "") => event.insert("agent".into(), Value::Null),
            ("assignee_id", agent) => event.insert("agent".into(), json!(agent)),
            _ => None,
        };
        log.add(at, event);
    }
    for row in read("ticket_comment").rows() {
        let at = zendesk_instant(row["created"]);
        let id = format!("comment-{}", row["id"]);
        let mut event = event(row["ticket_id"], &id, "message");
        event.insert("public".into(), json!(row["public"] == "TRUE"));
        match roles.get(row["user_id"]) {
            Some(&("agent" | "admin")) => event.insert("actor".into(), json!("agent")),
            Some(_) => event.insert("actor".into(), json!("customer")),
            None => None,
        };
        log.add(at, event);
    }
    log.lines()
}

/// Synthetic tickets with ratings and impossible durations. Their creation time is unknown: each first
/// event comes before any answer.
pub fn kaggle() -> Vec<String> {
    let table = Table::gzip("kaggle_support_tickets_synthetic/tickets.csv.gz");
    let first_heard = instant("2023-05-31T00:00:00Z");
    let mut log = EventLog::default();
    for row in table.rows() {
        let ticket = row["ticket_id"];
        let new = |id: &str, kind: &str| event(ticket, &format!("{ticket}-{id}"), kind);
        let mut heard = new("0", "updated");
        heard.insert("team".into(), json!(row["ticket_type"]));
        heard.insert("priority".into(), json!(row["ticket_priority"]));
        heard.insert("channel".into(), json!(row["ticket_channel"]));
        heard.insert("status".into(), json!("open"));
        log.add(first_heard, heard);
        if let Some(at) = kaggle_instant(row["first_response_time"]) {
            let mut reply = new("1", "message");
            reply.insert("actor".into(), json!("agent"));
            if row["ticket_status"] == "Pending Customer Response" {
                reply.insert("status".into(), json!("pending"));
            }
            log.add(at, reply);
        }
        if let Some(at) = kaggle_instant(row["time_to_resolution"]) {
            log.add(at, new("2", "closed"));
            let mut rated = new("3", "csat_rated");
            let score: f64 = row["customer_satisfaction_rating"].parse().unwrap();
            rated.insert("score".into(), json!(score));
            log.add(at, rated);
        }
    }
    log.lines()
}

/// The two real logs repeated, each copy some months later, as 25,000 tickets of 649 teams.
pub fn large() -> Vec<String> {
    let logs = [helpdesk_italian(), bpi2013()];
    let parsed: Vec<Map<String, Value>> = logs
        .iter()
        .flatten()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let distinct = |member: &str| -> BTreeMap<&str, usize> {
        let names: BTreeSet<&str> = parsed
            .iter()
            .filter_map(|event| event[member].as_str())
            .collect();
        names.into_iter().zip(0..).collect()
    };
    let (cases, teams) = (distinct("ticket_id"), distinct("team"));
    let mut log = EventLog::default();
    for copy in 0..LARGE_TICKETS.div_ceil(cases.len()) {
        for event in &parsed {
            let case = cases[event["ticket_id"].as_str().unwrap()];
            let ticket = copy * cases.len() + case;
            if ticket >= LARGE_TICKETS {
                continue;
            }
            let team = teams[event["team"].as_str().unwrap()];
            let team = (team + ticket * teams.len()) % LARGE_TEAMS;
            let id = format!("{copy}-{}", event["event_id"].as_str().unwrap());
            let mut event = event.clone();
            event.insert("ticket_id".into(), json!(ticket));
            event.insert("event_id".into(), json!(id));
            event.insert("team".into(), json!(format!("team {team:03}")));
            event.insert("priority".into(), json!(format!("p{}", 1 + ticket % 4)));
            // The shift has some seconds, so that the copies are not in step.
            let shift = copy as i64 * 137 * 86_400_000 + (ticket % 977) as i64 * 1000;
            let at = event["at"].as_i64().unwrap() + shift;
            log.add(at, event);
        }
    }
    log.lines()
}

/// Events in the order of the log, to be sorted by time.
#[derive(Default)]
struct EventLog {
    events: Vec<(i64, Map<String, Value>)>,
}

impl EventLog {
    /// A step of a case. The first step creates the ticket.
    fn step(&mut self, case: &str, index: &str, at: i64, kind: &str, status: &str, team: &str) {
        let first = index == "0";
        if first {
            let mut created = event(case, &format!("{case}-created"), "created");
            created.insert("team".into(), json!(team));
            self.add(at, created);
        }
        let mut step = event(case, &format!("{case}-{index}"), kind);
        if kind == "message" {
            step.insert("actor".into(), json!("agent"));
        }
        step.insert("status".into(), json!(status));
        step.insert("team".into(), json!(team));
        self.add(at, step);
    }

    fn add(&mut self, at: i64, event: Map<String, Value>) {
        let mut event = event;
        event.insert("at".into(), json!(at));
        self.events.push((at, event));
    }

    /// In time order; events of the same instant keep the order of the log.
    fn lines(mut self) -> Vec<String> {
        self.events.sort_by_key(|(at, _)| *at);
        let line = |(_, event)| Value::Object(event).to_string();
        self.events.into_iter().map(line).collect()
    }
}

fn event(ticket: &str, id: &str, kind: &str) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("ticket_id".into(), json!(ticket));
    event.insert("type".into(), json!(kind));
    event.insert("event_id".into(), json!(id));
    event
}

fn instant(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_millis()
}

fn zendesk_instant(text: &str) -> i64 {
    let text = text.get(..19).unwrap_or(text);
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S");
    local.unwrap().and_utc().timestamp_millis()
}

fn kaggle_instant(text: &str) -> Option<i64> {
    let local = NaiveDateTime::parse_from_str(text, "%m/%d/%Y %H:%M").ok()?;
    Some(local.and_utc().timestamp_millis())
}
