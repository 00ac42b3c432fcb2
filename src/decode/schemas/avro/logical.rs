//! Logical types: numbers and bytes that stand for instants, dates, decimals and UUIDs.
//!
//! An instant becomes RFC 3339 text, which has no unit to mistake. A value of an unknown logical type
//! stays as it is, as the specification demands.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Number, Value};

use super::types::{AvroType, LogicalType, TimeUnit};
use crate::decode::schemas::schema_text::uuid as uuid_text;

impl LogicalType {
    /// Reads the logical type of a plain type.
    pub(super) fn of(members: &Map<String, Value>, plain: &AvroType) -> Option<Self> {
        use TimeUnit::{Microseconds, Milliseconds, Nanoseconds};
        let name = members.get("logicalType")?.as_str()?;
        Some(match (name, plain) {
            ("date", AvroType::Int) => Self::Date,
            ("time-millis", AvroType::Int) => Self::Time(Milliseconds),
            ("time-micros", AvroType::Long) => Self::Time(Microseconds),
            ("timestamp-millis", AvroType::Long) => Self::Instant(Milliseconds),
            ("timestamp-micros", AvroType::Long) => Self::Instant(Microseconds),
            ("timestamp-nanos", AvroType::Long) => Self::Instant(Nanoseconds),
            ("local-timestamp-millis", AvroType::Long) => Self::Local(Milliseconds),
            ("local-timestamp-micros", AvroType::Long) => Self::Local(Microseconds),
            ("local-timestamp-nanos", AvroType::Long) => Self::Local(Nanoseconds),
            ("uuid", AvroType::Fixed(16)) => Self::Uuid,
            ("decimal", AvroType::Bytes | AvroType::Fixed(_)) => {
                let scale = members.get("scale").map_or(Some(0), Value::as_u64)?;
                Self::Decimal(u32::try_from(scale).ok()?)
            }
            _ => return None,
        })
    }

    /// The value of a number. A number beyond the calendar stays a number.
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

    /// The value of bytes. `None`: they are only bytes.
    pub(super) fn bytes(self, bytes: &[u8]) -> Option<Value> {
        match self {
            Self::Decimal(scale) => decimal(bytes, scale),
            Self::Uuid => uuid(bytes),
            _ => None,
        }
    }
}

impl TimeUnit {
    const fn per_second(self) -> i64 {
        match self {
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }

    fn split(self, number: i64) -> (i64, u32) {
        let per_second = self.per_second();
        let rest = number.rem_euclid(per_second) * (1_000_000_000 / per_second);
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

/// Reads a big-endian two's complement number with `scale` digits after the point. The result is an
/// integer if possible, else the nearest float.
fn decimal(bytes: &[u8], scale: u32) -> Option<Value> {
    if bytes.len() > 16 {
        return None; // more digits than databases have
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
    Some(Value::String(uuid_text(number)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times() {
        for (logical, number, expected) in [
            (LogicalType::Date, 20_514, json!("2026-03-02")),
            (LogicalType::Date, -1, json!("1969-12-31")),
            (LogicalType::Date, i64::MAX, json!(i64::MAX)),
            (
                LogicalType::Time(TimeUnit::Milliseconds),
                3_661_500,
                json!("01:01:01.500"),
            ),
            (LogicalType::Time(TimeUnit::Microseconds), -1, json!(-1)),
            (
                LogicalType::Instant(TimeUnit::Milliseconds),
                1_772_442_000_000,
                json!("2026-03-02T09:00:00Z"),
            ),
            (
                LogicalType::Instant(TimeUnit::Microseconds),
                1_772_442_000_000_001,
                json!("2026-03-02T09:00:00.000001Z"),
            ),
            (
                LogicalType::Instant(TimeUnit::Nanoseconds),
                -1,
                json!("1969-12-31T23:59:59.999999999Z"),
            ),
            (
                LogicalType::Local(TimeUnit::Milliseconds),
                1_772_442_000_250,
                json!("2026-03-02T09:00:00.250"),
            ),
            (
                LogicalType::Instant(TimeUnit::Milliseconds),
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
            assert_eq!(
                LogicalType::Decimal(scale).bytes(bytes),
                expected,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn uuids() {
        let bytes: Vec<u8> = (0..16).collect();
        let expected = json!("00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(LogicalType::Uuid.bytes(&bytes), Some(expected));
        assert_eq!(LogicalType::Uuid.bytes(&bytes[1..]), None);
    }
}
