//! The cost of the engine: events a second on one core, bytes a ticket, time of a snapshot, of a scrape, of
//! a checkpoint and of a restore. It prints results and checks nothing.
//!
//! `cargo bench --bench engine` runs all parts; `-- replay`, `-- decode`, `-- presets`, `-- memory`, `--
//! scrape` or `-- checkpoint` runs one. `-- presets jira` reads records of one preset.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark talks to a person"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use ticket_exporter::app::samples;
use ticket_exporter::config;
use ticket_exporter::decode::{self, Decoder};
use ticket_exporter::domain::event::{Event, EventIdentity, EventType, Status};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::edge::memory;
use ticket_exporter::engine::{
    Engine, GoalQuery, Records, Restorer, RewriteCursor, Rules, STATE_VERSION,
};
use ticket_exporter::exposition::{Format, render};
use ticket_exporter::simulation::{Profile, SimulatedHelpdesk};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_767_225_600_000);
/// Tickets of the load test: some 200,000 of them are alive at a time.
const LOAD_TICKETS: u64 = 300_000;
const OPEN_TICKETS: usize = 1_000_000;
/// Pairs of team and priority, each with all its histograms: some 300,000 series.
const PAIRS: usize = 1_000;

fn main() {
    let mut words = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'));
    let (part, only) = (words.next(), words.next());
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("memory") {
        memory();
    }
    if wanted("scrape") {
        scrape();
    }
    if wanted("decode") {
        decoding();
    }
    if wanted("presets") {
        presets(only.as_deref());
    }
    if wanted("replay") {
        replay();
    }
    if wanted("checkpoint") {
        checkpoint();
        restore();
    }
}

fn rules(profile: &Profile) -> Arc<Rules> {
    let yaml = profile.config_yaml();
    let file = Path::new("desk.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.clone())).unwrap();
    Arc::new(loaded.config.rules)
}

/// Decodes and applies canonical JSON events from memory, as `replay` does.
fn replay() {
    let profile = Profile::load(LOAD_TICKETS);
    let rules = rules(&profile);
    let mut lines = Vec::new();
    let mut ends = Vec::new();
    for event in SimulatedHelpdesk::new(1, profile).events(START, None) {
        lines.extend_from_slice(event.json.as_bytes());
        ends.push(lines.len());
    }
    let size = lines.len() / ends.len();
    println!(
        "replay: {} events of {size} bytes, {LOAD_TICKETS} tickets",
        ends.len()
    );
    for round in 1..=3 {
        let mut engine = Engine::new(Arc::clone(&rules), START);
        let partition = engine.only_partition();
        let mut most = 0;
        let started = Instant::now();
        let mut start = 0;
        for chunk in ends.chunks(64) {
            let mut events = Vec::with_capacity(chunk.len());
            for end in chunk {
                events.push(decode::decode(&lines[start..*end], None).unwrap());
                start = *end;
            }
            engine.warm(events.iter());
            for event in &events {
                engine.apply(partition, event);
            }
            most = most.max(engine.tickets());
        }
        let rate = per_second(ends.len(), started);
        println!("replay: round {round}: {rate} events/s, at most {most} tickets in memory");
    }
}

/// The cost of a canonical record, with the bare function and with the decoder.
fn decoding() {
    let canonical: Vec<String> = SimulatedHelpdesk::new(1, Profile::load(2_000))
        .events(START, None)
        .map(|event| event.json)
        .collect();
    let none = Decoder::default();
    // The two alternate, so that the state of the machine affects both.
    let (mut least_bare, mut least) = (f64::INFINITY, f64::INFINITY);
    for round in 1..=9 {
        let bare = nanoseconds(&canonical, |line| decode::decode(line, None).is_ok());
        let decoder = nanoseconds(&canonical, |line| has_events(&none, line));
        println!(
            "decode: round {round}: canonical {bare:.0} ns, by the decoder {decoder:.0} ns: {:.3}",
            decoder / bare
        );
        least_bare = bare.min(least_bare);
        least = decoder.min(least);
    }
    println!("decode: the shortest of each: {:.3}", least / least_bare);
}

/// The cost of records of other systems by preset: our own small ones, and the published samples if they
/// are available. `only` names a preset.
fn presets(only: Option<&str>) {
    let mut records: Vec<(&str, String, String)> = Vec::new();
    for preset in ["zendesk", "jira"] {
        let path = format!("tests/mapping/{preset}/records.jsonl");
        let samples = samples::read(Path::new(&path), true).unwrap();
        let changes = samples.iter().filter_map(|sample| {
            let value = String::from_utf8(sample.value.clone()?).unwrap();
            value.contains("updated").then_some(value)
        });
        let (number, value) = changes.enumerate().last().unwrap();
        records.push((preset, format!("our own, {}", number + 1), value));
    }
    let data = std::env::var("TICKET_EXPORTER_TEST_DATA");
    let data = data.unwrap_or_else(|_| "../shared/data".to_owned());
    for (preset, _) in config::PRESETS {
        let folder = format!("{data}/webhook_payloads/{preset}");
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            for sample in samples::read(&path, false).unwrap() {
                // Without the white space of the published form.
                if let Ok(value) = serde_json::from_slice::<Value>(&sample.value.unwrap()) {
                    records.push((preset, name.clone(), value.to_string()));
                }
            }
        }
    }
    for (preset, name, record) in records {
        if only.is_some_and(|only| only != preset) {
            continue;
        }
        let yaml = format!("mapping: {{ preset: {preset} }}\n");
        let file = Path::new("mapping.yaml");
        let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.clone())).unwrap();
        let decoder = Decoder::new(&loaded.config.mapping);
        if !has_events(&decoder, record.as_bytes()) {
            continue;
        }
        let size = record.len();
        let records = [record];
        let best = (0..7)
            .map(|_| nanoseconds(&records, |line| has_events(&decoder, line)))
            .fold(f64::INFINITY, f64::min);
        println!("presets: {preset}, {name}, {size} bytes: {best:.0} ns");
    }
}

fn has_events(decoder: &Decoder, value: &[u8]) -> bool {
    let record = decode::Record {
        timestamp: Some(START.0),
        ..decode::Record::of(value)
    };
    !decoder.decode(&record, None).events().is_empty()
}

/// The time of a run per record.
fn nanoseconds(records: &[String], read: impl Fn(&[u8]) -> bool) -> f64 {
    let rounds = 100_000_usize.div_ceil(records.len());
    let started = Instant::now();
    let mut events = 0;
    for _ in 0..rounds {
        for record in records {
            events += usize::from(read(std::hint::black_box(record.as_bytes())));
        }
    }
    let took = started.elapsed();
    assert!(events > 0);
    took.as_secs_f64() * 1e9 / (rounds * records.len()) as f64
}

/// A million open tickets with five events each.
fn memory() {
    let profile = Profile::without_attributes();
    let rules = rules(&profile);
    let before = memory::resident().unwrap();
    let started = Instant::now();
    let mut engine = open_tickets(&rules);
    let took = started.elapsed();
    let bytes = memory::resident().unwrap() - before;
    println!(
        "memory: {} open tickets, {} timers: {} MiB above the empty engine, {} bytes a ticket \
         ({took:.1?})",
        engine.tickets(),
        engine.timers(),
        bytes >> 20,
        bytes / OPEN_TICKETS as u64,
    );
    let started = Instant::now();
    let snapshot = engine.snapshot();
    println!("memory: a snapshot takes {:.1?}", started.elapsed());
    drop(snapshot);
    questions(&engine, "open");
    // After a year every running goal is overdue, which is the most expensive list.
    let partitions = (0..u16::MAX).map_while(|number| engine.partition_numbered(number));
    for partition in partitions.collect::<Vec<_>>() {
        engine.advance(partition, START.plus(365 * 86_400_000));
    }
    questions(&engine, "overdue");
}

/// The cost that questions about tickets add to the checkpoint that answers them.
fn questions(engine: &Engine, tickets: &str) {
    for (name, at_risk, overdue) in [
        ("at risk within 4h", Some(4 * 3_600_000), false),
        ("overdue", None, true),
        ("all", None, false),
    ] {
        let query = GoalQuery {
            at_risk,
            overdue,
            limit: 1_000,
            ..GoalQuery::default()
        };
        for count in [1, 16] {
            let started = Instant::now();
            let lists = engine.goal_lists(&vec![query.clone(); count]);
            println!(
                "memory: {count} questions, {name}, of {tickets} tickets: {:.1?} for {} goals",
                started.elapsed(),
                lists[0].matching
            );
        }
    }
}

/// A store that keeps all records in memory.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Ends of keys and values in `bytes`.
    ends: Vec<(usize, usize)>,
}

impl Records for Kept {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((end, self.bytes.len()));
    }

    fn delete(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push((self.bytes.len(), self.bytes.len()));
    }
}

/// The events of `replay`, with regular checkpoints.
fn checkpoint() {
    let profile = Profile::load(LOAD_TICKETS);
    let rules = rules(&profile);
    let lines: Vec<String> = SimulatedHelpdesk::new(1, profile)
        .events(START, None)
        .map(|event| event.json)
        .collect();
    let events: Vec<Event<'_>> = lines
        .iter()
        .map(|line| decode::decode(line.as_bytes(), None).unwrap())
        .collect();
    for every in [10_000, 100_000, 500_000] {
        let mut engine = Engine::new(Arc::clone(&rules), START);
        let partition = engine.only_partition();
        engine.track_changes();
        let (mut applying, mut looking, mut writing) =
            (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let (mut records, mut bytes) = (0, 0);
        for checkpoint in events.chunks(every) {
            let started = Instant::now();
            for chunk in checkpoint.chunks(64) {
                engine.warm(chunk.iter());
                for event in chunk {
                    engine.apply(partition, event);
                }
            }
            applying += started.elapsed();
            let started = Instant::now();
            drop(engine.snapshot());
            looking += started.elapsed();
            let mut kept = Kept::default();
            let started = Instant::now();
            engine.write_changes(&mut kept);
            writing += started.elapsed();
            records += kept.ends.len();
            bytes += kept.bytes.len();
        }
        println!(
            "checkpoint: every {every} of {} events: applied in {applying:.2?}, snapshots \
             {looking:.2?}, written in {writing:.2?} ({:.1} % of applying): {records} records, \
             {} bytes each",
            events.len(),
            100.0 * writing.as_secs_f64() / applying.as_secs_f64(),
            bytes / records.max(1),
        );
    }
}

/// Writes and restores a million open tickets.
fn restore() {
    let rules = rules(&Profile::without_attributes());
    let engine = open_tickets(&rules);
    let mut kept = Kept::default();
    let started = Instant::now();
    engine.write_slice(&mut RewriteCursor::default(), usize::MAX, &mut kept);
    println!(
        "restore: {} records of {OPEN_TICKETS} tickets written in {:.1?}: {} bytes a ticket, key \
         and value",
        kept.ends.len(),
        started.elapsed(),
        kept.bytes.len() / OPEN_TICKETS
    );
    drop(engine);
    let started = Instant::now();
    let mut restoring = Restorer::new(rules, STATE_VERSION).unwrap();
    let mut start = 0;
    for (middle, end) in &kept.ends {
        let (key, value) = (&kept.bytes[start..*middle], &kept.bytes[*middle..*end]);
        restoring.apply(key, Some(value)).unwrap();
        start = *end;
    }
    let read = started.elapsed();
    let restored = restoring.finish().unwrap();
    println!(
        "restore: {} tickets in {:.1?}, {read:.1?} of it reading",
        restored.engine.tickets(),
        started.elapsed()
    );
}

fn open_tickets(rules: &Arc<Rules>) -> Engine {
    let mut engine = Engine::new(Arc::clone(rules), START);
    let partition = engine.only_partition();
    for number in 0..OPEN_TICKETS {
        let id = format!("TICKET-{number:07}");
        let second = i64::try_from(number).unwrap() * 10;
        for (step, kind) in [
            EventType::Created,
            EventType::Message,
            EventType::StatusChanged,
            EventType::Message,
            EventType::PriorityChanged,
        ]
        .into_iter()
        .enumerate()
        {
            let at = START.plus(second + i64::try_from(step).unwrap());
            let identity =
                EventIdentity(((number * 8 + step) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut event = Event::new(id.as_str(), kind, at, identity);
            event.team = (step == 0).then(|| Some("network".into()));
            event.priority = Some(["p1", "p2", "p3", "p4"][(number + step / 4) % 4].into());
            event.status = (kind == EventType::StatusChanged).then_some(Status::Open);
            engine.apply(partition, &event);
        }
    }
    engine
}

/// Publishes and renders many series.
fn scrape() {
    let teams: Vec<String> = (0..PAIRS / 4)
        .map(|team| format!("team-{team:03}"))
        .collect();
    let rules = Rules {
        known_teams: teams,
        priorities: ["p1", "p2", "p3", "p4"].map(str::to_owned).to_vec(),
        ..Rules::default()
    };
    let mut engine = Engine::new(Arc::new(rules), START);
    engine.only_partition();
    let started = Instant::now();
    let snapshot = engine.snapshot();
    println!("scrape: a snapshot takes {:.1?}", started.elapsed());
    for format in Format::ALL {
        let mut size = 0;
        for round in 1..=3 {
            let started = Instant::now();
            let rendered = render(format, &[&snapshot], size);
            size = rendered.len();
            let series = rendered.iter().filter(|byte| **byte == b'\n').count();
            println!(
                "scrape: {format:?} round {round}: {:.1?}, {size} bytes, {series} lines",
                started.elapsed()
            );
        }
    }
}

fn per_second(count: usize, started: Instant) -> u128 {
    count as u128 * 1_000_000 / started.elapsed().as_micros().max(1)
}
