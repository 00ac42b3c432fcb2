//! Properties of every story, whatever its numbers are: determinism, replay equals live, partitions,
//! shards, duplicates, sums, snapshots, label limits.
//!
//! Each property is checked on random stories and on simulated helpdesks. A failure shows the shortest
//! story that still fails.

mod attributes;
mod collected;
mod history;
pub mod input;
mod labels;
mod order;
mod restarts;
mod shards;
mod snapshots;
mod statements;
mod sums;

use std::fmt::Write as _;

use collected::Collected;
use input::Input;

/// Stories for each property in a normal run.
const STORIES: u64 = 100;
/// Sets a larger number.
const STORIES_VARIABLE: &str = "TICKET_EXPORTER_TEST_PROPERTIES";
/// A simulated helpdesk has some thousand events, so there are fewer.
const STORIES_PER_DESK: u64 = 34;
/// The same for tickets with a long history.
const STORIES_PER_LONG_STORY: u64 = 10;
/// Differences shown.
const SHOWN: usize = 10;

/// Checks a property of stories that arrive in time: no event is later than the lateness allows. The
/// property returns an error, and makes the same choices for the same seed.
fn holds(what: &str, property: impl Fn(u64, &Input) -> Result<(), String>) {
    let stories = std::env::var(STORIES_VARIABLE)
        .map_or(STORIES, |text| text.parse().expect("a number of stories"));
    let check = |seed: u64, input: &Input| {
        if let Err(complaint) = property(seed, input) {
            let shortest = shrink(input, &|fewer| property(seed, fewer).is_err());
            let remaining = property(seed, &shortest).err().unwrap_or_default();
            panic!(
                "{what}: {} with seed {seed}:\n{complaint}\n\nthe shortest story:\n{}\n{remaining}\n\n{}",
                input.name,
                shortest.text(),
                input.yaml
            );
        }
    };
    for seed in 0..stories {
        check(seed, &Input::story(seed));
    }
    for seed in 0..stories.div_ceil(STORIES_PER_DESK) {
        check(seed, &Input::helpdesk(seed));
    }
    for seed in 0..stories.div_ceil(STORIES_PER_LONG_STORY) {
        check(seed, &Input::long_story(seed));
    }
}

/// Removes events as long as the property still fails.
fn shrink(input: &Input, fails: &dyn Fn(&Input) -> bool) -> Input {
    let mut shortest = input.clone();
    let mut chunk = shortest.records.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < shortest.records.len() {
            let mut fewer = shortest.clone();
            let end = (start + chunk).min(fewer.records.len());
            fewer.records.drain(start..end);
            if fails(&fewer) {
                shortest = fewer;
            } else {
                start += chunk;
            }
        }
        chunk /= 2;
    }
    shortest
}

/// Compares all series of two sides exactly; absent counters and histograms count as zero.
fn same(left: &Collected, right: &Collected) -> Result<(), String> {
    let differences = left.differences(right);
    if differences.is_empty() {
        return Ok(());
    }
    let mut text = format!("{} series differ\n", differences.len());
    for difference in differences.iter().take(SHOWN) {
        let _ = writeln!(text, "{difference}");
    }
    Err(text)
}

/// Returns an error with this text unless the condition holds.
fn ensure(condition: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(complaint()) }
}
