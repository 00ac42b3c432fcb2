//! `backfill` writes the values of a replay, and Prometheus' blocks preserve them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ticket_exporter::domain::timestamp::Timestamp;

use super::{
    PATIENCE, SimulatedTopic, Values, assert_same, file, is_kpi, kpis, path, replay, run, run_well,
    series, simulate, text,
};
use crate::harness::{
    Exporter, Labels, Prometheus, PrometheusOptions, promtool, promtool_path, scrape,
};

const MINUTE: i64 = 60_000;
/// The only series about the exporter itself.
const OBJECTIVE: &str = "ticket_exporter_sla_objective_ratio";
/// Labels that a scrape would add.
const TARGET: [&str; 4] = ["--label", "job=desk", "--label", "instance=exporter:10047"];

/// The files of a directory in the order of their names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Makes one block of each file, with the command that the exporter prints.
#[track_caller]
fn make_blocks(files: &[PathBuf], storage: &Path) {
    for file in files {
        let arguments = [
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            "--max-block-duration=6h",
            file.to_str().unwrap(),
            storage.to_str().unwrap(),
        ];
        let output = promtool(&arguments, "");
        assert!(output.success, "{}: {output:?}", file.display());
    }
}

/// The series of the job in Prometheus at an instant.
#[track_caller]
fn stored(prometheus: &Prometheus, at: Timestamp) -> Values {
    let found = prometheus.query_at("{job=\"desk\",instance=\"exporter:10047\"}", at.seconds());
    let mut values = Values::new();
    let mut objectives = 0;
    for (labels, value) in &found {
        let name = &labels["__name__"];
        if name == OBJECTIVE {
            objectives += 1;
            assert_eq!(*value, 0.9, "{labels:?}");
        } else {
            assert!(is_kpi(name), "{name}");
            values.insert(series(name, labels), *value);
        }
    }
    let targets = values
        .keys()
        .filter(|one| one.starts_with("ticket_sla_target_seconds{"));
    assert_eq!(objectives, targets.count(), "one for each target");
    values
}

/// The series in a file by instant. No series has two samples at one instant.
#[track_caller]
fn written(file: &Path) -> BTreeMap<i64, Values> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.ends_with("# EOF\n"));
    let mut instants = BTreeMap::<i64, Values>::new();
    let scrape = scrape(&text);
    for sample in scrape.samples().iter().filter(|one| one.name != OBJECTIVE) {
        let seconds: f64 = sample.rest.parse().unwrap();
        #[allow(clippy::cast_possible_truncation, reason = "an instant of our days")]
        let instant = (seconds * 1_000.0).round() as i64;
        let values = instants.entry(instant).or_default();
        let labels: Labels = sample.labels.clone();
        let twice = values.insert(series(&sample.name, &labels), sample.value);
        assert_eq!(twice, None, "{sample} at {seconds}");
    }
    instants
}

#[test]
fn blocks_equal_a_replay_at_ten_instants() {
    let config = simulate("--print-config");
    let from = Timestamp::parse("2026-03-04T00:00:00Z").unwrap();
    let events = simulate("--seed 21 --from 2026-03-04T00:00:00Z --for 2d --output -");
    let (config_file, events_file) = (file(config.as_bytes()), file(events.as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("the past");
    let mut arguments = vec!["backfill", "--config.file", path(&config_file), "--output"];
    arguments.push(directory.to_str().unwrap());
    arguments.extend(TARGET);
    arguments.push(path(&events_file));
    let output = run(&arguments, b"");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("for file in '") && said.contains("create-blocks-from openmetrics"),
        "{said}"
    );

    let files = files(&directory);
    let names: Vec<&str> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names[..2],
        ["2026-03-04T00.om", "2026-03-04T06.om"],
        "{said}"
    );
    assert!(names.len() >= 8, "{names:?}");
    let storage = folder.path().join("data");
    make_blocks(&files, &storage);
    let blocks = fs::read_dir(&storage).unwrap().count();
    assert_eq!(blocks, files.len(), "a block of each file");

    let options = PrometheusOptions {
        storage: Some(storage),
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[], &options);
    for number in 1..=10 {
        // Instants in the middle of a block, at its start, and between two samples.
        let instant = from.plus(number * 285 * MINUTE);
        let expected = kpis(&replay(&config, events.as_bytes(), instant));
        assert!(expected.len() > 1_000, "only {} series", expected.len());
        let what = instant.rfc3339();
        assert_same(&what, &stored(&prometheus, instant), &expected);
        let between = instant.plus(5 * MINUTE - 1_000);
        assert_same(&what, &stored(&prometheus, between), &expected);
    }
    // There are no samples after the last event.
    let last = events.lines().last().unwrap();
    let end = Timestamp(super::event_time(last.as_bytes()));
    assert!(stored(&prometheus, end.plus(6 * MINUTE)).is_empty());
    // A directory can be used only once.
    let again = run(&arguments, b"");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("earlier run"));
}

#[test]
fn all_partitions_of_a_topic_are_at_the_same_instants() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let config_file = file(config.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("topic.om");
    let before = super::now();
    let from = before.minus(30 * 60 * MINUTE).rfc3339();
    let mut arguments = vec!["backfill", "--config.file", path(&config_file)];
    arguments.extend(["--step", "3h", "--from", &from, "--output"]);
    arguments.push(output.to_str().unwrap());
    let output_of = run(&arguments, b"");
    let said = text(&output_of.stderr);
    assert_eq!(output_of.status.code(), Some(0), "{said}");
    assert!(said.contains("without --label job="), "{said}");
    let instants = written(&output);
    assert!((9..=10).contains(&instants.len()), "{said}");
    for (instant, values) in &instants {
        let instant = Timestamp(*instant);
        let expected = kpis(&replay(&config, &helpdesk.lines, instant));
        assert_same(&instant.rfc3339(), values, &expected);
    }
    // The exporter is stream.grace behind, so no sample is ahead of its series.
    let last = Timestamp(*instants.keys().last().unwrap());
    assert!(last.plus(30_000) <= super::now(), "{}", last.rfc3339());
}

/// Prometheus takes a falling counter for a restart, and its whole value for an increase.
#[test]
fn a_scrape_continues_the_series() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let config_file = file(config.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("data");
    fs::create_dir(&storage).unwrap();
    let promtool = promtool_path();
    let from = super::now().minus(3 * 60 * MINUTE).rfc3339();
    let instance = format!("instance={}", exporter.address());
    let mut arguments = vec!["backfill", "--config.file", path(&config_file)];
    arguments.extend(["--from", &from, "--label", "job=test", "--label", &instance]);
    arguments.extend(["--blocks", storage.to_str().unwrap(), "--promtool"]);
    arguments.push(promtool.to_str().unwrap());
    let output = run(&arguments, b"");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("created the blocks in"), "{said}");
    assert!(!said.contains("--label"), "{said}");
    assert!(said.contains("first scrape"), "{said}");

    let options = PrometheusOptions {
        storage: Some(storage),
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[exporter.address()], &options);
    prometheus.wait_until_up(PATIENCE);
    let cumulative =
        "{__name__=~\"ticket_.+_(total|bucket|count|sum)\",__name__!~\"ticket_exporter_.+\"}";
    // Without their names series are not distinct, so the test queries one name after the other.
    for (labels, _) in prometheus.query(&format!("group by (__name__) ({cumulative})")) {
        let name = &labels["__name__"];
        let resets = prometheus.value(&format!("sum(resets({name}[4h]))"));
        assert_eq!(resets, 0.0, "{name} went back");
    }
    let names = |promql: &str| -> BTreeSet<String> {
        let found = prometheus.query(promql);
        found
            .iter()
            .map(|(labels, _)| format!("{labels:?}"))
            .collect()
    };
    // The same series before and after, and no others.
    let past = names(&format!("{cumulative} offset 1h"));
    let now = names(cumulative);
    assert!(past.len() > 1_000, "only {} series", past.len());
    assert!(
        past.is_subset(&now),
        "{:?}",
        past.difference(&now).take(5).collect::<Vec<_>>()
    );
    // A combination of labels may have its first ticket later.
    let samples = prometheus.query("max(count_over_time(ticket_created_total[4h]))");
    assert!(samples[0].1 > 36.0, "{samples:?}");
    exporter.stop(PATIENCE);
}

#[test]
fn impossible_output_is_an_error() {
    let line = |at: &str| format!("{{\"ticket_id\":1,\"type\":\"updated\",\"at\":\"{at}\"}}\n");
    let far = line("1970-01-01T00:00:00Z") + &line("2026-03-04T00:00:00Z");
    let near = line("2026-03-04T00:00:00Z") + &line("2026-03-04T01:00:00Z");
    let long = line("2026-03-04T00:00:00Z") + &line("2026-03-24T00:00:00Z");
    for (events, more, said) in [
        ("", &[][..], "no event"),
        (&far, &[], "more than 500000 instants"),
        (&long, &[], "do not fit into one file"),
        (
            &near,
            &["--from", "2026-03-05T00:00:00Z"],
            "2026-03-05T00:00:00.000Z",
        ),
        (&near, &["--until", "2026-03-03T00:00:00Z"], "no event"),
        (
            &near,
            &["--step", "1d", "--from", "2026-03-04T00:00:00.001Z"],
            "no sample lies",
        ),
    ] {
        let mut arguments = vec!["backfill", "--output", "-"];
        arguments.extend(more);
        arguments.push("-");
        let output = run(&arguments, events.as_bytes());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{more:?}: {complaint}");
        assert!(complaint.contains(said), "{more:?}: {complaint}");
        assert!(output.stdout.is_empty());
    }
    let (events, folder) = (file(near.as_bytes()), tempfile::tempdir().unwrap());
    let storage = folder.path().to_str().unwrap();
    let mut arguments = vec!["backfill", "--blocks", storage, "--promtool", "false"];
    arguments.push(path(&events));
    let output = run(&arguments, b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("promtool failed"));
}

#[test]
fn standard_output_is_complete() {
    let events = simulate("--seed 22 --from 2026-03-04T00:00:00Z --for 6h --output -");
    let arguments = ["backfill", "--step", "1h", "--output", "-", "-"];
    let text = run_well(&arguments, events.as_bytes());
    assert!(text.ends_with("# EOF\n"));
    let first = scrape(&text).samples()[0].rest.clone();
    assert_eq!(first, "1772586000", "2026-03-04T01:00:00Z");
}
