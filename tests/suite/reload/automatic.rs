//! The exporter reloads by itself when its files change. No broker is needed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::last_reload;
use crate::end_to_end::PATIENCE;
use crate::harness::{Exporter, eventually, free_port};

const CONFIG: &str = "kafka: { brokers: [\"localhost:1\"] }\n";
const REFUSED: &str = "configuration not reloaded";

/// Replaces the link `..data`, as the kubelet does for a ConfigMap, whose files are links below it.
fn publish(volume: &Path, version: &str, config: &str) {
    let data = volume.join(version);
    fs::create_dir(&data).unwrap();
    fs::write(data.join("config.yaml"), config).unwrap();
    symlink(version, volume.join("..next")).unwrap();
    fs::rename(volume.join("..next"), volume.join("..data")).unwrap();
}

#[track_caller]
fn wait_for_log(exporter: &Exporter, words: &str, times: usize) {
    eventually(words, PATIENCE, || {
        let logs = exporter.logs();
        match logs.matches(words).count() {
            count if count == times => Ok(()),
            count => Err(format!("{count} times; log\n{logs}")),
        }
    });
}

#[test]
fn a_replaced_config_map_is_reloaded_and_a_broken_one_is_logged_once() {
    let exporter = Exporter::start(&["serve", "--config.auto-reload-interval", "1s"], CONFIG);
    let there = exporter.folder();
    // The same content at another place.
    publish(there, "..1", CONFIG);
    symlink("..data/config.yaml", there.join("link")).unwrap();
    fs::rename(there.join("link"), there.join("config.yaml")).unwrap();
    let (successful, started) = last_reload(&exporter);
    assert!(successful);
    // Without a change, nothing happens.
    sleep(Duration::from_secs(3));
    assert_eq!(last_reload(&exporter), (true, started));

    publish(
        there,
        "..2",
        &format!("{CONFIG}tickets: {{ retain: 20d }}\n"),
    );
    wait_for_log(&exporter, "configuration reloaded", 1);
    assert!(
        exporter.logs().contains("changed files"),
        "{}",
        exporter.logs()
    );
    let (successful, second) = last_reload(&exporter);
    assert!(successful && second > started);

    // Half a file.
    publish(there, "..3", &format!("{CONFIG}tickets: {{ ret"));
    wait_for_log(&exporter, REFUSED, 1);
    sleep(Duration::from_secs(3));
    let logs = exporter.logs();
    assert_eq!(logs.matches(REFUSED).count(), 1, "{logs}");
    assert_eq!(last_reload(&exporter), (false, second));

    // Another mistake is logged, too.
    publish(
        there,
        "..4",
        &format!("{CONFIG}tickets: {{ retain: soon }}\n"),
    );
    wait_for_log(&exporter, REFUSED, 2);
    publish(
        there,
        "..5",
        &format!("{CONFIG}tickets: {{ retain: 30d }}\n"),
    );
    wait_for_log(&exporter, "configuration reloaded", 2);
    assert!(last_reload(&exporter).0);
}

#[test]
fn the_gateway_does_the_same() {
    let config = |hook: &str| {
        format!(
            "{CONFIG}gateway: {{ listen: [\"127.0.0.1:{}\"], hooks: {{ {hook}: {{ auth: none, topic: t }} }} }}\n",
            free_port()
        )
    };
    let before = config("a");
    let exporter = Exporter::start(&["gateway", "--config.auto-reload-interval", "1s"], &before);
    exporter.write_config(&before.replace("{ a:", "{ b:"));
    wait_for_log(&exporter, "configuration reloaded", 1);
    exporter.write_config(&before.replace("topic: t", "topic: [t"));
    wait_for_log(&exporter, REFUSED, 1);
    sleep(Duration::from_secs(3));
    wait_for_log(&exporter, REFUSED, 1);
    exporter.write_config(&before);
    wait_for_log(&exporter, "configuration reloaded", 2);
}
