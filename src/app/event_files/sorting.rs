//! Turns the records of files into canonical events, sorted by time.

use std::path::PathBuf;

use super::counts::ReadCounts;
use super::error::EventFileError;
use super::records::FileRecords;
use crate::decode::{Decoder, Record};
use crate::domain::event::EventIdentity;
use crate::edge::record_files::RecordBlock;
use crate::edge::sorter::{SortedLine, SortedLines, Sorter};
use crate::exposition::event_line;

/// Records between two reports of progress.
const PROGRESS_RECORDS: u64 = 100_000;

/// Events as lines of JSON, in order of time. Events of the same time keep the order of their records.
pub struct SortedEvents {
    lines: SortedLines,
    pub counts: ReadCounts,
}

impl SortedEvents {
    /// The next event. Its key is the id of its ticket.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub fn next_event(&mut self) -> Result<Option<SortedLine>, EventFileError> {
        self.lines.next_line().map_err(EventFileError::Sorting)
    }
}

/// Reads all files. The memory that it takes does not depend on their sizes.
///
/// # Errors
/// A file cannot be read, or the directory for temporary files is full.
pub fn sort(
    paths: &[PathBuf],
    decoder: &Decoder,
    progress: &mut dyn FnMut(u64),
) -> Result<SortedEvents, EventFileError> {
    let mut records = FileRecords::new(paths, false);
    let mut sorter = Sorter::default();
    let mut block = RecordBlock::default();
    let mut counts = ReadCounts::default();
    let mut next_progress = PROGRESS_RECORDS;
    while records.fill(&mut block)? {
        for (number, record) in block.iter() {
            let decoded = decoder.decode(&Record::of(record), None);
            counts.note(&decoded, || format!("{}:{number}", records.path.display()));
            for event in decoded.events() {
                let line = SortedLine {
                    at: event.at.0,
                    key: event.ticket_id.as_bytes().to_vec(),
                    line: event_line(event, Some(&event_id(event.identity))).into_bytes(),
                };
                sorter.push(line).map_err(EventFileError::Sorting)?;
            }
        }
        if counts.records >= next_progress {
            progress(counts.records);
            next_progress = counts.records + PROGRESS_RECORDS;
        }
    }
    Ok(SortedEvents {
        lines: sorter.finish().map_err(EventFileError::Sorting)?,
        counts,
    })
}

/// An event has only the hash of its id. Two events have the same one if the mapping gave them the same.
fn event_id(identity: EventIdentity) -> String {
    format!("{:016x}", identity.0)
}
