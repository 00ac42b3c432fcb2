//! Situations with a real Kafka in the first weeks, as users see them: in the log, `/-/ready`, the metrics
//! and the exit code.

mod advice;
mod group_protocol;
mod letters;
mod missing_topics;
mod reasons;
mod stalled;

use crate::crash::{start, target_config};
use crate::end_to_end::PATIENCE;
use crate::harness::{Exporter, Kafka, Query, Scrape, eventually};

/// Waits for a log line with all these words.
#[track_caller]
fn wait_for_line(exporter: &Exporter, words: &[&str]) -> String {
    eventually(&format!("a line with {words:?}"), PATIENCE, || {
        let logs = exporter.logs();
        let found = logs
            .lines()
            .find(|line| words.iter().all(|word| line.contains(word)));
        found.map(str::to_owned).ok_or(logs)
    })
}

/// The number of log lines with these words.
fn lines_with(exporter: &Exporter, words: &str) -> usize {
    let logs = exporter.logs();
    logs.lines().filter(|line| line.contains(words)).count()
}

fn of_topic<'a>(scrape: &'a Scrape, metric: &str, topic: &str) -> Query<'a> {
    scrape.metric(metric).label("topic", topic)
}
