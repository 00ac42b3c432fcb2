//! A block of records of a file, with their numbers.

use std::io;

/// Records in a block: enough to look up their tickets together, and few enough for the cache.
const BLOCK_RECORDS: usize = 64;

/// Records of a file. Its memory is used again for the next block.
#[derive(Debug, Default)]
pub struct RecordBlock {
    pub(super) bytes: Vec<u8>,
    /// The end of each record in `bytes`, and its number in the file.
    records: Vec<(usize, u64)>,
}

impl RecordBlock {
    /// Fills the block with the records that `next` gives, until there are no more. Returns whether there
    /// was one.
    ///
    /// # Errors
    /// Those of `next`.
    pub fn fill_with(
        &mut self,
        next: &mut dyn FnMut() -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<bool> {
        self.clear();
        while !self.is_full()
            && let Some(record) = next()?
        {
            self.bytes.extend_from_slice(&record);
            self.end_record(0);
        }
        Ok(!self.is_empty())
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= BLOCK_RECORDS
    }

    /// Ends the record whose bytes were appended. Blank records are dropped.
    pub(super) fn end_record(&mut self, number: u64) {
        let start = self.records.last().map_or(0, |last| last.0);
        if self.bytes[start..].iter().all(u8::is_ascii_whitespace) {
            self.bytes.truncate(start);
        } else {
            self.records.push((self.bytes.len(), number));
        }
    }

    /// The record at a position, and its number in the file: of its line, or of an item in an array.
    pub fn get(&self, position: usize) -> Option<(u64, &[u8])> {
        let (end, number) = *self.records.get(position)?;
        let start = position
            .checked_sub(1)
            .map_or(0, |before| self.records[before].0);
        Some((number, &self.bytes[start..end]))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (0..self.records.len()).filter_map(|position| self.get(position))
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }
}
