//! One ticket. A million of them fit into memory, so every byte counts.

use compact_str::CompactString;

use super::cohort::CohortKey;
use super::history::TicketHistory;
use super::labels::{NO_TEAM, Priority, Team};
use super::memory::TicketMemory;
use super::past::{KEPT_PHASES, MOST_PHASES, Past};
use super::timeline::{Phase, Timeline};
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::Status;
use crate::domain::named::named_enum;
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// No policy matches the ticket.
pub const NO_POLICY: u16 = u16::MAX;
/// In place of a calendar number: always open.
const ALWAYS_OPEN: u16 = CalendarId::NO_NUMBER;

/// Properties of a ticket that are true or false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// A `created` event was seen.
    pub const CREATED: u16 = 1;
    pub const ASSIGNED: u16 = 1 << 1;
    /// A cycle contained a human reply, so the first response is given.
    pub const RESPONDED: u16 = 1 << 2;
    /// The customer wrote while the ticket was solved or closed.
    pub const CUSTOMER_WAITS: u16 = 1 << 3;
    pub const SOLVED_ONCE: u16 = 1 << 4;
    pub const REOPENED: u16 = 1 << 5;
    pub const ESCALATED: u16 = 1 << 6;
    /// The team changed after the first human reply.
    pub const MOVED: u16 = 1 << 7;
    pub const WORKED: u16 = 1 << 8;
    /// The ticket is final: no cycle is running.
    pub const FINALIZED: u16 = 1 << 9;
    /// The ticket was final before, and was reopened.
    pub const SECOND_LIFE: u16 = 1 << 10;
    /// Changed since the last checkpoint.
    pub const DIRTY: u16 = 1 << 11;
    /// The running leg began with the creation.
    pub const FIRST_LEG: u16 = 1 << 12;
    /// There was at least one human reply; at least two.
    const REPLIED: u16 = 1 << 13;
    const REPLIED_AGAIN: u16 = 1 << 14;
    /// The last event was at the instant of the solve. A message of that instant belongs to the cycle.
    pub const JUST_SOLVED: u16 = 1 << 15;

    pub fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    pub fn set(&mut self, flag: u16, value: bool) {
        if value {
            self.0 |= flag;
        } else {
            self.0 &= !flag;
        }
    }

    /// The flags that a checkpoint stores.
    pub fn stored(self) -> u16 {
        self.0 & !Self::DIRTY
    }

    /// Flags from [`Self::stored`]. `None` if another flag is set.
    pub fn restored(bits: u16) -> Option<Self> {
        (bits & Self::DIRTY == 0).then_some(Self(bits))
    }
}

/// The place of a goal in a ticket. First and next response share one: the next response begins
/// after the first one is given, so they never run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GoalSlot {
    Response,
    Resolution,
    Ownership,
}

impl GoalSlot {
    pub const ALL: [Self; 3] = [Self::Response, Self::Resolution, Self::Ownership];
}

/// The state of the goal in a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum GoalState {
    #[default]
    Absent,
    /// Running or paused.
    Undecided,
    /// The goal has breached and not ended: it is overdue.
    Breached,
    /// The goal ended in this cycle.
    Ended,
}

impl GoalState {
    pub const ALL: [Self; 4] = [Self::Absent, Self::Undecided, Self::Breached, Self::Ended];
}

named_enum! {
    /// Why a ticket left the statistics.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Withdrawal {
        Merged = "merged",
        Spam = "spam",
        Deleted = "deleted",
    }
}

/// The data that only some tickets have.
#[derive(Clone, Debug, Default)]
pub struct TicketExtra {
    /// Reported agent time of this life.
    pub handle: Milliseconds,
    /// The ticket that this one was merged into.
    pub into: Option<CompactString>,
    /// The older part of a long history.
    pub past: Option<Box<Past>>,
}

/// The state of a ticket. An instant that does not apply is [`Timestamp::NEVER`].
#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: CompactString,
    pub timeline: Timeline,
    pub memory: TicketMemory,
    /// Event time of the last applied event.
    pub last_at: Timestamp,
    /// The creation time; `NEVER` if it is unknown.
    pub created: Timestamp,
    /// Status time is counted up to here.
    pub accounted: Timestamp,
    /// Start of the response that the customer waits for, or waited for at the instant of the solve.
    pub response_since: Timestamp,
    /// Start of the resolution goal. After the end of the ticket: the time of the end.
    pub resolution_since: Timestamp,
    /// The time when the team received the ticket.
    pub leg_since: Timestamp,
    /// The earliest timer that is set for this ticket.
    pub scheduled: Timestamp,
    /// Deadlines by [`GoalSlot`]; `NEVER` while paused.
    pub deadlines: [Timestamp; 3],
    pub extra: Option<Box<TicketExtra>>,
    /// Position on the rating scale; NaN: not rated.
    pub rating: f32,
    pub team_overflow: u32,
    priority_overflow: u8,
    pub partition: u16,
    pub team_number: u16,
    pub policy: u16,
    /// The calendar of each slot: that of the team which held the ticket when the slot began.
    calendars: [u16; 3],
    /// Team at the last solve.
    pub solved_team: u16,
    pub flags: Flags,
    pub priority: u8,
    /// Priority at the last solve.
    pub solved_priority: u8,
    pub channel: u8,
    pub states: [GoalState; 3],
    pub withdrawal: Option<Withdrawal>,
}

impl Ticket {
    /// A ticket that begins at `at`, without attributes and without a known creation time.
    pub fn open(id: &str, partition: u16, at: Timestamp) -> Self {
        let phase = Phase {
            status: Status::New,
            withdrawn: false,
            assigned: false,
        };
        Self {
            id: id.into(),
            timeline: Timeline::new(at, phase),
            memory: TicketMemory::new(),
            last_at: at,
            created: Timestamp::NEVER,
            accounted: at,
            response_since: Timestamp::NEVER,
            resolution_since: Timestamp::NEVER,
            leg_since: Timestamp::NEVER,
            scheduled: Timestamp::NEVER,
            deadlines: [Timestamp::NEVER; 3],
            extra: None,
            rating: f32::NAN,
            team_overflow: 0,
            priority_overflow: 0,
            partition,
            team_number: Team::NONE.number,
            policy: NO_POLICY,
            calendars: [ALWAYS_OPEN; 3],
            solved_team: NO_TEAM,
            flags: Flags::default(),
            priority: 0,
            solved_priority: 0,
            channel: 0,
            states: [GoalState::Absent; 3],
            withdrawal: None,
        }
    }

    pub fn history(&self) -> TicketHistory<'_> {
        TicketHistory {
            past: self.extra.as_ref().and_then(|extra| extra.past.as_deref()),
            timeline: &self.timeline,
        }
    }

    /// Enters a phase. Adds up the older phases if there are more than [`MOST_PHASES`].
    pub fn enter(&mut self, at: Timestamp, phase: Phase, calendars: &[Calendar]) {
        self.timeline.enter(at, phase);
        if self.timeline.len() > MOST_PHASES {
            self.add_up_older_phases(calendars);
        }
    }

    fn add_up_older_phases(&mut self, calendars: &[Calendar]) {
        let solved_at = match self.status() {
            Status::Solved => self.history().solved_since().0,
            _ => Timestamp::NEVER,
        };
        // Everything that is still measured begins at one of these.
        let marks = [
            self.created,
            self.response_since,
            self.resolution_since,
            self.leg_since,
            self.accounted,
            solved_at,
        ];
        let start = self.timeline.start();
        let older = self.timeline.take_older(KEPT_PHASES);
        let past = &mut self.extra_mut().past;
        let past = past.get_or_insert_with(|| Box::new(Past::new(start)));
        for (to, phase) in older {
            past.add(to, phase, &marks, calendars);
        }
        past.join(&marks, calendars);
        past.solved_at = if solved_at < past.end {
            solved_at
        } else {
            Timestamp::NEVER
        };
    }

    /// Begins a second life. Its history starts empty, because the first life is already observed.
    pub fn begin_second_life(&mut self, at: Timestamp) {
        self.timeline = Timeline::new(at, self.timeline.current());
        if let Some(extra) = &mut self.extra {
            extra.handle = 0;
            extra.past = None;
        }
    }

    pub fn status(&self) -> Status {
        self.timeline.current().status
    }

    pub fn is_withdrawn(&self) -> bool {
        self.withdrawal.is_some()
    }

    /// Whether the ticket is in the backlog.
    pub fn is_open(&self) -> bool {
        self.withdrawal.is_none() && self.status().is_unsolved()
    }

    /// Whether the creation time is known. Without it there are no goals and no durations from the
    /// creation.
    pub fn has_start(&self) -> bool {
        self.created != Timestamp::NEVER
    }

    pub fn has(&self, flag: u16) -> bool {
        self.flags.has(flag)
    }

    pub fn team(&self) -> Team {
        Team {
            number: self.team_number,
            overflow: self.team_overflow,
        }
    }

    pub fn set_team(&mut self, team: Team) {
        self.team_number = team.number;
        self.team_overflow = team.overflow;
    }

    /// The number of human replies; 2 means two or more.
    pub fn replies(&self) -> u8 {
        u8::from(self.has(Flags::REPLIED)) + u8::from(self.has(Flags::REPLIED_AGAIN))
    }

    pub fn count_reply(&mut self) {
        self.flags
            .set(Flags::REPLIED_AGAIN, self.has(Flags::REPLIED));
        self.flags.set(Flags::REPLIED, true);
    }

    pub fn identified_priority(&self) -> Priority {
        Priority {
            number: self.priority,
            overflow: self.priority_overflow,
        }
    }

    pub fn set_priority(&mut self, priority: Priority) {
        self.priority = priority.number;
        self.priority_overflow = priority.overflow;
    }

    pub fn cohort(&self) -> CohortKey {
        CohortKey {
            team: self.team_number,
            priority: self.priority,
            attributes: self.memory.attribute_numbers().0,
        }
    }

    /// The cohort at the last solve. Before the first solve: the current one.
    pub fn cohort_at_solve(&self) -> CohortKey {
        if self.solved_team == NO_TEAM {
            self.cohort()
        } else {
            CohortKey {
                team: self.solved_team,
                priority: self.solved_priority,
                attributes: self.memory.attribute_numbers().1,
            }
        }
    }

    /// Notes the current labels as those of the solve.
    pub fn note_solve_labels(&mut self) {
        self.solved_team = self.team_number;
        self.solved_priority = self.priority;
        self.memory.note_attributes_at_solve();
    }

    /// The target that a goal in the slot has now.
    pub fn target(&self, slot: GoalSlot) -> Target {
        match slot {
            GoalSlot::Response if self.has(Flags::RESPONDED) => Target::NextResponse,
            GoalSlot::Response => Target::FirstResponse,
            GoalSlot::Resolution => Target::Resolution,
            GoalSlot::Ownership => Target::Ownership,
        }
    }

    /// The start of the slot's clock; `NEVER` if it does not run.
    pub fn slot_since(&self, slot: GoalSlot) -> Timestamp {
        if !self.has_start() || !self.is_open() {
            return Timestamp::NEVER;
        }
        self.slot_start(slot)
    }

    /// The start of the slot's clock, also of a withdrawn or solved ticket; `NEVER` if there is none.
    pub fn slot_start(&self, slot: GoalSlot) -> Timestamp {
        match slot {
            GoalSlot::Response => self.response_since,
            GoalSlot::Resolution => self.resolution_since,
            GoalSlot::Ownership => self.leg_since,
        }
    }

    /// The ticket that this one was merged into.
    pub fn merged_into(&self) -> Option<&str> {
        self.extra.as_ref()?.into.as_deref()
    }

    pub fn slot_calendar(&self, slot: GoalSlot) -> Option<CalendarId> {
        let calendar = self.calendars[slot as usize];
        (calendar != ALWAYS_OPEN).then_some(CalendarId(calendar))
    }

    pub fn set_slot_calendar(&mut self, slot: GoalSlot, calendar: Option<CalendarId>) {
        self.calendars[slot as usize] = calendar.map_or(ALWAYS_OPEN, |calendar| calendar.0);
    }

    /// The calendar numbers of all slots, as a checkpoint stores them.
    pub fn calendars(&self) -> [u16; 3] {
        self.calendars
    }

    pub fn set_calendars(&mut self, calendars: [u16; 3]) {
        self.calendars = calendars;
    }

    pub fn extra_mut(&mut self) -> &mut TicketExtra {
        self.extra.get_or_insert_default()
    }

    /// Notes that the instant of the solve has passed.
    pub fn pass_solve(&mut self) {
        if self.has(Flags::JUST_SOLVED) {
            self.flags.set(Flags::JUST_SOLVED, false);
            self.response_since = Timestamp::NEVER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million open tickets must fit into 260 MiB. Each also needs a timer (about 20 bytes) and an
    /// index entry (19 bytes).
    #[test]
    fn a_ticket_is_small() {
        assert!(size_of::<Ticket>() <= 224, "{} bytes", size_of::<Ticket>());
    }

    /// Alternates between pending and open, a minute each.
    fn alternate(ticket: &mut Ticket, from: i64, changes: i64) {
        for change in from..from + changes {
            let status = if change % 2 == 0 {
                Status::Pending
            } else {
                Status::Open
            };
            let phase = Phase {
                status,
                withdrawn: false,
                assigned: false,
            };
            ticket.enter(Timestamp(change * 60_000), phase, &[]);
        }
    }

    #[test]
    fn a_long_history_takes_bounded_memory_and_measures_the_same() {
        let mut ticket = Ticket::open("a", 0, Timestamp(0));
        ticket.created = Timestamp(0);
        ticket.leg_since = Timestamp(30_000);
        alternate(&mut ticket, 1, 100_000);
        assert!(ticket.timeline.len() <= MOST_PHASES);
        let past = ticket.history().past.unwrap();
        assert!(past.sums.len() <= 2, "{} stretches", past.sums.len());
        assert_eq!(past.phases + ticket.timeline.len() as u64, 100_001);
        let end = Timestamp(100_001 * 60_000);
        let paused = crate::domain::policy::StatusSet::EMPTY.with(Status::Pending);
        let elapsed = |start, excluded| {
            ticket
                .history()
                .elapsed(None, start, end, excluded)
                .calendar
        };
        let half = 50_000 * 60_000;
        assert_eq!(elapsed(ticket.created, Default::default()), end.0);
        assert_eq!(elapsed(ticket.created, paused), half + 60_000);
        assert_eq!(elapsed(ticket.leg_since, paused), half + 30_000);
    }

    #[test]
    fn a_goal_that_begins_among_older_phases_separates_their_sums() {
        let mut ticket = Ticket::open("a", 0, Timestamp(0));
        ticket.created = Timestamp(0);
        alternate(&mut ticket, 1, 1_000);
        // A goal begins in the middle of a phase and ends much later.
        ticket.response_since = Timestamp(1_000 * 60_000 + 1);
        alternate(&mut ticket, 1_001, 1_000);
        let end = Timestamp(2_001 * 60_000);
        let all = ticket
            .history()
            .elapsed(None, ticket.response_since, end, Default::default());
        assert_eq!(all.calendar, end.since(ticket.response_since));
        ticket.response_since = Timestamp::NEVER;
        alternate(&mut ticket, 2_001, 1_000);
        assert_eq!(ticket.history().past.unwrap().sums.len(), 1, "joined again");
    }
}
