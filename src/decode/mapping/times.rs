//! Reads times and lengths of time in the formats that other systems use.

use chrono::offset::LocalResult;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::scalar::Scalar;
use crate::domain::mapping::TimeFormat;
use crate::domain::timestamp::{DAY, MINUTE, SECOND, Timestamp};

/// The size of a number since 1970 tells its unit: up to these limits seconds, milliseconds and
/// microseconds, and nanoseconds beyond. The first limit is the year 5138 in seconds, and March 1973 in
/// milliseconds. No ticket is older.
const MOST_SECONDS: f64 = 1e11;
const MOST_MILLISECONDS: f64 = 1e14;
const MOST_MICROSECONDS: f64 = 1e17;

/// Reads a time and truncates it to milliseconds. `zone` is for a time that is written without one.
pub(super) fn read(
    scalar: &Scalar<'_>,
    format: Option<&TimeFormat>,
    zone: Option<Tz>,
) -> Option<Timestamp> {
    if let Scalar::Time(time) = scalar {
        return Some(*time);
    }
    match (format, scalar) {
        (Some(TimeFormat::Pattern(pattern)), Scalar::Text(text)) => {
            by_pattern(text.trim(), pattern, zone)
        }
        (Some(TimeFormat::Pattern(_)), _) => None,
        (None, Scalar::Text(text)) => in_words(text.trim(), zone),
        (Some(format), _) => number(scalar, Some(format)),
        (None, _) => number(scalar, None),
    }
}

/// [`read`] for a text.
pub fn read_text(text: &str, format: Option<&TimeFormat>, zone: Option<Tz>) -> Option<Timestamp> {
    read(&Scalar::Text(text.into()), format, zone)
}

/// Reads a length of time, in seconds: `1:30` and `01:30:00` (hours and minutes first), `PT1H30M`
/// (ISO 8601), `1970-01-01 01:30:00` (a time since 1970), or a number of seconds.
pub(super) fn seconds(scalar: &Scalar<'_>) -> Option<f64> {
    let Scalar::Text(text) = scalar else {
        return scalar.number();
    };
    let text = text.trim();
    if let Some(seconds) = hours_and_minutes(text).or_else(|| in_units(text)) {
        return Some(seconds);
    }
    match local_time(text) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "lengths of work, far below 2^53 seconds"
        )]
        Some(time) => Some(time.and_utc().timestamp() as f64),
        None => scalar.number(),
    }
}

/// `1:30`, `01:30:00`.
fn hours_and_minutes(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_: &f64| is_number)
    };
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0.0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    (minutes < 60.0 && seconds < 60.0).then_some(hours * 3_600.0 + minutes * 60.0 + seconds)
}

/// `P1DT2H30M`, `PT45S`.
fn in_units(text: &str) -> Option<f64> {
    let mut rest = text.strip_prefix('P')?;
    let mut seconds = 0.0;
    let mut is_time = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T')
            && !is_time
        {
            (is_time, rest) = (true, after);
            continue;
        }
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = match (rest.as_bytes()[end], is_time) {
            (b'W', false) => 604_800.0,
            (b'D', false) => 86_400.0,
            (b'H', true) => 3_600.0,
            (b'M', true) => 60.0,
            (b'S', true) => 1.0,
            _ => return None,
        };
        seconds += number * unit;
        rest = &rest[end + 1..];
    }
    (text.len() > 1).then_some(seconds)
}

fn number(scalar: &Scalar<'_>, format: Option<&TimeFormat>) -> Option<Timestamp> {
    let whole = match scalar {
        Scalar::Number(number) => number.as_i64(),
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let real = scalar.number()?;
    let size = real.abs();
    let (up, down) = match format {
        Some(TimeFormat::Days) => (DAY, 1),
        Some(TimeFormat::Seconds) => (SECOND, 1),
        Some(TimeFormat::Milliseconds) => (1, 1),
        Some(TimeFormat::Microseconds) => (1, 1_000),
        Some(TimeFormat::Nanoseconds) => (1, 1_000_000),
        Some(TimeFormat::Pattern(_) | TimeFormat::Duration) => return None,
        None if size < MOST_SECONDS => (SECOND, 1),
        None if size < MOST_MILLISECONDS => (1, 1),
        None if size < MOST_MICROSECONDS => (1, 1_000),
        None => (1, 1_000_000),
    };
    let milliseconds = match whole {
        // A float would not be exact.
        Some(whole) => whole.checked_mul(up)?.div_euclid(down),
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a number that does not fit is out of the range of timestamps"
        )]
        None => (real * up as f64 / down as f64).floor() as i64,
    };
    Timestamp::checked(milliseconds)
}

fn in_words(text: &str, zone: Option<Tz>) -> Option<Timestamp> {
    if let Some(time) = without_colon(text).or_else(|| Timestamp::parse(text)) {
        return Some(time);
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".-+".contains(&byte))
        && let Some(time) = number(&Scalar::Text(text.into()), None)
        && !looks_like_a_date(text)
    {
        return Some(time);
    }
    if let Some(local) = text
        .strip_suffix("UTC")
        .or_else(|| text.strip_suffix("GMT"))
    {
        return utc(local_time(local.trim_end())?);
    }
    if let Some(local) = usual_local_time(text) {
        return in_zone(local, zone?);
    }
    for pattern in [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
    ] {
        if let Ok(time) = DateTime::parse_from_str(text, pattern) {
            return Timestamp::checked(time.timestamp_millis());
        }
    }
    in_zone(local_time(text)?, zone?)
}

/// `2019-02-15T19:01:52.971-0800`, as Jira writes it. It is the most frequent format besides RFC 3339,
/// so it has a fast path.
fn without_colon(text: &str) -> Option<Timestamp> {
    let (local, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
    let [sign, digits @ ..] = offset.as_bytes() else {
        return None;
    };
    if !b"+-".contains(sign) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| i64::from(digits[0] - b'0') * 10 + i64::from(digits[1] - b'0');
    let (hours, minutes) = (number(&digits[..2]), number(&digits[2..]));
    let local = as_utc(local)?;
    let ahead = (hours * 60 + minutes) * MINUTE;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let time = if *sign == b'-' {
        local.plus(ahead)
    } else {
        local.minus(ahead)
    };
    Timestamp::checked(time.0)
}

/// Reads a local time as if it were UTC.
fn as_utc(local: &str) -> Option<Timestamp> {
    let mut utc = [0; 32];
    let room = utc.get_mut(..=local.len())?;
    room[..local.len()].copy_from_slice(local.as_bytes());
    room[local.len()] = b'Z';
    if let Some(between @ b' ') = room.get_mut(10) {
        *between = b'T';
    }
    Timestamp::parse(std::str::from_utf8(room).ok()?)
}

/// `2026-01-31 10:00:00`, as databases write it, which has a fast path too.
fn usual_local_time(text: &str) -> Option<NaiveDateTime> {
    let time = as_utc(text)?;
    DateTime::from_timestamp_millis(time.0).map(|time| time.naive_utc())
}

/// `2026` alone is a number, `2026-01` is not.
fn looks_like_a_date(text: &str) -> bool {
    text.trim_start_matches(['-', '+']).contains('-')
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    usual_local_time(text).or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())
    })
}

fn by_pattern(text: &str, pattern: &str, zone: Option<Tz>) -> Option<Timestamp> {
    if let Ok(time) = DateTime::parse_from_str(text, pattern) {
        return Timestamp::checked(time.timestamp_millis());
    }
    let local = NaiveDateTime::parse_from_str(text, pattern)
        .ok()
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, pattern).ok()?;
            date.and_hms_opt(0, 0, 0)
        })?;
    in_zone(local, zone?)
}

fn utc(local: NaiveDateTime) -> Option<Timestamp> {
    Timestamp::checked(local.and_utc().timestamp_millis())
}

/// As in calendars: an ambiguous time is the earlier one, and a time in a gap moves forward by the
/// length of the gap.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    let instant = match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            instant.with_timezone(&Utc)
        }
        LocalResult::None => {
            let day = Duration::days(1);
            let before = zone.from_local_datetime(&local.checked_sub_signed(day)?);
            before
                .latest()?
                .with_timezone(&Utc)
                .checked_add_signed(day)?
        }
    };
    Timestamp::checked(instant.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, format: Option<&TimeFormat>, zone: Option<&str>) -> Option<String> {
        let zone = zone.map(|zone| zone.parse().unwrap());
        let scalar = Scalar::Text(text.into());
        read(&scalar, format, zone).map(Timestamp::rfc3339)
    }

    #[test]
    fn every_way_of_writing_a_time() {
        for (written, wanted) in [
            ("2019-02-15T19:01:52.971-0800", "2019-02-16T03:01:52.971Z"),
            ("2025-01-08T10:12:07.672717030Z", "2025-01-08T10:12:07.672Z"),
            ("2019-02-16T03:01:52+0530", "2019-02-15T21:31:52.000Z"),
            ("2015-05-17 17:06:40 UTC", "2015-05-17T17:06:40.000Z"),
            ("2015-05-17 17:06:40+02", "2015-05-17T15:06:40.000Z"),
            ("2015-05-17 17:06:40 +0200", "2015-05-17T15:06:40.000Z"),
            ("2015-05-17 17:06:40.5Z", "2015-05-17T17:06:40.500Z"),
            ("1550286113", "2019-02-16T03:01:53.000Z"),
            ("1550286113.25", "2019-02-16T03:01:53.250Z"),
            ("1550286113023", "2019-02-16T03:01:53.023Z"),
            ("1550286113023999", "2019-02-16T03:01:53.023Z"),
            ("1550286113023999999", "2019-02-16T03:01:53.023Z"),
        ] {
            assert_eq!(
                text(written, None, None).as_deref(),
                Some(wanted),
                "{written}"
            );
        }
        for (written, zone, wanted) in [
            ("2015-05-17 17:06:40", "UTC", "2015-05-17T17:06:40.000Z"),
            (
                "2015-05-17T17:06:40.5",
                "Asia/Jakarta",
                "2015-05-17T10:06:40.500Z",
            ),
            ("2015-5-7 7:06:40", "UTC", "2015-05-07T07:06:40.000Z"),
            (
                "2015-05-17 17:06:40 UTC",
                "Asia/Jakarta",
                "2015-05-17T17:06:40.000Z",
            ),
        ] {
            assert_eq!(
                text(written, None, Some(zone)).as_deref(),
                Some(wanted),
                "{written}"
            );
        }
        for nothing in [
            "yesterday",
            "2015-05-17 17:06:40",
            "2015-05-17",
            "",
            "1e400",
            "2015-05",
            "2019-02-16T03:01:52+2500",
            "2019-02-16T03:01:52Z+0000",
            "é-0800",
        ] {
            assert_eq!(text(nothing, None, None), None, "{nothing}");
        }
    }

    #[test]
    fn lengths_of_work() {
        for (written, expected) in [
            ("01:30", Some(5_400.0)),
            ("0:05", Some(300.0)),
            ("100:00:30", Some(360_030.0)),
            ("PT1H30M", Some(5_400.0)),
            ("P1DT0.5H", Some(88_200.0)),
            ("1970-01-01 00:15:00", Some(900.0)),
            ("90", Some(90.0)),
            ("1:60", None),
            ("1:2:3:4", None),
            ("P", None),
            ("PT", Some(0.0)),
            ("PT5", None),
            ("PTé", None),
            (":", None),
            ("soon", None),
        ] {
            assert_eq!(
                seconds(&Scalar::Text(written.into())),
                expected,
                "{written}"
            );
        }
    }

    #[test]
    fn zones_and_formats() {
        let local = "2026-03-29 02:30:00";
        let berlin = Some("Europe/Berlin");
        assert_eq!(
            text(local, None, berlin).unwrap(),
            "2026-03-29T01:30:00.000Z"
        );
        assert_eq!(
            text("2026-10-25 02:30:00", None, berlin).unwrap(),
            "2026-10-25T00:30:00.000Z"
        );
        let pattern = |pattern: &str| TimeFormat::Pattern(pattern.to_owned());
        assert_eq!(
            text("31.12.2025 23:15", Some(&pattern("%d.%m.%Y %H:%M")), berlin).unwrap(),
            "2025-12-31T22:15:00.000Z"
        );
        assert_eq!(
            text("31/12/25", Some(&pattern("%d/%m/%y")), Some("UTC")).unwrap(),
            "2025-12-31T00:00:00.000Z"
        );
        assert_eq!(
            text("20453", Some(&TimeFormat::Days), None).unwrap(),
            "2025-12-31T00:00:00.000Z"
        );
        assert_eq!(
            text("5", Some(&TimeFormat::Seconds), None).unwrap(),
            "1970-01-01T00:00:05.000Z"
        );
        let number = 1_559_033_904_863_123_000_i64.into();
        let read = read(
            &Scalar::Number(&number),
            Some(&TimeFormat::Nanoseconds),
            None,
        );
        assert_eq!(read.unwrap().rfc3339(), "2019-05-28T08:58:24.863Z");
    }
}
