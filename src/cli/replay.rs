//! `replay`: calculates KPIs from files of events.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use super::arguments::{CommandLineSettings, ReplayArguments, ReplayFormat};
use super::dimensions::dimensions;
use super::failure::{CommandFailure, CommandResult};
use super::{history, terminal};
use crate::app::overview::{overview, table};
use crate::app::replay::{Replayed, replay};
use crate::domain::timestamp::Timestamp;
use crate::exposition::{self, Format};

pub fn run(settings: &CommandLineSettings, arguments: &ReplayArguments) -> CommandResult {
    let config = settings.load()?;
    let by = dimensions(&config.rules, &arguments.by)?;
    let files = history::files(&config, &arguments.files)?;
    let started = Instant::now();
    let mut progress = |events: u64| {
        let rate = u128::from(events) * 1_000 / started.elapsed().as_millis().max(1);
        terminal::progress(&format!("{events} events, {rate} per second"));
    };
    let rules = match arguments.format {
        ReplayFormat::Text => config.rules,
        ReplayFormat::Table | ReplayFormat::Json => by.labeled(config.rules),
    };
    let replayed = replay(Arc::new(rules), &files, arguments.until, &mut progress);
    terminal::progress_done();
    let replayed = replayed.map_err(CommandFailure::other)?;
    report(&replayed);
    if replayed.read.tally.is_useless() {
        return Err(history::useless(&replayed.read.tally));
    }
    match arguments.format {
        ReplayFormat::Text => {
            terminal::print_bytes(&exposition::render(Format::Text, &[&replayed.snapshot], 0))?;
        }
        ReplayFormat::Table => {
            let as_of = replayed.read.as_of;
            let overview = overview(&replayed.snapshot, &by, as_of, arguments.business);
            terminal::print(&table(&overview))?;
            terminal::notify(&overview.caption);
        }
        ReplayFormat::Json => {
            let document = serde_json::json!({
                "clock": replayed.read.as_of.map(Timestamp::rfc3339),
                "durations": if arguments.business { "business" } else { "calendar" },
                "teams": replayed.snapshot.summaries(&by, arguments.business),
            });
            terminal::print(&format!("{document:#}\n"))?;
        }
    }
    let failed = arguments.strict && replayed.read.tally.rejections() > 0;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Reports events that did not count, and the reason.
fn report(replayed: &Replayed) {
    history::rejections(&replayed.read.tally);
    let counts = replayed.counts;
    for (count, what) in [
        (replayed.read.later, "later than --until, ignored"),
        (counts.duplicate, "duplicates dropped"),
        (
            counts.out_of_order,
            "out of order; applied at the time of their ticket's last event",
        ),
        (
            counts.stale.iter().chain(&counts.stale_attributes).sum(),
            "statements ignored, because a newer one of their ticket is known",
        ),
        (counts.withdrawn, "ignored: the ticket is spam or deleted"),
        (counts.merged_away, "ignored: the ticket was merged"),
    ] {
        if count > 0 {
            terminal::notify(&format!("{count} {what}"));
        }
    }
}
