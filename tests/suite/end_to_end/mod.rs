//! The complete path as users know it: events in a real Kafka, the exporter's binary, a real Prometheus.
//! Results are compared with a `replay` of the same records.

mod afternoon;
mod backfill;
mod backlog;
mod broker;
mod command_line;
mod deadlines;
mod formats;
mod group;
mod mapped;
mod rejections;
mod stopping;
mod targets;
mod verify;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ticket_exporter::domain::timestamp::Timestamp;

use crate::harness::{Exporter, Kafka, Labels, Received, Record, Scrape, eventually, get, scrape};
pub(crate) use crate::harness::{run, run_well, text};
pub(crate) use afternoon::AfternoonHelpdesk;

/// For operations that take seconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// For an exporter that reads new records from its partitions. Short, because wrong numbers stay wrong.
const COUNTERS_PATIENCE: Duration = Duration::from_secs(30);

/// Limits the differences in a failure message.
const DIFFERENCES_LISTED: usize = 25;

/// Series and their values in a form that can be compared: buckets' bounds are numbers (`60` equals
/// `60.0`), without the labels that Prometheus adds.
pub(crate) type Values = BTreeMap<String, f64>;

/// Runs `simulate` with arguments as on a command line, and returns its standard output.
#[track_caller]
pub(crate) fn simulate(arguments: &str) -> String {
    let mut all = vec!["simulate"];
    all.extend(arguments.split_whitespace());
    run_well(&all, b"")
}

pub(crate) fn to_topic(kafka: &Kafka, topic: &str) -> String {
    format!("--set kafka.brokers={} --topic {topic}", kafka.bootstrap())
}

/// A temporary file with this content.
pub(crate) fn file(contents: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(contents).unwrap();
    file.flush().unwrap();
    file
}

pub(crate) fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

/// Waits until the exporter is not ready for this reason. At first it restores its state.
#[track_caller]
pub(crate) fn wait_for_reason(exporter: &Exporter, reason: &str) {
    eventually(&format!("not ready: {reason}"), PATIENCE, || {
        let answer = get(&exporter.url("/-/ready"))?;
        if answer.status == 503 && answer.text().contains(reason) {
            return Ok(());
        }
        Err(format!(
            "{} {}; log\n{}",
            answer.status,
            answer.text(),
            exporter.logs()
        ))
    });
}

/// Breaches of the first response target in the team that has one.
pub(crate) fn breaches(scrape: &Scrape) -> Result<f64, String> {
    scrape
        .metric("ticket_sla_breaches_total")
        .label("target", "first_response")
        .label("team", "billing")
        .try_value()
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// The configuration of the simulated helpdesk for a topic.
pub(crate) fn helpdesk_config(kafka: &Kafka, topic: &str) -> String {
    let mut config = simulate("--print-config");
    config += &kafka_section(kafka, topic, "");
    config
}

/// The `kafka` section of a configuration, with its own group and clients that notice changes quickly.
/// `more` are further lines of the section, not indented.
pub(crate) fn kafka_section(kafka: &Kafka, topic: &str, more: &str) -> String {
    let group = Kafka::unique("exporter");
    let mut section = format!(
        "kafka:\n  brokers: [\"{}\"]\n  topics: [{topic}]\n  group_id: {group}\n  properties:\n    \
         topic.metadata.refresh.interval.ms: \"1000\"\n    session.timeout.ms: \"6000\"\n    \
         heartbeat.interval.ms: \"500\"\n    reconnect.backoff.max.ms: \"500\"\n",
        kafka.bootstrap()
    );
    for line in more.lines() {
        writeln!(section, "  {line}").unwrap();
    }
    section
}

/// The group of a configuration of [`kafka_section`].
pub(crate) fn group_of(config: &str) -> &str {
    let (_, rest) = config.split_once("group_id: ").unwrap();
    rest.lines().next().unwrap()
}

/// A topic with three weeks of the simulated helpdesk, up to some minutes ago: open tickets, goals at risk
/// and windows with content. Tests that only read it share it.
pub(crate) struct SimulatedTopic {
    kafka: &'static Kafka,
    topic: String,
    /// All records as lines in time order.
    lines: Vec<u8>,
    helpdesk: AfternoonHelpdesk,
}

impl SimulatedTopic {
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<SimulatedTopic> = OnceLock::new();
        SHARED.get_or_init(Self::simulate)
    }

    fn simulate() -> Self {
        let kafka = Kafka::shared();
        let topic = kafka.new_topic("desk", 4);
        let helpdesk = AfternoonHelpdesk::write(kafka, &topic, 11, 20);
        let records = kafka.consume(&topic);
        assert!(records.len() > 20_000, "only {} events", records.len());
        Self {
            kafka,
            topic,
            lines: lines(&records),
            helpdesk,
        }
    }

    pub(crate) fn config(&self) -> String {
        self.helpdesk.config(self.kafka, &self.topic)
    }
}

/// The records' values as lines in time order, but without changing the order within a partition.
pub(crate) fn lines(records: &[Received]) -> Vec<u8> {
    let mut latest = BTreeMap::<i32, i64>::new();
    let mut order: Vec<(i64, &Received)> = Vec::with_capacity(records.len());
    for record in records {
        let value = record.value.as_deref().unwrap_or_default();
        let latest = latest.entry(record.partition).or_insert(i64::MIN);
        *latest = event_time(value).max(*latest);
        order.push((*latest, record));
    }
    // The sort is stable: records of one partition and time keep their order.
    order.sort_by_key(|(at, _)| *at);
    let mut lines = Vec::new();
    for (_, record) in order {
        lines.extend_from_slice(record.value.as_deref().unwrap_or_default());
        lines.push(b'\n');
    }
    lines
}

/// In milliseconds since the epoch.
#[track_caller]
pub(crate) fn event_time(value: &[u8]) -> i64 {
    let event: serde_json::Value =
        serde_json::from_slice(value).unwrap_or_else(|error| panic!("{error}: {}", text(value)));
    match &event["at"] {
        serde_json::Value::String(at) => Timestamp::parse(at).unwrap().0,
        at => at.as_i64().unwrap(),
    }
}

/// The result of a replay of lines with a configuration and the clock at `until`.
#[track_caller]
pub(crate) fn replay(config: &str, lines: &[u8], until: Timestamp) -> Scrape {
    scrape(&replay_text(config, lines, until))
}

#[track_caller]
pub(crate) fn replay_text(config: &str, lines: &[u8], until: Timestamp) -> String {
    let config = file(config.as_bytes());
    let until = until.rfc3339();
    let arguments = [
        "replay",
        "--config.file",
        path(&config),
        "--until",
        &until,
        "-",
    ];
    run_well(&arguments, lines)
}

/// Families about tickets, not about the exporter, without start timestamps.
pub(crate) fn is_kpi(name: &str) -> bool {
    name.starts_with("ticket_")
        && !name.starts_with("ticket_exporter_")
        && !name.ends_with("_created")
}

/// Counters and histograms, which a clock alone does not change.
pub(crate) fn is_cumulative(name: &str) -> bool {
    is_kpi(name)
        && ["_total", "_bucket", "_count", "_sum"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The KPI series of a scrape.
pub(crate) fn kpis(scrape: &Scrape) -> Values {
    let kept = scrape.samples().iter().filter(|one| is_kpi(&one.name));
    kept.map(|one| (series(&one.name, &one.labels), one.value))
        .collect()
}

pub(crate) fn cumulative(values: &Values) -> Values {
    let kept = values
        .iter()
        .filter(|(series, _)| is_cumulative(series.split('{').next().unwrap_or_default()));
    kept.map(|(series, value)| (series.clone(), *value))
        .collect()
}

pub(crate) fn series(name: &str, labels: &Labels) -> String {
    let mut text = format!("{name}{{");
    for (label, value) in labels {
        match label.as_str() {
            "__name__" | "job" | "instance" => {}
            "le" | "quantile" => {
                let number: f64 = value.parse().unwrap_or(f64::INFINITY);
                write!(text, "{label}={number},").unwrap();
            }
            _ => write!(text, "{label}={value:?},").unwrap(),
        }
    }
    text + "}"
}

/// The differences between two sets of series.
fn differences(found: &Values, expected: &Values) -> Vec<String> {
    let mut differences = Vec::new();
    for (series, expected) in expected {
        match found.get(series) {
            None => differences.push(format!("{series} is missing, it should be {expected}")),
            Some(found) if found != expected => {
                differences.push(format!("{series} is {found}, it should be {expected}"));
            }
            Some(_) => {}
        }
    }
    for (series, found) in found {
        if !expected.contains_key(series) {
            differences.push(format!("{series} is {found}, it should not be there"));
        }
    }
    differences
}

/// Compares values exactly: both sides compute in whole milliseconds.
pub(crate) fn same(found: &Values, expected: &Values) -> Result<(), String> {
    let differences = differences(found, expected);
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    let listed = &differences[..count.min(DIFFERENCES_LISTED)];
    Err(format!(
        "{count} differences among {} series:\n  {}",
        expected.len(),
        listed.join("\n  ")
    ))
}

#[track_caller]
pub(crate) fn assert_same(what: &str, found: &Values, expected: &Values) {
    assert!(expected.len() > 10, "{what}: nothing to compare with");
    same(found, expected).unwrap_or_else(|complaint| panic!("{what}: {complaint}"));
}

/// A configuration with event-time clocks, for records that are written long after their event times while
/// the exporter reads. [`close`] then moves the clocks.
pub(crate) fn helpdesk_config_on_event_time(kafka: &Kafka, topic: &str) -> String {
    helpdesk_config(kafka, topic) + "stream: { lateness: 5s, grace: 9999d }\n"
}

/// Writes an event later than all others to each partition, so that their clocks agree. It changes no
/// counter. Returns that clock.
#[track_caller]
pub(crate) fn close(kafka: &Kafka, topic: &str, at: Timestamp) -> Timestamp {
    let record = |partition: &i32| {
        let ticket = format!("closing-{partition}-{}", at.0);
        let event = serde_json::json!({
            "ticket_id": ticket, "type": "updated", "at": at.0, "team": "billing", "priority": "p1",
            "attributes": { "tier": "standard" },
        });
        Record::keyed(ticket, event.to_string()).partition(*partition)
    };
    let records: Vec<Record> = kafka.ends(topic).keys().map(record).collect();
    kafka.produce(topic, records);
    at.minus(5_000)
}

/// Waits until the exporter's clocks are at `clock`, its counters equal a replay of `records`, and it has
/// read each record exactly once.
#[track_caller]
fn wait_for_counters(exporter: &Exporter, config: &str, records: &[Received], clock: Timestamp) {
    let expected = cumulative(&kpis(&replay(config, &lines(records), clock)));
    assert!(expected.len() > 100, "nothing to compare with");
    let what = format!("the counters of a replay of {} records", records.len());
    exporter.wait_for_metrics(&what, COUNTERS_PATIENCE, |scrape| {
        let found = cumulative(&kpis(scrape));
        if found.is_empty() {
            let (ready, log) = (exporter.get("/-/ready").text(), exporter.logs());
            return Err(format!("no KPIs: {ready}; log\n{log}"));
        }
        let events = scrape.metric("ticket_exporter_events_total");
        let read: f64 = ["applied", "duplicate", "ignored"]
            .iter()
            .map(|result| events.clone().label("result", result).value())
            .sum();
        if read != records.len() as f64 {
            return Err(format!("{read} records read; log\n{}", exporter.logs()));
        }
        let at = self::clock(scrape)?;
        if at != clock {
            return Err(format!(
                "the clock is {}, not {}",
                at.rfc3339(),
                clock.rfc3339()
            ));
        }
        same(&found, &expected)
    });
}

/// The stream clock, if all partitions have the same one.
pub(crate) fn clock(scrape: &Scrape) -> Result<Timestamp, String> {
    let samples = scrape
        .metric("ticket_exporter_watermark_timestamp_seconds")
        .samples();
    one_clock(samples.iter().map(|sample| sample.value))
}

fn one_clock(mut seconds: impl Iterator<Item = f64>) -> Result<Timestamp, String> {
    let first = seconds.next().ok_or("there is no stream clock")?;
    match seconds.find(|other| *other != first) {
        Some(other) => Err(format!("two stream clocks: {first} and {other}")),
        #[allow(clippy::cast_possible_truncation, reason = "an instant of our days")]
        None => Ok(Timestamp((first * 1_000.0).round() as i64)),
    }
}
