//! gzip of a text in two parts. The first part is compressed once for many answers.
//!
//! RFC 1952 allows several members, but clients that decode `Content-Encoding` may stop after the
//! first one. So both parts are blocks of one member, and their checksums are combined.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// The head of a member without a name or a time (RFC 1952, section 2.3): deflate, compressed by the
/// fastest algorithm, on an unknown system.
pub(super) const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

#[derive(Debug)]
pub(super) struct Compressed {
    pub(super) blocks: Vec<u8>,
    pub(super) checksum: Crc,
}

/// The first part.
pub(super) fn first(text: &[u8]) -> Compressed {
    compress(text, |mut encoder| {
        // Writing into a vector cannot fail.
        let _ = encoder.flush();
        std::mem::take(encoder.get_mut())
    })
}

/// The last part, and the tail of the member.
pub(super) fn last(text: &[u8], before: &Crc) -> Vec<u8> {
    let Compressed {
        mut blocks,
        checksum,
    } = compress(text, |encoder| {
        encoder.finish().unwrap_or_default() // writing into a vector cannot fail
    });
    let mut whole = Crc::new();
    whole.combine(before);
    whole.combine(&checksum);
    blocks.extend_from_slice(&whole.sum().to_le_bytes());
    blocks.extend_from_slice(&whole.amount().to_le_bytes());
    blocks
}

/// Uses the fastest level: on a local network, better compression costs more time than it saves.
fn compress(text: &[u8], end: impl FnOnce(DeflateEncoder<Vec<u8>>) -> Vec<u8>) -> Compressed {
    let mut checksum = Crc::new();
    checksum.update(text);
    let buffer = Vec::with_capacity(text.len() / 8);
    let mut encoder = DeflateEncoder::new(buffer, Compression::fast());
    // Writing into a vector cannot fail.
    let _ = encoder.write_all(text);
    let mut blocks = end(encoder);
    blocks.shrink_to_fit();
    Compressed { blocks, checksum }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn two_parts_are_one_member() {
        let long = "ticket_backlog{team=\"billing\"} 1\n".repeat(100_000);
        for (before, after) in [
            ("", ""),
            ("a", ""),
            ("", "b"),
            ("a 1\n", "b 2\n"),
            (&*long, "c\n"),
        ] {
            let one = first(before.as_bytes());
            let mut file = HEAD.to_vec();
            file.extend_from_slice(&one.blocks);
            file.extend_from_slice(&last(after.as_bytes(), &one.checksum));
            let mut decoder = GzDecoder::new(file.as_slice()); // reads one member
            let mut text = String::new();
            decoder.read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{before}{after}"));
            assert!(
                decoder.into_inner().is_empty(),
                "nothing follows the member"
            );
        }
    }
}
