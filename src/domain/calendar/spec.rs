//! Calendars as the configuration has them, and the exact but slow walk from dates to instants.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta,
    TimeZone,
};
use chrono_tz::Tz;

use super::hours::OpenHours;
use crate::domain::timestamp::Timestamp;

/// The dates around an interval whose openings may reach into it: one for the zone, one for openings that
/// cross midnight, and one for zones that once skipped a date.
pub(super) const REACH: u64 = 3;
/// The step of the search for the start of a daylight-saving gap. It is shorter than the time between any
/// two changes of an offset.
const GAP_STEP: TimeDelta = TimeDelta::minutes(15);
/// The steps that leave the longest gap, which is a skipped date.
const GAP_STEPS: u32 = 2 * 24 * 4;

/// A business calendar (contract, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarSpec {
    /// The zone of every local time below.
    pub timezone: Tz,
    /// Openings by weekday, Monday first.
    pub weekly: [Vec<OpenHours>; 7],
    /// Dates without openings, unless they are in `special`.
    pub holidays: BTreeSet<NaiveDate>,
    /// Openings of single dates, which replace those of the weekday or the holiday.
    pub special: BTreeMap<NaiveDate, Vec<OpenHours>>,
}

/// An open interval `[start, end)` in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl CalendarSpec {
    /// The openings that start on `date`.
    pub fn hours(&self, date: NaiveDate) -> &[OpenHours] {
        match self.special.get(&date) {
            Some(hours) => hours,
            None if self.holidays.contains(&date) => &[],
            None => &self.weekly[date.weekday().num_days_from_monday() as usize],
        }
    }

    /// Whether a date in `from..=to` differs from its weekday.
    pub(super) fn has_exception(&self, from: NaiveDate, to: NaiveDate) -> bool {
        self.holidays.range(from..=to).next().is_some()
            || self.special.range(from..=to).next().is_some()
    }

    /// The open intervals in `[from, to)`, ascending, disjoint and not adjacent. The work grows with the
    /// number of dates.
    pub(super) fn spans(&self, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let mut spans = Vec::new();
        let (Some(first), Some(last)) = (utc_date(from), utc_date(to)) else {
            return spans;
        };
        let Some(first) = first.checked_sub_days(Days::new(REACH)) else {
            return spans;
        };
        let mut midnights = Midnights::before(self.timezone, first);
        for date in first
            .iter_days()
            .take_while(|date| *date <= last + Days::new(REACH))
        {
            let offset = midnights.advance();
            for hours in self.hours(date) {
                let start = self.instant(date, hours.start(), offset);
                let end = self.instant(date, hours.end(), offset);
                if let (Some(start), Some(end)) = (start, end) {
                    let span = Span {
                        start: start.max(from.0),
                        end: end.min(to.0),
                    };
                    if span.start < span.end {
                        spans.push(span);
                    }
                }
            }
        }
        unite(&mut spans);
        spans
    }

    /// The instant that is `minute` minutes after 00:00 of `date`, as local time. A time in a gap moves
    /// forward by the length of the gap, and an ambiguous time is the earlier one. `offset` is that of the
    /// date and the next date, if it does not change.
    fn instant(&self, date: NaiveDate, minute: u16, offset: Option<i32>) -> Option<i64> {
        if let Some(offset) = offset {
            let seconds = i64::from(date.to_epoch_days()) * 86_400 + i64::from(minute) * 60;
            return Some((seconds - i64::from(offset)) * 1000);
        }
        let date = date.checked_add_days(Days::new(u64::from(minute / 1440)))?;
        let local = date.and_hms_opt(u32::from(minute / 60 % 24), u32::from(minute % 60), 0)?;
        let offset = match self.timezone.offset_from_local_datetime(&local) {
            MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => {
                offset.fix().local_minus_utc()
            }
            MappedLocalTime::None => self.offset_before_gap(local)?,
        };
        Some(local.and_utc().timestamp_millis() - i64::from(offset) * 1000)
    }

    /// The offset before the gap around `local`. Read with it, a local time moves forward by the length of
    /// the gap.
    fn offset_before_gap(&self, local: NaiveDateTime) -> Option<i32> {
        let mut earlier = local;
        for _ in 0..GAP_STEPS {
            earlier = earlier.checked_sub_signed(GAP_STEP)?;
            if let Some(offset) = self.timezone.offset_from_local_datetime(&earlier).latest() {
                return Some(offset.fix().local_minus_utc());
            }
        }
        None
    }
}

/// The offsets at three consecutive midnights. If they are equal, the offset does not change between them:
/// no zone ever changed its offset and changed it back within two days.
struct Midnights {
    timezone: Tz,
    /// The third midnight, counted from the current date.
    last: NaiveDate,
    /// Seconds east of UTC. `None`: the midnight does not exist, or exists twice.
    offsets: [Option<i32>; 3],
}

impl Midnights {
    /// The first call of `advance` goes to `date`.
    fn before(timezone: Tz, date: NaiveDate) -> Self {
        let mut midnights = Self {
            timezone,
            last: date.checked_sub_days(Days::new(1)).unwrap_or(date),
            offsets: [None; 3],
        };
        midnights.advance();
        midnights.advance();
        midnights
    }

    /// Goes to the next date. Returns the offset on this date and the next one, if it does not change.
    fn advance(&mut self) -> Option<i32> {
        self.last = self.last.succ_opt()?;
        let midnight = self.last.and_hms_opt(0, 0, 0)?;
        let offset = self.timezone.offset_from_local_datetime(&midnight).single();
        let offset = offset.map(|offset| offset.fix().local_minus_utc());
        let [_, second, third] = self.offsets;
        self.offsets = [second, third, offset];
        let is_same = second.is_some() && second == third && third == offset;
        second.filter(|_| is_same)
    }
}

/// Sorts intervals and joins those that overlap or touch.
fn unite(spans: &mut Vec<Span>) {
    spans.sort_unstable();
    spans.dedup_by(|later, earlier| {
        let joined = later.start <= earlier.end;
        if joined {
            earlier.end = earlier.end.max(later.end);
        }
        joined
    });
}

pub(super) fn utc_date(instant: Timestamp) -> Option<NaiveDate> {
    DateTime::from_timestamp_millis(instant.0).map(|instant| instant.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(timezone: Tz, hours: &str) -> CalendarSpec {
        let hours = vec![OpenHours::parse(hours).unwrap()];
        CalendarSpec {
            timezone,
            weekly: std::array::from_fn(|_| hours.clone()),
            holidays: BTreeSet::new(),
            special: BTreeMap::new(),
        }
    }

    /// Openings that touch the UTC day of `date`, not cut at its ends.
    fn openings(spec: &CalendarSpec, date: &str) -> Vec<(String, String)> {
        let date: NaiveDate = date.parse().unwrap();
        spec.hours(date)
            .iter()
            .map(|hours| {
                let text = |minute| Timestamp(spec.instant(date, minute, None).unwrap()).rfc3339();
                (text(hours.start()), text(hours.end()))
            })
            .collect()
    }

    #[test]
    fn a_gap_moves_times_forward_and_an_ambiguous_time_is_the_earlier() {
        // New York went from 02:00 to 03:00 on 2026-03-08, and back at 02:00 on 2026-11-01.
        let night = spec(Tz::America__New_York, "02:30-04:00");
        assert_eq!(
            openings(&night, "2026-03-08"),
            [(
                "2026-03-08T07:30:00.000Z".to_owned(),
                "2026-03-08T08:00:00.000Z".to_owned()
            )]
        );
        let night = spec(Tz::America__New_York, "01:30-02:00");
        assert_eq!(
            openings(&night, "2026-11-01"),
            [(
                "2026-11-01T05:30:00.000Z".to_owned(),
                "2026-11-01T07:00:00.000Z".to_owned()
            )]
        );
        // Lord Howe changes by half an hour: 02:00 to 02:30 on 2026-10-04.
        let night = spec(Tz::Australia__Lord_Howe, "02:10-06:00");
        assert_eq!(
            openings(&night, "2026-10-04"),
            [(
                "2026-10-03T15:40:00.000Z".to_owned(),
                "2026-10-03T19:00:00.000Z".to_owned()
            )]
        );
    }

    #[test]
    fn the_fast_path_gives_the_same_instants() {
        for zone in [
            Tz::Europe__Berlin,
            Tz::Africa__Casablanca,
            Tz::Pacific__Apia,
            Tz::America__Sao_Paulo,
            Tz::Africa__Monrovia,
        ] {
            let spec = spec(zone, "00:00-24:00");
            let first: NaiveDate = "1880-01-01".parse().unwrap();
            let mut midnights = Midnights::before(zone, first);
            let mut known = 0;
            for date in first.iter_days().take(230 * 365) {
                let offset = midnights.advance();
                known += u32::from(offset.is_some());
                for minute in [0, 90, 150, 720, 1440, 1530, 1590, 2879] {
                    assert_eq!(
                        spec.instant(date, minute, offset),
                        spec.instant(date, minute, None),
                        "{zone} {date} {minute}"
                    );
                }
            }
            assert!(known > 225 * 365, "{known}");
        }
    }

    #[test]
    fn a_skipped_date_adds_nothing() {
        // Samoa went from 2011-12-29 to 2011-12-31.
        let office = spec(Tz::Pacific__Apia, "08:00-16:00");
        let spans = office.spans(
            Timestamp::parse("2011-12-29T00:00:00-10:00").unwrap(),
            Timestamp::parse("2012-01-01T00:00:00+14:00").unwrap(),
        );
        assert_eq!(spans.len(), 2, "{spans:?}");
    }

    #[test]
    fn special_hours_win_over_holidays_and_nights_run_into_them() {
        let mut night = spec(Tz::UTC, "22:00-06:00");
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        night
            .holidays
            .extend([date("2026-01-02"), date("2026-01-03")]);
        night.special.insert(
            date("2026-01-03"),
            vec![OpenHours::parse("06:00-07:00").unwrap()],
        );
        let spans = night.spans(
            Timestamp::parse("2026-01-01T12:00:00Z").unwrap(),
            Timestamp::parse("2026-01-04T12:00:00Z").unwrap(),
        );
        let texts: Vec<(String, String)> = spans
            .iter()
            .map(|span| {
                (
                    Timestamp(span.start).rfc3339()[..16].to_owned(),
                    Timestamp(span.end).rfc3339()[..16].to_owned(),
                )
            })
            .collect();
        assert_eq!(
            texts,
            [
                ("2026-01-01T22:00".to_owned(), "2026-01-02T06:00".to_owned()),
                ("2026-01-03T06:00".to_owned(), "2026-01-03T07:00".to_owned()),
            ]
        );
    }
}
