//! Replays files of events. The series equal those of a live exporter that read the same records in time.
//! All events are in one partition, and the only clock is the stream's.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::history::ReadCounts;
use crate::decode::{Decoder, MAX_VALUE_BYTES, Record};
use crate::domain::timestamp::Timestamp;
use crate::edge::files::{self, LineBlock};
use crate::engine::{Counts, Engine, Observer, Rules, Snapshot};

/// Lines between two reports of progress.
const PROGRESS_LINES: u64 = 100_000;

/// Counts of the files.
#[derive(Debug, Default)]
pub struct ReplayCounts {
    pub tally: ReadCounts,
    /// Valid events after `until`, which were left out.
    pub later: u64,
    /// The time of the state; `None`: there was no event.
    pub as_of: Option<Timestamp>,
}

#[derive(Debug)]
pub struct Replayed {
    pub snapshot: Snapshot,
    pub read: ReplayCounts,
    pub counts: Counts,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct FileError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// Reads the files in order, then moves the stream clock to `until`, or to the greatest event time. Lines
/// that are no events are counted.
pub fn replay(
    rules: Arc<Rules>,
    decoder: &Decoder,
    paths: &[PathBuf],
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<Replayed, FileError> {
    // Earlier than any first event.
    let mut engine = Engine::new(rules, Timestamp::LATEST);
    let read = read(&mut engine, None, decoder, paths, until, progress)?;
    Ok(Replayed {
        snapshot: engine.snapshot(),
        counts: engine.counts(),
        read,
    })
}

/// Like [`replay`], into the caller's engine as one more partition.
pub fn read(
    engine: &mut Engine,
    mut observer: Option<&mut dyn Observer>,
    decoder: &Decoder,
    paths: &[PathBuf],
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<ReplayCounts, FileError> {
    let partition = engine.only_partition();
    let mut read = ReplayCounts::default();
    let mut block = LineBlock::default();
    let mut next_progress = PROGRESS_LINES;
    for path in paths {
        let named = |source| FileError {
            path: path.clone(),
            source,
        };
        let mut reader = files::open(path).map_err(named)?;
        let mut number = 0;
        while block.fill(&mut *reader, MAX_VALUE_BYTES).map_err(named)? {
            let mut events = Vec::with_capacity(block.lines().len());
            for line in block.lines() {
                number += 1;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let record = Record::of(line);
                let decoded = decoder.decode(&record, None);
                let place = || format!("{}:{number}", path.display());
                read.tally.note(&record, &decoded, place);
                for event in decoded.into_events() {
                    if until.is_some_and(|until| event.at > until) {
                        read.later += 1;
                    } else {
                        events.push(event);
                    }
                }
            }
            engine.warm(events.iter());
            for event in &events {
                match &mut observer {
                    None => engine.apply(partition, event),
                    Some(observer) => engine.apply_observed(partition, event, &mut **observer),
                };
            }
            if read.tally.records >= next_progress {
                progress(read.tally.records);
                next_progress = read.tally.records + PROGRESS_LINES;
            }
        }
    }
    read.as_of = until.or(engine.greatest_event(partition));
    if let Some(end) = read.as_of {
        match observer {
            None => engine.advance(partition, end),
            Some(observer) => engine.advance_observed(partition, end, observer),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::decode::Rejection;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn counts_bad_lines_and_goes_on() {
        let file = file(
            "{\"ticket_id\":1,\"type\":\"created\",\"at\":1}\n\nnonsense\n{\"ticket_id\":2}\n\
             {\"ticket_id\":1,\"type\":\"solved\",\"at\":5}\n{\"ticket_id\":1,\"type\":\"reopened\",\"at\":9}\n",
        );
        let path = file.path().to_owned();
        let replayed = replay(
            Arc::default(),
            &Decoder::default(),
            std::slice::from_ref(&path),
            Some(Timestamp(8)),
            &mut |_| {},
        )
        .unwrap();
        assert_eq!(
            (
                replayed.read.tally.records,
                replayed.read.later,
                replayed.read.tally.rejections()
            ),
            (5, 1, 2)
        );
        assert_eq!(
            replayed.read.tally.rejected[&Rejection::InvalidJson].places,
            [format!("{}:3", path.display())]
        );
        assert_eq!(replayed.counts.applied, 2);
        let summary = &replayed.snapshot.summaries(false)[0];
        assert_eq!(
            (summary.created, summary.solved, summary.reopened),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = replay(
            Arc::default(),
            &Decoder::default(),
            &["/nowhere".into()],
            None,
            &mut |_| {},
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nowhere: "));
    }
}
