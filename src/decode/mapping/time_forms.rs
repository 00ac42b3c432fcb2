//! Reads the rarer ways of writing a time. Each of them has one meaning only: the order of day and month is
//! never guessed.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use crate::domain::timestamp::{MINUTE, Milliseconds};

/// A longer text is no time.
const MOST_BYTES: usize = 80;
/// The year comes first, or the month is a name.
const DATES: [&str; 8] = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %B %Y",
    "%d-%B-%Y",
    "%B %d %Y",
    "%B %d, %Y",
];
const TIMES: [&str; 6] = [
    "%H:%M:%S%.f",
    "%H:%M",
    "%H%M%S%.f",
    "%H%M",
    "%I:%M:%S %p",
    "%I:%M %p",
];
/// As C and LDAP write a time. LDAP adds a zone; without one it would be a number.
const WHOLE: [&str; 2] = ["%B %d %H:%M:%S %Y", "%Y%m%d%H%M%S%.f"];
/// `20260302080000`.
const DIGITS_OF_A_TIME: usize = 14;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeForm {
    pub(super) local: NaiveDateTime,
    /// Is ahead of UTC by this.
    pub(super) offset: Option<Milliseconds>,
    /// Counts if there is no offset.
    pub(super) zone: Option<Tz>,
}

impl TimeForm {
    pub(super) fn local(local: NaiveDateTime) -> Self {
        Self {
            local,
            offset: None,
            zone: None,
        }
    }

    /// `None`: the form is not known, or has more than one meaning.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        if let Some(local) = of_dotnet(text) {
            return Some(Self {
                offset: Some(0),
                ..Self::local(local)
            });
        }
        // Mail, also with old names of zones such as EST.
        if let Ok(time) = DateTime::parse_from_rfc2822(text) {
            return Some(Self {
                offset: Some(0),
                ..Self::local(time.naive_utc())
            });
        }
        let text = with_point(without_weekday(text));
        let (text, zone) = split_zone(&text)?;
        let (text, offset) = split_offset(text);
        Some(Self {
            local: date_and_time(text)?,
            offset,
            zone,
        })
    }
}

/// `/Date(1772442000000+0100)/`: milliseconds since 1970, in any offset.
fn of_dotnet(text: &str) -> Option<NaiveDateTime> {
    let number = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = number.rfind(['+', '-']).filter(|place| *place > 0);
    let milliseconds = number[..end.unwrap_or(number.len())].parse().ok()?;
    DateTime::from_timestamp_millis(milliseconds).map(|time| time.naive_utc())
}

/// Removes `Mon, ` or `Monday `.
fn without_weekday(text: &str) -> &str {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let start = first.get(..3).unwrap_or("").to_ascii_lowercase();
    if WEEKDAYS.contains(&start.as_str()) {
        rest.trim_start()
    } else {
        text
    }
}

/// Replaces the comma of `08:00:00,123`.
fn with_point(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_digit = |place: Option<usize>| {
        let byte = place.and_then(|place| bytes.get(place));
        byte.is_some_and(u8::is_ascii_digit)
    };
    text.char_indices()
        .map(|(place, character)| match character {
            ',' if is_digit(place.checked_sub(1)) && is_digit(place.checked_add(1)) => '.',
            other => other,
        })
        .collect()
}

/// Splits off the name of a zone: `Z`, ` UTC`, ` Europe/Berlin`, `[Europe/Berlin]`. Other names say nothing
/// new after an offset: `+0100 (CET)`. `None`: the name may stand for several zones.
fn split_zone(text: &str) -> Option<(&str, Option<Tz>)> {
    let mut rest = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let mut names = &text[rest.len()..];
    let half = names.trim_start();
    if half
        .get(..2)
        .is_some_and(|half| half.eq_ignore_ascii_case("am") || half.eq_ignore_ascii_case("pm"))
    {
        names = &half[2..];
        rest = &text[..text.len() - names.len()];
    }
    let mut zone = None;
    let names = names.split(['[', ']', '(', ')', ' ']);
    for name in names.filter(|name| !name.is_empty()) {
        if ["UTC", "GMT", "Z", "z"].contains(&name) {
            zone = Some(Tz::UTC);
        } else if let Some(named) = name.parse().ok().filter(|_| name.contains('/')) {
            zone = Some(named);
        } else if split_offset(rest).1.is_none() {
            return None;
        }
    }
    Some((rest, zone))
}

/// Splits off `+01`, `+0100`, `+01:00` or ` GMT+0100` after a time.
fn split_offset(text: &str) -> (&str, Option<Milliseconds>) {
    let none = (text, None);
    let Some((place, sign)) = text
        .char_indices()
        .rfind(|(_, one)| matches!(one, '+' | '-'))
    else {
        return none;
    };
    let rest = text[..place].trim_end();
    let rest = ["GMT", "UTC"]
        .iter()
        .find_map(|utc| rest.strip_suffix(utc))
        .unwrap_or(rest)
        .trim_end();
    // The `-02` of `2026-03-02` is a day.
    let has_time = rest.contains(':')
        || is_digits(rest.as_bytes().get(..DIGITS_OF_A_TIME).unwrap_or(b"-"))
        || rest
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0].is_ascii_digit() && pair[1].eq_ignore_ascii_case(&b't'));
    if !has_time {
        return none;
    }
    let digits = text[place + 1..].replace(':', "");
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let (hours, minutes) = match (digits.len(), number(digits.get(..2))) {
        (2, Some(hours)) => (hours, 0),
        (4, Some(hours)) => match number(digits.get(2..)) {
            Some(minutes) => (hours, minutes),
            None => return none,
        },
        _ => return none,
    };
    if hours > 23 || minutes > 59 || !is_digits(digits.as_bytes()) {
        return none;
    }
    let ahead = (hours * 60 + minutes) * MINUTE;
    (rest, Some(if sign == '-' { -ahead } else { ahead }))
}

fn is_digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

/// A date alone is its first instant.
fn date_and_time(text: &str) -> Option<NaiveDateTime> {
    let whole = |pattern: &&str| NaiveDateTime::parse_from_str(text, pattern).ok();
    if let Some(local) = WHOLE.iter().find_map(whole) {
        return Some(local);
    }
    let (date, rest) = DATES.iter().find_map(|pattern| {
        let (date, rest) = NaiveDate::parse_and_remainder(text, pattern).ok()?;
        let is_whole = !rest.starts_with(|next: char| next.is_ascii_digit());
        // Fewer digits are no year.
        (is_whole && date.year() >= 1_000).then_some((date, rest))
    })?;
    let rest = rest.trim_start_matches([' ', 'T', 't', ',']);
    if rest.is_empty() {
        return date.and_hms_opt(0, 0, 0);
    }
    let time = |pattern: &&str| NaiveTime::parse_from_str(rest, pattern).ok();
    Some(date.and_time(TIMES.iter().find_map(time)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_with_one_meaning_is_read() {
        for (text, local, offset, zone) in [
            ("2026-03-02T08:00Z", "08:00:00", None, Some("UTC")),
            ("2026-03-02t08:00:00.5z", "08:00:00.500", None, Some("UTC")),
            ("2026-03-02 08:00", "08:00:00", None, None),
            ("2026-3-2 8:00", "08:00:00", None, None),
            ("2026-03-02 08:00:00 +01:00", "08:00:00", Some(60), None),
            ("2026-03-02T08:00:00+01", "08:00:00", Some(60), None),
            (
                "2026-03-02 08:00:00.123456-0330",
                "08:00:00.123456",
                Some(-210),
                None,
            ),
            (
                "2026-03-02T08:00:00,123+01:00",
                "08:00:00.123",
                Some(60),
                None,
            ),
            ("2026-03-02T08:00:00,5", "08:00:00.500", None, None),
            ("20260302T080000Z", "08:00:00", None, Some("UTC")),
            ("20260302080000Z", "08:00:00", None, Some("UTC")),
            ("20260302080000.5+0100", "08:00:00.500", Some(60), None),
            ("20260302T0800", "08:00:00", None, None),
            ("20260302T080000-0500", "08:00:00", Some(-300), None),
            ("2026/03/02 08:00:00", "08:00:00", None, None),
            ("2026-03-02 08:00:00 UTC", "08:00:00", None, Some("UTC")),
            (
                "2026-03-02 08:00:00.25 GMT",
                "08:00:00.250",
                None,
                Some("UTC"),
            ),
            (
                "2026-03-02 08:00:00 +0000 UTC",
                "08:00:00",
                Some(0),
                Some("UTC"),
            ),
            (
                "2026-03-02 08:00 Europe/Berlin",
                "08:00:00",
                None,
                Some("Europe/Berlin"),
            ),
            (
                "2026-03-02T08:00[Europe/Berlin]",
                "08:00:00",
                None,
                Some("Europe/Berlin"),
            ),
            ("2026-03-02T08:00:00Z[UTC]", "08:00:00", None, Some("UTC")),
            (
                "2026-03-02T08:00:00+01:00[Europe/Berlin]",
                "08:00:00",
                Some(60),
                Some("Europe/Berlin"),
            ),
            ("Mon, 02 Mar 2026 08:00:00 +0000", "08:00:00", Some(0), None),
            ("Mon, 02 Mar 2026 08:00:00 GMT", "08:00:00", Some(0), None),
            ("2 Mar 2026 03:00:00 EST", "08:00:00", Some(0), None),
            (
                "Mon Mar 02 2026 08:00:00 GMT+0100 (CET)",
                "08:00:00",
                Some(60),
                None,
            ),
            ("Mon Mar  2 08:00:00 2026", "08:00:00", None, None),
            ("2 March 2026 8:00 AM", "08:00:00", None, None),
            ("Mar 2, 2026, 8:00:00 PM", "20:00:00", None, None),
            ("02-Mar-2026 08:00:00", "08:00:00", None, None),
            ("2026-03-02 8:00 pm UTC", "20:00:00", None, Some("UTC")),
            ("2026-03-02", "00:00:00", None, None),
            ("/Date(1772438400000)/", "08:00:00", Some(0), None),
            ("/Date(1772438400000+0100)/", "08:00:00", Some(0), None),
        ] {
            let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
            let wanted = TimeForm {
                local: day.and_time(local.parse().unwrap()),
                offset: offset.map(|minutes: i64| minutes * MINUTE),
                zone: zone.map(|zone: &str| zone.parse().unwrap()),
            };
            assert_eq!(TimeForm::read(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn other_forms_are_not_read() {
        for text in [
            "03/02/2026 08:00 AM",
            "02.03.2026 08:00",
            "02.03.2026",
            "26-03-02 08:00",
            "2026-03-02 08:00:00 CET",
            "2026-03-02 25:00",
            "2026-03-02T08:00:00+25:00",
            "2026-03",
            "202603021",
            "/Date(x)/",
            "/Date()/",
            "monday",
            "",
            "é",
            "+",
            "Z",
            "[]",
            "()",
        ] {
            assert_eq!(TimeForm::read(text), None, "{text}");
        }
    }
}
