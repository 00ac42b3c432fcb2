//! The results do not depend on the times at which the clock moves, on the partitions of tickets, or on
//! duplicates.

use std::collections::BTreeMap;

use ticket_exporter::domain::timestamp::{DAY, Timestamp};
use ticket_exporter::exposition::Format;

use super::collected::Collected;
use super::input::{Input, InputRecord, exposition};
use super::{ensure, holds, same};
use crate::stories::dice::Dice;

/// The contract's memory of a ticket's events.
const REMEMBERED: usize = 256;
const PARTITIONS: i64 = 3;

#[test]
fn the_same_events_give_the_same_bytes() {
    holds("determinism", |_, input| {
        let (mut one, mut other) = (input.replay(), input.replay());
        let (one, other) = (one.snapshot(), other.snapshot());
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            ensure(
                exposition(&one, format) == exposition(&other, format),
                || format!("{format:?} differs"),
            )?;
        }
        Ok(())
    });
}

#[test]
fn a_live_run_equals_a_replay() {
    holds("replay equals live", |seed, input| {
        let mut dice = Dice::new(seed);
        // The clock never passes an event that is yet to come.
        let mut limits = vec![input.end(); input.records.len() + 1];
        for (position, record) in input.records.iter().enumerate().rev() {
            limits[position] = record.at.min(limits[position + 1]);
        }
        let mut clock = Timestamp(i64::MIN);
        let mut live = input.replay_with(|engine, partition, position| {
            let from = engine.clock_of(partition).unwrap_or(clock).max(clock);
            let limit = limits[position];
            // Before the first event there are no timers.
            for _ in 0..dice.below(3) {
                if from.0 == i64::MIN || limit <= from {
                    break;
                }
                clock = from.plus(dice.below(limit.since(from) + 1));
                engine.advance(partition, clock);
            }
            if dice.chance(30) && from.0 != i64::MIN {
                clock = limit.max(clock);
                engine.advance(partition, clock);
            }
        });
        let mut replayed = input.replay();
        ensure(live.counts() == replayed.counts(), || {
            format!("{:?} and {:?}", live.counts(), replayed.counts())
        })?;
        same(
            &Collected::of(&live.snapshot()),
            &Collected::of(&replayed.snapshot()),
        )
    });
}

#[test]
fn tickets_may_be_spread_over_partitions() {
    holds("partitions", |seed, input| {
        let input = without_merges_across(input, seed);
        let (mut engine, first) = input.engine();
        let mut partitions = vec![first];
        partitions.extend((1..PARTITIONS).map(|_| engine.add_partition().unwrap()));
        for record in &input.records {
            let partition = partition_of(&record.ticket, seed);
            engine.apply(partitions[partition], &record.event());
        }
        for partition in partitions {
            engine.advance(partition, input.end());
        }
        let mut together = input.replay();
        ensure(engine.counts() == together.counts(), || {
            format!("{:?} and {:?}", engine.counts(), together.counts())
        })?;
        same(
            &Collected::of(&engine.snapshot()),
            &Collected::of(&together.snapshot()),
        )
    });
}

pub fn partition_of(ticket: &str, seed: u64) -> usize {
    let number = ticket.bytes().fold(seed, |number, byte| {
        number.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    usize::try_from(Dice::new(number).below(PARTITIONS)).unwrap()
}

/// A merge into another partition has another meaning: it cannot find the survivor.
fn without_merges_across(input: &Input, seed: u64) -> Input {
    let mut input = input.clone();
    input.records.retain(|record| {
        record
            .into
            .as_ref()
            .is_none_or(|into| partition_of(into, seed) == partition_of(&record.ticket, seed))
    });
    input
}

#[test]
fn a_record_delivered_again_at_once_changes_nothing() {
    holds("duplicates", |seed, input| {
        let mut again = input.clone();
        again.records.clear();
        let mut repeated = 0;
        for record in &input.records {
            again.records.push(record.clone());
            // The choice for a record does not depend on the others, so that a failure can be shortened.
            let mut dice = Dice::new(seed ^ record.event().identity.0);
            while dice.chance(30) {
                again.records.push(record.clone());
                repeated += 1;
            }
        }
        only_duplicates_more(input, &again, repeated)
    });
}

#[test]
fn a_duplicate_of_a_recent_record_changes_nothing() {
    holds("late duplicates", |seed, input| {
        let mut dice = Dice::new(seed);
        // A forgotten ticket has forgotten its events, too.
        let input = input.under(|rules| rules.retain = 3_000 * DAY);
        let mut again = input.clone();
        again.records.clear();
        let mut last: BTreeMap<&str, Vec<&InputRecord>> = BTreeMap::new();
        let mut repeated = 0;
        for record in &input.records {
            again.records.push(record.clone());
            let recent = last.entry(&record.ticket).or_default();
            // The ticket remembers a record that the story repeats only once.
            let is_known = recent
                .iter()
                .any(|one| one.event().identity == record.event().identity);
            if !is_known {
                recent.push(record);
            }
            if recent.len() > REMEMBERED {
                recent.remove(0);
            }
            if dice.chance(25) {
                again.records.push((*dice.pick(recent)).clone());
                repeated += 1;
            }
        }
        only_duplicates_more(&input, &again, repeated)
    });
}

fn only_duplicates_more(input: &Input, again: &Input, repeated: u64) -> Result<(), String> {
    let (mut once, mut twice) = (input.replay(), again.replay());
    let mut expected = once.counts();
    expected.duplicate += repeated;
    ensure(expected == twice.counts(), || {
        format!("{expected:?} and {:?}", twice.counts())
    })?;
    same(
        &Collected::of(&once.snapshot()),
        &Collected::of(&twice.snapshot()),
    )
}
