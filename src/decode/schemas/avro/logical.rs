//! Logical types: numbers and bytes that stand for instants, dates, decimals, ids.
//!
//! An instant becomes RFC 3339 text, which cannot be mistaken for another unit. What the writer
//! calls by a name unknown here stays what it is, as the specification asks.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Number, Value};

use super::Type;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    Date,
    /// Of the day.
    Time(Unit),
    Instant(Unit),
    /// Without a zone.
    Local(Unit),
    /// Digits behind the point.
    Decimal(u32),
    Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Logical {
    /// What the members of a type say beside the type.
    pub(super) fn of(members: &Map<String, Value>, plain: &Type) -> Option<Self> {
        use Unit::{Microseconds, Milliseconds, Nanoseconds};
        let name = members.get("logicalType")?.as_str()?;
        Some(match (name, plain) {
            ("date", Type::Int) => Self::Date,
            ("time-millis", Type::Int) => Self::Time(Milliseconds),
            ("time-micros", Type::Long) => Self::Time(Microseconds),
            ("timestamp-millis", Type::Long) => Self::Instant(Milliseconds),
            ("timestamp-micros", Type::Long) => Self::Instant(Microseconds),
            ("timestamp-nanos", Type::Long) => Self::Instant(Nanoseconds),
            ("local-timestamp-millis", Type::Long) => Self::Local(Milliseconds),
            ("local-timestamp-micros", Type::Long) => Self::Local(Microseconds),
            ("local-timestamp-nanos", Type::Long) => Self::Local(Nanoseconds),
            ("uuid", Type::Fixed(16)) => Self::Uuid,
            ("decimal", Type::Bytes | Type::Fixed(_)) => {
                let scale = members.get("scale").map_or(Some(0), Value::as_u64)?;
                Self::Decimal(u32::try_from(scale).ok()?)
            }
            _ => return None,
        })
    }

    /// The value of a number; the number itself where no calendar has such a day.
    pub(super) fn number(self, number: i64) -> Value {
        let text = match self {
            Self::Date => TimeDelta::try_days(number)
                .and_then(|days| NaiveDate::default().checked_add_signed(days))
                .map(|date| date.to_string()),
            Self::Time(unit) => unit.since_midnight(number).map(|time| time.to_string()),
            Self::Instant(unit) => unit
                .since_epoch(number)
                .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Local(unit) => unit
                .since_epoch(number)
                .map(|at| at.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string()),
            Self::Decimal(_) | Self::Uuid => None,
        };
        text.map_or_else(|| number.into(), Value::String)
    }

    /// The value of bytes; `None` where they are only that.
    pub(super) fn bytes(self, bytes: &[u8]) -> Option<Value> {
        match self {
            Self::Decimal(scale) => decimal(bytes, scale),
            Self::Uuid => uuid(bytes),
            _ => None,
        }
    }
}

impl Unit {
    const fn per_second(self) -> i64 {
        match self {
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }

    /// Whole seconds, and nanoseconds.
    fn split(self, number: i64) -> (i64, u32) {
        let per_second = self.per_second();
        let rest = number.rem_euclid(per_second) * (1_000_000_000 / per_second);
        // Less than a second.
        (
            number.div_euclid(per_second),
            u32::try_from(rest).unwrap_or_default(),
        )
    }

    fn since_epoch(self, number: i64) -> Option<DateTime<Utc>> {
        let (seconds, nanoseconds) = self.split(number);
        DateTime::from_timestamp(seconds, nanoseconds)
    }

    fn since_midnight(self, number: i64) -> Option<NaiveTime> {
        let (seconds, nanoseconds) = self.split(number);
        let seconds = u32::try_from(seconds).ok()?;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanoseconds)
    }
}

/// A whole number in two's complement, the highest byte first, less `scale` digits: an integer
/// where it is one, otherwise the nearest number that JSON readers know.
fn decimal(bytes: &[u8], scale: u32) -> Option<Value> {
    if bytes.len() > 16 {
        return None; // more digits than any database has
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    let unscaled = bytes
        .iter()
        .fold(start, |sum: i128, byte| (sum << 8) | i128::from(*byte));
    let whole = match 10_i128.checked_pow(scale) {
        Some(power) if unscaled % power == 0 => i64::try_from(unscaled / power).ok(),
        _ => None,
    };
    match whole {
        Some(whole) => Some(whole.into()),
        None => {
            let nearest = format!("{unscaled}e-{scale}").parse().ok()?;
            Number::from_f64(nearest).map(Value::Number)
        }
    }
}

fn uuid(bytes: &[u8]) -> Option<Value> {
    let number = u128::from_be_bytes(bytes.try_into().ok()?);
    Some(Value::String(super::super::uuid(number)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times() {
        for (logical, number, expected) in [
            (Logical::Date, 20_514, json!("2026-03-02")),
            (Logical::Date, -1, json!("1969-12-31")),
            (Logical::Date, i64::MAX, json!(i64::MAX)),
            (
                Logical::Time(Unit::Milliseconds),
                3_661_500,
                json!("01:01:01.500"),
            ),
            (Logical::Time(Unit::Microseconds), -1, json!(-1)),
            (
                Logical::Instant(Unit::Milliseconds),
                1_772_442_000_000,
                json!("2026-03-02T09:00:00Z"),
            ),
            (
                Logical::Instant(Unit::Microseconds),
                1_772_442_000_000_001,
                json!("2026-03-02T09:00:00.000001Z"),
            ),
            (
                Logical::Instant(Unit::Nanoseconds),
                -1,
                json!("1969-12-31T23:59:59.999999999Z"),
            ),
            (
                Logical::Local(Unit::Milliseconds),
                1_772_442_000_250,
                json!("2026-03-02T09:00:00.250"),
            ),
            (
                Logical::Instant(Unit::Milliseconds),
                i64::MIN,
                json!(i64::MIN),
            ),
        ] {
            assert_eq!(logical.number(number), expected, "{logical:?}");
        }
    }

    #[test]
    fn decimals() {
        for (bytes, scale, expected) in [
            (&b""[..], 2, Some(json!(0))),
            (b"\x04\xd2", 2, Some(json!(12.34))),
            (b"\x04\xb0", 2, Some(json!(12))),
            (b"\xff", 1, Some(json!(-0.1))),
            (
                b"\x7f\xff\xff\xff\xff\xff\xff\xff",
                0,
                Some(json!(i64::MAX)),
            ),
            (b"\x01", 4_000_000_000, Some(json!(0.0))),
            (&[0x7f; 16], 38, Some(json!(1.694_739_631_331_732_7))),
            (&[1; 17], 0, None),
        ] {
            assert_eq!(Logical::Decimal(scale).bytes(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn uuids() {
        let bytes: Vec<u8> = (0..16).collect();
        let expected = json!("00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(Logical::Uuid.bytes(&bytes), Some(expected));
        assert_eq!(Logical::Uuid.bytes(&bytes[1..]), None);
    }
}
