//! A snapshot changes nothing, and stays as it was taken.

use ticket_exporter::exposition::Format;

use super::collected::{Collected, Value};
use super::input::exposition;
use super::{ensure, holds, same};
use crate::stories::dice::Dice;

#[test]
fn a_snapshot_does_not_affect_later_ones() {
    holds("snapshot and continue", |seed, input| {
        let mut dice = Dice::new(seed);
        let mut watched = input.replay_with(|engine, _, _| {
            if dice.chance(20) {
                engine.snapshot();
            }
        });
        let mut unwatched = input.replay();
        ensure(watched.counts() == unwatched.counts(), || {
            format!("{:?} and {:?}", watched.counts(), unwatched.counts())
        })?;
        same(
            &Collected::of(&watched.snapshot()),
            &Collected::of(&unwatched.snapshot()),
        )
    });
}

#[test]
fn a_snapshot_stays_as_it_was_taken() {
    holds("immutable snapshots", |seed, input| {
        let mut dice = Dice::new(seed);
        let mut taken = Vec::new();
        input.replay_with(|engine, _, position| {
            if dice.chance(10) {
                let snapshot = engine.snapshot();
                let bytes = exposition(&snapshot, Format::Protobuf);
                taken.push((position, snapshot, bytes));
            }
        });
        for (position, snapshot, bytes) in taken {
            ensure(exposition(&snapshot, Format::Protobuf) == bytes, || {
                format!("the one before event {position} has changed")
            })?;
        }
        Ok(())
    });
}

#[test]
fn cumulative_series_never_decrease_or_disappear() {
    holds("counters", |seed, input| {
        let mut dice = Dice::new(seed);
        let mut result = Ok(());
        let mut before = Collected::default();
        input.replay_with(|engine, _, position| {
            if result.is_ok() && dice.chance(20) {
                let now = Collected::of(&engine.snapshot());
                result = grown(&before, &now)
                    .map_err(|complaint| format!("before event {position}: {complaint}"));
                before = now;
            }
        });
        result
    });
}

fn grown(before: &Collected, now: &Collected) -> Result<(), String> {
    for (family, series) in &before.families {
        if !before.is_cumulative(family) {
            continue;
        }
        for (labels, earlier) in series {
            let later = now.families.get(family).and_then(|all| all.get(labels));
            let fine = match (earlier, later) {
                (Value::Number(earlier), Some(Value::Number(later))) => earlier <= later,
                (Value::Histogram(earlier), Some(Value::Histogram(later))) => {
                    earlier.count <= later.count
                        && earlier.sum <= later.sum
                        && earlier.zero <= later.zero
                        && earlier
                            .counts
                            .iter()
                            .zip(&later.counts)
                            .all(|(earlier, later)| earlier <= later)
                        && earlier
                            .native
                            .iter()
                            .all(|(index, count)| later.native.get(index) >= Some(count))
                }
                _ => false,
            };
            ensure(fine, || {
                format!("{family}{labels:?} was {earlier:?} and is {later:?}")
            })?;
        }
    }
    Ok(())
}
