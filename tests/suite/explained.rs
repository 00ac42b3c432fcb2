//! `explain`: cases whose explanation was worked out by hand (`tests/explained`), and properties of every
//! ticket: tracing changes nothing, and the explanation adds up to the series.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ticket_exporter::app::event_files::EventFiles;
use ticket_exporter::app::explain::{from_engine, from_files, words};
use ticket_exporter::config::{self, Config};
use ticket_exporter::decode::{self, Decoder};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{Engine, GoalStep, Kpi, Rules, TicketTrace, TraceEntry, TraceEvent};
use ticket_exporter::exposition::{Format, render};

use crate::harness;
use crate::naive::compare::parse;
use crate::stories::{self, Size};

const STORIES: u64 = 150;
/// The ticket of every case in `tests/explained`.
const TICKET: &str = "1";

fn load(yaml: &str) -> Config {
    let file = Path::new("story.yaml");
    config::load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()))
        .unwrap_or_else(|errors| panic!("{errors}\n{yaml}"))
        .config
}

#[test]
fn explanations_equal_those_worked_out_by_hand() {
    let folders = harness::cases("tests/explained");
    assert!(folders.len() >= 6, "cases are missing");
    for folder in folders {
        let config = load(&fs::read_to_string(folder.join("config.yaml")).unwrap());
        let paths = [folder.join("events.jsonl")];
        let files = EventFiles::open(&paths, Decoder::default(), &mut |_| {}).unwrap();
        let rules = Arc::new(config.rules);
        let looked = from_files(rules, &files, TICKET, None, &mut |_| {}).unwrap();
        assert_eq!(looked.tally.rejections(), 0, "{}", folder.display());
        let said = words(&looked.explanation.expect("it is there"), false);
        let file = folder.join("expected.txt");
        let expected = fs::read_to_string(&file).unwrap();
        assert_eq!(said, expected, "{}", folder.display());
    }
}

/// Applies events as a replay does, and traces the ticket `traced`.
fn replay(rules: &Arc<Rules>, lines: &[String], traced: Option<&str>) -> (Engine, Vec<TraceEntry>) {
    let mut engine = Engine::new(Arc::clone(rules), Timestamp(0));
    let mut trace = TicketTrace::new(traced.unwrap_or_default());
    let partition = engine.only_partition();
    for line in lines {
        if let Ok(event) = decode::decode(line.as_bytes(), None) {
            match traced {
                Some(_) => engine.apply_observed(partition, &event, &mut trace),
                None => engine.apply(partition, &event),
            };
        }
    }
    if let Some(end) = engine.greatest_event(partition) {
        match traced {
            Some(_) => engine.advance_observed(partition, end, &mut trace),
            None => engine.advance(partition, end),
        }
    }
    (engine, trace.into_entries())
}

fn exposition(engine: &mut Engine) -> String {
    String::from_utf8(render(Format::Text, &[&engine.snapshot()], 0)).unwrap()
}

fn ids(lines: &[String]) -> Vec<String> {
    let events = lines
        .iter()
        .filter_map(|line| decode::decode(line.as_bytes(), None).ok());
    let mut ids: Vec<String> = events.map(|event| event.ticket_id.into_owned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The sums of an explanation, by name of the series.
#[derive(Default)]
struct Totals(BTreeMap<String, f64>);

impl Totals {
    fn add(&mut self, series: String, value: f64) {
        *self.0.entry(series).or_default() += value;
    }

    fn observe(&mut self, kpi: Kpi, labels: &str, clock: &str, value: Option<i64>) {
        let Some(value) = value else { return };
        let label = match (kpi, clock) {
            (Kpi::Handle, "calendar") => "source=\"reported\"".to_owned(),
            (Kpi::Handle, _) => "source=\"derived\"".to_owned(),
            (_, clock) => format!("clock=\"{clock}\""),
        };
        let family = format!("ticket_{}_seconds", kpi.name());
        self.add(format!("{family}_count{{{labels},{label}}}"), 1.0);
        self.add(
            format!("{family}_sum{{{labels},{label}}}"),
            value as f64 / 1_000.0,
        );
    }

    fn take(&mut self, entry: &TraceEntry) {
        match &entry.what {
            TraceEvent::Observation(observation) => {
                let labels = labels(&observation.team, &observation.priority);
                self.observe(observation.kpi, &labels, "calendar", observation.calendar);
                self.observe(observation.kpi, &labels, "business", observation.business);
            }
            TraceEvent::Goal(goal) => {
                let labels = format!(
                    "{},target=\"{}\",policy=\"{}\"",
                    labels(&goal.team, &goal.priority),
                    goal.target,
                    goal.policy
                );
                if matches!(goal.step, GoalStep::Met | GoalStep::Breached) {
                    self.add(format!("ticket_sla_goals_total{{{labels}}}"), 1.0);
                }
                if goal.step == GoalStep::Breached {
                    self.add(format!("ticket_sla_breaches_total{{{labels}}}"), 1.0);
                }
            }
            TraceEvent::Withdrawn { .. } => self.add("withdrawn".to_owned(), 1.0),
            TraceEvent::Finalized { first_contact, .. } => {
                let counted = f64::from(u8::from(first_contact.is_some()));
                self.add("finalized".to_owned(), counted);
            }
            _ => {}
        }
    }
}

fn labels(team: &str, priority: &str) -> String {
    format!("team=\"{team}\",priority=\"{priority}\"")
}

/// The labels of observations and goals that an explanation names. The others are attributes and the
/// group, which follows from the policy.
const EXPLAINED: [&str; 6] = ["team", "priority", "clock", "source", "target", "policy"];

/// The series that an explanation covers, summed as [`Totals`] does.
fn explained_series(exposition: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let family = series.split('{').next().unwrap();
        let duration = family.ends_with("_seconds_count") || family.ends_with("_seconds_sum");
        let goal = family == "ticket_sla_goals_total" || family == "ticket_sla_breaches_total";
        let name = match family {
            _ if duration || goal => with_explained_labels(series),
            "ticket_withdrawn_total" => "withdrawn".to_owned(),
            "ticket_finalized_total" => "finalized".to_owned(),
            _ => continue,
        };
        *sums.entry(name).or_default() += value;
    }
    sums
}

fn with_explained_labels(series: &str) -> String {
    let (family, labels) = series.trim_end_matches('}').split_once('{').unwrap();
    let labels = labels.split("\",").map(|label| label.trim_end_matches('"'));
    let labels: Vec<String> = labels
        .filter(|label| EXPLAINED.contains(&label.split('=').next().unwrap()))
        .map(|label| format!("{label}\""))
        .collect();
    format!("{family}{{{}}}", labels.join(","))
}

#[test]
fn explanations_of_all_tickets_add_up_to_the_series() {
    let mut observations = 0;
    for seed in 0..STORIES {
        let (setup, lines) = stories::random(seed, Size::default());
        let rules = Arc::new(load(&setup.to_yaml()).rules);
        let (mut engine, _) = replay(&rules, &lines, None);
        let expected = explained_series(&exposition(&mut engine));
        let mut totals = Totals::default();
        for id in ids(&lines) {
            let (_, entries) = replay(&rules, &lines, Some(&id));
            entries.iter().for_each(|entry| totals.take(entry));
        }
        for (series, value) in &expected {
            let got = totals.0.remove(series).unwrap_or(0.0);
            assert!(
                (got - value).abs() <= 1e-6 * value.abs(),
                "seed {seed}: {series} is {value}, explained are {got}"
            );
            observations += u64::from(*value > 0.0);
        }
        let more: Vec<_> = totals
            .0
            .iter()
            .filter(|(_, value)| **value != 0.0)
            .collect();
        assert!(
            more.is_empty(),
            "seed {seed}: explained, but not there: {more:?}"
        );
    }
    assert!(observations > 1_000, "too few observations");
}

#[test]
fn tracing_changes_nothing() {
    for seed in 0..STORIES {
        let (setup, lines) = stories::random(seed, Size::default());
        let rules = Arc::new(load(&setup.to_yaml()).rules);
        let (mut plain, nothing) = replay(&rules, &lines, None);
        assert!(nothing.is_empty());
        let plain = exposition(&mut plain);
        for id in ids(&lines).iter().take(4) {
            let (mut traced, _) = replay(&rules, &lines, Some(id));
            assert_eq!(
                parse(&exposition(&mut traced)),
                parse(&plain),
                "seed {seed}"
            );
        }
    }
}

/// An explanation has every event of its ticket, spans add up to their observation, and times never
/// decrease.
#[test]
fn an_explanation_is_complete_and_in_order() {
    for seed in 0..STORIES {
        let (setup, lines) = stories::random(seed, Size::default());
        let config = load(&setup.to_yaml());
        let rules = Arc::new(config.rules);
        for id in ids(&lines) {
            let (engine, entries) = replay(&rules, &lines, Some(&id));
            let own = lines
                .iter()
                .filter_map(|line| decode::decode(line.as_bytes(), None).ok())
                .filter(|event| event.ticket_id == id.as_str())
                .count();
            let written = entries
                .iter()
                .filter(|entry| match &entry.what {
                    TraceEvent::Event(event) => event.named.is_none(),
                    _ => false,
                })
                .count();
            assert_eq!(own, written, "seed {seed}, ticket {id}");
            for pair in entries.windows(2) {
                assert!(pair[0].known <= pair[1].known, "seed {seed}, ticket {id}");
            }
            for entry in &entries {
                if let TraceEvent::Goal(goal) = &entry.what
                    && goal.step == GoalStep::Met
                {
                    assert!(goal.running <= goal.length, "seed {seed}: {goal:?}");
                }
            }
            if let Some(explanation) = from_engine(&engine, &id) {
                for view in &explanation.state {
                    for goal in &view.goals {
                        let left = goal.left.unwrap_or(0);
                        assert!(left >= 0 && left <= goal.goal.length, "seed {seed}");
                    }
                }
                assert!(!words(&explanation, true).is_empty());
            }
        }
    }
}
