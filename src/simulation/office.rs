//! Working hours of agents and waking hours of customers.
//!
//! Simpler than a business calendar: a shift lies within one local day, there are no holidays, and the
//! zone's offset at noon holds for the whole day, which is an hour wrong on two nights a year.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds, SECOND, Timestamp};

/// A week and a day contain every shift.
const DAYS_SEARCHED: i64 = 8;

/// A shift in minutes of the local day; the end is exclusive.
pub(super) type Shift = (u16, u16);

/// Hours of agents or customers.
#[derive(Clone, Debug)]
pub(super) struct Office {
    timezone: Tz,
    /// By weekday, Monday first; ascending within a day. `None`: at all times.
    week: Option<[Vec<Shift>; 7]>,
}

impl Office {
    pub(super) fn always(timezone: Tz) -> Self {
        Self {
            timezone,
            week: None,
        }
    }

    pub(super) fn open(timezone: Tz, week: [Vec<Shift>; 7]) -> Self {
        Self {
            timezone,
            week: Some(week),
        }
    }

    /// The time at which `work` milliseconds of open time have passed since `start`. An office without
    /// hours counts as always open.
    pub(super) fn after(&self, start: Timestamp, work: Milliseconds) -> Timestamp {
        let mut at = start;
        let mut left = work.max(0);
        while let Some((opens, closes)) = self.opening(at) {
            let from = opens.max(at);
            let length = closes.since(from);
            if left < length {
                return from.plus(left);
            }
            left -= length;
            at = closes;
        }
        at.plus(left)
    }

    /// The first shift that ends after `at`.
    fn opening(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let week = self.week.as_ref()?;
        let today = local(self.timezone, at).day;
        for day in today..today + DAYS_SEARCHED {
            let shifts = &week[weekday(day)];
            if shifts.is_empty() {
                continue;
            }
            let noon = Timestamp(day * DAY + 12 * HOUR);
            let midnight = day * DAY - offset(self.timezone, noon);
            for &(start, end) in shifts {
                let closes = Timestamp(midnight + i64::from(end) * MINUTE);
                if closes > at {
                    return Some((Timestamp(midnight + i64::from(start) * MINUTE), closes));
                }
            }
        }
        None
    }

    /// Open milliseconds from `start` to `end`.
    #[cfg(test)]
    pub(super) fn between(&self, start: Timestamp, end: Timestamp) -> Milliseconds {
        let mut at = start;
        let mut sum = 0;
        while let Some((opens, closes)) = self.opening(at).filter(|(opens, _)| *opens < end) {
            sum += closes.min(end).since(opens.max(at));
            at = closes;
            if at >= end {
                return sum;
            }
        }
        if self.week.is_none() {
            end.since(start)
        } else {
            sum
        }
    }
}

/// A local date and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Days since 1970-01-01.
    pub(super) day: i64,
    /// 0..24.
    pub(super) hour: usize,
    pub(super) next_hour: Timestamp,
}

pub(super) fn local(timezone: Tz, at: Timestamp) -> Local {
    let shown = at.0.saturating_add(offset(timezone, at));
    Local {
        day: shown.div_euclid(DAY),
        hour: usize::try_from(shown.rem_euclid(DAY) / HOUR).unwrap_or(0),
        next_hour: at.plus(HOUR - shown.rem_euclid(HOUR)),
    }
}

/// 0 = Monday; 1970-01-01 was a Thursday.
pub(super) fn weekday(day: i64) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// Offset of the zone from UTC.
fn offset(timezone: Tz, at: Timestamp) -> Milliseconds {
    DateTime::from_timestamp_millis(at.0).map_or(0, |instant| {
        let fixed = timezone
            .offset_from_utc_datetime(&instant.naive_utc())
            .fix();
        i64::from(fixed.local_minus_utc()) * SECOND
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jakarta() -> Office {
        let day = || vec![(8 * 60, 12 * 60), (13 * 60, 17 * 60)];
        let week = [day(), day(), day(), day(), day(), Vec::new(), Vec::new()];
        Office::open(chrono_tz::Asia::Jakarta, week)
    }

    fn instant(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn work_stops_for_lunch_night_and_weekend() {
        let office = jakarta();
        // Friday 11:30 local and one hour of work: 13:30.
        let friday = instant("2026-03-06T11:30:00+07:00");
        assert_eq!(
            office.after(friday, HOUR),
            instant("2026-03-06T13:30:00+07:00")
        );
        assert_eq!(
            office.after(friday, 5 * HOUR),
            instant("2026-03-09T08:30:00+07:00")
        );
        assert_eq!(
            office.after(instant("2026-03-07T02:00:00+07:00"), 0),
            instant("2026-03-09T08:00:00+07:00")
        );
        assert_eq!(
            office.after(friday, 80 * HOUR),
            instant("2026-03-20T11:30:00+07:00")
        );
    }

    #[test]
    fn between_measures_what_after_adds() {
        let office = jakarta();
        let friday = instant("2026-03-06T11:30:00+07:00");
        for hours in [1, 3, 5, 90] {
            let end = office.after(friday, hours * HOUR + 7);
            assert_eq!(office.between(friday, end), hours * HOUR + 7);
        }
    }

    #[test]
    fn always_and_never_pass_the_time() {
        let start = instant("2026-03-07T02:00:00Z");
        let always = Office::always(chrono_tz::Asia::Jakarta);
        assert_eq!(always.after(start, HOUR), start.plus(HOUR));
        let never = Office::open(chrono_tz::Asia::Jakarta, Default::default());
        assert_eq!(never.after(start, HOUR), start.plus(HOUR));
    }

    #[test]
    fn weekdays_and_hours_are_local() {
        // Sunday 20:30 in UTC is Monday 03:30 in Jakarta.
        let shown = local(chrono_tz::Asia::Jakarta, instant("2026-03-01T20:30:00Z"));
        assert_eq!((weekday(shown.day), shown.hour), (0, 3));
        assert_eq!(shown.next_hour, instant("2026-03-01T21:00:00Z"));
    }
}
