//! Lines of files, however they are split into reads; durations.

use std::io::{self, BufReader, Read};
use std::path::Path;

use ticket_exporter::domain::duration;
use ticket_exporter::edge::record_files::{RecordBlock, RecordFile};

use super::fuzz;
use super::mutation::{random_bytes, random_text};
use crate::stories::dice::Dice;

/// A reader that returns a few bytes at a time and is interrupted now and then.
struct Trickle {
    rest: Vec<u8>,
    dice: Dice,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.dice.chance(10) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = usize::try_from(1 + self.dice.below(9)).unwrap();
        let length = most.min(buffer.len()).min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// The lines of a file that are not blank, without a carriage return at the end.
fn expected(bytes: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let count = lines.len();
    let ended = bytes.last() == Some(&b'\n');
    lines
        .into_iter()
        .enumerate()
        .map(|(position, line)| {
            let mut line = line[..line.len().min(limit + 1)].to_vec();
            let has_break = position + 1 < count || ended;
            if has_break && line.last() == Some(&b'\r') {
                line.pop();
            }
            line
        })
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
        .collect()
}

#[test]
fn lines_in_any_pieces() {
    fuzz("lines", 3_000, |dice| {
        let mut bytes = random_bytes(120, dice);
        // Otherwise it may be an array or a table.
        bytes.insert(0, b'{');
        for byte in &mut bytes[1..] {
            if dice.chance(20) {
                *byte = *dice.pick(b"\n\n\r");
            }
        }
        let limit = usize::try_from(dice.below(30)).unwrap();
        let capacity = usize::try_from(1 + dice.below(16)).unwrap();
        let seed = u64::try_from(dice.below(1 << 40)).unwrap();
        let trickle = Trickle {
            rest: bytes.clone(),
            dice: Dice::new(seed),
        };
        let reader = Box::new(BufReader::with_capacity(capacity, trickle));
        let mut file = RecordFile::of(reader, Path::new("lines")).unwrap();
        let (mut lines, mut block) = (Vec::new(), RecordBlock::default());
        while file.fill(&mut block, limit).unwrap() {
            lines.extend(block.iter().map(|(_, line)| line.to_vec()));
        }
        assert_eq!(lines, expected(&bytes, limit), "{bytes:?} cut at {limit}");
    });
}

#[test]
fn any_duration() {
    let words = [
        "0",
        "1",
        "9",
        "00",
        "9223372036854775807",
        "106751991167",
        "ms",
        "s",
        "m",
        "h",
        "d",
        "w",
        " ",
        "-",
        ".",
        "١",
        "µs",
        "M",
    ];
    fuzz("durations", 20_000, |dice| {
        let text = if dice.chance(70) {
            (0..dice.below(7)).map(|_| *dice.pick(&words)).collect()
        } else {
            random_text(12, dice)
        };
        if let Some(length) = duration::parse(&text) {
            assert!(length >= 0, "{text}");
            assert_eq!(
                duration::parse(&duration::format(length)),
                Some(length),
                "{text}"
            );
        }
    });
}

/// No bytes make the readers of arrays and tables panic, read beyond the limit or never end.
#[test]
fn any_file_is_read_or_refused() {
    fuzz("files", 5_000, |dice| {
        let pieces: [&[u8]; 16] = [
            b"[",
            b"]",
            b"{",
            b"}",
            b"\"",
            b",",
            b";",
            b"\n",
            b"\r\n",
            b"\\",
            b":",
            b"a",
            b"1",
            b"\xff",
            b"\xef\xbb\xbf",
            b" ",
        ];
        let count = dice.below(60);
        let bytes: Vec<u8> = (0..count)
            .flat_map(|_| *dice.pick(&pieces))
            .copied()
            .collect();
        let name = *dice.pick(&["a.csv", "a.json"]);
        let limit = usize::try_from(dice.below(40)).unwrap();
        let reader = Box::new(BufReader::new(io::Cursor::new(bytes.clone())));
        let Ok(mut file) = RecordFile::of(reader, Path::new(name)) else {
            return;
        };
        let (mut records, mut block) = (0, RecordBlock::default());
        while let Ok(true) = file.fill(&mut block, limit) {
            records += block.len();
            for (_, record) in block.iter().filter(|_| file.is_table()) {
                let row: serde_json::Value = serde_json::from_slice(record).unwrap();
                assert!(row.is_object(), "{bytes:?}");
            }
        }
        assert!(records <= bytes.len(), "{bytes:?}");
    });
}
