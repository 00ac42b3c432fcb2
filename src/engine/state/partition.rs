//! The records of a partition, and of the state as a whole: clocks.

use super::Kind;
use super::bytes::{Reader, Writer, Wrong};
use crate::domain::timestamp::Timestamp;

/// Stream clock and greatest event time; `None` before the first event.
pub type Clocks = (Option<Timestamp>, Option<Timestamp>);

/// Key of a partition: its number.
pub fn write_key(key: &mut Writer, partition: u16) {
    key.clear();
    key.byte(Kind::Partition as u8);
    key.raw(&partition.to_be_bytes());
}

pub fn read_key(mut key: Reader<'_>) -> Result<u16, Wrong> {
    let partition = u16::from_be_bytes(key.array()?);
    key.end()?;
    Ok(partition)
}

pub fn write(value: &mut Writer, (clock, greatest_event): Clocks) {
    value.clear();
    for instant in [clock, greatest_event] {
        write_optional(value, instant);
    }
}

pub fn read(mut value: Reader<'_>) -> Result<Clocks, Wrong> {
    let clock = read_optional(&mut value)?;
    let greatest_event = read_optional(&mut value)?;
    value.end()?;
    Ok((clock, greatest_event))
}

/// What the state has only one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// When the series begin to count.
    pub start: Timestamp,
    /// Whether that was shown already, and so stays.
    pub is_fixed: bool,
    /// The clock of the windows; `None` before they first moved.
    pub windows: Option<Timestamp>,
}

pub fn write_whole_key(key: &mut Writer) {
    key.clear();
    key.byte(Kind::State as u8);
}

pub fn write_whole(value: &mut Writer, whole: &Whole) {
    value.clear();
    value.byte(u8::from(whole.is_fixed));
    value.instant(whole.start, Timestamp(0));
    write_optional(value, whole.windows);
}

pub fn read_whole(mut value: Reader<'_>) -> Result<Whole, Wrong> {
    let is_fixed = match value.byte()? {
        0 => false,
        1 => true,
        _ => return Err(Wrong::Choice),
    };
    let start = value.any_instant(Timestamp(0))?;
    let windows = read_optional(&mut value)?;
    value.end()?;
    Ok(Whole {
        start,
        is_fixed,
        windows,
    })
}

fn write_optional(value: &mut Writer, instant: Option<Timestamp>) {
    value.byte(u8::from(instant.is_some()));
    if let Some(instant) = instant {
        value.instant(instant, Timestamp(0));
    }
}

/// Clocks may lie before the first year, by the lateness.
fn read_optional(value: &mut Reader<'_>) -> Result<Option<Timestamp>, Wrong> {
    match value.byte()? {
        0 => Ok(None),
        1 => value.any_instant(Timestamp(0)).map(Some),
        _ => Err(Wrong::Choice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_come_back() {
        let mut value = Writer::default();
        for clocks in [
            (None, None),
            (Some(Timestamp(5)), None),
            (Some(Timestamp(i64::MIN + 1)), Some(Timestamp(-7))),
        ] {
            write(&mut value, clocks);
            assert_eq!(read(Reader::new(value.bytes())), Ok(clocks));
        }
        let whole = Whole {
            start: Timestamp(1_767_225_600_000),
            is_fixed: true,
            windows: None,
        };
        write_whole(&mut value, &whole);
        assert_eq!(read_whole(Reader::new(value.bytes())), Ok(whole));
        assert_eq!(read_whole(Reader::new(&[2, 0, 0])), Err(Wrong::Choice));
    }
}
