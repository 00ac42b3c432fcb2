//! The older part of a long history, as sums.
//!
//! A ticket keeps its newest phases one by one. Older ones are added up: for each status, with and
//! without an assignee, how much time there was, on every calendar of the configuration. That is
//! all that a goal or KPI asks of them, as long as it does not begin or end among them. So the
//! sums are cut at every instant from which something is still measured (the *marks*: creation,
//! start of a goal, start of a leg, …), and every number is the one that the phases would give.
//!
//! Two things can only be estimated, in proportion to time: a creation that becomes known after
//! the phases around it were added up, and the business time on a calendar that came into the
//! configuration after that.

use super::history::{Elapsed, NumberedCalendar};
use super::timeline::Phase;
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::Status;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// Phases that a ticket keeps one by one, at most: few tickets ever have more, and a deadline is
/// judged by going through them.
pub const MOST_PHASES: usize = 64;
/// How many of them are kept when the others are added up: half, so that each phase is handled
/// once, whatever comes.
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

/// Phases that are added up. They end where the next sums begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub start: Timestamp,
    /// Withdrawn time is in none of them.
    pub phases: Vec<PhaseSum>,
}

/// The older part of a ticket's status history, as sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// In order, and never empty.
    pub sums: Vec<Sums>,
    /// Where the phases begin that are kept one by one.
    pub end: Timestamp,
    /// When the ticket was last solved, where it has been since then and that is before `end`;
    /// else [`Timestamp::NEVER`].
    pub solved_at: Timestamp,
    /// How many phases were added up.
    pub phases: u64,
}

impl Past {
    /// A past without length.
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

    /// Adds the phase that begins where the past ends.
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

    /// Makes one of neighbors that no mark parts any more.
    pub fn join(&mut self, marks: &[Timestamp], calendars: &[Calendar]) {
        let mut joined = Self {
            sums: Vec::with_capacity(self.sums.len().min(marks.len() + 1)),
            ..Self::new(self.end)
        };
        for position in 0..self.sums.len() {
            let part = self.known(position, calendars);
            match joined.sums.last_mut() {
                Some(last) if !marks.contains(&part.start) => last.join(part),
                _ => joined.sums.push(part),
            }
        }
        self.sums = joined.sums;
    }

    /// The same sums with business time on just these calendars.
    fn known(&self, position: usize, calendars: &[Calendar]) -> Sums {
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

    /// Shows what of `[start, end)` counts, sums by sums.
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

    /// The calendars that there is business time of.
    pub fn calendars(&self) -> impl Iterator<Item = CalendarId> {
        let phases = self.sums.iter().flat_map(|sums| &sums.phases);
        phases.flat_map(|phase| phase.business.iter().map(|(id, _)| *id))
    }

    /// Gives calendars other numbers; what has none is dropped.
    pub fn renumber(&mut self, number: impl Fn(CalendarId) -> Option<CalendarId>) {
        for phase in self.sums.iter_mut().flat_map(|sums| &mut sums.phases) {
            let business = std::mem::take(&mut phase.business).into_iter();
            phase.business = business
                .filter_map(|(id, length)| Some((number(id)?, length)))
                .collect();
            phase.business.sort_unstable_by_key(|(id, _)| *id);
            // Two calendars that became one say the same.
            phase.business.dedup_by_key(|(id, _)| *id);
        }
    }
}

impl Sums {
    /// The sum of a phase, at nothing if it is new.
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

    /// Adds what comes right behind it, with the same calendars.
    fn join(&mut self, behind: Self) {
        for added in behind.phases {
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

    /// Business time on a calendar; an estimate where the calendar is a new one.
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

/// `length * part / whole`, exactly where all of it is asked for.
fn portion(length: Milliseconds, part: Milliseconds, whole: Milliseconds) -> Milliseconds {
    if part == whole || whole == 0 {
        return length;
    }
    let product = i128::from(length) * i128::from(part) / i128::from(whole);
    i64::try_from(product).unwrap_or(length)
}
