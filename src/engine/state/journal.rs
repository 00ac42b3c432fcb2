//! The record of observations that wait for the clock of the windows. It is written once: what
//! the clock has reached since is told by the clock.

use super::Kind;
use super::bytes::{Reader, Writer, Wrong};
use crate::domain::timestamp::Timestamp;
use crate::engine::windows::{Journaled, SERIES};

/// The least bytes of an entry.
const ENTRY_SIZE: usize = 4;

/// Key of a chunk: its running number.
pub fn write_key(key: &mut Writer, number: u64) {
    key.clear();
    key.byte(Kind::Journal as u8);
    key.raw(&number.to_be_bytes());
}

pub fn read_key(mut key: Reader<'_>) -> Result<u64, Wrong> {
    let number = u64::from_be_bytes(key.array()?);
    key.end()?;
    Ok(number)
}

pub fn write(value: &mut Writer, entries: &[Journaled]) {
    value.clear();
    let mut before = Timestamp(0);
    for entry in entries {
        value.instant(entry.at, before);
        value.number(entry.team.into());
        value.byte(entry.series);
        value.signed(entry.value);
        before = entry.at;
    }
}

pub fn read(mut value: Reader<'_>) -> Result<Vec<Journaled>, Wrong> {
    let mut entries = Vec::with_capacity(value.left() / ENTRY_SIZE);
    let mut before = Timestamp(0);
    while value.left() > 0 {
        let at = value.any_instant(before)?;
        let entry = Journaled {
            at,
            team: value.narrow()?,
            series: value.byte()?,
            value: value.signed()?,
        };
        if usize::from(entry.series) >= SERIES {
            return Err(Wrong::Choice);
        }
        entries.push(entry);
        before = at;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back() {
        let entry = |at, value, team, series| Journaled {
            at: Timestamp(at),
            value,
            team,
            series,
        };
        let entries = [
            entry(1_767_225_600_000, 90_000, 3, 0),
            entry(1_767_225_599_000, 0, 400, 21),
            entry(-1, 0, 0, 5),
        ];
        let mut value = Writer::default();
        write(&mut value, &entries);
        assert_eq!(read(Reader::new(value.bytes())).unwrap(), entries);
        let cut = &value.bytes()[..value.bytes().len() - 1];
        assert_eq!(read(Reader::new(cut)), Err(Wrong::EndsEarly));
        assert_eq!(read(Reader::new(&[0, 0, 22, 0])), Err(Wrong::Choice));
    }
}
