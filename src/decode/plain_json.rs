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

pub(super) struct PlainReader<'a> {
    text: &'a str,
    /// The first byte that is not read yet.
    at: usize,
    /// Without escapes, every quotation mark begins or ends a string.
    quotes: QuotationMarks<'a>,
}

impl<'a> PlainReader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, NotPlain> {
        // Without a branch for each byte, the compiler looks at many bytes at once.
        let is_special = |byte: u8| byte < b' ' || byte == b'\\';
        if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
            return Err(NotPlain);
        }
        Ok(Self {
            text,
            at: 0,
            quotes: QuotationMarks::new(text.as_bytes()),
        })
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
            self.at += 1;
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
            match self.text.as_bytes().get(self.at) {
                Some(b' ') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    #[inline]
    fn take(&mut self, expected: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(expected) {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn word(&mut self, expected: &str, value: PlainValue<'a>) -> Result<PlainValue<'a>, NotPlain> {
        let end = self.at + expected.len();
        if self.text.as_bytes().get(self.at..end) != Some(expected.as_bytes()) {
            return Err(NotPlain);
        }
        self.at = end;
        Ok(value)
    }

    /// The next quotation mark is the one that begins the string, if a string follows.
    #[inline]
    fn string(&mut self) -> Result<&'a str, NotPlain> {
        self.take(b'"')?;
        let (Some(_), Some(end)) = (self.quotes.next(), self.quotes.next()) else {
            return Err(NotPlain);
        };
        let string = self.text.get(self.at..end).ok_or(NotPlain)?;
        self.at = end + 1;
        Ok(string)
    }

    fn integer(&mut self) -> Result<PlainValue<'a>, NotPlain> {
        let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let rest = self.text.get(self.at..).ok_or(NotPlain)?;
        let length = rest.bytes().take_while(is_of_number).count();
        let text = rest.get(..length).ok_or(NotPlain)?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_usual = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (!digits.starts_with('0') || text == "0");
        if !is_usual {
            return Err(NotPlain);
        }
        let number = text.parse().map_err(|_| NotPlain)?;
        self.at += length;
        Ok(PlainValue::Integer(number, text))
    }
}

/// The positions of the quotation marks of a text, found for a block of bytes at once.
struct QuotationMarks<'a> {
    /// After the current block.
    rest: &'a [u8],
    /// The position of `rest`.
    end: usize,
    /// A bit for each quotation mark of the current block that is still to come.
    marks: u64,
}

/// A block has as many bytes as its marks have bits.
const BLOCK: usize = u64::BITS as usize;

impl<'a> QuotationMarks<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            end: 0,
            marks: 0,
        }
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.next_block()?;
        }
        let position = self.end - BLOCK + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(position)
    }

    fn next_block(&mut self) -> Option<()> {
        if let Some((block, rest)) = self.rest.split_first_chunk() {
            self.marks = marks(block);
            self.rest = rest;
        } else {
            let last = std::mem::take(&mut self.rest);
            let mut block = [0; BLOCK];
            block.get_mut(..last.len())?.copy_from_slice(last);
            self.marks = (!last.is_empty()).then(|| marks(&block))?;
        }
        self.end += BLOCK;
        Some(())
    }
}

/// A bit for each byte that is a quotation mark.
#[inline]
fn marks(block: &[u8; BLOCK]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const LOW_BITS: u64 = ONES * 0x7f;
    const QUOTES: u64 = ONES * b'"' as u64;
    /// Brings the high bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (words, _) = block.as_chunks::<8>();
    let mut marks = 0;
    for (number, word) in words.iter().enumerate() {
        let difference = u64::from_le_bytes(*word) ^ QUOTES;
        // The high bit of a byte that is 0, without a carry between bytes.
        let equal = !(((difference & LOW_BITS) + LOW_BITS) | difference | LOW_BITS);
        marks |= ((equal >> 7).wrapping_mul(GATHER) >> 56) << (8 * number);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quotation_mark_is_found_in_order() {
        for length in 0..200_usize {
            for step in [1, 2, 3, 7, 8, 63, 64, 65] {
                for other in [b'!', b'#', b'a', 0, 0x80, 0xa2, 0xff] {
                    let mut bytes = vec![other; length];
                    let expected: Vec<usize> = (0..length).step_by(step).collect();
                    for position in &expected {
                        bytes[*position] = b'"';
                    }
                    let mut quotes = QuotationMarks::new(&bytes);
                    let found: Vec<usize> = std::iter::from_fn(|| quotes.next()).collect();
                    assert_eq!(found, expected, "{length} {step} {other}");
                    assert_eq!(quotes.next(), None);
                }
            }
        }
    }
}
