//! The unit of the log: a chunk of records with a checksum that includes the checksum of the frame
//! before.
//!
//! | bytes | |
//! |---|---|
//! | 4 | the letters `TEF` and a 1, by which a reader finds frames behind broken bytes |
//! | 1 | kind: 1 part, 2 commit |
//! | 1 | body: 0 plain, 1 Zstandard |
//! | 2 | 0 |
//! | 4, 4 | length of the body as stored, and decompressed |
//! | 8 | sequence number of its commit |
//! | 8 | first segment that the log needs after this commit |
//! | 8 | checksum of the frame before, or of the segment's header |
//! | … | body |
//! | 8 | XXH3-64 of all bytes above, with the segment number as the seed |

use std::io;

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zstd::bulk::{Compressor, Decompressor};

pub(super) const MAGIC: [u8; 4] = *b"TEF\x01";
/// Bytes before the body.
pub(super) const HEAD: usize = 40;
/// Bytes behind the body.
pub(super) const TAIL: usize = 8;
/// The fastest level, so that the writer does not fall behind. Records are small numbers, which
/// compress well at any level.
const COMPRESSION_LEVEL: i32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Part = 1,
    Commit = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyEncoding {
    Plain = 0,
    Zstandard = 1,
}

/// The fields before the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub kind: FrameKind,
    encoding: BodyEncoding,
    stored: u32,
    raw: u32,
    pub sequence: u64,
    pub base: u64,
    pub previous: u64,
}

impl FrameHead {
    /// `None` if no frame begins with these bytes.
    pub(super) fn decode(bytes: &[u8; HEAD]) -> Option<Self> {
        let mut rest = &bytes[..];
        let magic: [u8; 4] = take(&mut rest)?;
        let [kind, encoding, zero, other_zero] = take(&mut rest)?;
        if magic != MAGIC || zero != 0 || other_zero != 0 {
            return None;
        }
        Some(Self {
            kind: match kind {
                1 => FrameKind::Part,
                2 => FrameKind::Commit,
                _ => return None,
            },
            encoding: match encoding {
                0 => BodyEncoding::Plain,
                1 => BodyEncoding::Zstandard,
                _ => return None,
            },
            stored: u32::from_le_bytes(take(&mut rest)?),
            raw: u32::from_le_bytes(take(&mut rest)?),
            sequence: u64::from_le_bytes(take(&mut rest)?),
            base: u64::from_le_bytes(take(&mut rest)?),
            previous: u64::from_le_bytes(take(&mut rest)?),
        })
    }

    /// Length of the whole frame in bytes.
    pub(super) fn length(&self) -> u64 {
        u64::from(self.stored) + (HEAD + TAIL) as u64
    }

    /// Decompresses the body of a verified frame, if necessary into `raw`.
    pub(super) fn unpack<'a>(
        &self,
        frame: &'a [u8],
        unpacker: &mut FrameUnpacker,
        raw: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], &'static str> {
        let body = &frame[HEAD..frame.len() - TAIL];
        let length = usize::try_from(self.raw).map_err(|_| "a frame is too large")?;
        let body = match self.encoding {
            BodyEncoding::Plain => body,
            BodyEncoding::Zstandard => {
                raw.clear();
                raw.reserve(length);
                unpacker
                    .0
                    .decompress_to_buffer(body, raw)
                    .map_err(|_| "a frame cannot be decompressed")?;
                raw
            }
        };
        (body.len() == length)
            .then_some(body)
            .ok_or("the length of a frame is wrong")
    }
}

/// The checksum of a frame, if it is correct.
pub(super) fn checksum(frame: &[u8], segment: u64) -> Option<u64> {
    let (content, stored) = frame.split_last_chunk()?;
    let checksum = xxh3_64_with_seed(content, segment);
    (checksum == u64::from_le_bytes(*stored)).then_some(checksum)
}

pub(super) struct FrameUnpacker(Decompressor<'static>);

impl FrameUnpacker {
    pub(super) fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }
}

pub(super) struct FramePacker {
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
}

/// The fields of a frame that depend on its place in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameContext {
    pub segment: u64,
    pub sequence: u64,
    pub base: u64,
    pub previous: u64,
}

impl FramePacker {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(COMPRESSION_LEVEL)?,
            compressed: Vec::new(),
        })
    }

    /// Appends a frame to `output` and returns its checksum.
    ///
    /// # Errors
    /// A chunk of 4 GiB or more.
    pub(super) fn pack(
        &mut self,
        kind: FrameKind,
        chunk: &[u8],
        context: &FrameContext,
        output: &mut Vec<u8>,
    ) -> io::Result<u64> {
        self.compressed.clear();
        self.compressed
            .reserve(zstd::zstd_safe::compress_bound(chunk.len()));
        self.compressor
            .compress_to_buffer(chunk, &mut self.compressed)?;
        let (encoding, body) = if self.compressed.len() < chunk.len() {
            (BodyEncoding::Zstandard, self.compressed.as_slice())
        } else {
            (BodyEncoding::Plain, chunk)
        };
        let start = output.len();
        output.extend(MAGIC);
        output.extend([kind as u8, encoding as u8, 0, 0]);
        output.extend(length(body)?.to_le_bytes());
        output.extend(length(chunk)?.to_le_bytes());
        for number in [context.sequence, context.base, context.previous] {
            output.extend(number.to_le_bytes());
        }
        output.extend(body);
        let checksum = xxh3_64_with_seed(&output[start..], context.segment);
        output.extend(checksum.to_le_bytes());
        Ok(checksum)
    }
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a record of 4 GiB or more"))
}

fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(chunk: &[u8]) -> Vec<u8> {
        let context = FrameContext {
            segment: 3,
            sequence: 7,
            base: 2,
            previous: 99,
        };
        let mut output = Vec::new();
        let mut packer = FramePacker::new().unwrap();
        let sum = packer
            .pack(FrameKind::Commit, chunk, &context, &mut output)
            .unwrap();
        assert_eq!(checksum(&output, 3), Some(sum));
        output
    }

    fn head(frame: &[u8]) -> Option<FrameHead> {
        FrameHead::decode(frame.first_chunk()?)
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for (chunk, encoding) in [
            (vec![1; 5000], BodyEncoding::Zstandard),
            (vec![1, 2, 3], BodyEncoding::Plain),
            (vec![], BodyEncoding::Plain),
        ] {
            let frame = pack(&chunk);
            let head = head(&frame).unwrap();
            assert_eq!((head.kind, head.encoding), (FrameKind::Commit, encoding));
            assert_eq!((head.sequence, head.base, head.previous), (7, 2, 99));
            assert_eq!(head.length(), frame.len() as u64);
            let mut raw = Vec::new();
            let mut unpacker = FrameUnpacker::new().unwrap();
            assert_eq!(head.unpack(&frame, &mut unpacker, &mut raw), Ok(&chunk[..]));
        }
    }

    #[test]
    fn a_changed_bit_or_another_segment_makes_a_frame_broken() {
        let frame = pack(&[5; 100]);
        for bit in 0..frame.len() * 8 {
            let mut changed = frame.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(checksum(&changed, 3), None, "bit {bit}");
        }
        assert_eq!(checksum(&frame, 4), None);
        assert_eq!(checksum(&frame[..5], 3), None);
    }
}
