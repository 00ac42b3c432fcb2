//! Valid but absurd events, in an engine with calendars and policies.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ticket_exporter::domain::event::{Actor, Event, EventIdentity, EventType, Status};
use ticket_exporter::domain::timestamp::{DAY, Milliseconds, Timestamp};
use ticket_exporter::engine::{Engine, PartitionId};
use ticket_exporter::exposition::{Format, render};

use super::fuzz;
use crate::properties::input;
use crate::stories::dice::Dice;
use crate::stories::{self, Size};

/// Status changes of one ticket in a normal run.
const FLIPS: i64 = 2_000;
/// More of them, for a measurement.
const FLIPS_VARIABLE: &str = "TICKET_EXPORTER_TEST_FLIPS";

/// A calendar and all targets, none of which ends by itself.
const ALWAYS_WATCHED: &str = r#"
calendars:
  office:
    timezone: Europe/Berlin
    weekly: { mon: ["08:00-12:00", "13:00-17:00"], tue: ["08:00-17:00"] }
teams: { default_calendar: office }
handle: { derive: true }
sla:
  policies:
    - name: all
      targets: { first_response: 5000d, next_response: 5000d, resolution: 5000d, ownership: 5000d }
      pause: { first_response: [pending], next_response: [pending], ownership: [pending] }
"#;

const KINDS: [EventType; 15] = [
    EventType::Created,
    EventType::Message,
    EventType::StatusChanged,
    EventType::TeamChanged,
    EventType::AgentChanged,
    EventType::PriorityChanged,
    EventType::Updated,
    EventType::Worklog,
    EventType::Escalated,
    EventType::CsatOffered,
    EventType::CsatRated,
    EventType::Merged,
    EventType::Spam,
    EventType::Deleted,
    EventType::Undeleted,
];

fn any_engine(dice: &mut Dice) -> (Engine, PartitionId) {
    let size = Size {
        tickets: 1,
        events: 1,
    };
    let seed = u64::try_from(dice.below(1 << 40)).unwrap();
    let rules = input::rules(&stories::random(seed, size).0.to_yaml());
    let mut engine = Engine::new(rules.into(), Timestamp(0));
    let partition = engine.only_partition();
    (engine, partition)
}

fn any_instant(dice: &mut Dice) -> Timestamp {
    let range = Timestamp::LATEST.since(Timestamp::EARLIEST);
    match dice.below(4) {
        0 => *dice.pick(&[Timestamp::EARLIEST, Timestamp::LATEST, Timestamp(0)]),
        1 => Timestamp::EARLIEST.plus(dice.below(range + 1)),
        _ => Timestamp(1_774_569_600_000 + dice.below(100 * DAY)),
    }
}

fn any_name(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => (*dice.pick(&["a", "p1", "none", "__other__", "é\"\\\n", "\0"])).to_owned(),
        1 => "𝔞".repeat(64),
        _ => format!("n{}", dice.below(2_000)),
    }
}

fn any_event(number: u64, dice: &mut Dice) -> Event<'static> {
    let ids = ["1", "2", "3"].map(str::to_owned);
    let id = match dice.below(4) {
        0 => "ß\u{202e}".repeat(51) + &"é".repeat(22),
        _ => dice.pick(&ids).clone(),
    };
    let kind = *dice.pick(&KINDS);
    let mut event = Event::new(id, kind, any_instant(dice), EventIdentity(number));
    event.created_at = dice.chance(10).then(|| any_instant(dice));
    event.team = dice
        .chance(20)
        .then(|| dice.chance(80).then(|| any_name(dice).into()));
    event.assigned = dice.chance(20).then(|| dice.chance(50));
    event.priority = dice.chance(20).then(|| any_name(dice).into());
    event.channel = dice.chance(20).then(|| any_name(dice).into());
    event.status = dice.chance(40).then(|| *dice.pick(&Status::ALL));
    event.actor = dice
        .chance(80)
        .then(|| *dice.pick(&[Actor::Agent, Actor::Customer, Actor::Bot]));
    event.requester = dice.chance(20).then(|| any_name(dice).into());
    event.author = dice.chance(40).then(|| any_name(dice).into());
    event.public = dice.chance(90);
    event.handle = Some(*dice.pick(&[0, 1, 3_653 * DAY]));
    event.rating = Some(*dice.pick(&[0.0, 1.0, -1e308, f64::INFINITY, f64::NEG_INFINITY]));
    event.into = dice.chance(80).then(|| dice.pick(&ids).clone().into());
    event
}

#[test]
fn absurd_events() {
    let slowest = Cell::new(Duration::ZERO);
    fuzz("absurd events", 40, |dice| {
        let (mut engine, partition) = any_engine(dice);
        for number in 0..300 {
            let event = any_event(number, dice);
            let started = Instant::now();
            engine.apply(partition, &event);
            let took = started.elapsed();
            slowest.set(slowest.get().max(took));
            assert!(took < Duration::from_secs(1), "{took:?} for {event:?}");
            if dice.chance(3) {
                engine.advance(partition, any_instant(dice));
            }
            if dice.chance(3) {
                let snapshot = engine.snapshot();
                for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
                    assert!(!render(format, &[&snapshot], 0).is_empty());
                }
            }
        }
        engine.advance(partition, Timestamp::LATEST);
        engine.advance(partition, Timestamp::NEVER);
        let text = render(Format::Text, &[&engine.snapshot()], 0);
        let text = String::from_utf8(text).unwrap();
        for line in text
            .lines()
            .filter(|line| !line.contains("timestamp_seconds"))
        {
            assert!(!line.contains("} -"), "negative: {line}");
        }
    });
    println!("absurd events: the slowest one took {:?}", slowest.get());
}

/// The cost of one ticket that changes all the time.
#[test]
fn a_ticket_with_very_many_changes() {
    let flips = std::env::var(FLIPS_VARIABLE)
        .map_or(FLIPS, |text| text.parse().expect("a number of changes"));
    let open = [Status::Pending, Status::Open];
    let solved = [Status::Solved, Status::Open];
    for (what, statuses, messages, start) in [
        (
            "of a partial ticket whose start is known at the end",
            open,
            false,
            false,
        ),
        ("between open and pending", open, false, true),
        ("between open and pending, with messages", open, true, true),
        ("between open and solved, with messages", solved, true, true),
    ] {
        let begin = Instant::now();
        let slowest = flip(flips, statuses, messages, start);
        println!(
            "{flips} changes {what}: {:?}, the slowest event took {slowest:?}",
            begin.elapsed()
        );
        assert!(slowest < Duration::from_secs(2), "{what}: {slowest:?}");
    }
}

/// Changes the status of one ticket again and again. Returns the time of the slowest event.
fn flip(flips: i64, statuses: [Status; 2], messages: bool, start: bool) -> Duration {
    const STEP: Milliseconds = 61_000;
    const BEGIN: i64 = 1_774_569_600_000;
    let rules = input::rules(ALWAYS_WATCHED);
    let mut engine = Engine::new(rules.into(), Timestamp(0));
    let partition = engine.only_partition();
    let mut slowest = Duration::ZERO;
    let mut number = 0;
    let mut apply = |kind: EventType, at: i64, set: &dyn Fn(&mut Event<'static>)| {
        number += 1;
        let mut event = Event::new("1", kind, Timestamp(at), EventIdentity(number));
        set(&mut event);
        let started = Instant::now();
        engine.apply(partition, &event);
        slowest = slowest.max(started.elapsed());
    };
    let first = if start {
        EventType::Created
    } else {
        EventType::Updated
    };
    apply(first, BEGIN, &|event| {
        event.team = Some(Some("network".into()));
        event.assigned = Some(true);
    });
    for flip in 0..flips {
        let at = BEGIN + (flip + 1) * STEP;
        let status = statuses[usize::from(flip % 2 == 1)];
        apply(EventType::StatusChanged, at, &|event| {
            event.status = Some(status);
        });
        if messages {
            let actor = if flip % 4 < 2 {
                Actor::Customer
            } else {
                Actor::Agent
            };
            apply(EventType::Message, at + 1, &|event| {
                event.actor = Some(actor);
            });
        }
    }
    let end = BEGIN + (flips + 2) * STEP;
    apply(EventType::Updated, end, &|event| {
        event.created_at = Some(Timestamp(BEGIN));
    });
    for status in [Status::OnHold, Status::Open, Status::Closed] {
        apply(EventType::StatusChanged, end, &|event| {
            event.status = Some(status);
        });
    }
    let started = Instant::now();
    engine.advance(partition, Timestamp::LATEST);
    slowest.max(started.elapsed())
}
