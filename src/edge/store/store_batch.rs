//! The changes of one commit, encoded as they are written.
//!
//! A record is: length of the key, key, length of the value plus one (0 = deleted), value. Lengths are
//! LEB128 numbers. A record does not span chunks.

/// After this size the next chunk begins. It is large enough to compress well, and small enough that a
/// reader needs little memory.
const CHUNK_BYTES: usize = 1 << 20;

/// One change of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreRecord<'a> {
    pub key: &'a [u8],
    /// `None`: deleted.
    pub value: Option<&'a [u8]>,
    /// Version of the value's format, set by the program that wrote it.
    pub state_version: u32,
}

/// Changes in order. The last change of a key wins.
#[derive(Debug)]
pub struct StoreBatch {
    chunks: Vec<Vec<u8>>,
    chunk_bytes: usize,
    records: usize,
    bytes: usize,
}

impl Default for StoreBatch {
    fn default() -> Self {
        Self::with_chunks_of(CHUNK_BYTES)
    }
}

impl StoreBatch {
    pub(super) fn with_chunks_of(bytes: usize) -> Self {
        Self {
            chunks: Vec::new(),
            chunk_bytes: bytes,
            records: 0,
            bytes: 0,
        }
    }

    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.push(key, Some(value));
    }

    pub fn delete(&mut self, key: &[u8]) {
        self.push(key, None);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes before compression.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes all records and keeps the memory for a usual checkpoint.
    pub fn clear(&mut self) {
        self.chunks.truncate(1);
        if let Some(chunk) = self.chunks.first_mut() {
            chunk.clear();
        }
        self.records = 0;
        self.bytes = 0;
    }

    /// At least one chunk, so that an empty batch is also a commit.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let empty = self.chunks.is_empty().then_some(&[][..]);
        self.chunks.iter().map(Vec::as_slice).chain(empty)
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self
            .chunks
            .last()
            .is_none_or(|last| last.len() >= self.chunk_bytes)
        {
            self.chunks.push(Vec::new());
        }
        let Some(chunk) = self.chunks.last_mut() else {
            return;
        };
        let before = chunk.len();
        put_number(chunk, key.len());
        chunk.extend_from_slice(key);
        put_number(chunk, value.map_or(0, |value| value.len() + 1));
        chunk.extend_from_slice(value.unwrap_or_default());
        self.bytes += chunk.len() - before;
        self.records += 1;
    }
}

/// Takes the next record off the front of a chunk.
///
/// # Errors
/// The chunk ends inside a record, or a length is too large.
pub(super) fn take_record<'a>(
    chunk: &mut &'a [u8],
    state_version: u32,
) -> Result<StoreRecord<'a>, &'static str> {
    let length = take_number(chunk)?;
    let key = take(chunk, length)?;
    let value = match take_number(chunk)?.checked_sub(1) {
        Some(length) => Some(take(chunk, length)?),
        None => None,
    };
    Ok(StoreRecord {
        key,
        value,
        state_version,
    })
}

fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("a record is cut short")?;
        *bytes = rest;
        number |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("the length of a record is no number")
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or("a record is cut short")?;
    *bytes = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(batch: &StoreBatch) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut all = Vec::new();
        for mut chunk in batch.chunks() {
            while !chunk.is_empty() {
                let record = take_record(&mut chunk, 1).unwrap();
                all.push((record.key.to_vec(), record.value.map(<[u8]>::to_vec)));
            }
        }
        all
    }

    #[test]
    fn records_are_read_as_they_were_put() {
        let mut batch = StoreBatch::default();
        assert!(batch.is_empty());
        assert_eq!(batch.chunks().count(), 1, "an empty commit");
        let long = vec![7; 3 * CHUNK_BYTES];
        batch.put(b"a", b"one");
        batch.delete(b"b");
        batch.put(b"", b"");
        batch.put(b"long", &long);
        batch.put(b"after", &[1; 300]);
        assert_eq!((batch.len(), batch.chunks().count()), (5, 2));
        let expected = [
            (&b"a"[..], Some(&b"one"[..])),
            (b"b", None),
            (b"", Some(b"")),
            (b"long", Some(&long)),
            (b"after", Some(&[1; 300])),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)))
            .collect();
        assert_eq!(records(&batch), expected);
        batch.clear();
        assert_eq!(
            (batch.len(), batch.bytes(), records(&batch)),
            (0, 0, vec![])
        );
    }

    #[test]
    fn a_broken_record_is_an_error() {
        for broken in [
            &[0x80][..],
            &[1],
            &[0],
            &[0, 2],
            &[0xff; 20],
            &[1, b'a', 3, 0],
        ] {
            let mut chunk = broken;
            assert!(take_record(&mut chunk, 1).is_err(), "{broken:?}");
        }
    }
}
