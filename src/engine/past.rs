//! The older part of a long history, as sums.
//!
//! A ticket keeps its newest phases one by one. It adds the older ones up: for each status, with and
//! without an assignee, the time on every calendar of the configuration. KPIs and goals need no more
//! than that, unless they begin or end among those phases. So a new sum begins at every instant from
//! which something is still measured. Such an instant is a *mark*: the creation, the start of a goal,
//! the start of a leg. Every number is then the same as with the phases themselves.
//!
//! Two values are only estimates, in proportion to time: a creation that becomes known after the
//! phases around it were added up, and business time on a calendar that was configured after that.

use super::elapsed::{Elapsed, NumberedCalendar};
use super::timeline::Phase;
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::Status;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// The most phases that a ticket keeps one by one. Few tickets ever have more. Each evaluation of a
/// deadline goes through all of them.
pub const MOST_PHASES: usize = 64;
/// The phases that remain when the older ones are added up. Half of the most, so that each phase is
/// moved at most once.
pub const KEPT_PHASES: usize = MOST_PHASES / 2;

/// Time in one status, with or without an assignee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSum {
    pub status: Status,
    pub assigned: bool,
    /// Calendar time.
    pub calendar: Milliseconds,
    /// Business time, ascending by calendar.
    pub business: Vec<(CalendarId, Milliseconds)>,
}

/// Phases that are added up. They end at the start of the next sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub start: Timestamp,
    /// They do not contain withdrawn time.
    pub phases: Vec<PhaseSum>,
}

/// The older part of a ticket's status history, as sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// In order of time.
    pub sums: Vec<Sums>,
    /// The start of the phases that are kept one by one.
    pub end: Timestamp,
    /// The last solve, if it is before `end` and the ticket is still solved. Otherwise
    /// [`Timestamp::NEVER`].
    pub solved_at: Timestamp,
    /// The number of phases in the sums.
    pub phases: u64,
}

impl Past {
    /// An empty past.
    pub fn new(start: Timestamp) -> Self {
        Self {
            sums: Vec::new(),
            end: start,
            solved_at: Timestamp::NEVER,
            phases: 0,
        }
    }

    pub fn start(&self) -> Timestamp {
        self.sums.first().map_or(self.end, |sums| sums.start)
    }

    /// Adds the phase that begins at the end of the past.
    pub fn add(
        &mut self,
        to: Timestamp,
        phase: Phase,
        marks: &[Timestamp],
        calendars: &[Calendar],
    ) {
        self.phases += 1;
        while self.end < to {
            let from = self.end;
            if self.sums.is_empty() || marks.contains(&from) {
                self.sums.push(Sums {
                    start: from,
                    phases: Vec::new(),
                });
            }
            let within = marks.iter().filter(|mark| from < **mark && **mark < to);
            self.end = within.min().copied().unwrap_or(to);
            if !phase.withdrawn
                && let Some(last) = self.sums.last_mut()
            {
                last.sum(phase).add(from, self.end, calendars);
            }
        }
    }

    /// Joins neighbors that no mark separates any longer.
    pub fn join(&mut self, marks: &[Timestamp], calendars: &[Calendar]) {
        let mut joined = Self {
            sums: Vec::with_capacity(self.sums.len().min(marks.len() + 1)),
            ..Self::new(self.end)
        };
        for position in 0..self.sums.len() {
            let part = self.on_calendars(position, calendars);
            match joined.sums.last_mut() {
                Some(last) if !marks.contains(&part.start) => last.join(part),
                _ => joined.sums.push(part),
            }
        }
        self.sums = joined.sums;
    }

    /// The same sums with business time on exactly these calendars.
    fn on_calendars(&self, position: usize, calendars: &[Calendar]) -> Sums {
        let mut sums = self.sums[position].clone();
        let (from, to) = (sums.start, self.end_of(position));
        for phase in &mut sums.phases {
            phase.business = numbered(calendars)
                .map(|calendar| (calendar.id, phase.on(calendar, from, to)))
                .collect();
        }
        sums
    }

    fn end_of(&self, position: usize) -> Timestamp {
        let next = self.sums.get(position + 1);
        next.map_or(self.end, |next| next.start)
    }

    /// Visits the part of `[start, end)` that counts, sum by sum.
    pub fn each(
        &self,
        calendar: Option<NumberedCalendar<'_>>,
        (start, end): (Timestamp, Timestamp),
        counts: impl Fn(&PhaseSum) -> bool,
        mut visit: impl FnMut(Timestamp, Timestamp, Elapsed),
    ) {
        for (position, sums) in self.sums.iter().enumerate() {
            let whole = (sums.start, self.end_of(position));
            let part = (whole.0.max(start), whole.1.min(end));
            if part.0 >= part.1 {
                continue;
            }
            let share = |length| portion(length, part.1.since(part.0), whole.1.since(whole.0));
            let mut elapsed = Elapsed::default();
            for phase in sums.phases.iter().filter(|phase| counts(phase)) {
                elapsed.calendar += share(phase.calendar);
                elapsed.business += share(match calendar {
                    None => phase.calendar,
                    Some(calendar) => phase.on(calendar, whole.0, whole.1),
                });
            }
            if elapsed.calendar > 0 {
                visit(part.0, part.1, elapsed);
            }
        }
    }

    /// Time in `solved` since [`Self::solved_at`].
    pub fn solved_length(&self) -> Milliseconds {
        let mut length = 0;
        let solved = |phase: &PhaseSum| phase.status == Status::Solved;
        self.each(None, (self.solved_at, self.end), solved, |_, _, elapsed| {
            length += elapsed.calendar;
        });
        length
    }

    /// The calendars that the sums have business time for.
    pub fn calendars(&self) -> impl Iterator<Item = CalendarId> {
        let phases = self.sums.iter().flat_map(|sums| &sums.phases);
        phases.flat_map(|phase| phase.business.iter().map(|(id, _)| *id))
    }

    /// Gives calendars other numbers. Drops those without a new number.
    pub fn renumber(&mut self, number: impl Fn(CalendarId) -> Option<CalendarId>) {
        for phase in self.sums.iter_mut().flat_map(|sums| &mut sums.phases) {
            let business = std::mem::take(&mut phase.business).into_iter();
            phase.business = business
                .filter_map(|(id, length)| Some((number(id)?, length)))
                .collect();
            phase.business.sort_unstable_by_key(|(id, _)| *id);
            // Two calendars may have become one. Their times are equal.
            phase.business.dedup_by_key(|(id, _)| *id);
        }
    }
}

impl Sums {
    /// The sum of a phase. Creates it at 0 if necessary.
    fn sum(&mut self, phase: Phase) -> &mut PhaseSum {
        let known = self
            .phases
            .iter()
            .position(|sum| (sum.status, sum.assigned) == (phase.status, phase.assigned));
        let position = known.unwrap_or_else(|| {
            self.phases.push(PhaseSum {
                status: phase.status,
                assigned: phase.assigned,
                calendar: 0,
                business: Vec::new(),
            });
            self.phases.len() - 1
        });
        &mut self.phases[position]
    }

    /// Adds the next sums, which must have the same calendars.
    fn join(&mut self, next: Self) {
        for added in next.phases {
            let sum = self.sum(Phase {
                status: added.status,
                assigned: added.assigned,
                withdrawn: false,
            });
            sum.calendar += added.calendar;
            if sum.business.is_empty() {
                sum.business = added.business;
            } else {
                for (sum, added) in sum.business.iter_mut().zip(added.business) {
                    sum.1 += added.1;
                }
            }
        }
    }
}

impl PhaseSum {
    fn add(&mut self, from: Timestamp, to: Timestamp, calendars: &[Calendar]) {
        self.calendar += to.since(from);
        for calendar in numbered(calendars) {
            let length = calendar.between(from, to);
            match self
                .business
                .binary_search_by_key(&calendar.id, |(id, _)| *id)
            {
                Ok(position) => self.business[position].1 += length,
                Err(position) => self.business.insert(position, (calendar.id, length)),
            }
        }
    }

    /// Business time on a calendar. An estimate if the calendar is newer than the sum.
    fn on(&self, calendar: NumberedCalendar<'_>, from: Timestamp, to: Timestamp) -> Milliseconds {
        match self
            .business
            .binary_search_by_key(&calendar.id, |(id, _)| *id)
        {
            Ok(position) => self.business[position].1,
            Err(_) => portion(self.calendar, calendar.between(from, to), to.since(from)),
        }
    }
}

fn numbered(calendars: &[Calendar]) -> impl Iterator<Item = NumberedCalendar<'_>> {
    (0..=u16::MAX)
        .map(CalendarId)
        .zip(calendars)
        .map(|(id, calendar)| NumberedCalendar { id, calendar })
}

/// `length * part / whole`, without rounding if `part` is the whole.
fn portion(length: Milliseconds, part: Milliseconds, whole: Milliseconds) -> Milliseconds {
    if part == whole || whole == 0 {
        return length;
    }
    let product = i128::from(length) * i128::from(part) / i128::from(whole);
    i64::try_from(product).unwrap_or(length)
}
