//! The status history of a ticket, measured.
//!
//! Every duration and every deadline is a function of a start, an end and this history (contract,
//! section 5). So a goal can be evaluated exactly at any time, also after a change of policy.

use super::elapsed::{Elapsed, NumberedCalendar};
use super::past::{Past, PhaseSum};
use super::timeline::Timeline;
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// A stretch that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedStretch {
    pub from: Timestamp,
    pub to: Timestamp,
    pub elapsed: Elapsed,
    /// A sum of older phases: only a part of the time between `from` and `to` counts.
    pub is_sum: bool,
}

/// The status history of a ticket: sums of the old phases, and the timeline of the recent ones.
#[derive(Clone, Copy, Debug)]
pub struct TicketHistory<'a> {
    /// The phases before the timeline. Only long histories have them.
    pub past: Option<&'a Past>,
    pub timeline: &'a Timeline,
}

/// A piece of history that counts: a stretch of the timeline, or a sum.
enum HistoryPiece {
    Stretch,
    Sum(Elapsed),
}

impl<'a> TicketHistory<'a> {
    /// The start of the first phase.
    pub fn start(self) -> Timestamp {
        self.past.map_or(self.timeline.start(), Past::start)
    }

    /// The time of the last solve, and the time in `solved` since then up to the start of the
    /// current phase. Withdrawn time does not count.
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
    ) -> Vec<CountedStretch> {
        let mut counted = Vec::new();
        self.pieces(calendar, (start, end), excluded, |from, to, piece| {
            counted.push(CountedStretch::of(calendar, from, to, &piece));
        });
        counted
    }

    /// The stretches that [`Self::worked`] adds up.
    pub fn worked_stretches(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
    ) -> Vec<CountedStretch> {
        let mut counted = Vec::new();
        self.worked_pieces(calendar, start, end, |from, to, piece| {
            counted.push(CountedStretch::of(calendar, from, to, &piece));
        });
        counted
    }

    /// The time in `[start, end)` that counts. A business calendar of `None` is always open.
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

    /// The time in `open` with an assignee: derived handle time.
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

    /// The last instant at which the running time since `start` still equals `target`. `None`: the
    /// goal is paused before it reaches the target.
    ///
    /// The deadline may have passed already. It is an estimate if it lies among phases that are
    /// kept as a sum.
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
            if let HistoryPiece::Sum(elapsed) = piece {
                if elapsed.business > left {
                    deadline = Some(estimated_deadline(from, to, left, elapsed.business));
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
                deadline = Some(calendar.map_or_else(
                    || from.plus(left),
                    |calendar| calendar.calendar.latest(from, left),
                ));
            }
            left -= length;
        });
        deadline
    }

    /// Visits the pieces of a stretch that count, in order.
    fn pieces(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        (start, end): (Timestamp, Timestamp),
        excluded: StatusSet,
        mut visit: impl FnMut(Timestamp, Timestamp, HistoryPiece),
    ) {
        let mut start = start;
        if let Some(past) = self.past.filter(|past| start < past.end) {
            let first = past.start().min(end);
            if start < first && !excluded.contains(Status::New) {
                visit(start, first, HistoryPiece::Stretch);
            }
            let counts = |phase: &PhaseSum| !excluded.contains(phase.status);
            past.each(calendar, (start, end), counts, |from, to, elapsed| {
                visit(from, to, HistoryPiece::Sum(elapsed));
            });
            start = past.end;
        }
        self.timeline.spans(start, end, excluded, |from, to| {
            visit(from, to, HistoryPiece::Stretch);
        });
    }

    /// Visits the pieces in `open` with an assignee, in order.
    fn worked_pieces(
        self,
        calendar: Option<NumberedCalendar<'_>>,
        start: Timestamp,
        end: Timestamp,
        mut visit: impl FnMut(Timestamp, Timestamp, HistoryPiece),
    ) {
        if let Some(past) = self.past {
            let counts = |phase: &PhaseSum| phase.status == Status::Open && phase.assigned;
            past.each(calendar, (start, end), counts, |from, to, elapsed| {
                visit(from, to, HistoryPiece::Sum(elapsed));
            });
        }
        self.timeline.worked_spans(start, end, |from, to| {
            visit(from, to, HistoryPiece::Stretch);
        });
    }
}

impl HistoryPiece {
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

impl CountedStretch {
    fn of(
        calendar: Option<NumberedCalendar<'_>>,
        from: Timestamp,
        to: Timestamp,
        piece: &HistoryPiece,
    ) -> Self {
        Self {
            from,
            to,
            elapsed: piece.elapsed(calendar, from, to),
            is_sum: matches!(piece, HistoryPiece::Sum(_)),
        }
    }
}

/// Estimates when the running time of a stretch passed `left`: before the end of the stretch.
fn estimated_deadline(
    from: Timestamp,
    to: Timestamp,
    left: Milliseconds,
    running: Milliseconds,
) -> Timestamp {
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

    fn history(timeline: &Timeline) -> TicketHistory<'_> {
        TicketHistory {
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
