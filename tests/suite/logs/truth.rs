//! The naive implementation compared with numbers in the logs' own folders, which were computed from the
//! logs by other means, where the definitions agree.

use super::{bpi2013, folder, helpdesk_italian, instant, kaggle, large, zendesk};
use crate::naive::{Output, Setup, compute};
use serde_json::Value;

/// Time neither finalizes nor forgets tickets.
fn patient() -> Setup {
    Setup {
        finalize_after: "36500d".into(),
        retain: "36500d".into(),
        windows: vec!["1h".into()],
        ..Setup::default()
    }
}

fn truth(name: &str) -> Value {
    let path = folder().join(name).join("ground_truth.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The sum over the series of a family whose labels have all of these parts.
fn total(output: &Output, family: &str, parts: &[&str]) -> f64 {
    let start = format!("{family}{{");
    output
        .series
        .iter()
        .filter(|(key, _)| key.starts_with(&start) && parts.iter().all(|part| key.contains(part)))
        .map(|(_, value)| value)
        .sum()
}

const CALENDAR: &[&str] = &["clock=\"calendar\""];

fn of_types(lines: &[String], types: &[&str]) -> Vec<String> {
    let holds = |line: &&String| {
        types
            .iter()
            .any(|kind| line.contains(&format!("\"type\":\"{kind}\"")))
    };
    lines.iter().filter(holds).cloned().collect()
}

fn reopens(truth: &Value) -> f64 {
    let cases = truth["reopens_per_case"].as_object().unwrap();
    let total =
        |(times, cases): (&String, &Value)| times.parse::<f64>().unwrap() * cases.as_f64().unwrap();
    cases.iter().map(total).sum()
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_italian_help_desk() {
    let truth = truth("helpdesk_italian");
    let lines = helpdesk_italian();
    let output = compute(&patient(), &lines, None);
    assert_eq!(output.duplicates + output.out_of_order + output.invalid, 0);
    let created = total(&output, "ticket_created_total", &[]);
    assert_eq!(created, truth["cases"].as_f64().unwrap());
    assert_eq!(
        total(&output, "ticket_reopened_total", &[]),
        reopens(&truth)
    );

    // Only resolutions, without the automatic closer.
    let types = ["created", "message", "status_changed", "solved"];
    let output = compute(&patient(), &of_types(&lines, &types), None);
    let first = &truth["first_resolve_minus_first_event"];
    let family = "ticket_first_resolution_seconds";
    let count = total(&output, &format!("{family}_count"), CALENDAR);
    assert_eq!(count, first["n"].as_f64().unwrap());
    let sum = total(&output, &format!("{family}_sum"), CALENDAR);
    assert_eq!(sum, first["sum_s"].as_f64().unwrap());

    // Only the replies. Those at the very start are opening messages here, and their cases are left out.
    let lines_of = |kind: &str| of_types(&lines, &[kind]);
    let starts: std::collections::BTreeMap<String, i64> = lines_of("created")
        .iter()
        .map(|line| case_and_time(line))
        .collect();
    let mut begun = std::collections::BTreeSet::new();
    let mut kept = lines_of("created");
    for line in lines_of("message") {
        let (case, at) = case_and_time(&line);
        if starts[&case] == at {
            begun.insert(case);
        } else if !begun.contains(&case) {
            kept.push(line.replace("\"status\":\"open\"", "\"status\":\"new\""));
        }
    }
    let output = compute(&patient(), &kept, None);
    let take = &truth["first_take_in_charge_minus_first_event"];
    let family = "ticket_first_response_seconds";
    let count = total(&output, &format!("{family}_count"), CALENDAR);
    assert_eq!(
        count,
        take["n"].as_f64().unwrap() - take["zero"].as_f64().unwrap()
    );
    let sum = total(&output, &format!("{family}_sum"), CALENDAR);
    assert_eq!(sum, take["sum_s"].as_f64().unwrap());

    // The backlog at some instants.
    let lines = of_types(&lines, &["created", "closed"]);
    for (at, count) in truth["backlog_unclosed"].as_object().unwrap() {
        let output = compute(&patient(), &lines, Some(instant(at)));
        let backlog = total(&output, "ticket_backlog", &[]);
        assert_eq!(backlog, count.as_f64().unwrap(), "{at}");
    }
}

fn case_and_time(line: &str) -> (String, i64) {
    let event: Value = serde_json::from_str(line).unwrap();
    let case = event["ticket_id"].as_str().unwrap().to_owned();
    (case, event["at"].as_i64().unwrap())
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_problems_of_volvo() {
    let truth = truth("bpi2013_closed_problems");
    let output = compute(&patient(), &bpi2013(), None);
    assert_eq!(output.duplicates + output.out_of_order + output.invalid, 0);
    let created = total(&output, "ticket_created_total", &[]);
    assert_eq!(created, truth["cases"].as_f64().unwrap());
    assert_eq!(
        total(&output, "ticket_reopened_total", &[]),
        reopens(&truth)
    );
    let first = &truth["first_completed_minus_first_event"];
    let family = "ticket_first_resolution_seconds";
    let count = total(&output, &format!("{family}_count"), CALENDAR);
    assert_eq!(count, first["n"].as_f64().unwrap());
    let sum = total(&output, &format!("{family}_sum"), CALENDAR);
    assert_eq!(sum, first["sum_s"].as_f64().unwrap());
    let pending = total(
        &output,
        "ticket_status_seconds_total",
        &["status=\"pending\""],
    );
    assert_eq!(
        pending,
        truth["seconds_in_wait_status_total"].as_f64().unwrap()
    );
    let moves: f64 = truth["team_changes_per_case"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(moves, cases)| moves.parse::<f64>().unwrap() * cases.as_f64().unwrap())
        .sum();
    assert_eq!(total(&output, "ticket_transferred_total", &[]), moves);
    assert_eq!(total(&output, "ticket_backlog", &[]), 0.0);
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_made_up_tickets_of_kaggle() {
    let output = compute(&patient(), &kaggle(), None);
    let backlog = |status: &str| {
        let status = format!("status=\"{status}\"");
        total(&output, "ticket_backlog", &[&status])
    };
    assert_eq!((backlog("pending"), backlog("open")), (2881.0, 2819.0));
    let rated = |rating: &str| {
        let rating = format!("rating=\"{rating}\"");
        total(&output, "ticket_csat_ratings_total", &[&rating])
    };
    // 4 and 5 are good, 1 to 3 bad: 3 of 5 is the middle of the scale.
    assert_eq!(
        (rated("good"), rated("bad")),
        (543.0 + 544.0, 553.0 + 549.0 + 580.0)
    );
    assert_eq!(total(&output, "ticket_solved_total", &[]), 2769.0);
    // Without a creation time there is no such observation.
    assert_eq!(
        total(&output, "ticket_first_response_seconds_count", &[]),
        0.0
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_only_complete_history_of_the_zendesk_samples() {
    let lines = zendesk();
    let whole = compute(&patient(), &lines, None);
    assert_eq!(whole.invalid, 0);
    let of_ticket = |line: &&String| line.contains("\"ticket_id\":\"11071\"");
    let lines: Vec<String> = lines.iter().filter(of_ticket).cloned().collect();
    let output = compute(&patient(), &lines, None);
    let days = |status: &str| {
        let status = format!("status=\"{status}\"");
        total(&output, "ticket_status_seconds_total", &[&status]) / 86_400.0
    };
    assert_eq!(
        (days("open"), days("pending"), days("on_hold")),
        (30.0, 28.0, 20.0)
    );
    assert_eq!(days("solved"), 1.0);
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_large_log_has_its_size() {
    let lines = large();
    let output = compute(&Setup::default(), &lines, None);
    assert_eq!(total(&output, "ticket_created_total", &[]), 25_000.0);
    let teams: std::collections::BTreeSet<&str> = output
        .series
        .keys()
        .filter_map(|key| key.split("team=\"").nth(1)?.split('"').next())
        .filter(|team| team.starts_with("team "))
        .collect();
    assert_eq!(teams.len(), 649);
    assert!(lines.len() > 100_000, "{} lines", lines.len());
}
