//! The record of a step of a window, or of the window before it. Steps that have left both are not
//! deleted. A newer step overwrites them; until then their number shows that they are too old.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::engine::sliding::{BUCKETS, WindowStep};
use crate::engine::windows::{SERIES, WindowKey, WindowNumber};

/// The number of keys per window. More than the 121 steps that it and the window before can hold.
pub const KEYS: i64 = 128;
/// The number of keys up to state version 2, which had no windows before.
const EARLIER_KEYS: i64 = 64;

/// The minimum size of a bucket.
const BUCKET_SIZE: usize = 2;

/// The key of a step: its window, and its number modulo [`KEYS`].
pub fn write_key(key: &mut RecordWriter, place: WindowKey, step: i64) {
    key.clear();
    key.byte(RecordKind::Window as u8);
    key.raw(&place.team.to_be_bytes());
    key.byte(place.series);
    key.byte(place.window.byte());
    key.byte(remainder(step, KEYS));
}

/// Window and remainder from a key without its kind.
pub fn read_key(mut key: RecordReader<'_>) -> Result<(WindowKey, u8), RecordError> {
    let place = WindowKey {
        team: u16::from_be_bytes(key.array()?),
        series: key.byte()?,
        window: WindowNumber::of_byte(key.byte()?),
    };
    let remainder = key.byte()?;
    key.end()?;
    if usize::from(place.series) < SERIES {
        Ok((place, remainder))
    } else {
        Err(RecordError::UnknownValue)
    }
}

pub fn write(value: &mut RecordWriter, step: &WindowStep) {
    value.clear();
    value.signed(step.number);
    value.number(step.count);
    value.signed(step.sum);
    let mut before = 0;
    for (bucket, count) in &step.buckets {
        value.number((bucket - before).into());
        value.number((*count).into());
        before = *bucket;
    }
}

pub fn read(key: u8, mut value: RecordReader<'_>) -> Result<WindowStep, RecordError> {
    let mut step = WindowStep::new(value.signed()?);
    if ![KEYS, EARLIER_KEYS]
        .map(|keys| remainder(step.number, keys))
        .contains(&key)
    {
        return Err(RecordError::Reference);
    }
    step.count = value.count()?;
    step.sum = value.signed()?;
    let mut bucket = 0_u16;
    step.buckets.reserve_exact(value.left() / BUCKET_SIZE);
    while value.left() > 0 {
        let distance: u16 = value.narrow()?;
        if distance == 0 && !step.buckets.is_empty() {
            return Err(RecordError::Order);
        }
        bucket = bucket.checked_add(distance).ok_or(RecordError::TooLarge)?;
        if bucket >= BUCKETS {
            return Err(RecordError::TooLarge);
        }
        step.buckets.push((bucket, value.narrow()?));
    }
    step.buckets.shrink_to_fit();
    Ok(step)
}

/// Whether this version writes the step with this key. A store may also contain an older record of the
/// step, with the key of an earlier version.
pub fn is_own_key(key: u8, step: &WindowStep) -> bool {
    key == remainder(step.number, KEYS)
}

fn remainder(step: i64, keys: i64) -> u8 {
    u8::try_from(step.rem_euclid(keys)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_round_trips_under_its_own_key_only() {
        let mut step = WindowStep::new(-3);
        (step.count, step.sum) = (4, 123_456);
        step.buckets = vec![(0, 1), (300, 2), (4_000, 1)];
        let mut value = RecordWriter::default();
        write(&mut value, &step);
        assert!(is_own_key(125, &step) && !is_own_key(61, &step));
        assert_eq!(
            read(125, RecordReader::new(value.bytes())),
            Ok(step.clone())
        );
        assert_eq!(read(61, RecordReader::new(value.bytes())), Ok(step));
        assert_eq!(
            read(60, RecordReader::new(value.bytes())),
            Err(RecordError::Reference)
        );
        let cut = &value.bytes()[..value.bytes().len() - 1];
        assert_eq!(
            read(61, RecordReader::new(cut)),
            Err(RecordError::EndsEarly)
        );
    }

    #[test]
    fn a_key_holds_the_place() {
        let place = WindowKey {
            team: 258,
            series: 21,
            window: WindowNumber::of_byte(3),
        };
        let mut key = RecordWriter::default();
        write_key(&mut key, place, 128 * 9 + 5);
        assert_eq!(
            read_key(RecordReader::new(&key.bytes()[1..])),
            Ok((place, 5))
        );
    }
}
