//! The bytes of records: small numbers take few, and reading takes whatever comes.
//!
//! Numbers are in groups of seven bits, the lowest first; signed ones alternate around zero, so
//! that what is near it stays short. Nothing here knows what a record means.

use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Bits of a number in one byte; the topmost bit says that more follow.
const GROUP: u32 = 7;
const MORE: u8 = 0x80;
/// No count reaches this; sums of some of them still fit.
const MOST: u64 = 1 << 53;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("ends early")]
    EndsEarly,
    #[error("goes on behind its end")]
    GoesOn,
    #[error("a number is too large")]
    TooLarge,
    #[error("an instant lies outside the years 1 to 9999")]
    Instant,
    #[error("text is not UTF-8")]
    Text,
    #[error("a choice is unknown")]
    Choice,
    #[error("a list is out of order")]
    Order,
    #[error("names what is not there")]
    Reference,
}

/// Writes the value of a record.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Starts over, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes as they are; how many there are must be known from elsewhere.
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

    /// An instant by its distance from another one.
    pub fn instant(&mut self, at: Timestamp, base: Timestamp) {
        self.signed(at.0.wrapping_sub(base.0));
    }

    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.raw(text.as_bytes());
    }
}

/// Reads what a [`Writer`] wrote, and never beyond what is there.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn byte(&mut self) -> Result<u8, Wrong> {
        let (first, rest) = self.rest.split_first().ok_or(Wrong::EndsEarly)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(Wrong::EndsEarly)?;
        self.rest = rest;
        Ok(*first)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Everything that is left.
    pub fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub fn number(&mut self) -> Result<u64, Wrong> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(GROUP as usize) {
            let byte = self.byte()?;
            let group = u64::from(byte & !MORE);
            if (group << shift) >> shift != group {
                return Err(Wrong::TooLarge);
            }
            number |= group << shift;
            if byte & MORE == 0 {
                return Ok(number);
            }
        }
        Err(Wrong::TooLarge)
    }

    /// A number that fits into a narrower type.
    pub fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Wrong> {
        T::try_from(self.number()?).map_err(|_| Wrong::TooLarge)
    }

    pub fn signed(&mut self) -> Result<i64, Wrong> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// An instant that an event may carry.
    pub fn instant(&mut self, base: Timestamp) -> Result<Timestamp, Wrong> {
        let at = self.any_instant(base)?;
        Timestamp::checked(at.0).ok_or(Wrong::Instant)
    }

    /// Any instant, also a deadline beyond what events may carry.
    pub fn any_instant(&mut self, base: Timestamp) -> Result<Timestamp, Wrong> {
        Ok(Timestamp(base.0.wrapping_add(self.signed()?)))
    }

    /// How many items follow, each of at least `least` bytes: never more than there is room for,
    /// so that a wrong number reserves no memory.
    pub fn items(&mut self, least: usize) -> Result<usize, Wrong> {
        let items: usize = self.narrow()?;
        if items.saturating_mul(least.max(1)) > self.rest.len() {
            return Err(Wrong::EndsEarly);
        }
        Ok(items)
    }

    /// A list of items, each of at least `least` bytes.
    pub fn list<T>(
        &mut self,
        least: usize,
        read: impl Fn(&mut Self) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        (0..self.items(least)?).map(|_| read(self)).collect()
    }

    /// A length of time: never negative, and never longer than from the first instant that an
    /// event may carry to the last.
    pub fn length_of_time(&mut self) -> Result<Milliseconds, Wrong> {
        let length = self.signed()?;
        if (0..=Timestamp::LATEST.since(Timestamp::EARLIEST)).contains(&length) {
            Ok(length)
        } else {
            Err(Wrong::TooLarge)
        }
    }

    /// A count of events: more than fit into a float's 53 bits never happened.
    pub fn count(&mut self) -> Result<u64, Wrong> {
        let count = self.number()?;
        if count < MOST {
            Ok(count)
        } else {
            Err(Wrong::TooLarge)
        }
    }

    pub fn text(&mut self) -> Result<&'a str, Wrong> {
        let length = self.items(1)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| Wrong::Text)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), Wrong> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Wrong::GoesOn)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, signed: i64, text: String) {
            let mut writer = Writer::default();
            writer.number(number);
            writer.signed(signed);
            writer.text(&text);
            let mut reader = Reader::new(writer.bytes());
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.clone().number().is_ok() {
                let _ = reader.number();
            }
            prop_assert!(reader.text().is_err() || bytes.len() > 1);
        }
    }

    #[test]
    fn near_zero_is_short() {
        for (number, length) in [(0, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (i64::MIN, 10)] {
            let mut writer = Writer::default();
            writer.signed(number);
            assert_eq!(writer.bytes().len(), length, "{number}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut writer = Writer::default();
        writer.number(1 << 40);
        let mut reader = Reader::new(writer.bytes());
        assert_eq!(reader.items(1), Err(Wrong::EndsEarly));
        assert_eq!(Reader::new(&[0xff; 11]).number(), Err(Wrong::TooLarge));
        assert_eq!(Reader::new(&[0xff; 3]).number(), Err(Wrong::EndsEarly));
    }
}
