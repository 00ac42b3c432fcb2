//! Partitions spread over shards give the series of one engine with all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ticket_exporter::domain::catalog::{self, Aggregation};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{
    Counts, Engine, PartitionId, Rules, ShardSnapshot, SharedLimits, Snapshot, snapshot_of_shards,
};
use ticket_exporter::exposition::Format;

use super::collected::{Collected, Labels, Value};
use super::input::{Input, exposition};
use super::order::partition_of;
use super::{ensure, holds, same};
use crate::logs;
use crate::stories::dice::Dice;

/// As [`partition_of`] has them.
const PARTITIONS: usize = 3;
/// Snapshots of a story, about.
const LOOKS: i64 = 6;

/// Engines that have the partitions by turns.
struct Shards {
    engines: Vec<Engine>,
    /// By partition: the engine, and its number there.
    partitions: Vec<(usize, PartitionId)>,
}

impl Shards {
    fn new(rules: &Arc<Rules>, count: usize) -> Self {
        // The start of the series is that of the earliest event.
        let limits = SharedLimits::default();
        let engine = || Engine::new(Arc::clone(rules), Timestamp::LATEST).sharing(&limits);
        let mut engines: Vec<Engine> = (0..count).map(|_| engine()).collect();
        let partitions = (0..PARTITIONS)
            .map(|partition| {
                let shard = partition % count;
                (shard, engines[shard].add_partition().unwrap())
            })
            .collect();
        Self {
            engines,
            partitions,
        }
    }

    fn apply(&mut self, input: &Input, position: usize, seed: u64) {
        let record = &input.records[position];
        let (shard, partition) = self.partitions[partition_of(&record.ticket, seed)];
        self.engines[shard].apply(partition, &record.event());
    }

    fn advance(&mut self, input: &Input) {
        for (shard, partition) in &self.partitions {
            self.engines[*shard].advance(*partition, input.end());
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        snapshot_of_shards(&mut self.engines).unwrap()
    }

    fn counts(&self) -> Vec<u64> {
        let counts = self.engines.iter().map(|engine| sums(&engine.counts()));
        counts
            .reduce(|one, other| one.iter().zip(other).map(|(a, b)| a + b).collect())
            .unwrap()
    }
}

fn sums(counts: &Counts) -> Vec<u64> {
    let mut all = vec![
        counts.applied,
        counts.duplicate,
        counts.withdrawn,
        counts.merged_away,
        counts.out_of_order,
        counts.overflowed_teams,
        counts.overflowed_priorities,
        counts.overflowed_channels,
        counts.overflowed_combinations,
    ];
    all.extend(counts.stale);
    all.extend(counts.stale_attributes);
    all.extend(counts.overflowed_attributes);
    all
}

/// Every line of the exposition, with start times; the order of the series may differ.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let text = String::from_utf8(exposition(snapshot, Format::OpenMetrics)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn equal(one: &Snapshot, merged: &Snapshot) -> Result<(), String> {
    same(&Collected::of(one), &Collected::of(merged))?;
    let (expected, found) = (lines(one), lines(merged));
    let different = expected
        .iter()
        .zip(&found)
        .find(|(one, other)| one != other);
    ensure(expected == found, || format!("{different:?}"))?;
    ensure(one.report() == merged.report(), || {
        "another report".to_owned()
    })?;
    ensure(
        (one.clock(), one.states()) == (merged.clock(), merged.states()),
        || format!("{:?} and {:?}", one.states(), merged.states()),
    )
}

/// The input with tight limits, every other time.
fn limited(seed: u64, input: &Input) -> Input {
    input.under(|rules| {
        if seed % 4 < 2 {
            rules.limits.teams = 1 + rules.limits.teams % 3;
            rules.limits.priorities = 2;
            rules.limits.channels = 1;
            rules.limits.cohorts = 5;
            for attribute in &mut rules.attributes {
                attribute.limit = 2;
            }
        }
    })
}

fn shards_equal_one_engine(seed: u64, input: &Input) -> Result<(), String> {
    let input = limited(seed, input);
    let count = if seed.is_multiple_of(2) {
        2
    } else {
        PARTITIONS
    };
    let mut dice = Dice::new(seed);
    let mut one = Shards::new(&input.rules, 1);
    // It shares no limits.
    one.engines[0] = Engine::new(Arc::clone(&input.rules), Timestamp::LATEST);
    for _ in 0..PARTITIONS {
        one.engines[0].add_partition().unwrap();
    }
    let mut several = Shards::new(&input.rules, count);
    let records = i64::try_from(input.records.len()).unwrap();
    for position in 0..input.records.len() {
        one.apply(&input, position, seed);
        several.apply(&input, position, seed);
        if dice.below(records) < LOOKS {
            equal(&one.engines[0].snapshot(), &several.snapshot())
                .map_err(|text| format!("{count} shards after event {position}: {text}"))?;
        }
    }
    one.advance(&input);
    several.advance(&input);
    equal(&one.engines[0].snapshot(), &several.snapshot())
        .map_err(|text| format!("{count} shards at the end: {text}"))?;
    ensure(one.counts() == several.counts(), || {
        format!("{:?} and {:?}", one.counts(), several.counts())
    })?;
    Ok(())
}

#[test]
fn shards_give_the_series_of_one_engine() {
    holds("shards", shards_equal_one_engine);
}

#[test]
fn merged_values_add_up_as_the_catalog_says() {
    holds("aggregation", |seed, input| {
        let mut shards = Shards::new(&input.rules, PARTITIONS);
        for position in 0..input.records.len() {
            shards.apply(input, position, seed);
        }
        shards.advance(input);
        let merged = Collected::of(&shards.snapshot());
        let clock = input.end();
        let parts = shards.engines.iter_mut().map(|engine| {
            engine.move_shard_windows(clock);
            let part = engine.shard_snapshot(clock);
            Collected::of(&ShardSnapshot::merge([part]).unwrap())
        });
        let parts: Vec<Collected> = parts.collect();
        for (name, found) in &merged.families {
            let family = catalog::family(name).unwrap();
            let mut expected = BTreeMap::<&Labels, Value>::new();
            for (labels, value) in parts.iter().flat_map(|part| part.series(name)) {
                match expected.get_mut(labels) {
                    Some(known) => add(known, value, family.aggregation),
                    None => drop(expected.insert(labels, value.clone())),
                }
            }
            ensure(found.keys().eq(expected.keys().copied()), || {
                format!("{name}: other series")
            })?;
            if family.aggregation != Aggregation::Distribution {
                for (labels, value) in found {
                    ensure(*value == expected[labels], || {
                        format!("{name}{labels:?}: {value:?}, not {:?}", expected[labels])
                    })?;
                }
            }
        }
        Ok(())
    });
}

fn add(known: &mut Value, value: &Value, aggregation: Aggregation) {
    match (known, value) {
        (Value::Histogram(known), Value::Histogram(value)) => known.add(value),
        (Value::Number(known), Value::Number(value)) => match aggregation {
            // Whole milliseconds: rounding keeps sums exact.
            Aggregation::Sum => *known = ((*known + value) * 1_000.0).round() / 1_000.0,
            Aggregation::Min => *known = known.min(*value),
            Aggregation::Max => *known = known.max(*value),
            Aggregation::Distribution => {}
        },
        _ => panic!("two kinds of values in one family"),
    }
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn shards_give_the_series_of_one_engine_on_recorded_logs() {
    for (name, lines) in [
        ("helpdesk_italian", logs::helpdesk_italian()),
        ("bpi2013", logs::bpi2013()),
        ("zendesk", logs::zendesk()),
        ("kaggle", logs::kaggle()),
    ] {
        let input = Input::recorded(name, &lines);
        shards_equal_one_engine(1, &input).unwrap_or_else(|text| panic!("{name}: {text}"));
    }
}
