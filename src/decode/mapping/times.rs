//! Reads times in the formats that other systems use.

use chrono::offset::LocalResult;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::scalar::Scalar;
use super::time_forms::TimeForm;
use crate::decode::rejection::TimeFault;
use crate::domain::mapping::TimeFormat;
use crate::domain::timestamp::{DAY, MINUTE, SECOND, Timestamp};

/// The size of a number since 1970 tells its unit: up to these limits seconds, milliseconds and
/// microseconds, and nanoseconds beyond. The first limit is the year 5138 in seconds, and March 1973 in
/// milliseconds. No ticket is older.
const MOST_SECONDS: f64 = 1e11;
const MOST_MILLISECONDS: f64 = 1e14;
const MOST_MICROSECONDS: f64 = 1e17;

/// Reads a time and truncates it to milliseconds. `zone` is for a time that is written without one. With
/// `of_numbers`, a number is the local time in that zone, as if it were UTC.
///
/// # Errors
/// The text is no time, or a zone or a format is missing.
pub(super) fn read(
    scalar: &Scalar<'_>,
    format: Option<&TimeFormat>,
    zone: Option<Tz>,
    of_numbers: Option<Tz>,
) -> Result<Timestamp, TimeFault> {
    let from_number = || {
        let time = number(scalar, format).ok_or(TimeFault::NoTime)?;
        match of_numbers {
            Some(zone) => local(time, zone),
            None => Ok(time),
        }
    };
    match (format, scalar) {
        (_, Scalar::Time(time)) => Ok(*time),
        (_, Scalar::Unreadable(fault)) => Err(*fault),
        (Some(TimeFormat::Pattern(pattern)), _) => {
            by_pattern(scalar.clone().into_text().trim(), pattern, zone)
        }
        (Some(_), _) => from_number().map_err(|_| TimeFault::OtherFormat),
        (None, Scalar::Text(text)) => {
            let text = text.trim();
            if let Some(time) = without_colon(text).or_else(|| Timestamp::parse(text)) {
                return Ok(time);
            }
            if looks_like_a_number(text)
                && let Ok(time) = from_number()
            {
                return Ok(time);
            }
            in_words(text, zone)
        }
        (None, _) => from_number(),
    }
}

/// [`read`] for a text.
pub fn read_text(text: &str, format: Option<&TimeFormat>, zone: Option<Tz>) -> Option<Timestamp> {
    read(&Scalar::Text(text.into()), format, zone, None).ok()
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

fn in_words(text: &str, zone: Option<Tz>) -> Result<Timestamp, TimeFault> {
    let form = match usual_local_time(text) {
        Some(local) => TimeForm::local(local),
        None => TimeForm::read(text).ok_or(TimeFault::NoFormat)?,
    };
    if let Some(offset) = form.offset {
        let time = form.local.and_utc().timestamp_millis() - offset;
        return Timestamp::checked(time).ok_or(TimeFault::NoTime);
    }
    in_zone(form.local, form.zone.or(zone).ok_or(TimeFault::NoZone)?)
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
fn looks_like_a_number(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || b".-+".contains(&byte);
    text.bytes().all(is_part) && !text.trim_start_matches(['-', '+']).contains('-')
}

pub(super) fn local_time(text: &str) -> Option<NaiveDateTime> {
    let local = |pattern| NaiveDateTime::parse_from_str(text, pattern).ok();
    usual_local_time(text).or_else(|| local("%Y-%m-%d %H:%M:%S%.f"))
}

fn by_pattern(text: &str, pattern: &str, zone: Option<Tz>) -> Result<Timestamp, TimeFault> {
    if let Ok(time) = DateTime::parse_from_str(text, pattern) {
        return Timestamp::checked(time.timestamp_millis()).ok_or(TimeFault::NoTime);
    }
    let date = || NaiveDate::parse_from_str(text, pattern).ok();
    let local = NaiveDateTime::parse_from_str(text, pattern)
        .ok()
        .or_else(|| date()?.and_hms_opt(0, 0, 0))
        .ok_or(TimeFault::OtherFormat)?;
    in_zone(local, zone.ok_or(TimeFault::NoZone)?)
}

/// The instant of a local time that was read as if it were UTC.
fn local(time: Timestamp, zone: Tz) -> Result<Timestamp, TimeFault> {
    let local = DateTime::from_timestamp_millis(time.0).ok_or(TimeFault::NoTime)?;
    in_zone(local.naive_utc(), zone)
}

/// As in calendars: an ambiguous time is the earlier one, and a time in a gap moves forward by the
/// length of the gap.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Result<Timestamp, TimeFault> {
    let instant = match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
        LocalResult::None => after_the_gap(local, zone),
    };
    instant
        .and_then(|instant| Timestamp::checked(instant.timestamp_millis()))
        .ok_or(TimeFault::NoTime)
}

fn after_the_gap(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let day = Duration::days(1);
    let before = zone.from_local_datetime(&local.checked_sub_signed(day)?);
    before.latest()?.to_utc().checked_add_signed(day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str, format: Option<&TimeFormat>, zone: Option<&str>) -> Option<String> {
        let zone = zone.map(|zone| zone.parse().unwrap());
        let scalar = Scalar::Text(text.into());
        let read = read(&scalar, format, zone, None);
        read.ok().map(Timestamp::rfc3339)
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
        let day = 20_260_302_i64.into();
        let day = read(
            &Scalar::Number(&day),
            Some(&pattern("%Y%m%d")),
            Some(Tz::UTC),
            None,
        );
        assert_eq!(day.unwrap().rfc3339(), "2026-03-02T00:00:00.000Z");
        let read = read(
            &Scalar::Number(&number),
            Some(&TimeFormat::Nanoseconds),
            None,
            None,
        );
        assert_eq!(read.unwrap().rfc3339(), "2019-05-28T08:58:24.863Z");
    }

    #[test]
    fn numbers_may_be_local_times() {
        let read = |scalar: &Scalar<'_>, format, of_numbers: Option<&str>| {
            let of_numbers = of_numbers.map(|zone| zone.parse().unwrap());
            read(scalar, format, of_numbers, of_numbers).map(Timestamp::rfc3339)
        };
        let number = 1_772_445_600_000_i64.into();
        let number = Scalar::Number(&number);
        let berlin = Some("Europe/Berlin");
        let utc = Ok("2026-03-02T10:00:00.000Z".to_owned());
        let earlier = Ok("2026-03-02T09:00:00.000Z".to_owned());
        assert_eq!(read(&number, None, None), utc);
        assert_eq!(read(&number, None, berlin), earlier);
        let milliseconds = Some(&TimeFormat::Milliseconds);
        assert_eq!(read(&number, milliseconds, berlin), earlier);
        let text = Scalar::Text("1772445600".into());
        assert_eq!(read(&text, None, berlin), earlier);
        let text = Scalar::Text("2026-03-02T10:00:00Z".into());
        assert_eq!(read(&text, None, berlin), utc, "has a zone of its own");
        assert_eq!(
            read(&text, milliseconds, berlin),
            Err(TimeFault::OtherFormat)
        );
    }

    #[test]
    fn a_fault_names_what_is_missing() {
        let fault = |text: &str, pattern: Option<&str>| {
            let format = pattern.map(|pattern| TimeFormat::Pattern(pattern.to_owned()));
            read(&Scalar::Text(text.into()), format.as_ref(), None, None).unwrap_err()
        };
        for (text, pattern, wanted) in [
            ("2026-03-02 08:00", None, TimeFault::NoZone),
            ("2026-03-02", None, TimeFault::NoZone),
            ("03/02/2026 08:00 AM", None, TimeFault::NoFormat),
            ("02.03.2026 08:00", None, TimeFault::NoFormat),
            ("soon", None, TimeFault::NoFormat),
            ("2026-03-02", Some("%d.%m.%Y"), TimeFault::OtherFormat),
            ("02.03.2026", Some("%d.%m.%Y"), TimeFault::NoZone),
        ] {
            assert_eq!(fault(text, pattern), wanted, "{text}");
        }
        let far = 1e300.to_string();
        assert!(read(&Scalar::Text(far.into()), None, None, None).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_has_a_fault(text in "[0-9:TZzMarpm+/.,() \\[\\]é-]{0,40}") {
            let scalar = Scalar::Text(text.into());
            let _ = read(&scalar, None, Some(Tz::UTC), None);
        }

        #[test]
        fn a_written_time_is_read_back(
            seconds in 0..4_102_444_800_i64,
            pattern in prop::sample::select(vec![
                "%Y-%m-%dT%H:%M:%S%:z",
                "%Y-%m-%d %H:%M:%S",
                "%Y-%m-%d %I:%M:%S %p",
                "%Y/%m/%d %H:%M:%S UTC",
                "%Y%m%dT%H%M%S%z",
                "%Y%m%d%H%M%SZ",
                "%a, %d %b %Y %H:%M:%S %z",
                "%a %b %d %Y %H:%M:%S GMT%z (UTC)",
                "%A, %d %B %Y %H:%M:%S GMT",
                "%b %e, %Y, %I:%M:%S %p",
                "%a %b %e %H:%M:%S %Y",
                "%d-%b-%Y %H:%M:%S",
            ]),
        ) {
            let written = DateTime::from_timestamp(seconds, 0).unwrap().format(pattern).to_string();
            let time = text(&written, None, Some("UTC"));
            prop_assert_eq!(time, Some(Timestamp(seconds * 1_000).rfc3339()), "{}", written);
        }
    }
}
