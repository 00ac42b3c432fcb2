//! The dashboards show the same past as a replay. Each query that needs no range, and each series of any
//! query, gives the same result over blocks of `backfill` as over the expositions of `replay --until`, at
//! ten instants.
//!
//! A replay is one instant, so the test leaves out queries with a range (`increase`, `rate`, an offset).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ticket_exporter::domain::timestamp::Timestamp;

use super::{Dashboard, Parsed};
use crate::end_to_end::{file, is_kpi, path, replay_text, run_well, simulate};
use crate::harness::{Labels, Prometheus, PrometheusOptions, promtool, promtool_path, scrape};

const FROM: &str = "2026-03-04T00:00:00Z";
const HOUR: i64 = 3_600_000;
const INSTANTS: i64 = 10;
/// Instants are at steps of the backfill, in both halves of the two days.
const APART: i64 = 4 * HOUR;

/// Whether the exposition of one instant is enough for a query.
fn needs_one_instant(parsed: &Parsed) -> bool {
    !parsed.has_subquery
        && !parsed.selectors.is_empty()
        && parsed
            .selectors
            .iter()
            .all(|one| is_kpi(&one.name) && !one.is_range && !one.is_past)
}

/// The queries of dashboards that need one instant, and every series of their queries, with their places.
fn questions() -> BTreeMap<String, String> {
    let mut questions = BTreeMap::new();
    for query in Dashboard::all().iter().flat_map(Dashboard::queries) {
        let parsed = Parsed::of(&query.asked());
        for selector in parsed.selectors.iter().filter(|one| is_kpi(&one.name)) {
            questions.insert(selector.written(), query.place.clone());
        }
        if needs_one_instant(&parsed) {
            questions.insert(query.asked(), query.place);
        }
    }
    questions
}

/// A Prometheus of these blocks alone.
fn prometheus(storage: PathBuf) -> Prometheus {
    let options = PrometheusOptions {
        storage: Some(storage),
        ..PrometheusOptions::default()
    };
    Prometheus::start(&[], &options)
}

/// Blocks of expositions, each at its instant.
fn blocks_of_replays(expositions: &BTreeMap<i64, String>, folder: &Path) -> PathBuf {
    let mut samples = String::new();
    for (seconds, text) in expositions {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            writeln!(samples, "{line} {seconds}").unwrap();
        }
    }
    samples += "# EOF\n";
    let written = folder.join("replays.om");
    fs::write(&written, samples).unwrap();
    let storage = folder.join("replays");
    let arguments = [
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        "--max-block-duration=48h",
        written.to_str().unwrap(),
        storage.to_str().unwrap(),
    ];
    let said = promtool(&arguments, "");
    assert!(said.success, "{said:?}");
    storage
}

/// Values by labels, without the labels that a scrape adds.
fn values(prometheus: &Prometheus, query: &str, seconds: i64) -> BTreeMap<Labels, f64> {
    #[allow(clippy::cast_precision_loss, reason = "an instant of our days")]
    let found = prometheus.query_at(query, seconds as f64);
    found
        .into_iter()
        .map(|(mut labels, value)| {
            labels.retain(|label, _| !["job", "instance"].contains(&label.as_str()));
            // Formats write bounds as 14400 and as 14400.0.
            if let Some(bound) = labels.get_mut("le")
                && let Ok(number) = bound.parse::<f64>()
            {
                *bound = number.to_string();
            }
            (labels, value)
        })
        .collect()
}

#[test]
fn dashboards_show_the_same_past_as_a_replay() {
    let questions = questions();
    assert!(questions.len() > 60, "only {} questions", questions.len());

    let config = simulate("--print-config");
    let events = simulate(&format!("--seed 23 --from {FROM} --for 2d --output -"));
    let (config_file, events_file) = (file(config.as_bytes()), file(events.as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("data");
    fs::create_dir(&storage).unwrap();
    run_well(
        &[
            "backfill",
            "--config.file",
            path(&config_file),
            "--step",
            "1h",
            "--label",
            "job=desk",
            "--label",
            "instance=exporter:10047",
            "--blocks",
            storage.to_str().unwrap(),
            "--promtool",
            promtool_path().to_str().unwrap(),
            path(&events_file),
        ],
        b"",
    );
    let from = Timestamp::parse(FROM).unwrap();
    let mut expositions = BTreeMap::new();
    for number in 1..=INSTANTS {
        let instant = from.plus(number * APART);
        let text = replay_text(&config, events.as_bytes(), instant);
        assert!(scrape(&text).samples().len() > 1_000);
        expositions.insert(instant.0 / 1_000, text);
    }
    let replayed = prometheus(blocks_of_replays(&expositions, folder.path()));
    let backfilled = prometheus(storage);

    let mut compared = 0;
    let mut answered = 0;
    for (asked, place) in &questions {
        for seconds in expositions.keys() {
            let expected = values(&replayed, asked, *seconds);
            let found = values(&backfilled, asked, *seconds);
            let place = format!("{place} at {seconds}: {asked}");
            assert!(
                found.keys().eq(expected.keys()),
                "{place}: {found:?}, not {expected:?}"
            );
            for (labels, expected) in &expected {
                // Prometheus may add in another order, which changes the last bit.
                let difference = (found[labels] - expected).abs();
                assert!(
                    difference <= 1e-12 * expected.abs(),
                    "{place}: {labels:?}: {} {expected}",
                    found[labels]
                );
                compared += 1;
            }
            answered += usize::from(!expected.is_empty());
        }
    }
    assert!(
        answered > questions.len() * 7,
        "{answered} answers to {} questions",
        questions.len()
    );
    assert!(compared > 2_000, "only {compared} values");
}
