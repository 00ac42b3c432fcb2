//! Working hours of agents, waking hours of customers, and local time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::domain::calendar::{Calendar, CalendarSpec, OpenHours};
use crate::domain::timestamp::{DAY, HOUR, Milliseconds, SECOND, Timestamp};

/// Hours of agents or customers. `None`: at all times.
#[derive(Clone, Debug)]
pub(super) struct Office(pub(super) Option<Arc<Calendar>>);

impl Office {
    /// Open at these hours on the first days of the week.
    pub(super) fn open(timezone: Tz, days: usize, hours: &[&str]) -> Self {
        let hours = hours.iter().filter_map(|text| OpenHours::parse(text));
        let mut weekly: [Vec<OpenHours>; 7] = Default::default();
        weekly[..days].fill(hours.collect());
        let calendar = Calendar::compile(&CalendarSpec {
            timezone,
            weekly,
            holidays: BTreeSet::new(),
            special: BTreeMap::new(),
        });
        Self(calendar.ok().map(Arc::new))
    }

    /// The time at which `work` milliseconds of open time have passed since `start`.
    pub(super) fn after(&self, start: Timestamp, work: Milliseconds) -> Timestamp {
        match &self.0 {
            Some(calendar) => calendar.latest(start, work),
            None => start.plus(work.max(0)),
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

    fn instant(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn work_stops_for_lunch_and_weekend() {
        let hours = ["08:00-12:00", "13:00-17:00"];
        let office = Office::open(chrono_tz::Asia::Jakarta, 5, &hours);
        let friday = instant("2026-03-06T11:30:00+07:00");
        for (work, end) in [
            (HOUR, "2026-03-06T13:30:00+07:00"),
            (5 * HOUR, "2026-03-09T08:30:00+07:00"),
        ] {
            assert_eq!(office.after(friday, work), instant(end));
        }
        assert_eq!(Office(None).after(friday, HOUR), friday.plus(HOUR));
    }

    #[test]
    fn weekdays_and_hours_are_local() {
        // Sunday 20:30 in UTC is Monday 03:30 in Jakarta.
        let shown = local(chrono_tz::Asia::Jakarta, instant("2026-03-01T20:30:00Z"));
        assert_eq!((weekday(shown.day), shown.hour), (0, 3));
        assert_eq!(shown.next_hour, instant("2026-03-01T21:00:00Z"));
    }
}
