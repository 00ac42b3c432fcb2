//! The record of a step of a window. Steps that have left their window are not deleted. A newer step
//! overwrites them; until then their number shows that they are too old.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::RecordKind;
use crate::engine::sliding::{BUCKETS, Step};
use crate::engine::windows::{Place, SERIES, WindowNumber};

/// The number of keys per window. More than the steps that a window can hold.
pub const KEYS: i64 = 64;

/// The minimum size of a bucket.
const BUCKET_SIZE: usize = 2;

/// The key of a step: its place, and its number modulo [`KEYS`].
pub fn write_key(key: &mut RecordWriter, place: Place, step: i64) {
    key.clear();
    key.byte(RecordKind::Window as u8);
    key.raw(&place.team.to_be_bytes());
    key.byte(place.series);
    key.byte(place.window.byte());
    key.byte(remainder(step));
}

/// Place and remainder from a key without its kind.
pub fn read_key(mut key: RecordReader<'_>) -> Result<(Place, u8), RecordError> {
    let place = Place {
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

pub fn write(value: &mut RecordWriter, step: &Step) {
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

pub fn read(key: u8, mut value: RecordReader<'_>) -> Result<Step, RecordError> {
    let mut step = Step::new(value.signed()?);
    if remainder(step.number) != key {
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

fn remainder(step: i64) -> u8 {
    u8::try_from(step.rem_euclid(KEYS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_round_trips_under_its_own_key_only() {
        let mut step = Step::new(-3);
        (step.count, step.sum) = (4, 123_456);
        step.buckets = vec![(0, 1), (300, 2), (4_000, 1)];
        let mut value = RecordWriter::default();
        write(&mut value, &step);
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
        let place = Place {
            team: 258,
            series: 21,
            window: WindowNumber::of_byte(3),
        };
        let mut key = RecordWriter::default();
        write_key(&mut key, place, 64 * 9 + 5);
        assert_eq!(
            read_key(RecordReader::new(&key.bytes()[1..])),
            Ok((place, 5))
        );
    }
}
