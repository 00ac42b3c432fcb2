//! What the engine costs: events a second on one core, bytes a ticket, time of a snapshot, of a
//! scrape, of writing down what changed and of restoring it. Prints, and judges nothing.
//!
//! `cargo bench --bench engine` runs all parts; `-- replay`, `-- decode`, `-- memory`, `-- scrape`
//! or `-- checkpoint` one.

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

use ticket_exporter::config;
use ticket_exporter::decode::{self, Decoder};
use ticket_exporter::domain::event::{Event, EventIdentity, EventType, Status};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::edge::memory;
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
    if wanted("decode") {
        decoding();
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

/// What it costs to read a record: a canonical one by the bare function and by the decoder, and
/// those of other systems by their presets.
fn decoding() {
    let canonical: Vec<String> = Desk::new(1, Profile::load(2_000))
        .events(START, None)
        .map(|event| event.json)
        .collect();
    let none = Decoder::default();
    // One after the other in each round: the machine's mood is the same for both.
    for round in 1..=5 {
        let bare = nanoseconds(&canonical, |line| decode::decode(line, None).is_ok());
        let decoder = nanoseconds(&canonical, |line| {
            !none
                .decode(&decode::Record::of(line), None)
                .events()
                .is_empty()
        });
        println!(
            "decode: round {round}: canonical {bare:.0} ns, by the decoder {decoder:.0} ns: {:.3}",
            decoder / bare
        );
    }
    for (preset, name, records) in [
        ("zendesk", "the golden case", golden("zendesk")),
        ("jira", "the golden case", golden("jira")),
        ("jira", "with a whole issue", vec![whole_issue()]),
    ] {
        let yaml = format!("mapping: {{ preset: {preset} }}\n");
        let file = Path::new("mapping.yaml");
        let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.clone())).unwrap();
        let decoder = Decoder::new(&loaded.config.mapping);
        let size = records.iter().map(String::len).sum::<usize>() / records.len();
        let best = (0..5)
            .map(|_| {
                nanoseconds(&records, |line| {
                    !decoder
                        .decode(&decode::Record::of(line), None)
                        .events()
                        .is_empty()
                })
            })
            .fold(f64::INFINITY, f64::min);
        println!("decode: preset {preset}, {name}, {size} bytes: {best:.0} ns a record");
    }
}

/// The shortest of a few runs over the records, for each of them.
fn nanoseconds(records: &[String], read: impl Fn(&[u8]) -> bool) -> f64 {
    let rounds = 200_000 / records.len();
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

/// The values of the records of a case in `tests/mapping` that give events.
fn golden(case: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("tests/mapping/{case}/records.jsonl")).unwrap();
    let records = text.lines().map(|line| {
        let envelope: serde_json::Value = serde_json::from_str(line).unwrap();
        envelope["value"].to_string()
    });
    records
        .filter(|record| record.contains("updated"))
        .collect()
}

/// A change of an issue as large as Jira sends it: avatars, and fields that nobody uses.
fn whole_issue() -> String {
    let mut envelope: serde_json::Value = serde_json::from_str(&golden("jira")[4]).unwrap();
    let avatar =
        "https://avatars.example.com/0123456789abcdef0123456789abcdef?size=large&default=mm";
    let person = serde_json::json!({
        "self": "https://desk.example.com/rest/api/2/user?accountId=0123456789abcdef",
        "accountId": "0123456789abcdef", "displayName": "Somebody", "active": true,
        "timeZone": "Europe/Berlin", "emailAddress": "somebody@example.com",
        "avatarUrls": {"48x48": avatar, "24x24": avatar, "16x16": avatar, "32x32": avatar},
    });
    let fields = envelope["issue"]["fields"].as_object_mut().unwrap();
    for name in ["creator", "reporter", "assignee"] {
        fields.insert(name.to_owned(), person.clone());
    }
    for number in 10_000..10_080 {
        fields.insert(format!("customfield_{number}"), serde_json::Value::Null);
    }
    fields.insert(
        "description".to_owned(),
        "It does not work. \n".repeat(40).into(),
    );
    envelope["user"] = person;
    envelope.to_string()
}

/// A million open tickets with five events each.
fn memory() {
    let profile = Profile::default();
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
