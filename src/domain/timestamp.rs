//! Instants and durations in whole milliseconds.

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};

/// A duration in milliseconds. Seconds appear only in the exposition.
pub type Milliseconds = i64;

pub const SECOND: Milliseconds = 1_000;
pub const MINUTE: Milliseconds = 60 * SECOND;
pub const HOUR: Milliseconds = 60 * MINUTE;
pub const DAY: Milliseconds = 24 * HOUR;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub Milliseconds);

impl Timestamp {
    /// After every instant of an event: there is no deadline.
    pub const NEVER: Self = Self(i64::MAX);
    /// 0001-01-01T00:00:00Z, the earliest instant of an event.
    pub const EARLIEST: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z, the latest instant of an event (RFC 3339).
    pub const LATEST: Self = Self(253_402_300_799_999);

    /// Reads an RFC 3339 instant and truncates it to milliseconds.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(instant) = parse_usual(text.as_bytes()) {
            return Some(instant);
        }
        let parsed = DateTime::parse_from_rfc3339(text).ok()?;
        Self::checked(parsed.timestamp_millis())
    }

    /// `None`: the instant is not between [`Self::EARLIEST`] and [`Self::LATEST`].
    pub fn checked(milliseconds: i64) -> Option<Self> {
        let instant = Self(milliseconds);
        (Self::EARLIEST..=Self::LATEST)
            .contains(&instant)
            .then_some(instant)
    }

    /// [`Self::NEVER`] stays as it is.
    #[must_use]
    pub fn plus(self, length: Milliseconds) -> Self {
        Self(self.0.saturating_add(length))
    }

    #[must_use]
    pub fn minus(self, length: Milliseconds) -> Self {
        Self(self.0.saturating_sub(length))
    }

    /// The time from `earlier` to `self`, or 0 if `earlier` is later: durations are never negative
    /// (contract, section 1).
    pub fn since(self, earlier: Self) -> Milliseconds {
        self.0.saturating_sub(earlier.0).max(0)
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> f64 {
        seconds(self.0)
    }

    /// RFC 3339 in UTC with milliseconds.
    pub fn rfc3339(self) -> String {
        DateTime::from_timestamp_millis(self.0).map_or_else(
            || format!("{} ms", self.0),
            |instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true),
        )
    }
}

/// As [`Timestamp::rfc3339`].
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

/// Reads `2026-03-02T09:00:00Z`, with or without a fraction of three digits. Almost every record has this
/// form, and this is many times as fast as the library. `None`: the text has another form.
fn parse_usual(text: &[u8]) -> Option<Timestamp> {
    let (instant, rest) = text.split_first_chunk::<19>()?;
    let milliseconds = match *rest {
        [b'Z'] => 0,
        [b'.', hundreds, tens, ones, b'Z'] => digits([hundreds, tens, ones])?,
        _ => return None,
    };
    let (date, rest) = instant.split_first_chunk()?;
    let (day, time) = rest.split_first_chunk()?;
    let [century, _, year, _, _, month, ..] = pairs::<{ u64::from_le_bytes(*b"0000-00-") }>(*date)?;
    let [day_1, day_2, b'T'] = *day else {
        return None;
    };
    let [hour, _, _, minute, _, _, second, _] =
        pairs::<{ u64::from_le_bytes(*b"00:00:00") }>(*time.first_chunk()?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let year = u32::from(century) * 100 + u32::from(year);
    let days = days_since_1970(year, month.into(), digits([day_1, day_2])?)?;
    let [hour, minute, second] = [u32::from(hour), u32::from(minute), u32::from(second)];
    let seconds = i64::from((hour * 60 + minute) * 60 + second);
    Timestamp::checked(i64::from(days) * DAY + seconds * SECOND + i64::from(milliseconds))
}

/// The days from 1970-01-01 to a date of the years 0 to 9999. `None`: there is no such date.
fn days_since_1970(year: u32, month: u32, day: u32) -> Option<i32> {
    /// The days before the first of each month, in a year that begins in March. So February is the last
    /// month, and its leap day moves no other one.
    const BEFORE: [u16; 13] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337, 366];
    /// From 0000-03-01 to 1970-01-01.
    const OFFSET: u32 = 719_468;
    /// The days of 400 years.
    const CYCLE: u32 = 146_097;
    if !(1..=12).contains(&month) {
        return None;
    }
    let is_before_march = month < 3;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let from_march = if is_before_march {
        month + 9
    } else {
        month - 3
    } as usize;
    let begin = u32::from(BEFORE[from_march]);
    let end = u32::from(BEFORE[from_march + 1]);
    let length = end - begin - u32::from(month == 2 && !is_leap);
    if !(1..=length).contains(&day) {
        return None;
    }
    // The same place one cycle later, so that nothing is negative.
    let years = year + 400 - u32::from(is_before_march);
    let days = years * 365 + years / 4 - years / 100 + years / 400 + begin + day - 1;
    Some(days.cast_signed() - (OFFSET + CYCLE).cast_signed())
}

/// For each byte, the number that it makes with the next one, if both are digits. `pattern`: `0` for a digit,
/// and the other bytes. `None`: the text has another pattern.
#[inline]
fn pairs<const PATTERN: u64>(text: [u8; 8]) -> Option<[u8; 8]> {
    const HIGH_BITS: u64 = (u64::MAX / 255) << 7;
    let values = u64::from_le_bytes(text) ^ PATTERN;
    let sums = values.wrapping_add(const { room(PATTERN) });
    if (values | sums) & HIGH_BITS != 0 {
        return None;
    }
    Some((values * 10 + (values >> 8)).to_le_bytes())
}

/// For each byte of a pattern, what carries into its high bit unless the byte fits.
const fn room(pattern: u64) -> u64 {
    let mut bytes = pattern.to_le_bytes();
    let mut position = 0;
    while position < bytes.len() {
        bytes[position] = if bytes[position] == b'0' {
            0x7f - 9
        } else {
            0x7f
        };
        position += 1;
    }
    u64::from_le_bytes(bytes)
}

/// The number that some digits make.
#[inline]
fn digits<const N: usize>(text: [u8; N]) -> Option<u32> {
    let mut number = 0;
    for byte in text {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        number = number * 10 + digit;
    }
    Some(number)
}

/// Milliseconds as seconds.
#[allow(
    clippy::cast_precision_loss,
    reason = "exact below 2^53 ms, some 285,000 years"
)]
pub fn seconds(milliseconds: Milliseconds) -> f64 {
    milliseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_offsets_and_cuts_nanoseconds() {
        assert_eq!(
            Timestamp::parse("1970-01-01T01:00:00.0019+01:00"),
            Some(Timestamp(1))
        );
        assert_eq!(Timestamp::parse("1970-01-01"), None);
        assert_eq!(
            Timestamp::parse("9999-12-31T23:59:59.999Z"),
            Some(Timestamp::LATEST)
        );
    }

    #[test]
    fn the_fast_path_agrees_with_the_library() {
        for text in [
            "2026-03-02T09:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2024-02-29T12:34:56.789Z",
            "0001-01-01T00:00:00.001Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            let library = DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_millis();
            assert_eq!(
                parse_usual(text.as_bytes()),
                Some(Timestamp(library)),
                "{text}"
            );
        }
        for text in [
            "2023-02-29T12:34:56Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:60:00Z",
            "2026-03-02T09:00:60Z",
            "2026-03-02 09:00:00Z",
            "2026-03-02T09:00:00+",
            "2026-03-02T09:00:00.12aZ",
            "+026-03-02T09:00:00Z",
        ] {
            assert_eq!(parse_usual(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        /// One wrong byte makes another instant or none.
        #[test]
        fn the_fast_path_reads_what_the_library_reads(
            at in Timestamp::EARLIEST.0..=Timestamp::LATEST.0,
            position in 0..24_usize,
            byte in any::<u8>(),
        ) {
            let mut text = Timestamp(at).rfc3339().into_bytes();
            prop_assert_eq!(parse_usual(&text), Some(Timestamp(at)));
            text[position] = byte;
            if let Some(instant) = parse_usual(&text) {
                let text = str::from_utf8(&text).unwrap();
                let library = DateTime::parse_from_rfc3339(text).unwrap();
                prop_assert_eq!(instant, Timestamp(library.timestamp_millis()));
            }
        }
    }

    #[test]
    fn every_date_has_the_day_number_of_the_library() {
        for year in 0..=9_999 {
            for month in 0..=13 {
                for day in 0..=32 {
                    let library = NaiveDate::from_ymd_opt(year, month, day);
                    let library = library.map(|date| date.to_epoch_days());
                    let own = days_since_1970(year.cast_unsigned(), month, day);
                    assert_eq!(own, library, "{year}-{month}-{day}");
                }
            }
        }
    }

    #[test]
    fn durations_never_go_negative() {
        assert_eq!(Timestamp(5).since(Timestamp(7)), 0);
        assert_eq!(Timestamp::NEVER.plus(1), Timestamp::NEVER);
    }
}
