//! Dates, times, durations and recurrence rules of iCalendar, as dates in the zone of the calendar.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use rrule::{RRule, RRuleSet, Unvalidated};

use super::error::IcsError;
use super::lines::ContentLine;

/// The last year in which recurrence rules give dates.
const LAST_YEAR: i32 = 2100;
/// The most occurrences of one rule, which is every day of a century.
const MOST_OCCURRENCES: u16 = 50_000;
/// The longest DURATION. An event with a longer one is an error anyway.
const LONGEST_DURATION: TimeDelta = TimeDelta::days(10_000);

/// A date, or a local time in the calendar's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IcsTime {
    Date(NaiveDate),
    Time(NaiveDateTime),
}

impl IcsTime {
    pub(super) fn date(self) -> NaiveDate {
        match self {
            Self::Date(date) => date,
            Self::Time(time) => time.date(),
        }
    }

    pub(super) fn is_midnight(self) -> bool {
        match self {
            Self::Date(_) => true,
            Self::Time(time) => time.time() == NaiveTime::MIN,
        }
    }

    /// Adds a DURATION.
    pub(super) fn plus(self, line: &ContentLine) -> Result<Self, IcsError> {
        let length =
            duration(line.value.trim()).ok_or_else(|| line.error("no duration of the form P1D"))?;
        let sum = match self {
            Self::Date(date) => NaiveDateTime::from(date),
            Self::Time(time) => time,
        }
        .checked_add_signed(length)
        .ok_or_else(|| line.error("no such date"))?;
        Ok(Self::Time(sum))
    }
}

/// Reads dates and times in the zone of the calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct IcsTimes {
    pub(super) timezone: Tz,
}

impl IcsTimes {
    /// Reads a value of a date or time property. The parameters of the line name its zone.
    pub(super) fn time(self, line: &ContentLine, value: &str) -> Result<IcsTime, IcsError> {
        let value = value.trim();
        let form = || line.error("no date or time of the form 20260131 or 20260131T080000Z");
        let (date, time) = match value.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (value, None),
        };
        let [year, month, day] = numbers(date, [4, 2, 2]).ok_or_else(form)?;
        // Year 9999 is the last that can be followed by another.
        let date = i32::try_from(year)
            .ok()
            .filter(|year| (1..9999).contains(year))
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
            .ok_or_else(|| line.error("no such date"))?;
        let Some(time) = time else {
            return Ok(IcsTime::Date(date));
        };
        let (time, is_utc) = match time.strip_suffix('Z') {
            Some(time) => (time, true),
            None => (time, false),
        };
        let [hour, minute, second] = numbers(time, [2, 2, 2]).ok_or_else(form)?;
        let local = date
            .and_hms_opt(hour, minute, second.min(59))
            .ok_or_else(|| line.error("no such time"))?;
        // The file defines a zone that is not IANA's. It means local time.
        let zone = match line.parameter("TZID").map(str::parse::<Tz>) {
            _ if is_utc => Tz::UTC,
            Some(Ok(zone)) => zone,
            Some(Err(_)) | None => self.timezone,
        };
        let there = zone
            .from_local_datetime(&local)
            .earliest()
            .map_or(local, |there| {
                there.with_timezone(&self.timezone).naive_local()
            });
        Ok(IcsTime::Time(there))
    }

    /// The dates of a recurrence rule for an event that starts on `start`.
    pub(super) fn recurrences(
        self,
        line: &ContentLine,
        start: NaiveDate,
    ) -> Result<BTreeSet<NaiveDate>, IcsError> {
        let midnight = |date: NaiveDate| {
            rrule::Tz::UTC.from_utc_datetime(&NaiveDateTime::new(date, NaiveTime::MIN))
        };
        let last = NaiveDate::from_ymd_opt(LAST_YEAR, 12, 31).unwrap_or_default();
        let rule = self
            .rule_of_dates(line)?
            .parse::<RRule<Unvalidated>>()
            .and_then(|rule| rule.validate(midnight(start)))
            .map_err(|error| line.error(format!("rule cannot be used: {error}")))?;
        let result = RRuleSet::new(midnight(start))
            .rrule(rule)
            .before(midnight(last))
            .all(MOST_OCCURRENCES);
        if result.limited {
            return Err(line.error("rule gives too many dates"));
        }
        Ok(result
            .dates
            .into_iter()
            .map(|occurrence| occurrence.date_naive())
            .collect())
    }

    /// The rule with its end as a date of the calendar, written as UTC because the start is UTC too.
    fn rule_of_dates(self, line: &ContentLine) -> Result<String, IcsError> {
        let mut parts = Vec::new();
        for part in line.value.trim().split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| line.error("no rule of the form FREQ=YEARLY"))?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ"
                    if !["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
                        .contains(&value.to_ascii_uppercase().as_str()) =>
                {
                    return Err(line
                        .error("a rule of whole dates must be DAILY, WEEKLY, MONTHLY or YEARLY"));
                }
                "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                    return Err(line.error("a rule of whole dates has no hours"));
                }
                "UNTIL" => {
                    let until = self.time(line, value)?.date();
                    parts.push(format!("UNTIL={}T000000Z", until.format("%Y%m%d")));
                }
                _ => parts.push(part.to_owned()),
            }
        }
        Ok(parts.join(";"))
    }
}

/// Splits digits into numbers of these widths. `None`: the text has another form.
fn numbers(text: &str, widths: [usize; 3]) -> Option<[u32; 3]> {
    if text.len() != widths.iter().sum::<usize>() || !text.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let (first, rest) = text.split_at(widths[0]);
    let (second, third) = rest.split_at(widths[1]);
    Some([
        first.parse().ok()?,
        second.parse().ok()?,
        third.parse().ok()?,
    ])
}

/// `P1W`, `P2D`, `P1DT12H30M`, `PT24H`.
fn duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let mut total = TimeDelta::zero();
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            if in_time {
                return None;
            }
            in_time = true;
            rest = time;
            continue;
        }
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let amount: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let length = match (in_time, unit) {
            (false, 'W') => TimeDelta::try_weeks(amount)?,
            (false, 'D') => TimeDelta::try_days(amount)?,
            (true, 'H') => TimeDelta::try_hours(amount)?,
            (true, 'M') => TimeDelta::try_minutes(amount)?,
            (true, 'S') => TimeDelta::try_seconds(amount)?,
            _ => return None,
        };
        total = total.checked_add(&length)?;
        any = true;
        rest = &rest[digits + 1..];
    }
    (any && total <= LONGEST_DURATION).then_some(total)
}
