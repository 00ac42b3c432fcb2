//! What the engine costs: events a second on one core, bytes a ticket, time of a snapshot, of a
//! scrape, of writing down what changed and of restoring it. Prints, and judges nothing.
//!
//! `cargo bench --bench engine` runs all parts; `-- replay`, `-- memory`, `-- scrape` or
//! `-- checkpoint` one.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark talks to a person"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ticket_exporter::config;
use ticket_exporter::decode;
use ticket_exporter::domain::event::{Event, EventIdentity, EventType, Status};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{
    Engine, GoalQuery, Records, Restoring, RewriteCursor, Rules, STATE_VERSION,
};
use ticket_exporter::exposition::{Format, render};
use ticket_exporter::simulation::{Desk, Profile};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_767_225_600_000);
/// Tickets of the load desk: some 200,000 of them are alive at a time.
const LOAD_TICKETS: u64 = 300_000;
const OPEN_TICKETS: usize = 1_000_000;
/// Pairs of team and priority, each with all its histograms: some 300,000 series.
const PAIRS: usize = 1_000;

fn main() {
    let part = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("memory") {
        memory();
    }
    if wanted("scrape") {
        scrape();
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

/// Decodes and applies canonical JSON events, as `replay` does, from memory.
fn replay() {
    let profile = Profile::load(LOAD_TICKETS);
    let rules = rules(&profile);
    let mut lines = Vec::new();
    let mut ends = Vec::new();
    for event in Desk::new(1, profile).events(START, None) {
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
        let partition = engine.partition();
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

/// A million open tickets with five events each.
fn memory() {
    let profile = Profile::default();
    let rules = rules(&profile);
    let before = resident();
    let started = Instant::now();
    let mut engine = open_tickets(&rules);
    let took = started.elapsed();
    let bytes = resident() - before;
    println!(
        "memory: {} open tickets, {} timers: {} MiB above the empty engine, {} bytes a ticket \
         ({took:.1?})",
        engine.tickets(),
        engine.timers(),
        bytes >> 20,
        bytes / OPEN_TICKETS,
    );
    let started = Instant::now();
    let snapshot = engine.snapshot();
    println!("memory: a snapshot takes {:.1?}", started.elapsed());
    drop(snapshot);
    questions(&engine, "open");
    // A year on everything that ran is overdue, which is the dearest to list.
    let partitions = (0..u16::MAX).map_while(|number| engine.partition_numbered(number));
    for partition in partitions.collect::<Vec<_>>() {
        engine.advance(partition, START.plus(365 * 86_400_000));
    }
    questions(&engine, "overdue");
}

/// What questions about tickets add to the checkpoint that answers them.
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

/// Takes records as a store does that keeps all of them.
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

/// The same events as `replay`, with a checkpoint every so many of them.
fn checkpoint() {
    let profile = Profile::load(LOAD_TICKETS);
    let rules = rules(&profile);
    let lines: Vec<String> = Desk::new(1, profile)
        .events(START, None)
        .map(|event| event.json)
        .collect();
    let events: Vec<Event<'_>> = lines
        .iter()
        .map(|line| decode::decode(line.as_bytes(), None).unwrap())
        .collect();
    for every in [10_000, 100_000, 500_000] {
        let mut engine = Engine::new(Arc::clone(&rules), START);
        let partition = engine.partition();
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

/// A million open tickets written down and restored.
fn restore() {
    let rules = rules(&Profile::default());
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
    let mut restoring = Restoring::new(rules, STATE_VERSION).unwrap();
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
    let partition = engine.partition();
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

/// Publishing and rendering of many series.
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
    engine.partition();
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

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kibibytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}
