//! The timeline of a ticket: its phases, one by one.
//!
//! A long history keeps only its newest phases here. [`super::past`] holds the older ones as sums, and
//! [`super::history`] measures both.

use smallvec::SmallVec;

use crate::domain::event::Status;
use crate::domain::policy::StatusSet;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// The state of a ticket during a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// While the ticket is withdrawn: the status that it returns to.
    pub status: Status,
    pub withdrawn: bool,
    pub assigned: bool,
}

/// A phase and its start in one word: milliseconds in the upper bits, the phase in the low byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackedPhase(i64);

const PHASE_BITS: u32 = 8;
const STATUS_MASK: i64 = 0x07;
const WITHDRAWN_BIT: i64 = 0x08;
const ASSIGNED_BIT: i64 = 0x10;

impl PackedPhase {
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

/// The solved phases at the end of a timeline.
#[derive(Clone, Copy, Debug)]
pub struct SolvedRun {
    /// The start of the run. If the current phase is not solved: the start of that phase.
    pub since: Timestamp,
    /// Time in `solved` up to the start of the current phase, without withdrawn time.
    pub length: Milliseconds,
    /// Whether the run contains every phase of the timeline.
    pub is_whole: bool,
}

/// Phases in order of time. The last one is the current phase.
#[derive(Clone, Debug)]
pub struct Timeline(SmallVec<[PackedPhase; 2]>);

impl Timeline {
    pub fn new(start: Timestamp, phase: Phase) -> Self {
        Self(SmallVec::from_slice(&[PackedPhase::new(start, phase)]))
    }

    #[inline]
    pub fn current(&self) -> Phase {
        self.last().phase()
    }

    /// The start of the current phase.
    pub fn since(&self) -> Timestamp {
        self.last().start()
    }

    /// The start of the first phase.
    pub fn start(&self) -> Timestamp {
        self.0[0].start()
    }

    /// Adds a stored phase. It must not be earlier than the last one.
    pub fn append(&mut self, start: Timestamp, phase: Phase) {
        self.0.push(PackedPhase::new(start, phase));
    }

    /// Enters a phase. A phase of length 0 is dropped, unless it separates two solves: then the
    /// second one is the last solve. The same holds for withdrawals.
    pub fn enter(&mut self, at: Timestamp, phase: Phase) {
        let current = self.current();
        if current == phase {
            return;
        }
        let at = at.max(self.since());
        if self.since() < at {
            self.0.push(PackedPhase::new(at, phase));
            return;
        }
        let before = self
            .0
            .len()
            .checked_sub(2)
            .map(|position| self.0[position].phase());
        let solved = |phase: Phase| phase.status == Status::Solved;
        let separates_solves = !solved(current) && solved(phase) && before.is_some_and(solved);
        let separates_withdrawals =
            !current.withdrawn && phase.withdrawn && before.is_some_and(|before| before.withdrawn);
        if !separates_solves && !separates_withdrawals {
            self.0.pop();
            if before == Some(phase) {
                return;
            }
        }
        self.0.push(PackedPhase::new(at, phase));
    }

    /// The phases in order, each with its end. The current phase has no end.
    pub fn phases(&self) -> impl ExactSizeIterator<Item = (Timestamp, Option<Timestamp>, Phase)> {
        self.0.iter().enumerate().map(|(position, segment)| {
            let next = self.0.get(position + 1).map(|next| next.start());
            (segment.start(), next, segment.phase())
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

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

    fn counts(phase: Phase, excluded: StatusSet) -> bool {
        !phase.withdrawn && !excluded.contains(phase.status)
    }

    /// Visits the stretches of `[start, end)` that count, in order. The time before the first phase
    /// counts as `new`, because the creation may become known late.
    pub fn spans(
        &self,
        start: Timestamp,
        end: Timestamp,
        excluded: StatusSet,
        mut visit: impl FnMut(Timestamp, Timestamp),
    ) {
        let mut open = (!excluded.contains(Status::New) || start >= self.start()).then_some(start);
        // The last phase that begins before `start` covers it.
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

    /// Visits the stretches of `[start, end)` in `open` with an assignee, in order.
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

    /// Removes all phases but the last `kept` ones, and returns them with their ends.
    pub fn take_older(&mut self, kept: usize) -> Vec<(Timestamp, Phase)> {
        let older = self.len().saturating_sub(kept.max(1));
        let phases = self.phases().take(older);
        let taken = phases.filter_map(|(_, end, phase)| Some((end?, phase)));
        let taken = taken.collect();
        self.0.drain(..older);
        taken
    }

    fn last(&self) -> PackedPhase {
        let phases = self.0.as_slice();
        phases[phases.len() - 1]
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
            let segment = PackedPhase::new(Timestamp(at), phase(Status::Closed));
            assert_eq!(
                (segment.start(), segment.phase()),
                (Timestamp(at), phase(Status::Closed))
            );
        }
    }

    #[test]
    fn phases_of_length_zero_are_dropped() {
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
