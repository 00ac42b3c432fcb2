//! Failures: of the process, the broker, the network, the disk, the clock and the topic. The numbers stay
//! exact or are withheld; they are compared with `replay`.

mod behind;
mod changes;
mod clock;
mod dead_letters;
mod disk;
mod duplicates;
mod instances;
mod kills;
mod million;
mod network;
mod records;
mod restart;
mod store;
pub(crate) mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;
use ticket_exporter::domain::timestamp::Timestamp;

use crate::end_to_end::{
    PATIENCE, Values, breaches, clock as clock_of, kafka_section, kpis, lines, replay, same, text,
    to_topic, wait_for_reason,
};
use crate::harness::{Exporter, Kafka, Record, Scrape, command, eventually, free_port, get};

/// The exporter's checkpoint directory, in its working directory.
const DIRECTORY: &str = "data";

/// The deadline of a regular stop.
pub(crate) const STOPPED_WITHIN: Duration = Duration::from_secs(20);

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Starts the exporter on a port that stays the same after a restart.
#[track_caller]
pub(crate) fn start(config: &str) -> Exporter {
    start_in(config, Vec::new())
}

#[track_caller]
pub(crate) fn start_in(config: &str, environment: Vec<(String, String)>) -> Exporter {
    let listen = format!("--web.listen-address=127.0.0.1:{}", free_port());
    Exporter::start_in(&[&listen], config, environment)
}

/// A `simulate` process that writes to a topic until its events end or it is dropped.
#[derive(Debug)]
pub(crate) struct Simulation(Option<Child>);

impl Simulation {
    pub(crate) fn start(kafka: &Kafka, topic: &str, arguments: &str) -> Self {
        let arguments = format!("simulate {arguments} {}", to_topic(kafka, topic));
        let child = command()
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(Some(child.unwrap()))
    }

    #[track_caller]
    fn assert_working(&mut self) {
        let child = self.0.as_mut().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "no more events arrive");
    }

    /// Waits until it has written all events.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let written = self.0.take().unwrap().wait_with_output().unwrap();
        assert!(written.status.success(), "{}", text(&written.stderr));
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Twenty seconds of helpdesk activity while failures happen: two weeks at once, then two more.
pub(crate) const LIVELY: &str = "--seed 8 --from 2026-03-02T00:00:00Z --live-from 2026-03-16T00:00:00Z \
                      --for 28d --pace 900/s";

/// The time after all events of [`LIVELY`].
pub(crate) fn after_lively() -> Timestamp {
    Timestamp::parse("2026-04-20T00:00:00Z").unwrap()
}

/// Waits until the exporter has caught up and applies new events.
#[track_caller]
pub(crate) fn wait_until_lively(exporter: &mut Exporter) {
    exporter.wait_ready(PATIENCE);
    let read = |exporter: &Exporter| offsets(&exporter.metrics()).values().sum::<i64>();
    let before = read(exporter);
    eventually("live events", PATIENCE, || match read(exporter) {
        now if now > before + 500 => Ok(()),
        now => Err(format!("{now} records, {before} before")),
    });
}

/// One team, one priority, a short SLA target, and wall-clock time.
pub(crate) fn target_config(kafka: &Kafka, topic: &str, first_response: &str) -> String {
    format!(
        "{}stream: {{ lateness: 1s, grace: 2s }}\ntickets: {{ opening: 0s }}\nteams: {{ known: [billing] }}\n\
         priorities: [p1]\nsla:\n  policies:\n    - name: all\n      clock: calendar\n      \
         targets: {{ first_response: {first_response} }}\n",
        kafka_section(kafka, topic, "")
    )
}

pub(crate) fn created(ticket: &str, at: Timestamp) -> Record {
    event(
        ticket,
        json!({"type": "created", "at": at.0, "team": "billing", "priority": "p1"}),
    )
}

pub(crate) fn reply(ticket: &str, at: Timestamp) -> Record {
    event(
        ticket,
        json!({"type": "message", "at": at.0, "actor": "agent"}),
    )
}

fn event(ticket: &str, mut members: serde_json::Value) -> Record {
    members["ticket_id"] = ticket.into();
    Record::keyed(ticket, members.to_string())
}

/// The offsets of a topic up to which the served numbers go, by partition; empty where nothing was read.
pub(crate) fn offsets(scrape: &Scrape) -> BTreeMap<i32, i64> {
    let samples = scrape.metric("ticket_exporter_checkpoint_offset").samples();
    let offset = |value: f64| format!("{value}").parse().unwrap();
    samples
        .iter()
        .map(|sample| {
            (
                sample.labels["partition"].parse().unwrap(),
                offset(sample.value),
            )
        })
        .collect()
}

/// Moves the clocks of all partitions to one instant and returns it. It uses ignored events, 5 s (the
/// lateness) later, so the result of `replay` does not change.
#[track_caller]
pub(crate) fn close(kafka: &Kafka, topic: &str, at: Timestamp) -> Timestamp {
    let records = kafka.ends(topic).into_keys().flat_map(|partition| {
        let ticket = format!("closing-{partition}-{}", at.0);
        let members = [("spam", at.minus(SECOND)), ("updated", at.plus(5 * SECOND))];
        members.map(|(kind, at)| {
            event(&ticket, json!({"type": kind, "at": at.0})).partition(partition)
        })
    });
    kafka.produce(topic, records.collect::<Vec<_>>());
    at
}

/// Whether the served numbers go up to these offsets; otherwise the actual ones.
fn stands_at(scrape: &Scrape, ends: &BTreeMap<i32, i64>) -> Result<(), String> {
    let at = offsets(scrape);
    let reached = |(partition, end): (&i32, &i64)| at.get(partition).copied().unwrap_or(0) == *end;
    if ends.iter().all(reached) {
        return Ok(());
    }
    Err(format!("{at:?} of {ends:?}"))
}

/// Waits until a checkpoint has all of the topic.
#[track_caller]
pub(crate) fn wait_for_end(exporter: &Exporter, kafka: &Kafka, topic: &str) {
    let ends = kafka.ends(topic);
    exporter.wait_for_metrics("a checkpoint of everything", PATIENCE, |scrape| {
        stands_at(scrape, &ends).map_err(|at| format!("{at}; log\n{}", exporter.logs()))
    });
}

/// Waits until every served series, gauges and windows included, equals a `replay` of the whole topic at
/// the clock of the same scrape.
#[track_caller]
pub(crate) fn wait_for_truth(
    exporter: &Exporter,
    config: &str,
    kafka: &Kafka,
    topic: &str,
) -> Values {
    let lines = lines(&kafka.consume(topic));
    wait_for_truth_of(exporter, config, &kafka.ends(topic), &lines)
}

/// Compares with other lines than those of the topic.
#[track_caller]
pub(crate) fn wait_for_truth_of(
    exporter: &Exporter,
    config: &str,
    ends: &BTreeMap<i32, i64>,
    lines: &[u8],
) -> Values {
    // An event-time clock stands still, so one replay is enough then.
    let known: RefCell<Option<(Timestamp, Values)>> = RefCell::default();
    let what = format!("the values of a replay up to {ends:?}");
    eventually(&what, PATIENCE, || {
        let response = get(&exporter.url("/metrics"))
            .map_err(|error| format!("{error}; log\n{}", exporter.logs()))?;
        let scrape = crate::harness::scrape(&response.text());
        let found = kpis(&scrape);
        if found.is_empty() {
            let ready = exporter.get("/-/ready").text();
            return Err(format!("no KPIs: {ready}; log\n{}", exporter.logs()));
        }
        stands_at(&scrape, ends).map_err(|at| format!("{at}; log\n{}", exporter.logs()))?;
        let clock = clock_of(&scrape)?;
        let mut known = known.borrow_mut();
        let expected = match known.take() {
            Some((at, values)) if at == clock => values,
            _ => kpis(&replay(config, lines, clock)),
        };
        assert!(expected.len() > 10, "nothing to compare with");
        let result = same(&found, &expected)
            .map_err(|complaint| format!("at {}: {complaint}", clock.rfc3339()));
        *known = Some((clock, expected));
        result.map(|()| found)
    })
}

/// Asserts that the exporter is not ready for this reason and serves nothing about tickets.
#[track_caller]
pub(crate) fn assert_withheld(exporter: &Exporter, reason: &str) {
    let answer = exporter.get("/-/ready");
    assert_eq!(
        answer.status,
        503,
        "{}; log\n{}",
        answer.text(),
        exporter.logs()
    );
    assert!(
        answer.text().contains(reason),
        "no {reason:?}: {}",
        answer.text()
    );
    let served = kpis(&exporter.metrics());
    assert!(served.is_empty(), "{} series are served", served.len());
}

#[track_caller]
fn assert_logged(exporter: &Exporter, words: &str) {
    let logs = exporter.logs_since_start();
    assert!(logs.contains(words), "no {words:?} in\n{logs}");
}

/// The files in the exporter's directory whose names start with `prefix`, in order.
fn stored(exporter: &Exporter, prefix: &str) -> Vec<PathBuf> {
    let directory = exporter.folder().join(DIRECTORY);
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(prefix)
        })
        .collect();
    found.sort();
    found
}
