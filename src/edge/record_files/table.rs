//! A table, as CSV: a row becomes a JSON object whose members are the columns.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::error::invalid;
use crate::decode::csv_delimiter;

/// The text of a header in which the delimiter is looked for.
const HEADER_BYTES: usize = 1 << 16;
/// `csv` reads ahead of the row.
const READ_AHEAD: usize = 1 << 16;
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Reads the rows of a table. The first row has the names of the columns.
pub struct TableReader {
    rows: Reader<BoundedReader>,
    columns: Vec<Column>,
    row: ByteRecord,
}

struct Column {
    /// The name as a JSON string.
    name: String,
    /// The positions of the cells. Several columns may have one name.
    cells: Vec<usize>,
}

impl TableReader {
    /// # Errors
    /// The header cannot be read.
    pub fn new(mut reader: Box<dyn BufRead>) -> io::Result<Self> {
        let start = reader.fill_buf()?;
        if UTF_16.iter().any(|mark| start.starts_with(mark)) {
            return Err(invalid("this is UTF-16; save the file as CSV in UTF-8"));
        }
        let header = &start[..start.len().min(HEADER_BYTES)];
        if has_only_carriage_returns(header) {
            return Err(invalid(
                "the lines end with a carriage return only; convert them first: tr '\\r' '\\n' < FILE",
            ));
        }
        let delimiter = csv_delimiter(header);
        let mut rows = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            // Otherwise a row would begin at the line feed of the row before, and have its line number.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(BoundedReader {
                reader,
                left: HEADER_BYTES + READ_AHEAD,
            });
        let header = rows.byte_headers().map_err(io::Error::from)?;
        let mut columns: Vec<Column> = Vec::new();
        for (position, name) in header.iter().enumerate() {
            let name = json_text(&column_name(position, name));
            match columns.iter_mut().find(|column| column.name == name) {
                Some(column) => column.cells.push(position),
                None => columns.push(Column {
                    name,
                    cells: vec![position],
                }),
            }
        }
        Ok(Self {
            rows,
            columns,
            row: ByteRecord::new(),
        })
    }

    /// Appends the next row to `bytes`, as a JSON object, and returns the number of its first line. A row
    /// that is shorter than the header lacks the last members; further cells are named by their position.
    pub fn read_row(&mut self, bytes: &mut Vec<u8>, limit: usize) -> io::Result<Option<u64>> {
        loop {
            self.rows.get_mut().left = limit + READ_AHEAD;
            let line = self.rows.position().line();
            let found = self.rows.read_byte_record(&mut self.row);
            if !found.map_err(|error| at_line(line, error))? {
                return Ok(None);
            }
            let is_blank = self.row.len() == 1 && cell(&self.row, 0).is_some_and(<[u8]>::is_empty);
            if !is_blank {
                break;
            }
        }
        bytes.push(b'{');
        for (number, column) in self.columns.iter().enumerate() {
            if number > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(column.name.as_bytes());
            bytes.push(b':');
            let mut cells = column.cells.iter().filter_map(|at| cell(&self.row, *at));
            match &*column.cells {
                [_] => push_text(bytes, cells.next().unwrap_or_default()),
                _ => push_list(bytes, cells.filter(|cell| !cell.is_empty())),
            }
        }
        let known = self.rows.byte_headers().map_or(0, ByteRecord::len);
        for position in known..self.row.len() {
            bytes.push(b',');
            bytes.extend_from_slice(json_text(&column_name(position, b"")).as_bytes());
            bytes.push(b':');
            push_text(bytes, cell(&self.row, position).unwrap_or_default());
        }
        bytes.push(b'}');
        Ok(Some(self.row.position().map_or(0, csv::Position::line)))
    }
}

/// Whether several lines end as on an old Mac. A quoted cell may have a carriage return, and the line feed after
/// the last one may not be read yet.
fn has_only_carriage_returns(text: &[u8]) -> bool {
    let is_return = |byte: &&u8| **byte == b'\r';
    let (last, text) = text.split_last().unwrap_or((&0, &[]));
    !text.contains(&b'\n') && *last != b'\n' && text.iter().filter(is_return).count() > 1
}

fn at_line(line: u64, error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() != io::ErrorKind::InvalidData => error,
        csv::ErrorKind::Io(error) => invalid(format!("line {line}: {error}")),
        other => invalid(format!("line {line}: {other:?}")),
    }
}

/// A cell, without the carriage return at the end of its line.
fn cell(row: &ByteRecord, position: usize) -> Option<&[u8]> {
    let cell = row.get(position)?;
    let is_last = position + 1 == row.len();
    Some(match cell.split_last() {
        Some((b'\r', before)) if is_last => before,
        _ => cell,
    })
}

/// The name of a column; of one without a name, its position.
fn column_name(position: usize, name: &[u8]) -> String {
    let name = text(name);
    let name = name.trim_start_matches('\u{feff}').trim();
    if name.is_empty() {
        format!("column{}", position + 1)
    } else {
        name.to_owned()
    }
}

/// UTF-8, or what programs for Windows write instead.
fn text(cell: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(cell)
                .0
        }
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push_text(bytes: &mut Vec<u8>, cell: &[u8]) {
    let text = text(cell);
    bytes.extend_from_slice(json_text(&text).as_bytes());
}

fn push_list<'a>(bytes: &mut Vec<u8>, cells: impl Iterator<Item = &'a [u8]>) {
    bytes.push(b'[');
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        push_text(bytes, cell);
    }
    bytes.push(b']');
}

/// Fails when a row is too long, most likely because a quote is not closed.
struct BoundedReader {
    reader: Box<dyn BufRead>,
    left: usize,
}

impl Read for BoundedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(invalid("a row is too long; a quote may be missing"));
        }
        let most = buffer.len().min(self.left);
        let count = self.reader.read(&mut buffer[..most])?;
        self.left -= count;
        Ok(count)
    }
}
