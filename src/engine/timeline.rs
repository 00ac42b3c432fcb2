//! The phases of a ticket in detail: when it was in which status, assigned or withdrawn.
//!
//! A long history keeps its newest phases here; [`super::past`] holds the older ones as sums, and
//! [`super::history`] measures over both.

use smallvec::SmallVec;

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

/// The stretch of solved phases at the end of a timeline.
#[derive(Clone, Copy, Debug)]
pub struct SolvedRun {
    /// When it began; the start of the current phase where that is not solved.
    pub since: Timestamp,
    /// Time in `solved` up to the start of the current phase, withdrawn time not counted.
    pub length: Milliseconds,
    /// Every phase of the timeline belongs to it.
    pub is_whole: bool,
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

    /// The phases in order, each with its end; the last one has none.
    pub fn phases(&self) -> impl ExactSizeIterator<Item = (Timestamp, Option<Timestamp>, Phase)> {
        self.0.iter().enumerate().map(|(position, segment)| {
            let next = self.0.get(position + 1).map(|next| next.start());
            (segment.start(), next, segment.phase())
        })
    }

    /// How many phases there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The stretch of solved phases at the end, withdrawn or not.
    pub fn solved_run(&self) -> SolvedRun {
        let mut run = SolvedRun {
            since: self.since(),
            length: 0,
            is_whole: true,
        };
        let mut end = self.since();
        for segment in self.0.iter().rev() {
            let phase = segment.phase();
            if phase.status != Status::Solved {
                run.is_whole = false;
                break;
            }
            if !phase.withdrawn {
                run.since = segment.start();
                run.length += end.since(segment.start());
            }
            end = segment.start();
        }
        run
    }

    /// Whether a span counts in a phase: not withdrawn, and the status not excluded.
    fn counts(phase: Phase, excluded: StatusSet) -> bool {
        !phase.withdrawn && !excluded.contains(phase.status)
    }

    /// Shows the stretches of `[start, end)` that count, in order. Before the first phase a ticket
    /// was `new`: one whose creation becomes known late was already there.
    pub fn spans(
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

    /// Shows the stretches of `[start, end)` in `open` with an assignee, in order.
    pub fn worked_spans(
        &self,
        start: Timestamp,
        end: Timestamp,
        mut visit: impl FnMut(Timestamp, Timestamp),
    ) {
        for (from, to, phase) in self.phases() {
            if phase.withdrawn || phase.status != Status::Open || !phase.assigned {
                continue;
            }
            let (from, to) = (from.max(start), to.unwrap_or(Timestamp::NEVER).min(end));
            if to > from {
                visit(from, to);
            }
        }
    }

    /// Takes all phases but the last `kept` ones out, each with its end.
    pub fn take_older(&mut self, kept: usize) -> Vec<(Timestamp, Phase)> {
        let older = self.len().saturating_sub(kept.max(1));
        let phases = self.phases().take(older);
        let taken = phases.filter_map(|(_, end, phase)| Some((end?, phase)));
        let taken = taken.collect();
        self.0.drain(..older);
        taken
    }

    fn last(&self) -> Segment {
        self.0[self.0.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let run = history.solved_run();
        assert_eq!((run.since, run.length), (Timestamp(9), 0));
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
        let run = history.solved_run();
        assert_eq!((run.since, run.length), (Timestamp(10), 5));
    }
}
