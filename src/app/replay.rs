//! Replays files of events. The series equal those of a live exporter that read the same records in time.
//! All events are in one partition, and the only clock is the stream's.

use std::sync::Arc;

use super::event_files::{EventFileError, EventFiles, ReadCounts};
use crate::domain::timestamp::Timestamp;
use crate::engine::{Counts, Engine, Observer, Rules, Snapshot};

/// Events between two reports of progress.
const PROGRESS_EVENTS: u64 = 100_000;

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

/// Reads the files, then moves the stream clock to `until`, or to the greatest event time. Records that
/// are no events are counted.
///
/// # Errors
/// A file cannot be read.
pub fn replay(
    rules: Arc<Rules>,
    files: &EventFiles,
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<Replayed, EventFileError> {
    // Earlier than any first event.
    let mut engine = Engine::new(rules, Timestamp::LATEST);
    let read = read(&mut engine, None, files, until, progress)?;
    Ok(Replayed {
        snapshot: engine.snapshot(),
        counts: engine.counts(),
        read,
    })
}

/// Like [`replay`], into the caller's engine as one more partition.
///
/// # Errors
/// A file cannot be read.
pub fn read(
    engine: &mut Engine,
    mut observer: Option<&mut dyn Observer>,
    files: &EventFiles,
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<ReplayCounts, EventFileError> {
    let partition = engine.only_partition();
    let mut reader = files.read()?;
    let (mut applied, mut later) = (0, 0);
    let mut next_progress = PROGRESS_EVENTS;
    while let Some(mut events) = reader.next_block()? {
        if let Some(until) = until {
            let all = events.len();
            events.retain(|event| event.at <= until);
            later += (all - events.len()) as u64;
        }
        engine.warm(events.iter());
        for event in &events {
            match &mut observer {
                None => engine.apply(partition, event),
                Some(observer) => engine.apply_observed(partition, event, &mut **observer),
            };
        }
        applied += events.len() as u64;
        if applied >= next_progress {
            progress(applied);
            next_progress = applied + PROGRESS_EVENTS;
        }
    }
    let as_of = until.or(engine.greatest_event(partition));
    if let Some(end) = as_of {
        match observer {
            None => engine.advance(partition, end),
            Some(observer) => engine.advance_observed(partition, end, observer),
        }
    }
    Ok(ReplayCounts {
        tally: reader.into_counts(),
        later,
        as_of,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::decode::{Decoder, Rejection};
    use crate::engine::TableDimensions;

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
        let paths = std::slice::from_ref(&path);
        let files = EventFiles::open(paths, Decoder::default(), &mut |_| {}).unwrap();
        let until = Some(Timestamp(8));
        let replayed = replay(Arc::default(), &files, until, &mut |_| {}).unwrap();
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
        let all = TableDimensions::default();
        let summary = &replayed.snapshot.summaries(&all, false)[0];
        assert_eq!(
            (summary.created, summary.solved, summary.reopened),
            (1, 1, 0)
        );
    }
}
