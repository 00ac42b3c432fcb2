//! The engine compared with the naive implementation: golden cases, random stories, real logs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ticket_exporter::config;
use ticket_exporter::decode;
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{Engine, Rules, StateMember};
use ticket_exporter::exposition::{Format, render};

use crate::harness;
use crate::logs;
use crate::naive::compare::{Difference, compare, parse};
use crate::naive::{self, Setup};
use crate::stories::{self, Size};

/// The number of random stories in a run. To search for rare bugs, set the variable to a larger number, or
/// to a range of seeds as in `3000..40000`.
const STORIES: u64 = 3_000;
const STORIES_VARIABLE: &str = "TICKET_EXPORTER_TEST_STORIES";
/// Stories of tickets with hundreds of changes.
const LONG_STORIES: u64 = 100;
/// The number of tickets in a story and the maximum of events in a ticket, as in `40x120`.
const SIZE_VARIABLE: &str = "TICKET_EXPORTER_TEST_STORY_SIZE";

/// The rules of a setup. Its places for cohorts are not in the file.
pub fn rules_of(setup: &Setup) -> Arc<Rules> {
    let mut rules = rules(&setup.to_yaml());
    if let Some(places) = setup.limit_cohorts {
        Arc::make_mut(&mut rules).limits.cohorts = places;
    }
    rules
}

fn rules(yaml: &str) -> Arc<Rules> {
    let file = Path::new("story.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()))
        .unwrap_or_else(|errors| panic!("{errors}\n{yaml}"));
    Arc::new(loaded.config.rules)
}

/// The output of `replay` for these lines, and what the engine counted beside the KPIs.
pub fn replay(rules: &Arc<Rules>, lines: &[String], until: Option<i64>) -> String {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp(0));
    let partition = engine.only_partition();
    for line in lines {
        if let Ok(event) = decode::decode(line.as_bytes(), None)
            && until.is_none_or(|until| event.at.0 <= until)
        {
            engine.apply(partition, &event);
        }
    }
    if let Some(end) = until.map(Timestamp).or(engine.greatest_event(partition)) {
        engine.advance(partition, end);
    }
    let mut text = String::from_utf8(render(Format::Text, &[&engine.snapshot()], 0)).unwrap();
    let counts = engine.counts();
    let mut add = |name: &str, count: u64| {
        let _ = writeln!(text, "{} {count}", beside(name));
    };
    add("duplicate", counts.duplicate);
    add("out_of_order", counts.out_of_order);
    add("withdrawn", counts.withdrawn);
    add("merged_away", counts.merged_away);
    for member in StateMember::ALL {
        add(member.name(), counts.stale[member as usize]);
    }
    for (rule, stale) in rules.attributes.iter().zip(counts.stale_attributes) {
        add(&rule.name, stale);
    }
    text
}

/// The name of a count beside the KPIs, in the form of a series.
pub fn beside(name: &str) -> String {
    format!("ticket_beside{{name=\"{name}\"}}")
}

/// The same as [`replay`] by the naive implementation.
pub fn expected(setup: &Setup, lines: &[String], until: Option<i64>) -> BTreeMap<String, f64> {
    let output = naive::compute(setup, lines, until);
    let mut series = output.series;
    let counts = [
        ("duplicate", &output.duplicates),
        ("out_of_order", &output.out_of_order),
    ];
    let named = output.ignored.iter().chain(&output.stale);
    #[allow(clippy::cast_precision_loss)]
    for (name, count) in counts
        .into_iter()
        .chain(named.map(|(name, n)| (&**name, n)))
    {
        series.insert(beside(name), *count as f64);
    }
    series
}

fn assert_same(what: &str, setup: &Setup, lines: &[String], until: Option<i64>) {
    let yaml = setup.to_yaml();
    let differences = differences_of(setup, lines, until);
    if !differences.is_empty() {
        let shortest = shrink(setup, lines, until);
        let remaining = differences_of(setup, &shortest, until);
        let list = |differences: &[Difference]| {
            differences
                .iter()
                .take(12)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        panic!(
            "{what}: {} series differ\n{}\n\nthe shortest story found:\n{}\n\n{}\n\n{yaml}",
            differences.len(),
            list(&differences),
            shortest.join("\n"),
            list(&remaining),
        );
    }
}

fn differences_of(setup: &Setup, lines: &[String], until: Option<i64>) -> Vec<Difference> {
    compare(
        &expected(setup, lines, until),
        &replay(&rules_of(setup), lines, until),
    )
}

/// Removes lines as long as some difference remains.
fn shrink(setup: &Setup, lines: &[String], until: Option<i64>) -> Vec<String> {
    let mut lines = lines.to_vec();
    let mut chunk = lines.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < lines.len() {
            let mut fewer = lines.clone();
            fewer.drain(start..(start + chunk).min(fewer.len()));
            if differences_of(setup, &fewer, until).is_empty() {
                start += chunk;
            } else {
                lines = fewer;
            }
        }
        chunk /= 2;
    }
    lines
}

#[test]
fn golden_cases() {
    let cases = harness::cases("tests/golden");
    assert!(cases.len() >= 30, "cases are missing");
    let mut failures = Vec::new();
    for case in cases {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let lines: Vec<String> = read("events.jsonl").lines().map(str::to_owned).collect();
        let actual = parse(&replay(&rules(&read("config.yaml")), &lines, None));
        for (series, value) in parse(&read("expected.prom")) {
            let found = actual.get(&series).copied().unwrap_or(0.0);
            // Quantiles are those of an HDR histogram (contract, section 6).
            let tolerance = if series.contains("quantile=") {
                0.01
            } else {
                1e-9
            };
            if (found - value).abs() > value.abs() * tolerance {
                failures.push(format!(
                    "{}: {series} is {found}, not {value}",
                    case.file_name().unwrap().display()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn seeds() -> Range<u64> {
    let number = |text: &str| text.parse().expect("a number of stories");
    match std::env::var(STORIES_VARIABLE) {
        Ok(text) => match text.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => 0..number(&text),
        },
        Err(_) => 0..STORIES,
    }
}

#[test]
fn random_stories() {
    let size = std::env::var(SIZE_VARIABLE).ok().map(|text| {
        let number = |text: &str| text.parse().expect("a number");
        let (tickets, events) = text.split_once('x').expect("two numbers");
        Size {
            tickets: number(tickets),
            events: number(events),
        }
    });
    for seed in seeds() {
        let usual = Size {
            tickets: 1 + usize::try_from(seed % 7).unwrap() * 2,
            events: 40,
        };
        let (setup, lines) = stories::random(seed, size.unwrap_or(usual));
        assert_same(&format!("story {seed}"), &setup, &lines, None);
    }
}

#[test]
fn random_stories_stopped_at_an_instant() {
    for seed in 0..300 {
        let (setup, lines) = stories::random(
            seed,
            Size {
                tickets: 6,
                events: 60,
            },
        );
        let mut instants: Vec<i64> = lines
            .iter()
            .filter_map(|line| Some(decode::decode(line.as_bytes(), None).ok()?.at.0))
            .collect();
        instants.sort_unstable();
        let middle = instants[instants.len() / 2];
        assert_same(
            &format!("story {seed} until {middle}"),
            &setup,
            &lines,
            Some(middle),
        );
        let later = instants[instants.len() - 1] + 7 * 86_400_000;
        assert_same(
            &format!("story {seed} until {later}"),
            &setup,
            &lines,
            Some(later),
        );
    }
}

/// The engine stores the older part of such a history as sums; the naive implementation keeps all of it.
#[test]
fn long_histories() {
    for seed in 0..LONG_STORIES {
        let (setup, lines) = stories::long(seed);
        let instants: Vec<i64> = lines
            .iter()
            .filter_map(|line| Some(decode::decode(line.as_bytes(), None).ok()?.at.0))
            .collect();
        for part in 1..=4 {
            let until = instants[(instants.len() - 1) * part / 4];
            assert_same(&format!("long story {seed}"), &setup, &lines, Some(until));
        }
        let later = instants.iter().max().map(|last| last + 40 * 86_400_000);
        assert_same(&format!("long story {seed}"), &setup, &lines, later);
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn real_logs() {
    let setup = logs_setup();
    for (name, lines) in [
        ("helpdesk", logs::helpdesk_italian()),
        ("bpi2013", logs::bpi2013()),
        ("zendesk", logs::zendesk()),
        ("kaggle", logs::kaggle()),
        ("large", logs::large()),
    ] {
        let differences = differences_of(&setup, &lines, None);
        let first: BTreeMap<_, _> = differences
            .iter()
            .take(10)
            .map(|difference| (difference.to_string(), ()))
            .collect();
        assert!(
            differences.is_empty(),
            "{name}: {} differ: {first:#?}",
            differences.len()
        );
    }
}

/// Calendars, policies and priorities for all of the logs.
pub fn logs_setup() -> Setup {
    let (mut setup, _) = stories::random(
        11,
        Size {
            tickets: 1,
            events: 1,
        },
    );
    setup.limit_teams = 1_000;
    setup
}
