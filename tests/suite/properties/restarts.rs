//! An engine restored from its checkpoints continues as if it had never stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use ticket_exporter::engine::{
    Engine, PartitionId, Records, Restorer, RewriteCursor, STATE_VERSION,
};
use ticket_exporter::exposition::Format;

use super::input::{Input, exposition};
use super::order::partition_of;
use super::{ensure, holds};
use crate::stories::dice::Dice;

const PARTITIONS: i64 = 3;

/// Everything written during the present round of slices, and before.
#[derive(Default)]
struct Store {
    written: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    cursor: Option<RewriteCursor>,
    /// The start of the present round.
    round: usize,
    rounds: usize,
}

impl Records for Store {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.written.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.written.push((key.to_vec(), None));
    }
}

impl Store {
    /// One checkpoint, with or without a slice.
    fn checkpoint(&mut self, engine: &mut Engine, dice: &mut Dice) {
        if self.cursor.is_none() && dice.chance(50) {
            self.cursor = Some(RewriteCursor::default());
            self.round = self.written.len();
        }
        engine.write_changes(self);
        if let Some(mut cursor) = self.cursor.take() {
            let budget = usize::try_from(dice.below(200)).unwrap();
            if engine.write_slice(&mut cursor, budget, self) {
                self.written.drain(..self.round);
                self.rounds += 1;
            } else {
                self.cursor = Some(cursor);
            }
        }
    }

    fn restore(&self, input: &Input) -> Engine {
        let mut restoring = Restorer::new(Arc::clone(&input.rules), STATE_VERSION).unwrap();
        for (key, value) in &self.written {
            restoring.apply(key, value.as_deref()).unwrap();
        }
        let restored = restoring.finish().unwrap();
        assert_eq!(restored.changes, [], "the rules are the same");
        restored.engine
    }

    /// The last value of each key.
    fn last(&self) -> BTreeMap<&[u8], &[u8]> {
        let mut last = BTreeMap::new();
        for (key, value) in &self.written {
            match value {
                Some(value) => last.insert(key.as_slice(), value.as_slice()),
                None => last.remove(key.as_slice()),
            };
        }
        last
    }
}

/// The series of an engine, in any order.
fn shown(engine: &mut Engine) -> Vec<String> {
    let text = exposition(&engine.snapshot(), Format::OpenMetrics);
    let mut lines: Vec<String> = String::from_utf8(text)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    lines
}

fn equal(one: &mut Engine, other: &mut Engine) -> Result<(), String> {
    // The windows before are in no series.
    ensure(one.snapshot().report() == other.snapshot().report(), || {
        "the reports differ".to_owned()
    })?;
    let (one, other) = (shown(one), shown(other));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let missing = |line: &&String| those.binary_search(line).is_err();
        these.iter().filter(missing).take(10).cloned().collect()
    };
    ensure(one == other, || {
        format!("{:#?}\nand\n{:#?}", only(&one, &other), only(&other, &one))
    })
}

/// Applies a story to an engine that is written and restored at random, and to one that never stops. Both
/// take the same snapshots.
fn restarts(seed: u64, input: &Input, restart: i64) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let (mut engine, first) = input.engine();
    let (mut unbroken, _) = input.engine();
    let mut partitions = vec![first];
    let split = dice.chance(50);
    for _ in 1..PARTITIONS {
        partitions.push(engine.add_partition().unwrap());
        unbroken.add_partition();
    }
    let mut store = Store::default();
    let mut tracked = false;
    for (position, record) in input.records.iter().enumerate() {
        let partition = partitions[if split {
            partition_of(&record.ticket, seed)
        } else {
            0
        }];
        for engine in [&mut engine, &mut unbroken] {
            engine.apply(partition, &record.event());
        }
        if dice.chance(10) {
            let partition: PartitionId = *dice.pick(&partitions);
            if let Some(clock) = engine.clock_of(partition) {
                let clock = clock.plus(dice.below(input.rules.lateness + 1));
                engine.advance(partition, clock);
                unbroken.advance(partition, clock);
            }
        }
        if !tracked && dice.chance(30) {
            engine.track_changes();
            tracked = true;
        }
        if !tracked || !dice.chance(30) {
            continue;
        }
        // The position of the windows depends on the last snapshot.
        engine.snapshot();
        unbroken.snapshot();
        store.checkpoint(&mut engine, &mut dice);
        if dice.below(100) < restart {
            engine = store.restore(input);
            // An incomplete round starts again.
            store.cursor = None;
            ensure(engine.tickets() == unbroken.tickets(), || {
                format!("{} and {} tickets", engine.tickets(), unbroken.tickets())
            })?;
            equal(&mut engine, &mut unbroken)
                .map_err(|complaint| format!("after event {position}: {complaint}"))?;
        }
    }
    for partition in partitions {
        engine.advance(partition, input.end());
        unbroken.advance(partition, input.end());
    }
    equal(&mut engine, &mut unbroken)
}

#[test]
fn a_restored_engine_continues_as_if_it_had_never_stopped() {
    holds("restarts", |seed, input| restarts(seed, input, 30));
}

#[test]
fn a_late_restore_needs_no_record_before_the_last_round() {
    holds("a late restart", |seed, input| restarts(seed, input, 2));
}

#[test]
fn a_round_of_slices_is_the_whole_state() {
    holds("slices", |seed, input| {
        let mut dice = Dice::new(seed);
        let mut engine = input.replay();
        engine.track_changes();
        engine.write_changes(&mut Store::default());
        let mut store = Store::default();
        let mut cursor = RewriteCursor::default();
        while !engine.write_slice(
            &mut cursor,
            1 + usize::try_from(dice.below(50)).unwrap(),
            &mut store,
        ) {}
        let mut everything = Store::default();
        input.replay().write_changes(&mut everything);
        let mut restored = store.restore(input);
        let mut again = Store::default();
        restored.write_slice(&mut RewriteCursor::default(), usize::MAX, &mut again);
        ensure(store.last() == again.last(), || {
            "the records of the restored engine differ".to_owned()
        })?;
        ensure(store.last() == everything.last(), || {
            "the first checkpoint is not everything".to_owned()
        })?;
        equal(&mut restored, &mut engine)
    });
}

#[test]
fn unchanged_state_is_not_written() {
    holds("changes only", |_, input| {
        let mut engine = input.replay();
        engine.track_changes();
        engine.snapshot();
        engine.write_changes(&mut Store::default());
        let mut store = Store::default();
        engine.write_changes(&mut store);
        ensure(store.written.is_empty(), || {
            format!("{} records", store.written.len())
        })
    });
}

/// Series that only ever increase.
fn cumulative(engine: &mut Engine) -> Vec<String> {
    let is_cumulative = |line: &String| {
        ["_total{", "_count{", "_bucket{", "_sum{"]
            .iter()
            .any(|part| line.contains(part))
    };
    let mut lines = shown(engine);
    lines.retain(is_cumulative);
    lines
}

#[test]
fn a_retired_partition_keeps_its_counts_and_delays_nothing() {
    holds("a retired partition", |seed, input| {
        let mut dice = Dice::new(seed);
        let (mut engine, first) = input.engine();
        let second = engine.add_partition().unwrap();
        engine.track_changes();
        let mut store = Store::default();
        for record in &input.records {
            let partition = match partition_of(&record.ticket, seed) {
                0 => first,
                _ => second,
            };
            engine.apply(partition, &record.event());
        }
        let before = cumulative(&mut engine);
        store.checkpoint(&mut engine, &mut dice);
        engine.retire(first);
        let after = cumulative(&mut engine);
        ensure(before == after, || format!("{before:#?}\nand\n{after:#?}"))?;
        ensure(engine.clock_of(first).is_none(), || {
            "it still has a clock".to_owned()
        })?;
        store.checkpoint(&mut engine, &mut dice);
        let mut restored = store.restore(input);
        equal(&mut restored, &mut engine)?;
        // Only the other partitions move.
        for engine in [&mut engine, &mut restored] {
            engine.advance(second, input.end());
        }
        equal(&mut restored, &mut engine)?;
        engine.retire(second);
        ensure(engine.tickets() == 0, || {
            format!("{} tickets are left", engine.tickets())
        })
    });
}
