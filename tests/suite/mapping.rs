//! Records of other systems: golden cases, and their KPIs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ticket_exporter::app::samples::{self, SampleOutcome, SampleRecord};
use ticket_exporter::config::{self, PRESETS};
use ticket_exporter::decode::{Decoder, Record};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{Counts, Engine};
use ticket_exporter::exposition::{Format, render};

use crate::harness::{self, scrape};
use crate::logs;

fn decoder(yaml: &str, directory: &Path) -> Decoder {
    let file = directory.join("config.yaml");
    let mut read = |path: &Path| {
        if path == file {
            Ok(yaml.to_owned())
        } else {
            fs::read_to_string(path)
        }
    };
    let loaded = config::load(Some(&file), [], &[], &mut read);
    Decoder::new(
        &loaded
            .unwrap_or_else(|errors| panic!("{errors}"))
            .config
            .mapping,
    )
}

pub fn preset(name: &str) -> Decoder {
    decoder(&format!("mapping: {{preset: {name}}}\n"), Path::new(""))
}

fn lines(outcome: &SampleOutcome) -> impl Iterator<Item = &str> {
    outcome.events.iter().map(|event| event.line.as_str())
}

#[test]
fn records_become_the_events_worked_out_by_hand() {
    let cases = harness::cases("tests/mapping");
    assert!(cases.len() >= 4, "cases are missing");
    for case in cases {
        let yaml = fs::read_to_string(case.join("config.yaml")).unwrap();
        let decoder = decoder(&yaml, &case);
        let mut said = String::new();
        for sample in case_samples(&case) {
            let outcome = samples::apply(&decoder, &sample);
            assert_eq!(outcome.rejections, Vec::<String>::new(), "{}", sample.place);
            for line in lines(&outcome) {
                said.push_str(line);
                said.push('\n');
                let event = ticket_exporter::decode::decode(line.as_bytes(), None);
                assert!(event.is_ok(), "{}: no event: {line}", sample.place);
            }
        }
        let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
        assert_eq!(said, expected, "{}", case.display());
    }
}

/// The records of a case: in envelopes, or the rows of a table.
pub fn case_samples(case: &Path) -> Vec<SampleRecord> {
    let table = case.join("records.csv");
    let (path, envelopes) = if table.exists() {
        (table, false)
    } else {
        (case.join("records.jsonl"), true)
    };
    samples::read(&path, envelopes).unwrap()
}

/// Applies records, and some of them twice.
pub fn applied<'a>(
    decoder: &Decoder,
    records: impl IntoIterator<Item = &'a [u8]>,
    times: usize,
) -> (String, Counts) {
    let mut engine = Engine::new(Arc::default(), Timestamp::LATEST);
    let partition = engine.only_partition();
    for record in records {
        for _ in 0..times {
            let decoded = decoder.decode(&Record::of(record), None);
            assert_eq!(decoded.rejection(), None);
            for event in decoded.events() {
                engine.apply(partition, event);
            }
        }
    }
    let end = engine.greatest_event(partition).unwrap();
    engine.advance(partition, end);
    let text = render(Format::Text, &[&engine.snapshot()], 0);
    (String::from_utf8(text).unwrap(), engine.counts())
}

/// The samples of a system from its own documentation, in the order of their names.
fn published(system: &str) -> Vec<SampleRecord> {
    let folder = logs::folder().join("webhook_payloads").join(system);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let samples = paths
        .iter()
        .flat_map(|path| samples::read(path, false).unwrap());
    samples.collect()
}

/// The sum over the series of a family that have these labels.
pub fn total(text: &str, family: &str, labels: &[(&str, &str)]) -> f64 {
    let scrape = scrape(text);
    let samples = scrape.samples().iter().filter(|sample| {
        sample.name == family
            && labels
                .iter()
                .all(|(name, value)| sample.labels.get(*name).is_some_and(|one| one == value))
    });
    samples.map(|sample| sample.value).sum()
}

/// Family, labels and the sum over their series.
type Total<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

fn assert_totals(text: &str, expected: &[Total<'_>]) {
    for (family, labels, value) in expected {
        let found = total(text, family, labels);
        assert!(
            (found - value).abs() < 1e-9,
            "{family}{labels:?}: {found}, not {value}"
        );
    }
}

const CALENDAR: &[(&str, &str)] = &[("clock", "calendar")];

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_life_of_a_jira_issue_gives_its_kpis() {
    let samples = published("jira");
    let records = || samples.iter().filter_map(|sample| sample.value.as_deref());
    let (text, counts) = applied(&preset("jira"), records(), 1);
    assert_eq!(counts.applied, 6);
    assert_totals(
        &text,
        &[
            (
                "ticket_created_total",
                &[("team", "TES"), ("priority", "High")],
                1.0,
            ),
            // The reporter wrote the comment, which therefore answers nothing.
            ("ticket_replies_total", &[], 0.0),
            ("ticket_first_response_seconds_count", CALENDAR, 0.0),
            ("ticket_awaiting_first_response", &[("team", "TES")], 1.0),
            ("ticket_first_resolution_seconds_sum", CALENDAR, 827.506),
            ("ticket_first_resolution_seconds_count", CALENDAR, 1.0),
            ("ticket_solved_total", &[], 1.0),
            ("ticket_reopened_total", &[], 1.0),
            ("ticket_status_seconds_total", &[("status", "new")], 749.031),
            (
                "ticket_status_seconds_total",
                &[("status", "solved")],
                86.024,
            ),
            ("ticket_finalized_total", &[], 0.0),
            ("ticket_backlog", &[("team", "TES")], 1.0),
            ("ticket_unassigned", &[], 0.0),
        ],
    );
    let (again, counts) = applied(&preset("jira"), records(), 2);
    assert_eq!((again, counts.duplicate), (text, 6), "each delivered twice");
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_life_of_a_zendesk_ticket_gives_its_kpis() {
    let samples = published("zendesk");
    let records = samples.iter().filter_map(|sample| sample.value.as_deref());
    let (text, _) = applied(&preset("zendesk"), records, 1);
    assert_totals(
        &text,
        &[
            ("ticket_created_total", &[("channel", "web_service")], 1.0),
            ("ticket_first_response_seconds_sum", CALENDAR, 15_202.451),
            ("ticket_first_resolution_seconds_sum", CALENDAR, 23_593.315),
            ("ticket_solved_total", &[("priority", "high")], 1.0),
            ("ticket_backlog", &[], 0.0),
        ],
    );
}

/// The records of a golden case.
fn golden(case: &str) -> Vec<SampleRecord> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    case_samples(&folder.join(case))
}

fn values(samples: &[SampleRecord]) -> impl Iterator<Item = &[u8]> {
    samples.iter().filter_map(|sample| sample.value.as_deref())
}

/// Zendesk sends the events of a merge in any order.
#[test]
fn a_merge_solves_nothing_in_whichever_order_its_events_come() {
    let decoder = preset("zendesk");
    let mut samples = golden("zendesk-merge");
    for _ in 0..4 {
        samples[1..5].rotate_left(1);
        for _ in 0..2 {
            samples[1..5].reverse();
            let (text, _) = applied(&decoder, values(&samples), 1);
            assert_totals(
                &text,
                &[
                    ("ticket_withdrawn_total", &[("reason", "merged")], 1.0),
                    // The follow-up, which has the tag of the merged ticket.
                    ("ticket_solved_total", &[], 1.0),
                    ("ticket_finalized_total", &[("first_contact", "true")], 1.0),
                    ("ticket_replies_total", &[], 1.0),
                    ("ticket_first_response_seconds_sum", CALENDAR, 60.0),
                ],
            );
        }
    }
}

#[test]
fn jira_tells_the_reporter_from_agents_in_every_source() {
    let decoder = preset("jira");
    let (text, _) = applied(&decoder, values(&golden("jira-data-center")), 2);
    assert_totals(
        &text,
        &[
            ("ticket_replies_total", &[], 2.0),
            ("ticket_first_response_seconds_sum", CALENDAR, 300.0),
            // The comment that resolves the issue.
            ("ticket_first_resolution_seconds_sum", CALENDAR, 600.06),
            ("ticket_solved_total", &[], 1.0),
            ("ticket_reopened_total", &[], 0.0),
        ],
    );
    let (text, _) = applied(&decoder, values(&golden("jira-automation")), 2);
    assert_totals(
        &text,
        &[
            ("ticket_created_total", &[], 1.0),
            ("ticket_replies_total", &[], 1.0),
            ("ticket_first_response_seconds_sum", CALENDAR, 120.0),
            // The transition says it before the webhook, whose issue is older.
            ("ticket_first_resolution_seconds_sum", CALENDAR, 360.0),
            ("ticket_solved_total", &[], 1.0),
            ("ticket_reopened_total", &[], 1.0),
        ],
    );
}

/// The first delivery of the closing failed. A comment of the same second says that the issue is closed.
#[test]
fn a_repeated_closing_does_not_close_a_reopened_issue() {
    for name in ["github", "gitlab"] {
        let samples = golden(name);
        let late = &samples[samples.len() - 4..];
        let (text, _) = applied(&preset(name), values(late), 1);
        assert_totals(
            &text,
            &[
                ("ticket_solved_total", &[], 1.0),
                ("ticket_reopened_total", &[], 1.0),
                ("ticket_replies_total", &[], 1.0),
                ("ticket_backlog", &[], 1.0),
            ],
        );
    }
}

const TABLE: &str = "mapping:
  unwrap: [debezium]
  common: { ticket_id: .id, at: .changed, created_at: .created, status: .status, team: .team }
  rules:
    snapshot: { when: { $op: r }, snapshot: true, type: updated }
    created: { when: { $op: c }, type: created }
    changed: { when: { $op: u }, type: updated }
";

#[test]
fn a_snapshot_describes_tickets_and_counts_nothing() {
    let row = |op: &str, id: u32, status: &str, changed: i64| {
        format!(
            "{{\"before\":null,\"after\":{{\"id\":{id},\"status\":\"{status}\",\"team\":\"a\",\
             \"created\":1767225600000,\"changed\":{changed}}},\"op\":\"{op}\"}}"
        )
    };
    let at = |minutes: i64| 1_767_225_600_000 + minutes * 60_000;
    let records = [
        row("r", 1, "open", at(5)),
        row("r", 2, "solved", at(6)),
        row("r", 3, "closed", at(7)),
    ];
    let decoder = decoder(TABLE, Path::new(""));
    let bytes = |records: &'static [String]| records.iter().map(String::as_bytes);
    let records: &'static [String] = Box::leak(Box::new(records));
    let (text, _) = applied(&decoder, bytes(records), 1);
    let none = &[];
    assert_totals(
        &text,
        &[
            ("ticket_created_total", none, 0.0),
            ("ticket_solved_total", none, 0.0),
            ("ticket_first_resolution_seconds_count", none, 0.0),
            ("ticket_finalized_total", none, 0.0),
            ("ticket_backlog", &[("team", "a"), ("status", "open")], 1.0),
            ("ticket_backlog", none, 1.0),
        ],
    );
    // Later events count, from the creation time of the row.
    let more = vec![
        row("r", 1, "open", at(5)),
        row("u", 1, "solved", at(60)),
        row("c", 4, "open", at(70)),
    ];
    let more: &'static [String] = Box::leak(more.into_boxed_slice());
    let (text, _) = applied(&decoder, bytes(more), 1);
    assert_totals(
        &text,
        &[
            ("ticket_created_total", none, 1.0),
            ("ticket_solved_total", none, 1.0),
            ("ticket_first_resolution_seconds_sum", CALENDAR, 3_600.0),
        ],
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn every_published_sample_of_a_preset_is_understood() {
    for (name, _) in PRESETS {
        if !logs::folder().join("webhook_payloads").join(name).is_dir() {
            continue;
        }
        for mut sample in published(name) {
            sample.timestamp = Some(1_772_442_000_000); // Freshdesk's records have no time of their own
            let outcome = samples::apply(&preset(name), &sample);
            assert_eq!(outcome.rejections, Vec::<String>::new(), "{}", sample.place);
        }
    }
}
