//! Lines of files, however they are split into reads; durations.

use std::io::{self, BufRead, BufReader, Read};

use ticket_exporter::domain::duration;
use ticket_exporter::edge::files::LineBlock;

use super::fuzz;
use super::mutation::{random_bytes, random_text};
use crate::stories::dice::Dice;

/// A reader that returns a few bytes at a time and is interrupted now and then.
struct Trickle<'a> {
    rest: &'a [u8],
    dice: Dice,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.dice.chance(10) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = usize::try_from(1 + self.dice.below(9)).unwrap();
        let length = most.min(buffer.len()).min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// The lines of a file, without a carriage return at the end.
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
        .collect()
}

#[test]
fn lines_in_any_pieces() {
    fuzz("lines", 3_000, |dice| {
        let mut bytes = random_bytes(120, dice);
        for byte in &mut bytes {
            if dice.chance(20) {
                *byte = *dice.pick(b"\n\n\r");
            }
        }
        let limit = usize::try_from(dice.below(30)).unwrap();
        let capacity = usize::try_from(1 + dice.below(16)).unwrap();
        let seed = u64::try_from(dice.below(1 << 40)).unwrap();
        let trickle = Trickle {
            rest: &bytes,
            dice: Dice::new(seed),
        };
        let mut reader: Box<dyn BufRead + '_> =
            Box::new(BufReader::with_capacity(capacity, trickle));
        let (mut lines, mut block) = (Vec::new(), LineBlock::default());
        while block.fill(&mut *reader, limit).unwrap() {
            lines.extend(block.lines().map(<[u8]>::to_vec));
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
