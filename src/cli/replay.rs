//! `replay`: KPIs of files of events.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use super::arguments::{Replay, ReplayFormat, Settings};
use super::failure::Failure;
use super::{history, terminal};
use crate::app::overview::{overview, table};
use crate::app::replay::{Replayed, replay};
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::exposition::{self, Format};

pub fn run(settings: &Settings, arguments: &Replay) -> Result<ExitCode, Failure> {
    let config = settings.load()?;
    let started = Instant::now();
    let mut progress = |lines: u64| {
        let rate = u128::from(lines) * 1_000 / started.elapsed().as_millis().max(1);
        terminal::progress(&format!("{lines} events, {rate} a second"));
    };
    let replayed = replay(
        Arc::new(config.rules),
        &Decoder::new(&config.mapping),
        &arguments.files,
        arguments.until,
        &mut progress,
    );
    terminal::progress_done();
    let replayed = replayed.map_err(Failure::other)?;
    report(&replayed);
    if replayed.tally.is_useless() {
        return Err(history::useless(&replayed.tally));
    }
    match arguments.format {
        ReplayFormat::Text => {
            terminal::print_bytes(&exposition::render(Format::Text, &[&replayed.snapshot], 0))?;
        }
        ReplayFormat::Table => {
            let overview = overview(&replayed.snapshot, replayed.as_of, arguments.business);
            terminal::print(&table(&overview))?;
            terminal::complain(&overview.caption);
        }
        ReplayFormat::Json => {
            let document = serde_json::json!({
                "clock": replayed.as_of.map(Timestamp::rfc3339),
                "durations": if arguments.business { "business" } else { "calendar" },
                "teams": replayed.snapshot.summaries(arguments.business),
            });
            terminal::print(&format!("{document:#}\n"))?;
        }
    }
    let failed = arguments.strict && replayed.tally.rejections() > 0;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Says what was not counted, and why.
fn report(replayed: &Replayed) {
    history::rejections(&replayed.tally);
    let counts = replayed.counts;
    for (count, what) in [
        (replayed.later, "later than --until, left out"),
        (counts.duplicate, "duplicates dropped"),
        (
            counts.out_of_order,
            "out of order, applied as of their ticket's last event",
        ),
        (counts.withdrawn, "ignored: their ticket is spam or deleted"),
        (
            counts.merged_away,
            "ignored: their ticket was merged into one that is not here",
        ),
    ] {
        if count > 0 {
            terminal::complain(&format!("{count} {what}"));
        }
    }
}
