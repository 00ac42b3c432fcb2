//! What the commands that read a whole history say about it.

use std::path::PathBuf;
use std::time::Instant;

use super::failure::Failure;
use super::terminal;
use crate::app::history::{CSV_ADVICE, History, HistoryError, Tally};
use crate::app::topics::{Progress, ReadError};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;

/// The history in files, or else in the topics of the configuration, which are read now.
///
/// # Errors
/// Topics that cannot be read.
pub fn open(
    config: &Config,
    files: &[PathBuf],
    purpose: &str,
    now: Timestamp,
) -> Result<History, Failure> {
    if !files.is_empty() {
        let decoder = Decoder::new(&config.mapping);
        return Ok(History::of_files(files.to_vec(), decoder));
    }
    let started = Instant::now();
    let mut progress = |now: Progress| {
        let rate = u128::from(now.records) * 1_000 / started.elapsed().as_millis().max(1);
        let Progress { records, left } = now;
        terminal::progress(&format!("{records} records, {rate} a second, {left} left"));
    };
    let history = History::of_topics(config, purpose, now, &mut progress);
    terminal::progress_done();
    history.map_err(failure)
}

pub fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::Topics(ReadError::Kafka(error)) => Failure::configuration(error),
        error => Failure::other(error),
    }
}

/// Says what of the history is not there, or is no event.
pub fn report(tally: &Tally, history: &History) {
    if let History::Topics { begun_later, .. } = history {
        for (partition, first) in begun_later {
            terminal::complain(&format!(
                "partition {partition} begins at offset {first} now: what was before is not in the \
                 history, and an exporter that has counted it shows more"
            ));
        }
    }
    rejections(tally);
}

/// No event is in any of the records: why, and what to do.
pub fn useless(tally: &Tally) -> Failure {
    let records = tally.records;
    let rejected = tally.rejections();
    let remedy = if tally.is_csv {
        CSV_ADVICE
    } else {
        "test-mapping says what a mapping makes of a record, and infer-mapping proposes one"
    };
    Failure::other(format!(
        "no event in {records} records, of which {rejected} were rejected: {remedy}"
    ))
}

/// Says which records are no events, and what a mapping does not have.
pub fn rejections(tally: &Tally) {
    for (ignorance, count) in &tally.ignored {
        terminal::complain(&format!("{count} ignored ({})", ignorance.reason()));
    }
    for ((member, path), count) in &tally.unmapped {
        terminal::complain(&format!(
            "{count} with a {member} that the mapping does not have, at {path}; test-mapping says which"
        ));
    }
    for (rejection, rejected) in &tally.rejected {
        let more = if rejected.count > rejected.places.len() as u64 {
            ", …"
        } else {
            ""
        };
        terminal::complain(&format!(
            "{} rejected ({}): {rejection}; at {}{more}",
            rejected.count,
            rejection.reason(),
            rejected.places.join(", "),
        ));
    }
}
