//! JSON Lines: a record on each line.

use std::io::{self, BufRead};

/// Appends the next line to `bytes`, without its line break. Returns whether there was one. It skips the
/// bytes of a line after `limit + 1`, so that a file without line breaks cannot fill the memory.
pub fn read_line(reader: &mut dyn BufRead, bytes: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    let start = bytes.len();
    let mut seen = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(seen);
        }
        seen = true;
        let end = memchr::memchr(b'\n', available);
        let piece = &available[..end.unwrap_or(available.len())];
        let room = (limit + 1).saturating_sub(bytes.len() - start);
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        let consumed = piece.len() + usize::from(end.is_some());
        reader.consume(consumed);
        if end.is_some() {
            if bytes.len() > start && bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            return Ok(true);
        }
    }
}
