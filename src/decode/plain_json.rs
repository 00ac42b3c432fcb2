//! Reads JSON of the form that almost every record has, several times as fast as the library: no escapes,
//! no line breaks, no lists, no fractions, and objects only as members of the outermost one.
//!
//! It refuses all other texts, valid or not, and the library reads them. A text that it accepts has the
//! same meaning for the library.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// An object in the outermost one has this depth.
const DEEPEST: u8 = 2;
/// In place of a byte at the end of a text. No plain text contains it.
const END: u8 = 0;

/// Reads a whole text.
///
/// # Errors
/// The text has another form, or no valid value of the type.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, NotPlain> {
    // Without a branch for each byte, the compiler looks at many bytes at once.
    let is_special = |byte: u8| byte < b' ' || byte == b'\\';
    if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
        return Err(NotPlain);
    }
    let mut reader = PlainReader {
        text,
        position: 0,
        depth: 0,
    };
    let value = T::deserialize(&mut reader);
    if reader.peek() == END {
        value
    } else {
        Err(NotPlain)
    }
}

/// The text has another form, or a value has the wrong type.
#[derive(Debug)]
pub(super) struct NotPlain;

impl fmt::Display for NotPlain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not plain JSON")
    }
}

impl std::error::Error for NotPlain {}

impl Error for NotPlain {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct PlainReader<'de> {
    text: &'de str,
    position: usize,
    depth: u8,
}

impl<'de> PlainReader<'de> {
    /// The next byte that is not a space, or [`END`].
    #[inline]
    fn peek(&mut self) -> u8 {
        loop {
            match self.text.as_bytes().get(self.position) {
                Some(b' ') => self.position += 1,
                Some(byte) => return *byte,
                None => return END,
            }
        }
    }

    #[inline]
    fn take(&mut self, expected: u8) -> Result<(), NotPlain> {
        if self.peek() != expected {
            return Err(NotPlain);
        }
        self.position += 1;
        Ok(())
    }

    fn word(&mut self, expected: &str) -> Result<(), NotPlain> {
        let rest = &self.text.as_bytes()[self.position..];
        if !rest.starts_with(expected.as_bytes()) {
            return Err(NotPlain);
        }
        self.position += expected.len();
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<&'de str, NotPlain> {
        self.take(b'"')?;
        let start = self.position;
        let rest = &self.text.as_bytes()[start..];
        let end = start + rest.iter().position(|byte| *byte == b'"').ok_or(NotPlain)?;
        self.position = end + 1;
        self.text.get(start..end).ok_or(NotPlain)
    }

    /// An integer that has as many digits as it needs.
    fn integer(&mut self) -> Result<i64, NotPlain> {
        let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let rest = &self.text.as_bytes()[self.position..];
        let length = rest.iter().take_while(|byte| is_of_number(byte)).count();
        let text = &self.text[self.position..self.position + length];
        self.position += length;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_usual = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (!digits.starts_with('0') || text == "0");
        if is_usual {
            text.parse().map_err(|_| NotPlain)
        } else {
            Err(NotPlain)
        }
    }
}

impl<'de> Deserializer<'de> for &mut PlainReader<'de> {
    type Error = NotPlain;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.peek() {
            b'"' => visitor.visit_borrowed_str(self.string()?),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'-' | b'0'..=b'9' => visitor.visit_i64(self.integer()?),
            b'{' if self.depth < DEEPEST => {
                self.take(b'{')?;
                self.depth += 1;
                visitor.visit_map(Members {
                    reader: self,
                    is_first: true,
                })
            }
            _ => Err(NotPlain),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.peek() {
            b'n' => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_borrowed_str(self.string()?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The members of an object. The last call for a name takes the closing brace.
struct Members<'a, 'de> {
    reader: &'a mut PlainReader<'de>,
    is_first: bool,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = NotPlain;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotPlain> {
        if self.reader.peek() == b'}' {
            self.reader.position += 1;
            self.reader.depth -= 1;
            return Ok(None);
        }
        if !std::mem::take(&mut self.is_first) {
            self.reader.take(b',')?;
        }
        let name = BorrowedStrDeserializer::new(self.reader.string()?);
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NotPlain> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}
