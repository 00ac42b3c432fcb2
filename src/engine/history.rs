//! The history of a ticket, measured: what was a pause, what was solved time, what was withdrawn.
//!
//! Everything that is measured over a ticket's life is a function of a start, an end and this
//! history (contract, section 5), so a change of policy can be judged exactly, backwards.

use std::ops::Deref;

use super::past::{Past, PhaseSum};
use super::timeline::Timeline;
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A calendar of the rules with its number.
#[derive(Clone, Copy, Debug)]
pub struct NumberedCalendar<'a> {
    pub id: CalendarId,
    pub calendar: &'a Calendar,
}

impl Deref for NumberedCalendar<'_> {
    type Target = Calendar;

    fn deref(&self) -> &Calendar {
        self.calendar
    }
}

/// A duration on both time bases, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elapsed {
    pub calendar: Milliseconds,
    pub business: Milliseconds,
}

impl Elapsed {
    /// Of a stretch that counts wholly. Without a calendar all time is business time.
    pub fn of(calendar: Option<NumberedCalendar<'_>>, from: Timestamp, to: Timestamp) -> Self {
        let length = to.since(from);
        Self {
            calendar: length,
            business: calendar.map_or(length, |calendar| calendar.between(from, to)),
        }
    }

    fn add(&mut self, other: Self) {
        self.calendar += other.calendar;
        self.business += other.business;
    }
}

/// What of a stretch of time counts, for people.
#[derive(Clone, Debug)]
pub struct Stretches {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Statuses whose time does not count.
    pub excluded: StatusSet,
    /// In order.
    pub counted: Vec<Counted>,
}

/// A stretch that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub from: Timestamp,
    pub to: Timestamp,
    pub elapsed: Elapsed,
    /// Older phases that are kept as a sum: not all the time from `from` to `to` counts.
    pub is_sum: bool,
}

/// The status history of a ticket: sums of what is old, and the timeline of what is recent.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// What came before the timeline, where that is long.
    pub past: Option<&'a Past>,
    pub timeline: &'a Timeline,
}

/// A piece of history that counts: a stretch of the timeline, or a sum.
enum Piece {
    Stretch,
    Sum(Elapsed),
}

impl<'a> History<'a> {
    /// When the first phase began.
    pub fn start(self) -> Timestamp {
        self.past.map_or(self.timeline.start(), Past::start)
    }

    /// When the ticket was last solved, and how long it has been in `solved` since, withdrawn
    /// time not counted, up to the start of the current phase.
    pub fn solved_since(self) -> (Timestamp, Milliseconds) {
        let run = self.timeline.solved_run();
        match self.past {
            Some(past) if run.is_whole && past.solved_at != Timestamp::NEVER => {
                (past.solved_at, run.length + past.solved_length())
            }
            _ => (run.since, run.length),
        }
    }

    /// The stretches that [`Self::elapsed`] adds up.
    pub fn stretches(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
        excluded: StatusSet,
    ) -> Stretches {
        let mut counted = Vec::new();
        self.pieces(calendar, (start, end), excluded, |from, to, piece| {
            counted.push(Counted::of(calendar, from, to, &piece));
        });
        Stretches {
            start,
            end,
            excluded,
            counted,
        }
    }

    /// The stretches that [`Self::worked`] adds up.
    pub fn worked_stretches(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
    ) -> Stretches {
        let mut counted = Vec::new();
        self.worked_pieces(calendar, start, end, |from, to, piece| {
            counted.push(Counted::of(calendar, from, to, &piece));
        });
        Stretches {
            start,
            end,
            excluded: StatusSet::EMPTY,
            counted,
        }
    }

    /// Time that counts in `[start, end)`: calendar milliseconds, and those of the business
    /// calendar (`None` = always open).
    pub fn elapsed(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
        excluded: StatusSet,
    ) -> Elapsed {
        let mut elapsed = Elapsed::default();
        self.pieces(calendar, (start, end), excluded, |from, to, piece| {
            elapsed.add(piece.elapsed(calendar, from, to));
        });
        elapsed
    }

    /// Like [`Self::elapsed`], of the time in `open` with an assignee alone: derived handle time.
    pub fn worked(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
    ) -> Elapsed {
        let mut elapsed = Elapsed::default();
        self.worked_pieces(calendar, start, end, |from, to, piece| {
            elapsed.add(piece.elapsed(calendar, from, to));
        });
        elapsed
    }

    /// The last instant at which the running time since `start` still equals `target`; `None`
    /// while it stands still below that, paused. It may have passed already; where that was among
    /// phases that are kept as a sum, it is estimated.
    pub fn deadline(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        target: Milliseconds,
        pauses: StatusSet,
    ) -> Option<Timestamp> {
        let excluded = pauses.with(Status::Solved).with(Status::Closed);
        let mut left = target;
        let mut deadline = None;
        let all = (start, Timestamp::NEVER);
        self.pieces(calendar, all, excluded, |from, to, piece| {
            if deadline.is_some() {
                return;
            }
            if let Piece::Sum(elapsed) = piece {
                if elapsed.business > left {
                    deadline = Some(within(from, to, left, elapsed.business));
                }
                left -= elapsed.business;
                return;
            }
            let running = to == Timestamp::NEVER;
            let length = if running {
                0
            } else {
                Elapsed::of(calendar, from, to).business
            };
            if running || length > left {
                deadline = Some(
                    calendar
                        .map_or_else(|| from.plus(left), |calendar| calendar.latest(from, left)),
                );
            }
            left -= length;
        });
        deadline
    }

    /// Shows the pieces of a stretch that count, in order.
    fn pieces(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        (start, end): (Timestamp, Timestamp),
        excluded: StatusSet,
        mut visit: impl FnMut(Timestamp, Timestamp, Piece),
    ) {
        let mut start = start;
        if let Some(past) = self.past.filter(|past| start < past.end) {
            let first = past.start().min(end);
            if start < first && !excluded.contains(Status::New) {
                visit(start, first, Piece::Stretch);
            }
            let counts = |phase: &PhaseSum| !excluded.contains(phase.status);
            past.each(calendar, (start, end), counts, |from, to, elapsed| {
                visit(from, to, Piece::Sum(elapsed));
            });
            start = past.end;
        }
        self.timeline.spans(start, end, excluded, |from, to| {
            visit(from, to, Piece::Stretch);
        });
    }

    /// Shows the pieces in `open` with an assignee, in order.
    fn worked_pieces(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
        mut visit: impl FnMut(Timestamp, Timestamp, Piece),
    ) {
        if let Some(past) = self.past {
            let counts = |phase: &PhaseSum| phase.status == Status::Open && phase.assigned;
            past.each(calendar, (start, end), counts, |from, to, elapsed| {
                visit(from, to, Piece::Sum(elapsed));
            });
        }
        self.timeline.worked_spans(start, end, |from, to| {
            visit(from, to, Piece::Stretch);
        });
    }
}

impl Piece {
    fn elapsed(
        &self,
        calendar: Option<NumberedCalendar<'_>>,
        from: Timestamp,
        to: Timestamp,
    ) -> Elapsed {
        match self {
            Self::Stretch => Elapsed::of(calendar, from, to),
            Self::Sum(elapsed) => *elapsed,
        }
    }
}

impl Counted {
    fn of(
        calendar: Option<NumberedCalendar<'_>>,
        from: Timestamp,
        to: Timestamp,
        piece: &Piece,
    ) -> Self {
        Self {
            from,
            to,
            elapsed: piece.elapsed(calendar, from, to),
            is_sum: matches!(piece, Piece::Sum(_)),
        }
    }
}

/// An instant before the end of a stretch in which `running` passed `left`.
fn within(from: Timestamp, to: Timestamp, left: Milliseconds, running: Milliseconds) -> Timestamp {
    let share = i128::from(to.since(from)) * i128::from(left.max(0)) / i128::from(running.max(1));
    let estimate = from.plus(i64::try_from(share).unwrap_or(0));
    estimate.min(to.minus(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::timeline::Phase;

    const PAUSES: StatusSet = StatusSet::EMPTY.with(Status::Pending);

    fn timeline(changes: &[(i64, Status)]) -> Timeline {
        let phase = |status| Phase {
            status,
            withdrawn: false,
            assigned: false,
        };
        let mut timeline = Timeline::new(Timestamp(changes[0].0), phase(changes[0].1));
        for (at, status) in &changes[1..] {
            timeline.enter(Timestamp(*at), phase(*status));
        }
        timeline
    }

    fn history(timeline: &Timeline) -> History<'_> {
        History {
            past: None,
            timeline,
        }
    }

    #[test]
    fn a_deadline_moves_with_pauses_and_may_have_passed() {
        let open = timeline(&[(0, Status::New), (10, Status::Pending), (50, Status::Open)]);
        let deadline = |timeline: &Timeline, target| {
            history(timeline)
                .deadline(None, Timestamp(0), target, PAUSES)
                .map(|at| at.0)
        };
        assert_eq!(deadline(&open, 30), Some(70));
        assert_eq!(
            deadline(&open, 10),
            Some(50),
            "the pause begins in time and ends in time"
        );
        assert_eq!(deadline(&open, 9), Some(9));
        let paused = timeline(&[(0, Status::New), (10, Status::Pending)]);
        assert_eq!(deadline(&paused, 10), None);
        assert_eq!(deadline(&paused, 9), Some(9));
    }

    #[test]
    fn elapsed_leaves_out_what_is_excluded() {
        let reopened = timeline(&[
            (0, Status::New),
            (10, Status::Solved),
            (30, Status::Open),
            (40, Status::Solved),
        ]);
        let solved = StatusSet::EMPTY.with(Status::Solved);
        let elapsed = |start, end| {
            history(&reopened)
                .elapsed(None, Timestamp(start), Timestamp(end), solved)
                .calendar
        };
        assert_eq!(elapsed(0, 40), 20);
        assert_eq!(elapsed(-5, 35), 20);
        assert_eq!(elapsed(12, 20), 0);
    }
}
