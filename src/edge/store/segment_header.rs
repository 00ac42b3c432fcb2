//! The header of a segment: its format, its store, and the segment that it continues.
//!
//! The layout of the first 48 bytes is the same in every future format, so that an older program can
//! tell a newer file from a broken one.

use xxhash_rust::xxh3::xxh3_64;

use super::store_id::{StoreId, StoreIdentity};
use crate::domain::timestamp::Timestamp;

/// Readable in a viewer. If a file transfer changes line ends, this no longer matches.
const MAGIC: &[u8; 32] = b"ticket-exporter checkpoint log\r\n";
/// Raised when older programs can no longer read the files.
pub(super) const FORMAT: u32 = 1;
pub(super) const LENGTH: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub store: StoreIdentity,
    /// Version of the records' format, set by the caller.
    pub state_version: u32,
    pub number: u64,
    /// The segment of the commit before the first one of this segment; 0: there is none.
    pub previous: u64,
    /// Sequence number of the first commit.
    pub first_sequence: u64,
    /// Checksum of the commit before this segment; 0: there is none.
    pub previous_checksum: u64,
}

/// Why the first bytes of a file are not a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// A newer program wrote the file in this format.
    Newer(u32),
    Broken,
}

impl SegmentHeader {
    /// Returns the bytes and their checksum, which the first frame contains.
    pub(super) fn encode(&self) -> ([u8; LENGTH], u64) {
        let mut bytes = [0; LENGTH];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(MAGIC);
        put(&FORMAT.to_le_bytes());
        put(&[0; 4]);
        put(&[0; 8]); // set below
        put(&self.state_version.to_le_bytes());
        put(&[0; 4]);
        put(&self.store.id.0);
        put(&self.store.created.0.to_le_bytes());
        put(&self.number.to_le_bytes());
        put(&self.previous.to_le_bytes());
        put(&self.first_sequence.to_le_bytes());
        put(&self.previous_checksum.to_le_bytes());
        let prelude = xxh3_64(&bytes[..40]);
        bytes[40..48].copy_from_slice(&prelude.to_le_bytes());
        let checksum = xxh3_64(&bytes[..112]);
        bytes[112..].copy_from_slice(&checksum.to_le_bytes());
        (bytes, checksum)
    }

    /// Returns the header and its checksum.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u64), HeaderError> {
        let mut rest = bytes;
        let prelude = rest.get(..40).ok_or(HeaderError::Broken)?;
        let magic: [u8; 32] = take(&mut rest)?;
        let format = u32::from_le_bytes(take(&mut rest)?);
        let _: [u8; 4] = take(&mut rest)?;
        if &magic != MAGIC || u64::from_le_bytes(take(&mut rest)?) != xxh3_64(prelude) {
            return Err(HeaderError::Broken);
        }
        if format > FORMAT {
            return Err(HeaderError::Newer(format));
        }
        let state_version = u32::from_le_bytes(take(&mut rest)?);
        let _: [u8; 4] = take(&mut rest)?;
        let store = StoreIdentity {
            id: StoreId(take(&mut rest)?),
            created: Timestamp(i64::from_le_bytes(take(&mut rest)?)),
        };
        let mut number = || Ok(u64::from_le_bytes(take(&mut rest)?));
        let header = Self {
            store,
            state_version,
            number: number()?,
            previous: number()?,
            first_sequence: number()?,
            previous_checksum: number()?,
        };
        let checksum = number()?;
        if checksum != xxh3_64(&bytes[..LENGTH - 8]) {
            return Err(HeaderError::Broken);
        }
        Ok((header, checksum))
    }
}

fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Result<[u8; LENGTH], HeaderError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(HeaderError::Broken)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            store: StoreIdentity {
                id: StoreId([9; 16]),
                created: Timestamp(-5),
            },
            state_version: 2,
            number: 3,
            previous: 1,
            first_sequence: 40,
            previous_checksum: u64::MAX,
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let (bytes, checksum) = header().encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok((header(), checksum)));
        assert!(bytes.starts_with(b"ticket-exporter checkpoint"));
    }

    #[test]
    fn a_changed_bit_makes_a_header_broken() {
        let (bytes, _) = header().encode();
        for bit in 0..LENGTH * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                SegmentHeader::decode(&changed),
                Err(HeaderError::Broken),
                "bit {bit}"
            );
        }
        for length in 0..LENGTH {
            assert_eq!(
                SegmentHeader::decode(&bytes[..length]),
                Err(HeaderError::Broken)
            );
        }
    }

    #[test]
    fn a_newer_format_is_told_from_a_broken_file() {
        let (mut bytes, _) = header().encode();
        bytes[32..36].copy_from_slice(&7_u32.to_le_bytes());
        let prelude = xxh3_64(&bytes[..40]);
        bytes[40..48].copy_from_slice(&prelude.to_le_bytes());
        // Only the newer program knows the rest.
        assert_eq!(
            SegmentHeader::decode(&bytes[..48]),
            Err(HeaderError::Newer(7))
        );
    }
}
