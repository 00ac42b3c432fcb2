//! `recount` marks the store, and the next start counts everything again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::crash::{created, reply, start, target_config, wait_for_truth};
use crate::end_to_end::{PATIENCE, now, text};
use crate::harness::{Exporter, Kafka, command, eventually};

/// The log message about a store that was set aside.
const SET_ASIDE: &str = "the checkpoint was set aside: counting again from the earliest records";

/// Runs `recount` in the exporter's folder, without a terminal.
fn recount(exporter: &Exporter, arguments: &[&str]) -> Output {
    command()
        .arg("recount")
        .args(arguments)
        .arg("--config.file=config.yaml")
        .current_dir(exporter.folder())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

/// Expects an exit code; returns standard output and error.
#[track_caller]
fn expect(code: i32, output: &Output) -> String {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn stores_set_aside(exporter: &Exporter) -> Vec<PathBuf> {
    let entries = fs::read_dir(exporter.folder().join("data")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("set-aside-")
    };
    paths.filter(is_aside).collect()
}

fn is_marked(exporter: &Exporter) -> bool {
    exporter.folder().join("data/recount").exists()
}

/// An exporter that has counted three records and was stopped.
fn stopped(name: &str) -> (&'static Kafka, String, String, Exporter) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 2);
    let config = target_config(kafka, &topic, "10m");
    let at = now();
    kafka.produce(
        &topic,
        [
            created("kept", at),
            created("open", at),
            reply("kept", at.plus(1)),
        ],
    );
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    exporter.stop(PATIENCE);
    (kafka, topic, config, exporter)
}

#[test]
fn only_the_next_start_counts_everything_again() {
    let (kafka, topic, config, mut exporter) = stopped("recount");
    let looked = expect(64, &recount(&exporter, &[]));
    assert!(looked.contains("--yes"), "{looked}");
    assert!(looked.contains(&format!(
        "{topic}: 3 records in 2 partitions, the oldest from "
    )));
    assert!(looked.contains("No record is gone"), "{looked}");
    assert!(!is_marked(&exporter), "without consent");

    expect(0, &recount(&exporter, &["--yes"]));
    assert!(is_marked(&exporter));
    let again = expect(0, &recount(&exporter, &["--yes"]));
    assert!(again.contains("already marked"), "{again}");
    expect(0, &recount(&exporter, &["--cancel"]));
    assert!(!is_marked(&exporter));
    expect(0, &recount(&exporter, &["--yes"]));

    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let held = expect(1, &recount(&exporter, &["--yes"]));
    let process = format!("process {}", exporter.id());
    assert!(held.contains(&process), "{held}");
    wait_for_truth(&exporter, &config, kafka, &topic);
    let events = exporter.metrics();
    let events = events.metric("ticket_exporter_events_total");
    events.label("result", "applied").is(3.0);
    assert!(!is_marked(&exporter));
    let [aside] = &stores_set_aside(&exporter)[..] else {
        panic!("{:?}", stores_set_aside(&exporter));
    };
    let reason = fs::read_to_string(aside.join("reason.txt")).unwrap();
    assert!(reason.contains("recount"), "{reason}");
    assert!(aside.join("segment-0000000001.log").exists());

    // The start after that continues.
    exporter.stop(PATIENCE);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    let events = exporter.metrics();
    let events = events.metric("ticket_exporter_events_total");
    events.label("result", "applied").is(0.0);
    assert_eq!(stores_set_aside(&exporter).len(), 1);
}

#[test]
fn a_start_that_is_killed_does_no_harm() {
    let (kafka, topic, config, mut exporter) = stopped("recount-killed");
    expect(0, &recount(&exporter, &["--yes"]));
    exporter.restart();
    eventually("a store that was set aside", PATIENCE, || {
        let logs = exporter.logs_since_start();
        if logs.contains(SET_ASIDE) {
            Ok(())
        } else {
            Err(logs)
        }
    });
    exporter.kill9();
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
    assert_eq!(stores_set_aside(&exporter).len(), 1);
    assert!(!is_marked(&exporter));

    // Killed when half of the store was moved, or all of it while the mark was still there.
    for moved in [1, usize::MAX] {
        exporter.kill9();
        expect(0, &recount(&exporter, &["--yes"]));
        let before = stores_set_aside(&exporter).len();
        move_segments(&exporter.folder().join("data"), moved);
        exporter.restart();
        exporter.wait_ready(PATIENCE);
        wait_for_truth(&exporter, &config, kafka, &topic);
        assert!(!is_marked(&exporter));
        assert!(stores_set_aside(&exporter).len() >= before);
    }
}

/// Moves some files of a store away in order, as a start does that sets it aside.
fn move_segments(data: &Path, most: usize) {
    let aside = data.join(format!("moved-{most}"));
    fs::create_dir(&aside).unwrap();
    let mut names: Vec<String> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("segment-") || name == "acknowledged")
        .collect();
    names.sort_by_key(|name| (name == "acknowledged", name.clone()));
    for name in names.into_iter().take(most) {
        fs::rename(data.join(&name), aside.join(&name)).unwrap();
    }
}

#[test]
fn it_reports_lost_records_and_where_it_cannot_know() {
    let (kafka, topic, config, exporter) = stopped("recount-gone");
    let partition = kafka.consume(&topic)[0].partition;
    kafka.delete_records(&topic, partition, 1);
    let said = expect(64, &recount(&exporter, &[]));
    let gone = format!("{topic}/{partition} starts at offset 1: earlier records are gone");
    assert!(said.contains(&gone), "{said}");
    assert!(said.contains("decrease by the part"), "{said}");

    let nowhere = config.replace(&kafka.bootstrap(), "127.0.0.1:1");
    exporter.write_config(&nowhere);
    let said = expect(64, &recount(&exporter, &[]));
    assert!(said.contains("not known"), "{said}");
    // Without brokers, the operator's confirmation is enough.
    expect(0, &recount(&exporter, &["--yes"]));
    assert!(is_marked(&exporter));

    let empty = config + "checkpoint: { directory: elsewhere }\n";
    exporter.write_config(&empty);
    let said = expect(1, &recount(&exporter, &["--yes"]));
    assert!(said.contains("no checkpoint in elsewhere"), "{said}");
    assert!(!exporter.folder().join("elsewhere").exists());
}

/// The first mapping counted wrong values; one command corrects it.
#[test]
fn it_corrects_a_wrong_mapping() {
    let (kafka, topic, config, mut exporter) = stopped("recount-mapping");
    let mapping = "mapping: { preset: none, common: { ticket_id: .ticket_id, at: .at }, rules: \
                   { all: { type: created, team: .type } } }\n";
    let wrong = config.clone() + mapping + "checkpoint: { on_changed_rules: rebuild }\n";
    exporter.write_config(&wrong);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    exporter.stop(PATIENCE);
    exporter.write_config(&config);
    assert_eq!(exporter.restart_to_end().code(), Some(78));
    assert!(
        exporter
            .logs_since_start()
            .contains("ticket-exporter recount")
    );
    expect(0, &recount(&exporter, &["--yes"]));
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_truth(&exporter, &config, kafka, &topic);
}
