//! Damaged records of a state, and arbitrary bytes in their place.

use std::cell::Cell;

use ticket_exporter::decode;
use ticket_exporter::engine::{
    Engine, Records, RestoredEngine, Restorer, STATE_VERSION, StateError,
};
use ticket_exporter::exposition::{Format, render};

use super::fuzz;
use super::mutation::{mutated, random_bytes};
use crate::properties::input::Input;
use crate::stories::dice::Dice;

#[derive(Clone, Default)]
struct Written(Vec<(Vec<u8>, Vec<u8>)>);

impl Records for Written {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.retain(|(other, _)| other != key);
    }
}

/// The records in the middle of a history.
fn written(input: &Input) -> Written {
    let mut written = Written::default();
    let (mut engine, partition) = input.engine();
    for record in &input.records[..input.records.len() / 2] {
        engine.apply(partition, &record.event());
    }
    engine.snapshot();
    engine.write_changes(&mut written);
    written
}

fn restored(input: &Input, records: &Written) -> Result<RestoredEngine, StateError> {
    let mut restoring = Restorer::new(input.rules.clone(), STATE_VERSION)?;
    for (key, value) in &records.0 {
        restoring.apply(key, Some(value))?;
    }
    restoring.finish()
}

/// An accepted state can be used.
fn resume(input: &Input, engine: &mut Engine) {
    let Some(partition) = engine.partition_numbered(0) else {
        return;
    };
    for record in &input.records[input.records.len() / 2..] {
        let event = decode::decode(record.line.as_bytes(), None).unwrap();
        engine.apply(partition, &event);
    }
    engine.advance(partition, input.end());
    let snapshot = engine.snapshot();
    for format in Format::ALL {
        assert!(!render(format, &[&snapshot], 0).is_empty());
    }
    let mut again = Written::default();
    engine.write_changes(&mut again);
}

#[test]
fn damaged_records_are_refused_or_make_an_engine() {
    let inputs: Vec<(Input, Written)> = (0..20)
        .map(|seed| {
            let input = Input::story(seed);
            let written = written(&input);
            (input, written)
        })
        .collect();
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    fuzz("state records", 3_000, |dice: &mut Dice| {
        let (input, written) = dice.pick(&inputs);
        let mut records = written.clone();
        for _ in 0..=dice.below(2) {
            let place = usize::try_from(dice.below(i64::try_from(records.0.len()).unwrap()));
            let place = place.unwrap();
            let other = dice.pick(&written.0).1.clone();
            let (key, value) = &mut records.0[place];
            match dice.below(8) {
                0 => *key = mutated(key, &other, &["\u{0}", "\u{1}"], dice),
                1 => *value = random_bytes(100, dice),
                2 => {
                    records.0.remove(place);
                }
                _ => *value = mutated(value, &other, &["\u{0}", "\u{7f}"], dice),
            }
            if records.0.is_empty() {
                break;
            }
        }
        match restored(input, &records) {
            Ok(mut restored) => {
                accepted.set(accepted.get() + 1);
                resume(input, &mut restored.engine);
            }
            Err(error) => {
                refused.set(refused.get() + 1);
                assert!(!error.to_string().is_empty());
            }
        }
    });
    println!(
        "state records: {} accepted, {} refused",
        accepted.get(),
        refused.get()
    );
    assert!(accepted.get() > 0 && refused.get() > 0);
}

#[test]
fn any_bytes_cause_no_panic() {
    let input = Input::story(1);
    fuzz("any records", 3_000, |dice: &mut Dice| {
        let mut restoring = Restorer::new(input.rules.clone(), STATE_VERSION).unwrap();
        for _ in 0..dice.below(20) {
            let mut key = random_bytes(12, dice);
            if let Some(kind) = key.first_mut() {
                *kind %= 10;
            }
            let value = random_bytes(60, dice);
            let _ = restoring.apply(&key, dice.chance(90).then_some(value.as_slice()));
        }
        let _ = restoring.finish();
    });
}
