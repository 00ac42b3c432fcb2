//! Reads JSON of the form that almost every record has, many times as fast as the library: no escapes, no
//! line breaks, no lists, no fractions, and objects only as members of the outermost one.
//!
//! It refuses all other texts, valid or not, and the library reads them. A text that it accepts has the
//! same meaning for the library.

/// The text has another form, or a value has the wrong type.
#[derive(Debug)]
pub(super) struct NotPlain;

/// A value that is neither an object nor a list.
#[derive(Clone, Copy)]
pub(super) enum PlainValue<'a> {
    Null,
    Bool(bool),
    /// An integer that has as many digits as it needs, and its text.
    Integer(i64, &'a str),
    Text(&'a str),
}

/// The part of a text that is not read yet.
pub(super) struct PlainReader<'a>(&'a str);

impl<'a> PlainReader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, NotPlain> {
        // Without a branch for each byte, the compiler looks at many bytes at once.
        let is_special = |byte: u8| byte < b' ' || byte == b'\\';
        if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
            return Err(NotPlain);
        }
        Ok(Self(text))
    }

    /// Whether an object follows.
    pub(super) fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Reads an object. `member` takes each name, and reads the value that follows.
    #[inline]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str) -> Result<(), NotPlain>,
    ) -> Result<(), NotPlain> {
        self.take(b'{')?;
        if self.peek() == Some(b'}') {
            return self.take(b'}');
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            member(self, name)?;
            if self.peek() != Some(b',') {
                return self.take(b'}');
            }
            self.take(b',')?;
        }
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
        self.object(|reader, _| reader.value().map(|_| ()))
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), NotPlain> {
        self.peek().map_or(Ok(()), |_| Err(NotPlain))
    }

    /// The next byte that is not a space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.0.as_bytes().first() {
                Some(b' ') => self.advance(1).ok()?,
                byte => return byte.copied(),
            };
        }
    }

    #[inline]
    fn take(&mut self, expected: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(expected) {
            return Err(NotPlain);
        }
        self.advance(1).map(|_| ())
    }

    /// Takes some bytes.
    #[inline]
    fn advance(&mut self, bytes: usize) -> Result<&'a str, NotPlain> {
        let (text, rest) = self.0.split_at_checked(bytes).ok_or(NotPlain)?;
        self.0 = rest;
        Ok(text)
    }

    fn word(&mut self, expected: &str, value: PlainValue<'a>) -> Result<PlainValue<'a>, NotPlain> {
        self.0 = self.0.strip_prefix(expected).ok_or(NotPlain)?;
        Ok(value)
    }

    #[inline]
    fn string(&mut self) -> Result<&'a str, NotPlain> {
        self.take(b'"')?;
        let length = distance_to_quote(self.0.as_bytes()).ok_or(NotPlain)?;
        let string = self.advance(length)?;
        self.advance(1)?;
        Ok(string)
    }

    fn integer(&mut self) -> Result<PlainValue<'a>, NotPlain> {
        let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = self.0.bytes().take_while(is_of_number).count();
        let text = self.advance(length)?;
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
    let mut rest = bytes;
    while let Some((word, others)) = rest.split_first_chunk() {
        // The lowest marked byte is the first one that equals a quotation mark.
        let difference = u64::from_le_bytes(*word) ^ QUOTES;
        let marks = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
        if marks != 0 {
            let before = bytes.len() - rest.len();
            return Some(before + marks.trailing_zeros() as usize / 8);
        }
        rest = others;
    }
    let in_rest = rest.iter().position(|byte| *byte == b'"')?;
    Some(bytes.len() - rest.len() + in_rest)
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
