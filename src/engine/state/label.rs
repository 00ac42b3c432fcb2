//! The record of a label value. It keeps the meaning of the numbers in tickets and cohorts.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::engine::labels::{LabelExposure, Labels};

/// The number of label tables. The key holds the table in one byte.
pub const TABLES: u8 = 3;

/// Name and exposure of a number.
pub fn value(labels: &Labels, table: u8, number: u16) -> Option<(&str, LabelExposure)> {
    let narrow = || u8::try_from(number).ok();
    match table {
        0 => labels.teams.value(number),
        1 => labels.priorities.value(narrow()?),
        _ => labels.channels.value(narrow()?),
    }
}

/// The numbers that changed in each table since the last call.
pub fn take_changed(labels: &mut Labels) -> [Vec<u16>; TABLES as usize] {
    let wide = |numbers: &mut Vec<u8>| numbers.drain(..).map(u16::from).collect();
    [
        std::mem::take(&mut labels.teams.changed),
        wide(&mut labels.priorities.changed),
        wide(&mut labels.channels.changed),
    ]
}

/// The key of a value: its table and number.
pub fn write_key(key: &mut RecordWriter, table: u8, number: u16) {
    key.clear();
    key.byte(RecordKind::Label as u8);
    key.byte(table);
    key.raw(&number.to_be_bytes());
}

pub fn read_key(mut key: RecordReader<'_>) -> Result<(u8, u16), RecordError> {
    let table = key.byte()?;
    let number = u16::from_be_bytes(key.array()?);
    key.end()?;
    if table < TABLES {
        Ok((table, number))
    } else {
        Err(RecordError::UnknownValue)
    }
}

pub fn write(value: &mut RecordWriter, (name, exposure): (&str, LabelExposure)) {
    value.clear();
    value.byte(exposure as u8);
    value.raw(name.as_bytes());
}

pub fn read(mut value: RecordReader<'_>) -> Result<(&str, LabelExposure), RecordError> {
    let exposure = usize::from(value.byte()?);
    let exposure = *LabelExposure::ALL
        .get(exposure)
        .ok_or(RecordError::UnknownValue)?;
    let name = std::str::from_utf8(value.remainder()).map_err(|_| RecordError::Text)?;
    Ok((name, exposure))
}
