//! Files of events, or of records that a mapping turns into events: read as they are, or sorted by time.

mod counts;
mod error;
mod reader;
mod records;
mod sorting;

use std::path::PathBuf;

pub use counts::{ReadCounts, Rejected};
pub use error::EventFileError;
pub use reader::EventReader;
use records::is_standard_input;
pub use sorting::{SortedEvents, sort};

use crate::decode::Decoder;
use crate::edge::record_files::RecordFile;
use crate::edge::spool::{Spool, SpoolWriter, SpooledRecord};

/// Files that can be read several times.
#[derive(Debug)]
pub struct EventFiles {
    paths: Vec<PathBuf>,
    decoder: Decoder,
    sorted: Option<Sorted>,
}

/// The events of all files as canonical events, in order of time.
#[derive(Debug)]
struct Sorted {
    events: Spool,
    counts: ReadCounts,
}

impl EventFiles {
    /// The rows of a table are in some order, and a row may tell of several events. So if there is a table
    /// among the files, the events of all files are sorted by time. `progress` gets the number of records
    /// that were sorted.
    ///
    /// # Errors
    /// A file cannot be read, or the directory for temporary files is full.
    pub fn open(
        paths: &[PathBuf],
        decoder: Decoder,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, EventFileError> {
        let mut has_table = false;
        // Standard input can be read only once, so it cannot be asked.
        for path in paths.iter().filter(|path| !is_standard_input(path)) {
            let file = RecordFile::open(path).map_err(|source| EventFileError::of(path, source))?;
            has_table |= file.is_table();
        }
        let sorted = has_table
            .then(|| set_aside(sort(paths, &decoder, progress)?))
            .transpose()?;
        Ok(Self {
            paths: paths.to_vec(),
            decoder,
            sorted,
        })
    }

    pub fn is_standard_input(&self) -> bool {
        self.sorted.is_none() && self.paths.iter().any(|path| is_standard_input(path))
    }

    /// # Errors
    /// The sorted events cannot be read. Files are opened when they are read.
    pub fn read(&self) -> Result<EventReader, EventFileError> {
        Ok(match &self.sorted {
            None => EventReader::of_files(&self.paths, self.decoder.clone()),
            Some(sorted) => {
                let events = sorted.events.open().map_err(EventFileError::Sorting)?;
                EventReader::of_sorted(events, self.decoder.of_events(), sorted.counts.clone())
            }
        })
    }
}

fn set_aside(mut events: SortedEvents) -> Result<Sorted, EventFileError> {
    let mut writer = SpoolWriter::create().map_err(EventFileError::Sorting)?;
    while let Some(event) = events.next_event()? {
        let record = SpooledRecord {
            value: Some(event.line),
            ..SpooledRecord::default()
        };
        writer.push(&record).map_err(EventFileError::Sorting)?;
    }
    Ok(Sorted {
        events: writer.finish().map_err(EventFileError::Sorting)?,
        counts: events.counts,
    })
}

#[cfg(test)]
mod tests;
