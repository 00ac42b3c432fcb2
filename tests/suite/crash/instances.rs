//! Two exporters in the place of one: neither serves a part as if it were the whole.

use std::thread;
use std::time::Duration;

use super::{
    DIRECTORY, STOPPED_WITHIN, assert_withheld, close, start, wait_for_reason, wait_for_truth,
};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, now, simulate, to_topic};
use crate::harness::{Exporter, Kafka, eventually};

fn ready_topic(name: &str) -> (&'static Kafka, String, String) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 4);
    let target = to_topic(kafka, &topic);
    simulate(&format!(
        "--seed 7 --from 2026-03-02T00:00:00Z --for 5d {target}"
    ));
    close(kafka, &topic, now());
    let config = helpdesk_config_on_event_time(kafka, &topic);
    (kafka, topic, config)
}

#[test]
fn of_two_instances_in_a_group_neither_serves_a_part() {
    let (kafka, topic, config) = ready_topic("two");
    let mut first = start(&config);
    first.wait_ready(PATIENCE);
    wait_for_truth(&first, &config, kafka, &topic);
    let mut second = start(&config);
    for exporter in [&first, &second] {
        wait_for_reason(exporter, "not owned");
    }
    for _ in 0..20 {
        for exporter in [&first, &second] {
            assert_withheld(exporter, "not owned");
        }
        thread::sleep(Duration::from_millis(100));
    }
    // One of the reasons is enough.
    assert_eq!(
        first.stop(STOPPED_WITHIN).code(),
        Some(0),
        "{}",
        first.logs()
    );
    second.wait_ready(PATIENCE);
    wait_for_truth(&second, &config, kafka, &topic);
    first.restart();
    wait_for_reason(&first, "not owned");
    wait_for_reason(&second, "not owned");
    second.kill9();
    close(kafka, &topic, now());
    first.wait_ready(PATIENCE);
    wait_for_truth(&first, &config, kafka, &topic);
}

#[test]
fn a_directory_has_one_owner() {
    let (kafka, topic, config) = ready_topic("one-directory");
    let mut first = start(&config);
    first.wait_ready(PATIENCE);
    let directory = first.folder().join(DIRECTORY);
    let config_of_second = format!(
        "{config}checkpoint: {{ directory: {:?} }}\n",
        directory.display().to_string()
    );
    let (second, status) = Exporter::run_to_end(&[], &config_of_second, Vec::new());
    let said = second.logs();
    assert_eq!(status.code(), Some(1), "{said}");
    for words in [directory.to_str().unwrap(), "another ticket-exporter"] {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    wait_for_truth(&first, &config, kafka, &topic);
    // The kill frees the directory.
    first.kill9();
    let mut second = start(&config_of_second);
    second.wait_ready(PATIENCE);
    wait_for_truth(&second, &config, kafka, &topic);
}

/// Both have the same static member id, which only one may use.
#[test]
fn an_instance_with_a_copied_directory_counts_nothing_twice() {
    let (kafka, topic, config) = ready_topic("copied");
    let mut first = start(&config);
    first.wait_ready(PATIENCE);
    first.stop(STOPPED_WITHIN);
    let folder = first.folder().join("copy");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(first.folder().join(DIRECTORY)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let config_of_second = format!(
        "{config}checkpoint: {{ directory: {:?} }}\n",
        folder.display().to_string()
    );
    first.restart();
    first.wait_ready(PATIENCE);
    let mut second = start(&config_of_second);
    let reason = "has the id of this one";
    eventually("one instance removed from the group", PATIENCE, || {
        let said = [&first, &second].map(Exporter::logs_since_start);
        match said.iter().any(|said| said.contains(reason)) {
            true => Ok(()),
            false => Err(said.join("\n\n")),
        }
    });
    close(kafka, &topic, now());
    second.kill9();
    first.wait_ready(PATIENCE);
    wait_for_truth(&first, &config, kafka, &topic);
    first.kill9();
    second.restart();
    second.wait_ready(PATIENCE);
    wait_for_truth(&second, &config_of_second, kafka, &topic);
}
