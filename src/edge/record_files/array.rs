//! A JSON array: a record in each item.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize as _;
use serde_json::value::RawValue;

use super::error::invalid;

/// Reads the items of an array, or of several arrays one after the other.
pub struct ArrayReader {
    reader: Box<dyn BufRead>,
    is_inside: bool,
    /// Number of the last item, from 1.
    pub number: u64,
}

impl ArrayReader {
    pub fn new(reader: Box<dyn BufRead>) -> Self {
        Self {
            reader,
            is_inside: false,
            number: 0,
        }
    }

    /// Appends the next item to `bytes`. Returns whether there was one.
    ///
    /// # Errors
    /// An item is no JSON object, or longer than `limit`. The items after it cannot be found.
    pub fn read_item(&mut self, bytes: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
        loop {
            let Some(next) = self.reader.fill_buf()?.first().copied() else {
                return if self.is_inside {
                    Err(invalid(format!(
                        "the array does not end; its last whole item is {}",
                        self.number
                    )))
                } else {
                    Ok(false)
                };
            };
            match next {
                b'[' if !self.is_inside => self.is_inside = true,
                b']' if self.is_inside => self.is_inside = false,
                b'{' if self.is_inside => break,
                b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => {
                    return Err(invalid(format!(
                        "item {} of the array is not a JSON object",
                        self.number + 1
                    )));
                }
            }
            self.reader.consume(1);
        }
        self.number += 1;
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        // An object is read exactly to its end.
        let mut json = serde_json::Deserializer::from_reader((&mut *self.reader).take(most));
        let item = Box::<RawValue>::deserialize(&mut json).map_err(|error| {
            if error.is_eof() {
                invalid(format!(
                    "item {} does not end within {limit} bytes",
                    self.number
                ))
            } else {
                invalid(format!("item {}: {error}", self.number))
            }
        })?;
        bytes.extend_from_slice(item.get().as_bytes());
        Ok(true)
    }
}
