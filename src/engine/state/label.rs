//! The record of a label value: numbers in tickets and pairs mean what they meant.

use super::Kind;
use super::bytes::{Reader, Writer, Wrong};
use crate::engine::labels::{Labels, Place};

/// The tables, as a byte of the key.
pub const TABLES: u8 = 3;

/// Name and place of a number.
pub fn value(labels: &Labels, table: u8, number: u16) -> Option<(&str, Place)> {
    let narrow = || u8::try_from(number).ok();
    match table {
        0 => labels.teams.value(number),
        1 => labels.priorities.value(narrow()?),
        _ => labels.channels.value(narrow()?),
    }
}

/// The numbers in each table that changed since the last call.
pub fn take_changed(labels: &mut Labels) -> [Vec<u16>; TABLES as usize] {
    let wide = |numbers: &mut Vec<u8>| numbers.drain(..).map(u16::from).collect();
    [
        std::mem::take(&mut labels.teams.changed),
        wide(&mut labels.priorities.changed),
        wide(&mut labels.channels.changed),
    ]
}

/// Key of a value: its table and number.
pub fn write_key(key: &mut Writer, table: u8, number: u16) {
    key.clear();
    key.byte(Kind::Label as u8);
    key.byte(table);
    key.raw(&number.to_be_bytes());
}

pub fn read_key(mut key: Reader<'_>) -> Result<(u8, u16), Wrong> {
    let table = key.byte()?;
    let number = u16::from_be_bytes(key.array()?);
    key.end()?;
    if table < TABLES {
        Ok((table, number))
    } else {
        Err(Wrong::Choice)
    }
}

pub fn write(value: &mut Writer, (name, place): (&str, Place)) {
    value.clear();
    value.byte(place as u8);
    value.raw(name.as_bytes());
}

pub fn read(mut value: Reader<'_>) -> Result<(&str, Place), Wrong> {
    let place = usize::from(value.byte()?);
    let place = *Place::ALL.get(place).ok_or(Wrong::Choice)?;
    let name = std::str::from_utf8(value.remainder()).map_err(|_| Wrong::Text)?;
    Ok((name, place))
}
