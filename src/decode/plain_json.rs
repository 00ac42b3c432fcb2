//! Reads JSON of the form that almost every record has, many times as fast as the library: no escapes, no
//! line breaks, no lists, no fractions, and objects only as members of the outermost one.
//!
//! It refuses all other texts, valid or not, and the library reads them. A text that it accepts has the
//! same meaning for the library.

/// The text has another form, or a value has the wrong type.
#[derive(Debug)]
pub(super) struct NotPlain;

/// A value that is not a list.
#[derive(Clone, Copy)]
pub(super) enum PlainValue<'a> {
    Null,
    Bool(bool),
    /// An integer that has as many digits as it needs, and its text.
    Integer(i64, &'a str),
    Text(&'a str),
    /// An object, which is still to be read.
    Object,
}

pub(super) struct PlainReader<'a> {
    text: &'a str,
    /// The first byte that is not read yet.
    at: usize,
}

impl<'a> PlainReader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, NotPlain> {
        // Without a branch for each byte, the compiler looks at many bytes at once.
        let is_special = |byte: u8| byte < b' ' || byte == b'\\';
        if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
            return Err(NotPlain);
        }
        Ok(Self { text, at: 0 })
    }

    /// Reads an object. `member` takes each name and its value.
    #[inline(always)]
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str, PlainValue<'a>) -> Result<(), NotPlain>,
    ) -> Result<(), NotPlain> {
        if !self.begin_object()? {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            let value = self.value()?;
            member(self, name, value)?;
            if self.ends_object()? {
                return Ok(());
            }
        }
    }

    /// Begins an object. Returns whether it has a member.
    #[inline(always)]
    pub(super) fn begin_object(&mut self) -> Result<bool, NotPlain> {
        self.take(b'{')?;
        if self.peek() == Some(b'}') {
            return self.take(b'}').map(|()| false);
        }
        Ok(true)
    }

    /// After a member: whether the object ends, or another member follows.
    #[inline(always)]
    pub(super) fn ends_object(&mut self) -> Result<bool, NotPlain> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            _ => self.take(b'}').map(|()| true),
        }
    }

    /// The name of the next member.
    #[inline(always)]
    pub(super) fn name(&mut self) -> Result<&'a str, NotPlain> {
        self.take(b'"')?;
        let name = self.string()?;
        self.take(b':')?;
        Ok(name)
    }

    /// Whether the next member has this name, which is between quotation marks and before a colon. If so, it is
    /// read.
    #[inline(always)]
    pub(super) fn is_name(&mut self, quoted: &[u8]) -> bool {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..);
        let is_it = rest.is_some_and(|rest| rest.starts_with(quoted));
        if is_it {
            self.at += quoted.len();
        }
        is_it
    }

    /// Reads an object whose content does not matter.
    #[cold]
    pub(super) fn skip_object(&mut self) -> Result<(), NotPlain> {
        self.object(|_, _, value| match value {
            PlainValue::Object => Err(NotPlain),
            _ => Ok(()),
        })
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), NotPlain> {
        self.peek().map_or(Ok(()), |_| Err(NotPlain))
    }

    #[inline(always)]
    pub(super) fn value(&mut self) -> Result<PlainValue<'a>, NotPlain> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(PlainValue::Text)
            }
            Some(b'n') => self.word(b"null", PlainValue::Null),
            Some(b't') => self.word(b"true", PlainValue::Bool(true)),
            Some(b'f') => self.word(b"false", PlainValue::Bool(false)),
            Some(b'{') => Ok(PlainValue::Object),
            _ => {
                let (number, text) = integer(self.text, self.at)?;
                self.at += text.len();
                Ok(PlainValue::Integer(number, text))
            }
        }
    }

    /// The next byte that is not a space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, expected: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(expected) {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    fn word<const N: usize>(
        &mut self,
        expected: &[u8; N],
        value: PlainValue<'a>,
    ) -> Result<PlainValue<'a>, NotPlain> {
        let rest = self.text.as_bytes().get(self.at..);
        if rest.and_then(|rest| rest.first_chunk()) != Some(expected) {
            return Err(NotPlain);
        }
        self.at += N;
        Ok(value)
    }

    /// Reads a string after its first quotation mark.
    #[inline(always)]
    fn string(&mut self) -> Result<&'a str, NotPlain> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(NotPlain)?;
        let end = self.at + distance_to_quote(rest).ok_or(NotPlain)?;
        let string = self.text.get(..end).and_then(|text| text.get(self.at..));
        let string = string.ok_or(NotPlain)?;
        self.at = end + 1;
        Ok(string)
    }
}

/// The integer at a position, and its text.
fn integer(text: &str, at: usize) -> Result<(i64, &str), NotPlain> {
    let rest = text.get(at..).ok_or(NotPlain)?;
    let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = rest.bytes().take_while(is_of_number).count();
    let text = rest.get(..length).ok_or(NotPlain)?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_usual = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    if !is_usual {
        return Err(NotPlain);
    }
    let number = text.parse().map_err(|_| NotPlain)?;
    Ok((number, text))
}

/// How many bytes precede the first quotation mark.
#[inline(always)]
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
