//! The record of observations that wait for the clock of the windows. It is written once. The clock
//! shows which of them have been counted since.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::domain::timestamp::Timestamp;
use crate::engine::windows::{SERIES, WindowObservation};

/// The minimum size of an entry.
const ENTRY_SIZE: usize = 4;

/// The key of a chunk: its number.
pub fn write_key(key: &mut RecordWriter, number: u64) {
    key.clear();
    key.byte(RecordKind::Journal as u8);
    key.raw(&number.to_be_bytes());
}

pub fn read_key(mut key: RecordReader<'_>) -> Result<u64, RecordError> {
    let number = u64::from_be_bytes(key.array()?);
    key.end()?;
    Ok(number)
}

pub fn write(value: &mut RecordWriter, entries: &[WindowObservation]) {
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

pub fn read(mut value: RecordReader<'_>) -> Result<Vec<WindowObservation>, RecordError> {
    let mut entries = Vec::with_capacity(value.left() / ENTRY_SIZE);
    let mut before = Timestamp(0);
    while value.left() > 0 {
        let at = value.any_instant(before)?;
        let entry = WindowObservation {
            at,
            team: value.narrow()?,
            series: value.byte()?,
            value: value.signed()?,
        };
        if usize::from(entry.series) >= SERIES {
            return Err(RecordError::UnknownValue);
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
    fn entries_round_trip() {
        let entry = |at, value, team, series| WindowObservation {
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
        let mut value = RecordWriter::default();
        write(&mut value, &entries);
        assert_eq!(read(RecordReader::new(value.bytes())).unwrap(), entries);
        let cut = &value.bytes()[..value.bytes().len() - 1];
        assert_eq!(read(RecordReader::new(cut)), Err(RecordError::EndsEarly));
        assert_eq!(
            read(RecordReader::new(&[0, 0, 28, 0])),
            Err(RecordError::UnknownValue)
        );
    }
}
