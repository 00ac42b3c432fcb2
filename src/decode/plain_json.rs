//! Reads JSON of the form that almost every record has, many times as fast as the library: no escapes, no
//! line breaks, no lists, no fractions, and objects only as members of the outermost one.
//!
//! It refuses all other texts, valid or not, and the library reads them. A text that it accepts has the
//! same meaning for the library.

/// The text has another form, or a value has the wrong type.
#[derive(Debug)]
pub(super) struct NotPlain;

/// A value that is neither an object nor a list.
pub(super) enum PlainValue<'a> {
    Null,
    Bool(bool),
    /// An integer that has as many digits as it needs, and its text.
    Integer(i64, &'a str),
    Text(&'a str),
}

/// A text, and the position of the next byte in it.
pub(super) struct PlainReader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> PlainReader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, NotPlain> {
        // Without a branch for each byte, the compiler looks at many bytes at once.
        let is_special = |byte: u8| byte < b' ' || byte == b'\\';
        if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
            return Err(NotPlain);
        }
        Ok(Self { text, position: 0 })
    }

    /// Takes the beginning of an object. Its members follow.
    pub(super) fn begin_object(&mut self) -> Result<(), NotPlain> {
        self.take(b'{')
    }

    /// Whether an object follows.
    pub(super) fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// The name of the next member; its value follows. `None`: the object has ended. `is_first`: no member
    /// of it was read yet.
    #[inline]
    pub(super) fn next_name(&mut self, is_first: &mut bool) -> Result<Option<&'a str>, NotPlain> {
        if self.peek() == Some(b'}') {
            self.position += 1;
            return Ok(None);
        }
        if !std::mem::take(is_first) {
            self.take(b',')?;
        }
        let name = self.string()?;
        self.take(b':')?;
        Ok(Some(name))
    }

    #[inline]
    pub(super) fn value(&mut self) -> Result<PlainValue<'a>, NotPlain> {
        match self.peek() {
            Some(b'"') => self.string().map(PlainValue::Text),
            Some(b'n') => self.word("null", PlainValue::Null),
            Some(b't') => self.word("true", PlainValue::Bool(true)),
            Some(b'f') => self.word("false", PlainValue::Bool(false)),
            _ => self.integer(),
        }
    }

    /// Reads a value that does not matter.
    pub(super) fn skip(&mut self) -> Result<(), NotPlain> {
        if !self.is_object() {
            return self.value().map(|_| ());
        }
        self.begin_object()?;
        let mut is_first = true;
        while self.next_name(&mut is_first)?.is_some() {
            self.value()?;
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), NotPlain> {
        self.peek().map_or(Ok(()), |_| Err(NotPlain))
    }

    /// The next byte that is not a space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.position) == Some(&b' ') {
            self.position += 1;
        }
        bytes.get(self.position).copied()
    }

    #[inline]
    fn take(&mut self, expected: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(expected) {
            return Err(NotPlain);
        }
        self.position += 1;
        Ok(())
    }

    fn word(&mut self, expected: &str, value: PlainValue<'a>) -> Result<PlainValue<'a>, NotPlain> {
        let rest = &self.text.as_bytes()[self.position..];
        if !rest.starts_with(expected.as_bytes()) {
            return Err(NotPlain);
        }
        self.position += expected.len();
        Ok(value)
    }

    #[inline]
    fn string(&mut self) -> Result<&'a str, NotPlain> {
        self.take(b'"')?;
        let start = self.position;
        let rest = &self.text.as_bytes()[start..];
        let end = start + distance_to_quote(rest).ok_or(NotPlain)?;
        self.position = end + 1;
        self.text.get(start..end).ok_or(NotPlain)
    }

    fn integer(&mut self) -> Result<PlainValue<'a>, NotPlain> {
        let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let rest = &self.text.as_bytes()[self.position..];
        let length = rest.iter().take_while(|byte| is_of_number(byte)).count();
        let text = &self.text[self.position..self.position + length];
        self.position += length;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_usual = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (!digits.starts_with('0') || text == "0");
        if !is_usual {
            return Err(NotPlain);
        }
        let number = text.parse().map_err(|_| NotPlain)?;
        Ok(PlainValue::Integer(number, text))
    }
}

/// How many bytes precede the first quotation mark.
#[inline]
fn distance_to_quote(bytes: &[u8]) -> Option<usize> {
    // Most strings are short: eight bytes at once are faster than a search for long texts.
    const ONES: u64 = u64::MAX / 255;
    const QUOTES: u64 = ONES * b'"' as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        // The lowest marked byte is the first one that equals a quotation mark.
        let difference = u64::from_le_bytes(*word) ^ QUOTES;
        let marks = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
        if marks != 0 {
            return Some(number * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| *byte == b'"')?;
    Some(words.len() * 8 + in_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quotation_mark_is_found() {
        for length in 0..40 {
            for other in [b'!', b'#', b'a', 0x80, 0xa2, 0xff] {
                let mut bytes = vec![other; length];
                assert_eq!(distance_to_quote(&bytes), None);
                bytes.extend(*b"\"x\"yyyyyyyyyyyyyyyyy");
                assert_eq!(distance_to_quote(&bytes), Some(length));
            }
        }
    }
}
