//! The records of clocks: those of a partition, and those of the whole engine.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::domain::timestamp::Timestamp;
use crate::engine::account::AccountKey;
use crate::engine::changes::{EngineClocks, PartitionClocks};

/// The key of a partition: its number.
pub fn write_key(key: &mut RecordWriter, partition: u16) {
    key.clear();
    key.byte(RecordKind::Partition as u8);
    key.raw(&partition.to_be_bytes());
}

pub fn read_key(mut key: RecordReader<'_>) -> Result<u16, RecordError> {
    let partition = u16::from_be_bytes(key.array()?);
    key.end()?;
    Ok(partition)
}

pub fn write(value: &mut RecordWriter, (clock, greatest_event): PartitionClocks) {
    value.clear();
    for instant in [clock, greatest_event] {
        write_optional(value, instant);
    }
}

pub fn read(mut value: RecordReader<'_>) -> Result<PartitionClocks, RecordError> {
    let clock = read_optional(&mut value)?;
    let greatest_event = read_optional(&mut value)?;
    value.end()?;
    Ok((clock, greatest_event))
}

pub fn write_engine_key(key: &mut RecordWriter) {
    key.clear();
    key.byte(RecordKind::State as u8);
}

pub fn write_engine(value: &mut RecordWriter, clocks: &EngineClocks) {
    value.clear();
    value.byte(u8::from(clocks.is_fixed));
    value.instant(clocks.start, Timestamp(0));
    write_optional(value, clocks.windows);
    write_optional(value, clocks.past_since);
    if let Some(AccountKey(key)) = clocks.accounts {
        value.raw(&key.to_le_bytes());
    }
}

pub fn read_engine(mut value: RecordReader<'_>) -> Result<EngineClocks, RecordError> {
    let is_fixed = match value.byte()? {
        0 => false,
        1 => true,
        _ => return Err(RecordError::UnknownValue),
    };
    let start = value.any_instant(Timestamp(0))?;
    let windows = read_optional(&mut value)?;
    // Up to state version 2 there were no windows before: they begin with this start.
    let past_since = match value.left() {
        0 => windows,
        _ => read_optional(&mut value)?,
    };
    let accounts = match value.left() {
        0 => None,
        _ => Some(AccountKey(u64::from_le_bytes(value.array()?))),
    };
    value.end()?;
    Ok(EngineClocks {
        start,
        is_fixed,
        windows,
        past_since,
        accounts,
    })
}

fn write_optional(value: &mut RecordWriter, instant: Option<Timestamp>) {
    value.byte(u8::from(instant.is_some()));
    if let Some(instant) = instant {
        value.instant(instant, Timestamp(0));
    }
}

/// Clocks may be before the first year, by the lateness.
fn read_optional(value: &mut RecordReader<'_>) -> Result<Option<Timestamp>, RecordError> {
    match value.byte()? {
        0 => Ok(None),
        1 => value.any_instant(Timestamp(0)).map(Some),
        _ => Err(RecordError::UnknownValue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_round_trip() {
        let mut value = RecordWriter::default();
        for clocks in [
            (None, None),
            (Some(Timestamp(5)), None),
            (Some(Timestamp(i64::MIN + 1)), Some(Timestamp(-7))),
        ] {
            write(&mut value, clocks);
            assert_eq!(read(RecordReader::new(value.bytes())), Ok(clocks));
        }
        let clocks = EngineClocks {
            start: Timestamp(1_767_225_600_000),
            is_fixed: true,
            windows: Some(Timestamp(9)),
            past_since: None,
            accounts: Some(AccountKey(7)),
        };
        write_engine(&mut value, &clocks);
        assert_eq!(read_engine(RecordReader::new(value.bytes())), Ok(clocks));
        let of_version_3 = &value.bytes()[..value.bytes().len() - size_of::<u64>()];
        let without_key = EngineClocks {
            accounts: None,
            ..clocks
        };
        assert_eq!(
            read_engine(RecordReader::new(of_version_3)),
            Ok(without_key)
        );
        let of_version_2 = &of_version_3[..of_version_3.len() - 1];
        let without_past = EngineClocks {
            past_since: clocks.windows,
            ..without_key
        };
        assert_eq!(
            read_engine(RecordReader::new(of_version_2)),
            Ok(without_past)
        );
        assert_eq!(
            read_engine(RecordReader::new(&[2, 0, 0])),
            Err(RecordError::UnknownValue)
        );
    }
}
