//! The record of a label value. It keeps the meaning of the numbers in tickets and cohorts.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::engine::cohort::MOST_ATTRIBUTES;
use crate::engine::labels::{LabelExposure, Labels};

/// The first table of the user's own attributes, which are in the order of the stored rules.
pub const FIRST_ATTRIBUTE: u8 = 3;
/// The number of label tables. The key holds the table in one byte.
#[allow(clippy::cast_possible_truncation, reason = "a ticket has few")]
pub const TABLES: u8 = FIRST_ATTRIBUTE + MOST_ATTRIBUTES as u8;

/// The table of the user's own attribute at this position.
#[allow(clippy::cast_possible_truncation, reason = "at most four")]
pub fn attribute_table(position: usize) -> u8 {
    FIRST_ATTRIBUTE + position as u8
}

/// Name and exposure of a number.
pub fn value(labels: &Labels, table: u8, number: u16) -> Option<(&str, LabelExposure)> {
    let narrow = || u8::try_from(number).ok();
    match table {
        0 => labels.teams.value(number),
        1 => labels.priorities.value(narrow()?),
        2 => labels.channels.value(narrow()?),
        _ => {
            let position = usize::from(table - FIRST_ATTRIBUTE);
            labels.attributes.get(position)?.values.value(narrow()?)
        }
    }
}

/// The numbers that changed in each table since the last call.
pub fn take_changed(labels: &mut Labels) -> [Vec<u16>; TABLES as usize] {
    let wide = |numbers: &mut Vec<u8>| numbers.drain(..).map(u16::from).collect();
    let mut changed = [const { Vec::new() }; TABLES as usize];
    changed[0] = std::mem::take(&mut labels.teams.changed);
    changed[1] = wide(&mut labels.priorities.changed);
    changed[2] = wide(&mut labels.channels.changed);
    let tables = &mut changed[usize::from(FIRST_ATTRIBUTE)..];
    for (changed, attribute) in tables.iter_mut().zip(&mut labels.attributes) {
        *changed = wide(&mut attribute.values.changed);
    }
    changed
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
