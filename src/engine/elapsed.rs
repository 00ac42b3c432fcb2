//! Durations on the two clocks: calendar time and business time.

use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A calendar of the rules with its number.
#[derive(Clone, Copy, Debug)]
pub struct NumberedCalendar<'a> {
    pub id: CalendarId,
    pub calendar: &'a Calendar,
}

impl NumberedCalendar<'_> {
    /// Business time between two instants.
    pub fn between(self, from: Timestamp, to: Timestamp) -> Milliseconds {
        self.calendar.between(from, to)
    }
}

/// A duration on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elapsed {
    pub calendar: Milliseconds,
    pub business: Milliseconds,
}

impl Elapsed {
    /// The length of a stretch of time. Without a calendar all time is business time.
    pub fn of(calendar: Option<NumberedCalendar<'_>>, from: Timestamp, to: Timestamp) -> Self {
        let length = to.since(from);
        Self {
            calendar: length,
            business: calendar.map_or(length, |calendar| calendar.between(from, to)),
        }
    }

    pub fn add(&mut self, other: Self) {
        self.calendar += other.calendar;
        self.business += other.business;
    }
}
