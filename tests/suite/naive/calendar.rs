//! Section 3: business calendars as plain lists of open intervals. Without a calendar the team is always
//! open.

use super::setup::CalendarSetup;
use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use std::cell::RefCell;

/// Days computed at a time.
const BLOCK: i64 = 400;
/// A calendar that hardly ever opens again: the search for a deadline ends after this number of days.
const HORIZON: i64 = 60 * 366;

#[derive(Debug)]
pub struct Calendar {
    setup: CalendarSetup,
    zone: Tz,
    open: RefCell<Open>,
}

#[derive(Debug)]
struct Open {
    /// The first date that is not computed yet.
    next: NaiveDate,
    /// Merged open intervals in time order: from, to, and the open time before `from`.
    intervals: Vec<(i64, i64, i64)>,
}

impl Calendar {
    /// A calendar for instants from `earliest` on.
    pub fn new(setup: &CalendarSetup, earliest: i64) -> Self {
        let day = DateTime::from_timestamp_millis(earliest)
            .unwrap()
            .date_naive();
        Self {
            setup: setup.clone(),
            zone: setup.timezone.parse().expect("an IANA zone"),
            open: RefCell::new(Open {
                next: day - Duration::days(3),
                intervals: Vec::new(),
            }),
        }
    }

    /// Open milliseconds in [from, to].
    pub fn open_between(&self, from: i64, to: i64) -> i64 {
        if to <= from {
            return 0;
        }
        while self.known_until() < to {
            self.work_out_more();
        }
        self.open_before(to) - self.open_before(from)
    }

    /// The last instant up to which exactly `amount` of open time has passed since `from`.
    pub fn last_instant(&self, from: i64, amount: i64) -> Option<i64> {
        while self.known_until() < from {
            self.work_out_more();
        }
        let limit = self.known_until() + HORIZON * 86_400_000;
        let goal = self.open_before(from) + amount;
        loop {
            // The first interval in which more than `goal` of open time passes.
            let found = {
                let open = self.open.borrow();
                let index = open
                    .intervals
                    .partition_point(|(start, end, before)| before + (end - start) <= goal);
                open.intervals.get(index).copied()
            };
            if let Some((start, _, before)) = found {
                return Some((start + (goal - before)).max(from));
            }
            if self.known_until() > limit {
                return None;
            }
            self.work_out_more();
        }
    }

    fn open_before(&self, instant: i64) -> i64 {
        let open = self.open.borrow();
        let index = open
            .intervals
            .partition_point(|(start, _, _)| *start < instant);
        match index.checked_sub(1).map(|index| open.intervals[index]) {
            Some((start, end, before)) => before + instant.min(end) - start,
            None => 0,
        }
    }

    /// The list before this instant is final. It is a day before the last computed date, because of
    /// intervals that cross midnight and of zones behind UTC.
    fn known_until(&self) -> i64 {
        let next = self.open.borrow().next - Duration::days(2);
        next.and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_millis()
    }

    fn work_out_more(&self) {
        let mut open = self.open.borrow_mut();
        let mut found: Vec<(i64, i64)> = open.intervals.iter().map(|(a, b, _)| (*a, *b)).collect();
        for _ in 0..BLOCK {
            let date = open.next;
            for (from, to) in self.hours_of(date) {
                let start = self.resolve(date, from);
                let end = self.resolve(date, if to <= from { to + 24 * 60 } else { to });
                if start < end {
                    found.push((start, end));
                }
            }
            open.next = date.succ_opt().unwrap();
        }
        found.sort_unstable();
        let mut merged: Vec<(i64, i64, i64)> = Vec::new();
        for (from, to) in found {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                Some(last) => {
                    let before = last.2 + last.1 - last.0;
                    merged.push((from, to, before));
                }
                None => merged.push((from, to, 0)),
            }
        }
        open.intervals = merged;
    }

    /// The intervals that start on a date, in minutes of the day: its special hours, none on a holiday,
    /// otherwise those of its weekday.
    fn hours_of(&self, date: NaiveDate) -> Vec<(i64, i64)> {
        let key = date.format("%Y-%m-%d").to_string();
        let texts = if let Some(special) = self.setup.special.get(&key) {
            special.clone()
        } else if self.setup.holidays.contains(&key) {
            Vec::new()
        } else {
            let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
                [date.weekday().num_days_from_monday() as usize];
            self.setup.weekly.get(day).cloned().unwrap_or_default()
        };
        texts.iter().map(|text| hours(text)).collect()
    }

    /// The instant of a local time. A time in a gap moves forward by the gap; of two instants the earlier
    /// one counts.
    fn resolve(&self, date: NaiveDate, minutes: i64) -> i64 {
        let local: NaiveDateTime =
            date.and_time(chrono::NaiveTime::MIN) + Duration::minutes(minutes);
        if let Some(instant) = self.zone.from_local_datetime(&local).earliest() {
            return instant.timestamp_millis();
        }
        // In a gap the offset before it applies.
        for quarter in 1..=200 {
            let before = local - Duration::minutes(15 * quarter);
            if let Some(instant) = self.zone.from_local_datetime(&before).latest() {
                let offset = i64::from(instant.offset().fix().local_minus_utc());
                return local.and_utc().timestamp_millis() - offset * 1000;
            }
        }
        panic!("no zone has a gap of days");
    }
}

/// `"08:00-12:00"` in minutes of the day.
fn hours(text: &str) -> (i64, i64) {
    let (from, to) = text.split_once('-').expect("from-to");
    let minutes = |time: &str| {
        let (hour, minute) = time.trim().split_once(':').expect("hour:minute");
        hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
    };
    (minutes(from), minutes(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories;

    /// Calendars of unusual zones, each for instants around a change of its clocks.
    fn calendars() -> Vec<(Calendar, i64)> {
        let mut calendars = Vec::new();
        for seed in 0..40 {
            let setup = stories::random(seed, stories::Size::default()).0;
            for calendar in setup.calendars.values() {
                for from in [1_772_953_200_000, 1_775_314_800_000, 1_792_890_000_000] {
                    calendars.push((Calendar::new(calendar, from - 172_800_000), from));
                }
            }
        }
        calendars
    }

    #[test]
    fn the_last_instant_is_the_last() {
        for (calendar, change) in calendars() {
            for hours in 0..60 {
                let from = change - 86_400_000 + hours * 3_511_000;
                let amount = hours * 1_700_003;
                let last = calendar.last_instant(from, amount).unwrap();
                assert_eq!(calendar.open_between(from, last), amount, "{calendar:?}");
                assert_eq!(calendar.open_between(from, last + 1), amount + 1);
            }
        }
    }

    #[test]
    fn open_time_adds_up_however_it_is_split() {
        for (calendar, change) in calendars() {
            let (from, to) = (change - 86_400_000, change + 86_400_000);
            let pieces: i64 = (0..192)
                .map(|quarter| {
                    let start = from + quarter * 900_000;
                    let open = calendar.open_between(start, start + 900_000);
                    assert!((0..=900_000).contains(&open));
                    open
                })
                .sum();
            assert_eq!(calendar.open_between(from, to), pieces);
        }
    }
}
