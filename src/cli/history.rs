//! Opens a history for the commands that read one, and reports its problems.

use std::path::PathBuf;
use std::time::Instant;

use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::app::event_files::{EventFiles, ReadCounts};
use crate::app::history::{EventHistory, HistoryError};
use crate::app::topics::{ReadError, ReadProgress};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;

/// Opens the history in the files. Without files, reads the topics of the configuration.
pub fn open(
    config: &Config,
    files: &[PathBuf],
    purpose: &str,
    now: Timestamp,
) -> CommandResult<EventHistory> {
    if !files.is_empty() {
        return Ok(EventHistory::Files(self::files(config, files)?));
    }
    let history = EventHistory::of_topics(config, purpose, now, &mut progress());
    terminal::progress_done();
    history.map_err(failure)
}

/// Opens files. Shows the progress of sorting a table.
pub fn files(config: &Config, paths: &[PathBuf]) -> CommandResult<EventFiles> {
    let mut progress = |records: u64| terminal::progress(&format!("{records} records sorted"));
    let files = EventFiles::open(paths, Decoder::new(&config.mapping), &mut progress);
    terminal::progress_done();
    files.map_err(CommandFailure::other)
}

/// Shows the progress of a reading, which starts now.
pub fn progress() -> impl FnMut(ReadProgress) {
    let started = Instant::now();
    move |ReadProgress { records, left }| {
        let rate = u128::from(records) * 1_000 / started.elapsed().as_millis().max(1);
        terminal::progress(&format!(
            "{records} records, {rate} per second, {left} left"
        ));
    }
}

pub fn failure(error: HistoryError) -> CommandFailure {
    match error {
        HistoryError::Topics(ReadError::Kafka(error)) => CommandFailure::configuration(error),
        error => CommandFailure::other(error),
    }
}

/// Reports records that are gone and records that are not events.
pub fn report(tally: &ReadCounts, history: &EventHistory) {
    if let EventHistory::Topics { begun_later, .. } = history {
        for (partition, first) in begun_later {
            terminal::notify(&format!(
                "partition {partition} starts at offset {first}: earlier records are gone, and an \
                 exporter that has counted them shows higher numbers"
            ));
        }
    }
    rejections(tally);
}

/// The failure of a history without any event.
pub fn useless(tally: &ReadCounts) -> CommandFailure {
    let records = tally.records;
    let rejected = tally.rejections();
    CommandFailure::other(format!(
        "found no event in {records} records ({rejected} rejected): check the mapping with test-mapping, or let \
         infer-mapping propose one"
    ))
}

/// Reports rejected and ignored records, and words that the mapping does not know.
pub fn rejections(tally: &ReadCounts) {
    for (ignorance, count) in &tally.ignored {
        terminal::notify(&format!("{count} ignored ({})", ignorance.name()));
    }
    for ((member, path), count) in &tally.unmapped {
        terminal::notify(&format!(
            "{count} values of {member} that the mapping does not know, at {path}; test-mapping shows them"
        ));
    }
    for (rejection, rejected) in &tally.rejected {
        let more = if rejected.count > rejected.places.len() as u64 {
            ", …"
        } else {
            ""
        };
        terminal::notify(&format!(
            "{} rejected ({}): {rejection}; at {}{more}",
            rejected.count,
            rejection.name(),
            rejected.places.join(", "),
        ));
    }
}
