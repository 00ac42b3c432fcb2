//! Reads the events of files, some records at once.

use std::path::PathBuf;

use super::counts::ReadCounts;
use super::error::EventFileError;
use super::records::FileRecords;
use crate::decode::{Decoder, Record};
use crate::domain::event::Event;
use crate::edge::record_files::RecordBlock;
use crate::edge::spool::{SpoolReader, SpooledRecord};

pub struct EventReader {
    source: EventSource,
    decoder: Decoder,
    block: RecordBlock,
    counts: ReadCounts,
}

enum EventSource {
    Files(FileRecords),
    /// Canonical events. Their records are counted already.
    Sorted(SpoolReader),
}

impl EventReader {
    pub(super) fn of_files(paths: &[PathBuf], decoder: Decoder) -> Self {
        Self {
            source: EventSource::Files(FileRecords::new(paths, true)),
            decoder,
            block: RecordBlock::default(),
            counts: ReadCounts::default(),
        }
    }

    pub(super) fn of_sorted(events: SpoolReader, decoder: Decoder, counts: ReadCounts) -> Self {
        Self {
            source: EventSource::Sorted(events),
            decoder,
            block: RecordBlock::default(),
            counts,
        }
    }

    /// The counts of the records until now.
    pub fn counts(&self) -> &ReadCounts {
        &self.counts
    }

    pub fn into_counts(self) -> ReadCounts {
        self.counts
    }

    /// The events of the next records. They may be none. `None`: there are no more records.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn next_block(&mut self) -> Result<Option<Vec<Event<'_>>>, EventFileError> {
        let is_filled = match &mut self.source {
            EventSource::Files(records) => records.fill(&mut self.block)?,
            EventSource::Sorted(events) => {
                fill(events, &mut self.block).map_err(EventFileError::Sorting)?
            }
        };
        if !is_filled {
            return Ok(None);
        }
        let mut events = Vec::with_capacity(self.block.len());
        for (number, record) in self.block.iter() {
            let decoded = self.decoder.decode(&Record::of(record), None);
            if let EventSource::Files(records) = &self.source {
                let place = || format!("{}:{number}", records.path.display());
                self.counts.note(&decoded, place);
            }
            events.extend(decoded.into_events());
        }
        Ok(Some(events))
    }
}

fn fill(events: &mut SpoolReader, block: &mut RecordBlock) -> std::io::Result<bool> {
    let mut record = SpooledRecord::default();
    block.fill_with(&mut || {
        let found = events.next(&mut record)?;
        Ok(found.then(|| record.value.take().unwrap_or_default()))
    })
}
