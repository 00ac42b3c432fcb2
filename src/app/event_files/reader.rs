//! Reads the events of files, some records at once.

use std::path::PathBuf;

use super::counts::ReadCounts;
use super::error::EventFileError;
use super::records::FileRecords;
use crate::decode::{Decoded, Decoder, Record};
use crate::domain::event::Event;
use crate::edge::record_files::RecordBlock;
use crate::edge::spool::{SpoolReader, SpooledRecord};

pub struct EventReader {
    source: EventSource,
    decoder: Decoder,
    block: RecordBlock,
    /// The next record of the block, for [`Self::next_record`].
    position: usize,
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
            position: 0,
            counts: ReadCounts::default(),
        }
    }

    pub(super) fn of_sorted(events: SpoolReader, decoder: Decoder, counts: ReadCounts) -> Self {
        Self {
            source: EventSource::Sorted(events),
            decoder,
            block: RecordBlock::default(),
            position: 0,
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
        if !self.fill()? {
            return Ok(None);
        }
        let mut events = Vec::with_capacity(self.block.len());
        for (number, record) in self.block.iter() {
            let decoded = self.decoder.decode(&Record::of(record), None);
            self.source.note(&mut self.counts, &decoded, number);
            decoded.append_events_to(&mut events);
        }
        Ok(Some(events))
    }

    /// Passes the events of the next record that has any to `take`, and returns whether there was one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn next_record(
        &mut self,
        take: &mut dyn FnMut(&Event<'_>),
    ) -> Result<bool, EventFileError> {
        loop {
            let Some((number, record)) = self.block.get(self.position) else {
                if !self.fill()? {
                    return Ok(false);
                }
                continue;
            };
            self.position += 1;
            let decoded = self.decoder.decode(&Record::of(record), None);
            self.source.note(&mut self.counts, &decoded, number);
            let events = decoded.events();
            if !events.is_empty() {
                events.iter().for_each(take);
                return Ok(true);
            }
        }
    }

    fn fill(&mut self) -> Result<bool, EventFileError> {
        self.position = 0;
        match &mut self.source {
            EventSource::Files(records) => records.fill(&mut self.block),
            EventSource::Sorted(events) => {
                fill(events, &mut self.block).map_err(EventFileError::Sorting)
            }
        }
    }
}

impl EventSource {
    fn note(&self, counts: &mut ReadCounts, decoded: &Decoded<'_>, number: u64) {
        if let Self::Files(records) = self {
            counts.note(decoded, || format!("{}:{number}", records.path.display()));
        }
    }
}

fn fill(events: &mut SpoolReader, block: &mut RecordBlock) -> std::io::Result<bool> {
    let mut record = SpooledRecord::default();
    block.fill_with(&mut || {
        let found = events.next(&mut record)?;
        Ok(found.then(|| record.value.take().unwrap_or_default()))
    })
}
