//! No input causes a panic or takes long, and accepted input is consistent.
//!
//! The mutations are seeded, so every run is the same. `TICKET_EXPORTER_TEST_FUZZ_SECONDS` makes each test
//! continue for this time with further seeds.

#![allow(
    clippy::print_stdout,
    reason = "what was measured is part of the report"
)]

mod calendars;
mod configuration;
mod engine;
mod inference;
mod kept;
mod lines;
mod mapping;
mod mutation;
mod records;
mod schemas;
mod state;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::stories::dice::Dice;

const SECONDS_VARIABLE: &str = "TICKET_EXPORTER_TEST_FUZZ_SECONDS";
/// Longer than one input may take in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test with consecutive seeds: `rounds` of them, or as long as the variable says.
fn fuzz(name: &str, rounds: u64, test: impl Fn(&mut Dice)) {
    let seconds = std::env::var(SECONDS_VARIABLE)
        .ok()
        .map(|text| text.parse().expect("a number of seconds"));
    let begin = Instant::now();
    let goes_on = |round: u64| match seconds {
        Some(seconds) => begin.elapsed() < Duration::from_secs(seconds),
        None => round < rounds,
    };
    let mut slowest = (Duration::ZERO, 0);
    let mut round = 0;
    while goes_on(round) {
        let started = Instant::now();
        let mut dice = Dice::new(round);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(&mut dice))) {
            println!("{name}: with seed {round}");
            resume_unwind(panic);
        }
        let took = started.elapsed();
        assert!(took < PATIENCE, "{name}: seed {round} took {took:?}");
        slowest = slowest.max((took, round));
        round += 1;
    }
    println!(
        "{name}: {round} rounds, the slowest took {:?} (seed {})",
        slowest.0, slowest.1
    );
}
