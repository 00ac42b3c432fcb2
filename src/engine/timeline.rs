//! The status history of a ticket: what was a pause, what was solved time, what was withdrawn.
//!
//! Everything that is measured over a ticket's life is a function of a start, an end and this
//! history (contract, section 5), so a change of policy can be judged exactly, backwards.

use smallvec::SmallVec;

use crate::domain::calendar::Calendar;
use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// What a ticket is in for a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// While withdrawn: the status to return to.
    pub status: Status,
    pub withdrawn: bool,
    pub assigned: bool,
}

/// A phase and its beginning, in one word: milliseconds above, phase in the low byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment(i64);

const PHASE_BITS: u32 = 8;
const STATUS_MASK: i64 = 0x07;
const WITHDRAWN_BIT: i64 = 0x08;
const ASSIGNED_BIT: i64 = 0x10;

impl Segment {
    fn new(start: Timestamp, phase: Phase) -> Self {
        let mut word = start.0 << PHASE_BITS | phase.status as i64;
        if phase.withdrawn {
            word |= WITHDRAWN_BIT;
        }
        if phase.assigned {
            word |= ASSIGNED_BIT;
        }
        Self(word)
    }

    fn start(self) -> Timestamp {
        Timestamp(self.0 >> PHASE_BITS)
    }

    fn phase(self) -> Phase {
        let status = match self.0 & STATUS_MASK {
            0 => Status::New,
            1 => Status::Open,
            2 => Status::Pending,
            3 => Status::OnHold,
            4 => Status::Solved,
            _ => Status::Closed,
        };
        Phase {
            status,
            withdrawn: self.0 & WITHDRAWN_BIT != 0,
            assigned: self.0 & ASSIGNED_BIT != 0,
        }
    }
}

/// Phases in time order; the last one is the current one.
#[derive(Clone, Debug)]
pub struct Timeline(SmallVec<[Segment; 2]>);

impl Timeline {
    pub fn new(start: Timestamp, phase: Phase) -> Self {
        Self(SmallVec::from_slice(&[Segment::new(start, phase)]))
    }

    pub fn current(&self) -> Phase {
        self.last().phase()
    }

    /// When the current phase began.
    pub fn since(&self) -> Timestamp {
        self.last().start()
    }

    /// When the first phase began.
    pub fn start(&self) -> Timestamp {
        self.0[0].start()
    }

    /// Adds a phase as [`Self::phases`] gave it, not earlier than the last one.
    pub fn append(&mut self, start: Timestamp, phase: Phase) {
        self.0.push(Segment::new(start, phase));
    }

    /// Enters a phase. Phases of no length leave no trace, but for a reopening between two solves:
    /// the second one is the last.
    pub fn enter(&mut self, at: Timestamp, phase: Phase) {
        let current = self.current();
        if current == phase {
            return;
        }
        let at = at.max(self.since());
        if self.since() < at {
            self.0.push(Segment::new(at, phase));
            return;
        }
        let before = self
            .0
            .len()
            .checked_sub(2)
            .map(|position| self.0[position].phase());
        let solved = |phase: Phase| phase.status == Status::Solved;
        let parts_solves = !solved(current) && solved(phase) && before.is_some_and(solved);
        let parts_withdrawals =
            !current.withdrawn && phase.withdrawn && before.is_some_and(|before| before.withdrawn);
        if !parts_solves && !parts_withdrawals {
            self.0.pop();
            if before == Some(phase) {
                return;
            }
        }
        self.0.push(Segment::new(at, phase));
    }

    /// When the ticket was last solved, and how long it has been in `solved` since, withdrawn
    /// time not counted, up to the start of the current phase.
    pub fn solved_since(&self) -> (Timestamp, Milliseconds) {
        let mut solved_at = self.since();
        let mut end = self.since();
        let mut earlier = 0;
        for segment in self.0.iter().rev() {
            let phase = segment.phase();
            if phase.status != Status::Solved {
                break;
            }
            if !phase.withdrawn {
                solved_at = segment.start();
                earlier += end.since(segment.start());
            }
            end = segment.start();
        }
        (solved_at, earlier)
    }

    /// Whether a span counts in a phase: not withdrawn, and the status not excluded.
    fn counts(phase: Phase, excluded: StatusSet) -> bool {
        !phase.withdrawn && !excluded.contains(phase.status)
    }

    /// The stretches of `[start, end)` that count, in order. Before the first phase a ticket was
    /// `new`: one whose creation becomes known late was already there.
    fn spans(
        &self,
        start: Timestamp,
        end: Timestamp,
        excluded: StatusSet,
        mut visit: impl FnMut(Timestamp, Timestamp),
    ) {
        let mut open = (!excluded.contains(Status::New) || start >= self.start()).then_some(start);
        // Only the last segment that begins before `start` tells of it.
        let first = self
            .0
            .partition_point(|segment| segment.start() <= start)
            .saturating_sub(1);
        for segment in &self.0[first..] {
            let at = segment.start().max(start);
            if at >= end {
                break;
            }
            match (open, Self::counts(segment.phase(), excluded)) {
                (Some(from), false) => {
                    if at > from {
                        visit(from, at);
                    }
                    open = None;
                }
                (None, true) => open = Some(at),
                _ => {}
            }
        }
        if let Some(from) = open
            && end > from
        {
            visit(from, end);
        }
    }

    /// The phases in order, each with its end; the last one has none.
    pub fn phases(&self) -> impl ExactSizeIterator<Item = (Timestamp, Option<Timestamp>, Phase)> {
        self.0.iter().enumerate().map(|(position, segment)| {
            let next = self.0.get(position + 1).map(|next| next.start());
            (segment.start(), next, segment.phase())
        })
    }

    /// The stretches that [`Self::elapsed`] adds up.
    pub fn stretches(&self, start: Timestamp, end: Timestamp, excluded: StatusSet) -> Stretches {
        let mut counted = Vec::new();
        self.spans(start, end, excluded, |from, to| counted.push((from, to)));
        Stretches {
            start,
            end,
            excluded,
            counted,
        }
    }

    /// The stretches that [`Self::worked`] adds up.
    pub fn worked_stretches(&self, start: Timestamp, end: Timestamp) -> Stretches {
        let mut counted = Vec::new();
        self.worked_spans(start, end, |from, to| counted.push((from, to)));
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
        &self,
        calendar: Option<&Calendar>,
        start: Timestamp,
        end: Timestamp,
        excluded: StatusSet,
    ) -> Elapsed {
        let mut elapsed = Elapsed::default();
        self.spans(start, end, excluded, |from, to| {
            let length = to.since(from);
            elapsed.calendar += length;
            elapsed.business += calendar.map_or(length, |calendar| calendar.between(from, to));
        });
        elapsed
    }

    /// Like [`Self::elapsed`], of the spans in `open` with an assignee alone: derived handle time.
    pub fn worked(&self, calendar: Option<&Calendar>, start: Timestamp, end: Timestamp) -> Elapsed {
        let mut elapsed = Elapsed::default();
        self.worked_spans(start, end, |from, to| {
            let length = to.since(from);
            elapsed.calendar += length;
            elapsed.business += calendar.map_or(length, |calendar| calendar.between(from, to));
        });
        elapsed
    }

    /// The stretches of `[start, end)` in `open` with an assignee, in order.
    fn worked_spans(
        &self,
        start: Timestamp,
        end: Timestamp,
        mut visit: impl FnMut(Timestamp, Timestamp),
    ) {
        for (position, segment) in self.0.iter().enumerate() {
            let phase = segment.phase();
            if phase.withdrawn || phase.status != Status::Open || !phase.assigned {
                continue;
            }
            let next = self
                .0
                .get(position + 1)
                .map_or(Timestamp::NEVER, |next| next.start());
            let (from, to) = (segment.start().max(start), next.min(end));
            if to > from {
                visit(from, to);
            }
        }
    }

    /// The last instant at which the running time since `start` still equals `target`; `None`
    /// while it stands still below that, paused. It may have passed already.
    pub fn deadline(
        &self,
        calendar: Option<&Calendar>,
        start: Timestamp,
        target: Milliseconds,
        pauses: StatusSet,
    ) -> Option<Timestamp> {
        let excluded = pauses.with(Status::Solved).with(Status::Closed);
        let mut left = target;
        let mut deadline = None;
        self.spans(start, Timestamp::NEVER, excluded, |from, to| {
            if deadline.is_some() {
                return;
            }
            let running = to == Timestamp::NEVER;
            let length = if running { 0 } else { span(calendar, from, to) };
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

    fn last(&self) -> Segment {
        self.0[self.0.len() - 1]
    }
}

fn span(calendar: Option<&Calendar>, from: Timestamp, to: Timestamp) -> Milliseconds {
    calendar.map_or_else(|| to.since(from), |calendar| calendar.between(from, to))
}

/// What of a stretch of time counts, for people.
#[derive(Clone, Debug)]
pub struct Stretches {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Statuses whose time does not count.
    pub excluded: StatusSet,
    /// In order, from and to.
    pub counted: Vec<(Timestamp, Timestamp)>,
}

/// A duration on both time bases, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elapsed {
    pub calendar: Milliseconds,
    pub business: Milliseconds,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: StatusSet = StatusSet::EMPTY.with(Status::Pending);

    fn phase(status: Status) -> Phase {
        Phase {
            status,
            withdrawn: false,
            assigned: false,
        }
    }

    fn timeline(changes: &[(i64, Status)]) -> Timeline {
        let mut timeline = Timeline::new(Timestamp(changes[0].0), phase(changes[0].1));
        for (at, status) in &changes[1..] {
            timeline.enter(Timestamp(*at), phase(*status));
        }
        timeline
    }

    #[test]
    fn a_word_keeps_instants_before_the_epoch() {
        for at in [-62_135_596_800_000, -1, 0, 253_402_300_799_999] {
            let segment = Segment::new(Timestamp(at), phase(Status::Closed));
            assert_eq!(
                (segment.start(), segment.phase()),
                (Timestamp(at), phase(Status::Closed))
            );
        }
    }

    #[test]
    fn phases_of_no_length_leave_no_trace() {
        let history = timeline(&[(0, Status::New), (5, Status::Pending), (5, Status::New)]);
        assert_eq!(history.0.len(), 1);
        let history = timeline(&[(0, Status::New), (0, Status::Open)]);
        assert_eq!(
            (history.0.len(), history.current().status),
            (1, Status::Open)
        );
    }

    #[test]
    fn a_solve_right_after_a_reopening_is_the_last_one() {
        let history = timeline(&[
            (0, Status::New),
            (5, Status::Solved),
            (9, Status::Open),
            (9, Status::Solved),
        ]);
        assert_eq!(history.solved_since(), (Timestamp(9), 0));
    }

    #[test]
    fn a_deadline_moves_with_pauses_and_may_have_passed() {
        let history = timeline(&[(0, Status::New), (10, Status::Pending), (50, Status::Open)]);
        let deadline = |history: &Timeline, target| {
            history
                .deadline(None, Timestamp(0), target, PAUSES)
                .map(|at| at.0)
        };
        assert_eq!(deadline(&history, 30), Some(70));
        assert_eq!(
            deadline(&history, 10),
            Some(50),
            "the pause begins in time and ends in time"
        );
        assert_eq!(deadline(&history, 9), Some(9));
        let paused = timeline(&[(0, Status::New), (10, Status::Pending)]);
        assert_eq!(deadline(&paused, 10), None);
        assert_eq!(deadline(&paused, 9), Some(9));
    }

    #[test]
    fn elapsed_leaves_out_what_is_excluded() {
        let history = timeline(&[
            (0, Status::New),
            (10, Status::Solved),
            (30, Status::Open),
            (40, Status::Solved),
        ]);
        let solved = StatusSet::EMPTY.with(Status::Solved);
        let elapsed = |start, end| {
            history
                .elapsed(None, Timestamp(start), Timestamp(end), solved)
                .calendar
        };
        assert_eq!(elapsed(0, 40), 20);
        assert_eq!(elapsed(-5, 35), 20);
        assert_eq!(elapsed(12, 20), 0);
    }

    #[test]
    fn solved_time_does_not_count_while_withdrawn() {
        let mut history = timeline(&[(0, Status::New), (10, Status::Solved)]);
        history.enter(
            Timestamp(15),
            Phase {
                withdrawn: true,
                ..phase(Status::Solved)
            },
        );
        history.enter(Timestamp(100), phase(Status::Solved));
        assert_eq!(history.solved_since(), (Timestamp(10), 5));
    }
}
