//! The encoding of records. Small numbers take few bytes, and the reader accepts any input.
//!
//! Numbers are in groups of seven bits, the lowest first. Signed numbers use zigzag encoding, so that
//! numbers near 0 are short.

use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Bits of a number in one byte. The top bit means that more bytes follow.
const GROUP: u32 = 7;
const MORE: u8 = 0x80;
/// Upper bound of a count. Sums of a few counts still fit.
const COUNT_BOUND: u64 = 1 << 53;

/// Why bytes are not a valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("it ends early")]
    EndsEarly,
    #[error("it has extra bytes at the end")]
    ExtraBytes,
    #[error("a number is too large")]
    TooLarge,
    #[error("a time is outside the years 1 to 9999")]
    Time,
    #[error("a text is not UTF-8")]
    Text,
    #[error("a value is unknown")]
    UnknownValue,
    #[error("a list is out of order")]
    Order,
    #[error("it refers to something that does not exist")]
    Reference,
}

/// Writes the key or the value of a record.
#[derive(Debug, Default)]
pub struct RecordWriter {
    bytes: Vec<u8>,
}

impl RecordWriter {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Empties the writer, but keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn number(&mut self, mut number: u64) {
        while number >= u64::from(MORE) {
            #[allow(clippy::cast_possible_truncation, reason = "the lowest seven bits")]
            self.bytes.push(number as u8 | MORE);
            number >>= GROUP;
        }
        #[allow(clippy::cast_possible_truncation, reason = "less than 128")]
        self.bytes.push(number as u8);
    }

    pub fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// A time by its distance from `base`.
    pub fn instant(&mut self, at: Timestamp, base: Timestamp) {
        self.signed(at.0.wrapping_sub(base.0));
    }

    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.raw(text.as_bytes());
    }
}

/// Reads what a [`RecordWriter`] wrote. Never reads beyond the end.
#[derive(Clone, Copy, Debug)]
pub struct RecordReader<'a> {
    rest: &'a [u8],
}

impl<'a> RecordReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn byte(&mut self) -> Result<u8, RecordError> {
        let (first, rest) = self.rest.split_first().ok_or(RecordError::EndsEarly)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (first, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(RecordError::EndsEarly)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn left(&self) -> usize {
        self.rest.len()
    }

    pub fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub fn number(&mut self) -> Result<u64, RecordError> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(GROUP as usize) {
            let byte = self.byte()?;
            let group = u64::from(byte & !MORE);
            if (group << shift) >> shift != group {
                return Err(RecordError::TooLarge);
            }
            number |= group << shift;
            if byte & MORE == 0 {
                return Ok(number);
            }
        }
        Err(RecordError::TooLarge)
    }

    /// A number that fits into a narrower type.
    pub fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, RecordError> {
        T::try_from(self.number()?).map_err(|_| RecordError::TooLarge)
    }

    pub fn signed(&mut self) -> Result<i64, RecordError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A time that an event may have.
    pub fn instant(&mut self, base: Timestamp) -> Result<Timestamp, RecordError> {
        let at = self.any_instant(base)?;
        Timestamp::checked(at.0).ok_or(RecordError::Time)
    }

    /// Any time, also a deadline beyond the times of events.
    pub fn any_instant(&mut self, base: Timestamp) -> Result<Timestamp, RecordError> {
        Ok(Timestamp(base.0.wrapping_add(self.signed()?)))
    }

    /// The number of items that follow, each of at least `least` bytes. Never more than fit into the
    /// rest, so that a wrong number does not reserve memory.
    pub fn items(&mut self, least: usize) -> Result<usize, RecordError> {
        let items: usize = self.narrow()?;
        if items.saturating_mul(least.max(1)) > self.rest.len() {
            return Err(RecordError::EndsEarly);
        }
        Ok(items)
    }

    /// A list of items, each of at least `least` bytes.
    pub fn list<T>(
        &mut self,
        least: usize,
        read: impl Fn(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Vec<T>, RecordError> {
        (0..self.items(least)?).map(|_| read(self)).collect()
    }

    /// A length of time: not negative, and not longer than the range of event times.
    pub fn length_of_time(&mut self) -> Result<Milliseconds, RecordError> {
        let length = self.signed()?;
        if (0..=Timestamp::LATEST.since(Timestamp::EARLIEST)).contains(&length) {
            Ok(length)
        } else {
            Err(RecordError::TooLarge)
        }
    }

    /// A count of events, which fits into the 53 bits of a float.
    pub fn count(&mut self) -> Result<u64, RecordError> {
        let count = self.number()?;
        if count < COUNT_BOUND {
            Ok(count)
        } else {
            Err(RecordError::TooLarge)
        }
    }

    pub fn text(&mut self) -> Result<&'a str, RecordError> {
        let length = self.items(1)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| RecordError::Text)
    }

    /// Checks that no bytes are left.
    pub fn end(self) -> Result<(), RecordError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(RecordError::ExtraBytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_round_trip(number: u64, signed: i64, text: String) {
            let mut writer = RecordWriter::default();
            writer.number(number);
            writer.signed(signed);
            writer.text(&text);
            let mut reader = RecordReader::new(writer.bytes());
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_rejected(bytes: Vec<u8>) {
            let mut reader = RecordReader::new(&bytes);
            while reader.clone().number().is_ok() {
                let _ = reader.number();
            }
            prop_assert!(reader.text().is_err() || bytes.len() > 1);
        }
    }

    #[test]
    fn numbers_near_zero_are_short() {
        for (number, length) in [(0, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (i64::MIN, 10)] {
            let mut writer = RecordWriter::default();
            writer.signed(number);
            assert_eq!(writer.bytes().len(), length, "{number}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_rejected() {
        let mut writer = RecordWriter::default();
        writer.number(1 << 40);
        let mut reader = RecordReader::new(writer.bytes());
        assert_eq!(reader.items(1), Err(RecordError::EndsEarly));
        assert_eq!(
            RecordReader::new(&[0xff; 11]).number(),
            Err(RecordError::TooLarge)
        );
        assert_eq!(
            RecordReader::new(&[0xff; 3]).number(),
            Err(RecordError::EndsEarly)
        );
    }
}
