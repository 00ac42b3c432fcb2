//! Files of records: JSON Lines, a JSON array, or a table (CSV); plain or compressed. The content tells which.

mod array;
mod block;
mod error;
mod lines;
mod table;

use std::io::{self, BufRead};
use std::path::Path;

use array::ArrayReader;
pub use block::RecordBlock;
use lines::read_line;
use table::TableReader;

use super::files;
use crate::decode::{looks_like_csv, without_byte_order_mark};

/// Ends of the names of tables, before that of a compressor.
const TABLE_NAMES: [&str; 2] = [".csv", ".tsv"];
const COMPRESSED_NAMES: [&str; 3] = [".gz", ".zst", ".zstd"];

/// A file, or standard input, that is read record by record.
pub struct RecordFile {
    source: RecordSource,
    /// Number of the last line.
    lines: u64,
}

enum RecordSource {
    Lines(Box<dyn BufRead>),
    Array(ArrayReader),
    Table(Box<TableReader>),
}

impl RecordFile {
    /// # Errors
    /// The file cannot be read, or the header of a table cannot.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(files::open(path)?, path)
    }

    /// Reads the records of `reader`, which has the content of the file at `path`.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn of(mut reader: Box<dyn BufRead>, path: &Path) -> io::Result<Self> {
        let start = loop {
            match reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => break reader.fill_buf()?,
            }
        };
        let text = without_byte_order_mark(start);
        let mark = start.len() - text.len();
        let is_array = text.trim_ascii_start().starts_with(b"[");
        let source = if is_table(path, text) {
            RecordSource::Table(Box::new(TableReader::new(reader)?))
        } else if is_array {
            reader.consume(mark);
            RecordSource::Array(ArrayReader::new(reader))
        } else {
            RecordSource::Lines(reader)
        };
        Ok(Self { source, lines: 0 })
    }

    /// Whether the records are rows, which are rarely in order of time.
    pub fn is_table(&self) -> bool {
        matches!(self.source, RecordSource::Table(_))
    }

    /// Reads the next records into `block`. Returns whether there was one. A line longer than `limit`
    /// bytes is cut after one byte more.
    ///
    /// # Errors
    /// The file cannot be read, or an item or a row is longer than `limit`.
    pub fn fill(&mut self, block: &mut RecordBlock, limit: usize) -> io::Result<bool> {
        block.clear();
        while !block.is_full() {
            let number = match &mut self.source {
                RecordSource::Lines(reader) => {
                    if !read_line(&mut **reader, &mut block.bytes, limit)? {
                        break;
                    }
                    self.lines += 1;
                    self.lines
                }
                RecordSource::Array(items) => {
                    if !items.read_item(&mut block.bytes, limit)? {
                        break;
                    }
                    items.number
                }
                RecordSource::Table(rows) => match rows.read_row(&mut block.bytes, limit)? {
                    Some(line) => line,
                    None => break,
                },
            };
            block.end_record(number);
        }
        Ok(!block.is_empty())
    }
}

/// Whether a file is a table, by its name or by its first line.
pub fn is_table(path: &Path, start: &[u8]) -> bool {
    let line_end = memchr::memchr(b'\n', start).unwrap_or(start.len());
    has_table_name(path) || looks_like_csv(&start[..line_end])
}

fn has_table_name(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    let compressed = COMPRESSED_NAMES.iter();
    let name = compressed
        .filter_map(|end| name.strip_suffix(end))
        .next()
        .unwrap_or(&name);
    TABLE_NAMES.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests;
