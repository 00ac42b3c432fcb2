//! Limits that follow from the types of the numbers: the last value works, and one more is refused.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ticket_exporter::config;
use ticket_exporter::decode::decode;
use ticket_exporter::domain::event::{Actor, Event, EventIdentity, EventType};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::limits::{self, Limit};
use ticket_exporter::engine::{Engine, Records, Restorer, Rules, STATE_VERSION};
use ticket_exporter::exposition::{Format, render};

use crate::harness::{Scrape, binary, scrape};
use crate::properties::input::rules;

/// The errors of a configuration.
fn errors(yaml: &str) -> String {
    let loaded = config::load(Some(Path::new("many.yaml")), [], &[], &mut |_| {
        Ok(yaml.to_owned())
    });
    match loaded {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    }
}

/// Asserts that `most` of something is accepted, and that one more is refused with its place and a reason.
#[track_caller]
fn assert_bounds(limit: &Limit, place: &str, yaml: impl Fn(usize) -> String) {
    assert_eq!(errors(&yaml(limit.greatest)), "");
    let said = errors(&yaml(limit.greatest + 1));
    for words in [place, limit.key] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert!(said.contains(&limit.greatest.to_string()), "{said}");
}

fn list(prefix: &str, count: usize) -> String {
    let names: Vec<String> = (0..count)
        .map(|number| format!("{prefix}{number}"))
        .collect();
    names.join(", ")
}

fn windows(count: usize) -> String {
    let windows: Vec<String> = (1..=count).map(|minutes| format!("{minutes}m")).collect();
    format!("windows: [{}]\n", windows.join(", "))
}

#[test]
fn the_configuration_refuses_more_values_than_there_are_numbers() {
    assert_bounds(&limits::WINDOWS, "many.yaml:1", windows);
    for limit in [&limits::TEAMS, &limits::PRIORITIES, &limits::CHANNELS] {
        let key = limit.key.trim_start_matches("limits.");
        assert_bounds(limit, "many.yaml:1", |count| {
            format!("limits: {{ {key}: {count} }}\n")
        });
    }
}

/// A file with more policies than there are numbers is refused for its size first.
#[test]
fn a_file_cannot_have_more_policies_than_there_are_numbers() {
    let policies = |count: usize| {
        let policy = |number| format!("  - {{ name: n{number} }}\n");
        let policies: String = (0..count).map(policy).collect();
        errors(&format!("sla:\n  policies:\n{policies}"))
    };
    assert_eq!(policies(49_000), "");
    assert!(!policies(limits::POLICIES.greatest + 1).is_empty());
}

#[test]
fn names_need_numbers_too() {
    let priorities = |count: usize, limit: usize| {
        let names = list("p", count);
        errors(&format!(
            "priorities: [{names}]\nlimits: {{ priorities: {limit} }}\n"
        ))
    };
    assert_eq!(priorities(254, 254), "");
    let said = priorities(255, 254);
    assert!(said.contains("the configuration has 255 names"), "{said}");
    // Channels of policies need numbers beside those of events.
    let channels = |count: usize, limit: usize| {
        let names = list("c", count);
        errors(&format!(
            "limits: {{ channels: {limit} }}\nsla: {{ policies: [{{ name: all, match: {{ channel: [{names}] }} }}] }}\n"
        ))
    };
    assert_eq!(channels(10, 244), "");
    let said = channels(10, 245);
    assert!(
        said.contains("many.yaml:1") && said.contains("at most 244"),
        "{said}"
    );
}

/// An engine that has read one ticket for each of `values` priorities and channels.
fn engine(rules: &Arc<Rules>, values: usize) -> Engine {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp(0));
    let partition = engine.only_partition();
    for value in 0..values {
        let line = format!(
            "{{\"ticket_id\":{value},\"type\":\"created\",\"at\":{value},\"priority\":\"p{value}\",\"channel\":\"c{value}\"}}"
        );
        engine.apply(partition, &decode(line.as_bytes(), None).unwrap());
    }
    engine.advance(partition, Timestamp(60_000));
    engine
}

fn shown(engine: &mut Engine) -> Scrape {
    let text = render(Format::Text, &[&engine.snapshot()], 0);
    scrape(&String::from_utf8(text).unwrap())
}

/// The distinct values of a label, and the sum of the series.
fn values(scrape: &Scrape, label: &str) -> (BTreeSet<String>, f64) {
    let created = scrape
        .samples()
        .iter()
        .filter(|one| one.name == "ticket_created_total");
    let created: Vec<_> = created.filter(|one| one.value > 0.0).collect();
    let values = created
        .iter()
        .map(|one| one.labels[label].clone())
        .collect();
    (values, created.iter().map(|one| one.value).sum())
}

/// The engine after a restart.
#[derive(Default)]
struct Store(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Records for Store {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

fn restarted(engine: &mut Engine, rules: &Arc<Rules>) -> Engine {
    let mut store = Store::default();
    engine.write_changes(&mut store);
    let mut restoring = Restorer::new(Arc::clone(rules), STATE_VERSION).unwrap();
    for (key, value) in &store.0 {
        restoring.apply(key, value.as_deref()).unwrap();
    }
    restoring.finish().unwrap().engine
}

#[test]
fn priorities_and_channels_are_distinct_up_to_the_last_number() {
    for limit in [250, 253, 254] {
        let rules = Arc::new(rules(&format!(
            "limits: {{ priorities: {limit}, channels: {limit} }}\n"
        )));
        for seen in [limit, limit + 1, 255, 256, 300] {
            let mut engine = engine(&rules, seen);
            let counts = engine.counts();
            let beyond = seen.saturating_sub(limit) as u64;
            assert_eq!(counts.overflowed_priorities, beyond, "{seen} of {limit}");
            assert_eq!(counts.overflowed_channels, beyond, "{seen} of {limit}");
            let mut again = restarted(&mut engine, &rules);
            for scrape in [shown(&mut engine), shown(&mut again)] {
                for label in ["priority", "channel"] {
                    let (values, sum) = values(&scrape, label);
                    assert_eq!(values.contains("__other__"), seen > limit);
                    assert_eq!(values.len(), seen.min(limit) + usize::from(seen > limit));
                    assert_eq!(sum, seen as f64);
                }
            }
        }
    }
}

#[test]
fn every_window_counts_separately() {
    let rules = Arc::new(rules(&windows(limits::WINDOWS.greatest)));
    let mut engine = Engine::new(Arc::clone(&rules), Timestamp(0));
    let partition = engine.only_partition();
    let hour = 3_600_000;
    for minute in 0..300 {
        let at = 10 * hour - minute * 60_000;
        let line = format!("{{\"ticket_id\":{minute},\"type\":\"created\",\"at\":{at}}}");
        engine.apply(partition, &decode(line.as_bytes(), None).unwrap());
    }
    engine.advance(partition, Timestamp(10 * hour));
    engine.snapshot();
    let mut again = restarted(&mut engine, &rules);
    for scrape in [shown(&mut engine), shown(&mut again)] {
        let events = scrape.metric("ticket_window_events");
        let events = events.label("event", "created").label("team", "none");
        for minutes in 1..=256_i64 {
            // An event a minute, in (s - W, t].
            let beyond = (10 * hour).rem_euclid(minutes * 1_000);
            let expected = minutes + (beyond + 59_999) / 60_000;
            let window = format!("{minutes}m");
            let counted = events.clone().label("window", &window).value();
            assert_eq!(counted, expected as f64, "{window}");
        }
    }
}

#[test]
fn a_partition_without_a_number_is_refused() {
    let mut engine = Engine::new(Arc::default(), Timestamp(0));
    let numbers: Vec<u16> = std::iter::from_fn(|| engine.add_partition())
        .map(ticket_exporter::engine::PartitionId::number)
        .collect();
    assert_eq!(numbers.len(), limits::PARTITIONS.greatest);
    assert_eq!((numbers[0], numbers[numbers.len() - 1]), (0, u16::MAX));
    let last = engine.partition_numbered(u16::MAX).unwrap();
    engine.apply(
        last,
        &decode(br#"{"ticket_id":1,"type":"created","at":5}"#, None).unwrap(),
    );
    assert_eq!(
        (engine.tickets(), engine.clock_of(last).is_some()),
        (1, true)
    );
    let mut again = restarted(&mut engine, &Arc::default());
    assert_eq!((again.tickets(), again.add_partition()), (1, None));
}

/// The backlog of the windows is bounded. They continue without a partition that is idle, and include its
/// events when they arrive.
#[test]
fn windows_do_not_wait_forever_for_a_partition() {
    const EVENTS: i64 = 1_100_000;
    let reply = |id: &'static str, at: i64| Event {
        actor: Some(Actor::Agent),
        ..Event::new(
            id,
            EventType::Message,
            Timestamp(at),
            EventIdentity(at.unsigned_abs()),
        )
    };
    let mut engine = Engine::new(Arc::default(), Timestamp(0));
    let away = engine.add_partition().unwrap();
    let busy = engine.add_partition().unwrap();
    engine.apply(away, &reply("one", 1_000));
    for event in 0..EVENTS {
        engine.apply(busy, &reply("other", event * 100));
    }
    engine.snapshot();
    assert!(engine.windows_clock() > engine.clock_of(away));
    assert!(engine.windows_clock() < engine.clock_of(busy));

    let end = EVENTS * 100;
    engine.apply(away, &reply("one", end - 600_000));
    for partition in [away, busy] {
        engine.advance(partition, Timestamp(end));
    }
    let scrape = shown(&mut engine);
    let replied = scrape
        .metric("ticket_window_events")
        .label("event", "replied");
    let replied = replied.label("team", "none").label("window", "24h");
    // The window moves by 24 minutes: from 23,040,000 ms on, exclusively, and the late event.
    assert_eq!(replied.value(), f64::from(1_099_999 - 230_400 + 1));
}

/// A store of an earlier version with more values than there are numbers.
#[test]
fn a_store_with_more_values_than_numbers_still_works() {
    let rules = Arc::new(rules("limits: { priorities: 254 }\n"));
    let mut engine = engine(&rules, 254);
    let mut store = Store::default();
    engine.write_changes(&mut store);
    let mut restoring = Restorer::new(Arc::clone(&rules), STATE_VERSION).unwrap();
    for (key, value) in &store.0 {
        restoring.apply(key, value.as_deref()).unwrap();
    }
    for number in 256_u16..=301 {
        let mut key = vec![3, 1]; // a label, of the priorities
        key.extend(number.to_be_bytes());
        let mut value = vec![1]; // a number of its own
        value.extend(format!("old{number}").bytes());
        restoring.apply(&key, Some(&value)).unwrap();
    }
    let mut engine = restoring.finish().unwrap().engine;
    let partition = engine.partition_numbered(0).unwrap();
    let line = br#"{"ticket_id":"late","type":"created","at":5,"priority":"old300"}"#;
    engine.apply(partition, &decode(line, None).unwrap());
    assert_eq!(engine.counts().overflowed_priorities, 1);
    let (values, sum) = values(&shown(&mut engine), "priority");
    assert!(values.contains("__other__") && values.contains("p253"));
    assert_eq!((values.len(), sum), (255, 255.0));
}

const STOPPED_BY_TIMEOUT: i32 = 124;

/// librdkafka waits forever if it does not get all of its threads. The memory that this takes depends on
/// the system, so the test tries several limits.
#[test]
fn too_little_memory_for_the_kafka_client_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = "kafka: { brokers: [\"127.0.0.1:1\"] }\nweb: { listen: [\"127.0.0.1:0\"] }\n";
    std::fs::write(folder.path().join("desk.yaml"), config).unwrap();
    let started = [160_000, 200_000, 262_144].map(|limit| {
        let script = format!(
            "ulimit -v {limit}; exec timeout 45 \"$0\" serve --config.file=desk.yaml --set checkpoint.directory=data-{limit}"
        );
        let process = std::process::Command::new("bash")
            .args(["-c", &script])
            .arg(binary())
            .current_dir(folder.path())
            .stderr(std::process::Stdio::piped())
            .spawn();
        (limit, process.unwrap())
    });
    for (limit, process) in started {
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_reading = said.contains("connection to Kafka failed");
        let is_refused = said.contains("allow this process more memory (ulimit -v");
        // librdkafka and the C library end the process themselves if they lack memory in other places. Only
        // a process that waits runs until `timeout` stops it.
        let is_ended = output.status.code() != Some(STOPPED_BY_TIMEOUT);
        assert!(
            is_reading || is_refused || is_ended,
            "with {limit} KiB:\n{said}"
        );
    }
}
