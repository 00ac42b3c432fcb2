//! Business calendars (contract, section 3): the opening hours of a team.
//!
//! A [`CalendarSpec`] has the hours of each date. A [`Calendar`] has them as intervals of time, so that a
//! look-up takes nanoseconds: the engine asks it for every observation. A team that is always open has no
//! calendar.

mod hours;
mod spec;

pub mod ics;

pub use hours::OpenHours;
pub use spec::CalendarSpec;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use spec::{REACH, Span, utc_date};

use super::timestamp::{DAY, Milliseconds, Timestamp};

/// The years with precomputed intervals. They take 1.1 MB for an office with a lunch break. In other
/// years a look-up walks the dates of one year.
const PRECOMPUTED: std::ops::Range<i32> = 1970..2100;
/// Outside of these years no zone of the compiled-in database changes its offset. Such years differ only
/// by leap days, weekdays and dated exceptions.
const ZONES_CHANGE: std::ops::Range<i32> = 1800..2110;
/// The years of event times ([`Timestamp::EARLIEST`] to [`Timestamp::LATEST`]).
const YEARS: std::ops::Range<i32> = 1..10_000;

/// The index of a calendar in the counting rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarId(pub u16);

impl CalendarId {
    /// The most calendars. [`Self::NO_NUMBER`] is not an id.
    pub const COUNT: usize = Self::NO_NUMBER as usize;
    /// Stands for no calendar.
    pub const NO_NUMBER: u16 = u16::MAX;

    /// `None`: the index is too large.
    pub fn at(index: usize) -> Option<Self> {
        let number = u16::try_from(index).ok();
        number.filter(|number| *number != Self::NO_NUMBER).map(Self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error("no open time")]
    NeverOpen,
}

/// A compiled calendar: intervals of open time, each with the open time before it.
#[derive(Clone)]
pub struct Calendar {
    spec: CalendarSpec,
    /// The intervals of the precomputed years, ascending and disjoint. The last one is a sentinel at the
    /// end of these years.
    intervals: Vec<Interval>,
    /// For each precomputed UTC day: the number of intervals that start before it.
    days: Vec<u32>,
    /// For each year of [`YEARS`] and the year after: the open time before it.
    years: Vec<Milliseconds>,
}

/// The rest follows from the spec.
impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

/// The length of an interval is the difference between its `before` and that of the next.
#[derive(Clone, Copy, Debug)]
struct Interval {
    /// Milliseconds since the epoch.
    start: i64,
    /// Open time from [`Timestamp::EARLIEST`] to `start`.
    before: Milliseconds,
}

impl Calendar {
    /// Takes some tens of milliseconds.
    ///
    /// # Errors
    /// [`CalendarError::NeverOpen`]: no instant from year 1 to 9999 is open.
    pub fn compile(spec: &CalendarSpec) -> Result<Self, CalendarError> {
        let precomputed = spec.spans(year_start(PRECOMPUTED.start), year_start(PRECOMPUTED.end));
        let years = open_time_before_years(spec, &precomputed);
        if years.last() == Some(&0) {
            return Err(CalendarError::NeverOpen);
        }
        let mut before = years[year_index(PRECOMPUTED.start)];
        let mut intervals = Vec::with_capacity(precomputed.len() + 1);
        for span in &precomputed {
            let start = span.start;
            intervals.push(Interval { start, before });
            before += span.end - start;
        }
        let end = year_start(PRECOMPUTED.end).0;
        intervals.push(Interval { start: end, before });
        let mut days = Vec::new();
        let mut next = 0;
        let mut day = year_start(PRECOMPUTED.start).0;
        while day < end {
            while intervals[next].start < day {
                next += 1;
            }
            days.push(u32::try_from(next).unwrap_or(u32::MAX));
            day += DAY;
        }
        Ok(Self {
            spec: spec.clone(),
            intervals,
            days,
            years,
        })
    }

    pub fn spec(&self) -> &CalendarSpec {
        &self.spec
    }

    /// The open time in `[start, end)`, or 0 if `end <= start`. An instant outside of [`YEARS`] counts as
    /// the nearest instant inside.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> Milliseconds {
        if end <= start {
            return 0;
        }
        self.before(end) - self.before(start)
    }

    /// The last instant `t >= start` with `between(start, t) == running`. If `running` ends exactly with
    /// an interval, it is the start of the next one. [`Timestamp::NEVER`] if there is none up to year
    /// 9999. A negative `running` counts as 0.
    pub fn latest(&self, start: Timestamp, running: Milliseconds) -> Timestamp {
        let start = start.clamp(Timestamp::EARLIEST, Timestamp::LATEST);
        let total = self.before(start).saturating_add(running.max(0));
        let last = self.intervals.len() - 1;
        let first = match precomputed_day(start) {
            Some(day) => self.position(day, start).unwrap_or(0),
            None => 0,
        };
        if total < self.intervals[0].before || total >= self.intervals[last].before {
            return self.latest_by_year(total);
        }
        // The answer is rarely far from the start: the step doubles until it is beyond the answer.
        let (mut low, mut step) = (first, 1);
        while low + step < last && self.intervals[low + step].before <= total {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(last);
        let beyond = self.intervals[low..high].partition_point(|one| one.before <= total);
        let interval = self.intervals[low + beyond.max(1) - 1];
        Timestamp(interval.start + (total - interval.before))
    }

    /// The open intervals in `[start, end)`, in order. It is slow, since it walks the dates.
    pub fn openings(&self, start: Timestamp, end: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let spans = self.spec.spans(start, end).into_iter();
        spans
            .map(|span| (Timestamp(span.start), Timestamp(span.end)))
            .collect()
    }

    /// The open time from [`Timestamp::EARLIEST`] to `instant`.
    fn before(&self, instant: Timestamp) -> Milliseconds {
        let Some(day) = precomputed_day(instant) else {
            return self.before_by_year(instant);
        };
        match self.position(day, instant) {
            None => self.intervals[0].before,
            Some(position) => {
                let interval = self.intervals[position];
                let open = self.intervals[position + 1].before - interval.before;
                interval.before + open.min(instant.0 - interval.start)
            }
        }
    }

    /// The last interval that starts at or before `instant`, which is on this precomputed day.
    fn position(&self, day: usize, instant: Timestamp) -> Option<usize> {
        let mut next = self.days[day] as usize;
        // The sentinel starts after every precomputed instant.
        while self.intervals[next].start <= instant.0 {
            next += 1;
        }
        next.checked_sub(1)
    }

    /// [`Self::before`], but it walks the dates of one year.
    #[cold]
    fn before_by_year(&self, instant: Timestamp) -> Milliseconds {
        let instant = instant.clamp(Timestamp::EARLIEST, Timestamp::LATEST);
        let year = utc_date(instant).map_or(YEARS.start, |date| date.year());
        let spans = self.spec.spans(year_start(year), instant);
        self.years[year_index(year)] + open_time(&spans)
    }

    /// The last instant with this open time before it. It walks the dates of one year.
    #[cold]
    fn latest_by_year(&self, total: Milliseconds) -> Timestamp {
        // The instant is in the first year with more open time before its end.
        let year = self.years.partition_point(|before| *before <= total);
        if year == 0 || year == self.years.len() {
            return Timestamp::NEVER;
        }
        let mut left = total - self.years[year - 1];
        let year = YEARS.start + i32::try_from(year - 1).unwrap_or(0);
        for span in self.spec.spans(year_start(year), year_start(year + 1)) {
            let open = span.end - span.start;
            if left < open {
                return Timestamp(span.start + left);
            }
            left -= open;
        }
        Timestamp::NEVER
    }
}

impl std::fmt::Debug for Calendar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Calendar")
            .field("spec", &self.spec)
            .field("intervals", &self.intervals.len())
            .finish_non_exhaustive()
    }
}

/// The open time before each year of [`YEARS`], and before the year after.
fn open_time_before_years(spec: &CalendarSpec, precomputed: &[Span]) -> Vec<Milliseconds> {
    // One walk serves all years that are before or after `ZONES_CHANGE`, have the same length and start
    // on the same weekday.
    let mut alike: [[[Option<Milliseconds>; 7]; 2]; 2] = Default::default();
    let mut years = Vec::with_capacity(YEARS.len() + 1);
    let mut before = 0;
    let mut rest = precomputed;
    for year in YEARS {
        years.push(before);
        let (start, end) = (year_start(year), year_start(year + 1));
        let walk = || open_time(&spec.spans(start, end));
        before += if PRECOMPUTED.contains(&year) {
            open_time_until(&mut rest, start, end)
        } else if ZONES_CHANGE.contains(&year) || has_exception(spec, start, end) {
            walk()
        } else {
            let side = usize::from(year >= ZONES_CHANGE.end);
            let leap = usize::from(end.since(start) > 365 * DAY);
            let weekday = utc_date(start).map_or(Weekday::Mon, |date| date.weekday());
            *alike[side][leap][weekday.num_days_from_monday() as usize].get_or_insert_with(walk)
        };
    }
    years.push(before);
    years
}

/// The open time of `[start, end)`. Removes the spans that end there from the front.
fn open_time_until(spans: &mut &[Span], start: Timestamp, end: Timestamp) -> Milliseconds {
    let mut total = 0;
    while let Some(span) = spans.first().filter(|span| span.start < end.0) {
        total += span.end.min(end.0) - span.start.max(start.0);
        if span.end > end.0 {
            break;
        }
        *spans = &spans[1..];
    }
    total
}

/// Whether a dated exception may touch `[start, end)`.
fn has_exception(spec: &CalendarSpec, start: Timestamp, end: Timestamp) -> bool {
    let (Some(start), Some(end)) = (utc_date(start), utc_date(end)) else {
        return true;
    };
    let reach = Days::new(REACH);
    match (start.checked_sub_days(reach), end.checked_add_days(reach)) {
        (Some(from), Some(to)) => spec.has_exception(from, to),
        _ => true,
    }
}

fn open_time(spans: &[Span]) -> Milliseconds {
    spans.iter().map(|span| span.end - span.start).sum()
}

/// The start of a year in UTC.
fn year_start(year: i32) -> Timestamp {
    let date = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    Timestamp(i64::from(date.to_epoch_days()) * DAY)
}

/// The index of a year in [`Calendar::years`].
fn year_index(year: i32) -> usize {
    usize::try_from(year - YEARS.start).unwrap_or(0)
}

/// The index of the UTC day of an instant in [`Calendar::days`].
fn precomputed_day(instant: Timestamp) -> Option<usize> {
    /// The end of [`PRECOMPUTED`]. A test compares the two.
    const END: i64 = 47_482 * DAY;
    if (0..END).contains(&instant.0) {
        usize::try_from(instant.0 / DAY).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
