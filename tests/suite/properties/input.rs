//! Events in the order of arrival, and rules for them.

use std::path::Path;
use std::sync::Arc;

use ticket_exporter::config;
use ticket_exporter::decode;
use ticket_exporter::domain::event::Event;
use ticket_exporter::domain::timestamp::{DAY, Timestamp};
use ticket_exporter::engine::{Engine, PartitionId, Rules, Snapshot};
use ticket_exporter::exposition::{Format, render};
use ticket_exporter::simulation::{Profile, SimulatedHelpdesk};

use crate::kpis::logs_setup;
use crate::stories::dice::Dice;
use crate::stories::{self, Size};

/// 2026-03-27: the summer time of Europe begins soon.
const OPENING: Timestamp = Timestamp(1_774_569_600_000);

/// One record that is an event.
#[derive(Clone, Debug)]
pub struct InputRecord {
    pub line: String,
    pub at: Timestamp,
    pub ticket: String,
    pub into: Option<String>,
}

impl InputRecord {
    pub fn event(&self) -> Event<'_> {
        decode::decode(self.line.as_bytes(), None).unwrap()
    }
}

#[derive(Clone, Debug)]
pub struct Input {
    pub name: String,
    pub yaml: String,
    pub rules: Arc<Rules>,
    pub records: Vec<InputRecord>,
}

impl Input {
    /// A random story whose events arrive in time.
    pub fn story(seed: u64) -> Self {
        let size = Size {
            tickets: 1 + usize::try_from(seed % 6).unwrap() * 3,
            events: 30,
        };
        let (setup, lines) = stories::random(seed, size);
        Self::in_time(format!("story {seed}"), setup.to_yaml(), &lines, seed)
    }

    /// A random story of tickets that change hundreds of times.
    pub fn long_story(seed: u64) -> Self {
        let (setup, lines) = stories::long(seed);
        Self::in_time(format!("long story {seed}"), setup.to_yaml(), &lines, seed)
    }

    /// Some weeks of a simulated helpdesk.
    pub fn helpdesk(seed: u64) -> Self {
        let mut profile = Profile {
            tickets: Some(120),
            tickets_a_day: 30.0,
            ..Profile::default()
        };
        profile.delivery.duplicates = 0.05;
        let yaml = profile.config_yaml();
        let lines: Vec<String> = SimulatedHelpdesk::new(seed, profile)
            .events(OPENING, Some(OPENING.plus(40 * DAY)))
            .map(|event| event.json)
            .collect();
        Self::in_time(format!("desk {seed}"), yaml, &lines, seed)
    }

    /// Recorded tickets.
    pub fn recorded(name: &str, lines: &[String]) -> Self {
        let yaml = logs_setup().to_yaml();
        Self::in_time(name.to_owned(), yaml, lines, 0)
    }

    /// Sorts the events so that none is later than the rules allow.
    fn in_time(name: String, yaml: String, lines: &[String], seed: u64) -> Self {
        let rules = Arc::new(rules(&yaml));
        let mut dice = Dice::new(seed);
        let mut records: Vec<(Timestamp, InputRecord)> = lines
            .iter()
            .filter_map(|line| {
                let event = decode::decode(line.as_bytes(), None).ok()?;
                let record = InputRecord {
                    line: line.clone(),
                    at: event.at,
                    ticket: event.ticket_id.clone().into_owned(),
                    into: event.into.clone().map(std::borrow::Cow::into_owned),
                };
                Some((event.at.plus(dice.below(rules.lateness + 1)), record))
            })
            .collect();
        records.sort_by_key(|(arrival, _)| *arrival);
        Self {
            name,
            yaml,
            rules,
            records: records.into_iter().map(|(_, record)| record).collect(),
        }
    }

    /// The same events under other rules.
    pub fn under(&self, change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Rules::clone(&self.rules);
        change(&mut rules);
        Self {
            rules: Arc::new(rules),
            ..self.clone()
        }
    }

    /// The greatest event time, where a replay ends.
    pub fn end(&self) -> Timestamp {
        self.records
            .iter()
            .map(|record| record.at)
            .max()
            .unwrap_or_default()
    }

    pub fn engine(&self) -> (Engine, PartitionId) {
        let mut engine = Engine::new(Arc::clone(&self.rules), Timestamp(0));
        let partition = engine.only_partition();
        (engine, partition)
    }

    /// The engine after a replay.
    pub fn replay(&self) -> Engine {
        self.replay_with(|_, _, _| {})
    }

    /// The engine after a replay that calls `between` before each event and at the end.
    pub fn replay_with(&self, mut between: impl FnMut(&mut Engine, PartitionId, usize)) -> Engine {
        let (mut engine, partition) = self.engine();
        for (position, record) in self.records.iter().enumerate() {
            between(&mut engine, partition, position);
            engine.apply(partition, &record.event());
        }
        between(&mut engine, partition, self.records.len());
        engine.advance(partition, self.end());
        engine
    }

    pub fn text(&self) -> String {
        let lines: Vec<&str> = self
            .records
            .iter()
            .map(|record| record.line.as_str())
            .collect();
        lines.join("\n")
    }
}

/// The rules of a configuration.
pub fn rules(yaml: &str) -> Rules {
    config::load(Some(Path::new("story.yaml")), [], &[], &mut |_| {
        Ok(yaml.to_owned())
    })
    .unwrap_or_else(|errors| panic!("{errors}\n{yaml}"))
    .config
    .rules
}

/// The exposition of a snapshot.
pub fn exposition(snapshot: &Snapshot, format: Format) -> Vec<u8> {
    render(format, &[snapshot], 0)
}
