//! One ticket, in as few bytes as its rules allow: a million of them are kept in memory.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::history::History;
use super::labels::{NO_TEAM, Priority, Team};
use super::past::{KEPT_PHASES, MOST_PHASES, Past};
use super::timeline::{Phase, Timeline};
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::{EventIdentity, Status};
use crate::domain::policy::Target;
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// How many of its last events a ticket recognises as duplicates (contract, section 1).
const REMEMBERED_EVENTS: usize = 16;
/// No policy matches the ticket.
pub const NO_POLICY: u16 = u16::MAX;
/// A goal without a team calendar: always open.
const ALWAYS_OPEN: u16 = CalendarId::NO_NUMBER;

/// Forty bits of an event's identity: among 16 events, one in 7·10^10 is taken for another.
pub type Digest = [u8; 5];

/// Facts about a ticket that are true or false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// A `created` event was seen.
    pub const CREATED: u16 = 1;
    pub const ASSIGNED: u16 = 1 << 1;
    /// A cycle held a human reply: the first response is given.
    pub const RESPONDED: u16 = 1 << 2;
    /// A customer wrote while the ticket was solved or closed.
    pub const CUSTOMER_WAITS: u16 = 1 << 3;
    pub const SOLVED_ONCE: u16 = 1 << 4;
    pub const REOPENED: u16 = 1 << 5;
    pub const ESCALATED: u16 = 1 << 6;
    /// The team changed after the first human reply.
    pub const MOVED: u16 = 1 << 7;
    pub const WORKED: u16 = 1 << 8;
    /// Reached its end; no cycle is running.
    pub const FINALIZED: u16 = 1 << 9;
    /// Reached its end before, and was reopened.
    pub const SECOND_LIFE: u16 = 1 << 10;
    /// Changed since the last checkpoint.
    pub const DIRTY: u16 = 1 << 11;
    /// The running leg began with the creation.
    pub const FIRST_LEG: u16 = 1 << 12;
    /// Human replies: at least one, at least two.
    const REPLIED: u16 = 1 << 13;
    const REPLIED_AGAIN: u16 = 1 << 14;
    const ALL: u16 = (1 << 15) - 1;

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

    /// What a checkpoint keeps.
    pub fn kept(self) -> u16 {
        self.0 & !Self::DIRTY
    }

    /// Flags as [`Self::kept`] gave them; `None` where there is no such flag.
    pub fn restored(bits: u16) -> Option<Self> {
        (bits & !Self::ALL == 0 && bits & Self::DIRTY == 0).then_some(Self(bits))
    }
}

/// Where a target is judged. First and next response never run at the same time: the second
/// begins after the first is given. So they share a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Slot {
    Response,
    Resolution,
    Ownership,
}

impl Slot {
    pub const ALL: [Self; 3] = [Self::Response, Self::Resolution, Self::Ownership];
}

/// What became of the goal in a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum GoalState {
    #[default]
    Absent,
    /// Running or paused.
    Undecided,
    /// Breached and not ended: overdue.
    Breached,
    /// Ended in this cycle.
    Ended,
}

impl GoalState {
    pub const ALL: [Self; 4] = [Self::Absent, Self::Undecided, Self::Breached, Self::Ended];
}

/// How a ticket left the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Withdrawal {
    Merged,
    Spam,
    Deleted,
}

impl Withdrawal {
    pub const ALL: [Self; 3] = [Self::Merged, Self::Spam, Self::Deleted];

    /// The value of the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Spam => "spam",
            Self::Deleted => "deleted",
        }
    }
}

/// What only some tickets have.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Reported agent time of this life.
    pub handle: Milliseconds,
    /// The ticket that survives a merge.
    pub into: Option<CompactString>,
    /// The older part of a long history.
    pub past: Option<Box<Past>>,
}

/// See the module. Instants that do not apply are [`Timestamp::NEVER`].
#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: CompactString,
    pub timeline: Timeline,
    recent: SmallVec<[Digest; 6]>,
    /// Event time of the last applied event.
    pub last_at: Timestamp,
    /// Creation; `NEVER` where it is unknown.
    pub created: Timestamp,
    /// Status time has been added up to here.
    pub accounted: Timestamp,
    /// Start of the response the customer waits for.
    pub response_since: Timestamp,
    /// Start of the resolution goal; once finalised, when that was.
    pub resolution_since: Timestamp,
    /// When the team received the ticket.
    pub leg_since: Timestamp,
    /// The earliest timer that is set for this ticket.
    pub scheduled: Timestamp,
    /// Deadlines by [`Slot`]; `NEVER` while paused.
    pub deadlines: [Timestamp; 3],
    pub extra: Option<Box<Extra>>,
    /// Position on the rating scale; NaN = not rated.
    pub rating: f32,
    pub team_overflow: u32,
    priority_overflow: u8,
    pub partition: u16,
    pub team_number: u16,
    pub policy: u16,
    /// Team calendars of the slots, each of the team that held the ticket at the slot's start.
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
    /// A ticket that opens at `at` without attributes. Its creation is unknown until said.
    pub fn open(id: &str, partition: u16, at: Timestamp) -> Self {
        let phase = Phase {
            status: Status::New,
            withdrawn: false,
            assigned: false,
        };
        Self {
            id: id.into(),
            timeline: Timeline::new(at, phase),
            recent: SmallVec::new(),
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

    /// All that can be measured of the ticket's life.
    pub fn history(&self) -> History<'_> {
        History {
            past: self.extra.as_ref().and_then(|extra| extra.past.as_deref()),
            timeline: &self.timeline,
        }
    }

    /// Enters a phase. Older phases are added up once there are [`MOST_PHASES`].
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
        // What is still measured begins at one of these.
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

    /// Begins a second life: what was before is observed, and a phase of no length would else join
    /// the two.
    pub fn begin_again(&mut self, at: Timestamp) {
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

    /// In the backlog.
    pub fn is_open(&self) -> bool {
        self.withdrawal.is_none() && self.status().is_unsolved()
    }

    /// Its start is known, so durations from creation and goals exist.
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

    /// Human replies, counted to 2.
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

    /// Team and priority at the last solve; the current ones before any.
    pub fn labels_at_solve(&self) -> (u16, u8) {
        if self.solved_team == NO_TEAM {
            (self.team_number, self.priority)
        } else {
            (self.solved_team, self.solved_priority)
        }
    }

    /// Whether a goal of the slot would be a first or a next response, say.
    pub fn target(&self, slot: Slot) -> Target {
        match slot {
            Slot::Response if self.has(Flags::RESPONDED) => Target::NextResponse,
            Slot::Response => Target::FirstResponse,
            Slot::Resolution => Target::Resolution,
            Slot::Ownership => Target::Ownership,
        }
    }

    /// Since when the slot's clock runs; `NEVER` where it does not.
    pub fn slot_since(&self, slot: Slot) -> Timestamp {
        if !self.has_start() || !self.is_open() {
            return Timestamp::NEVER;
        }
        match slot {
            Slot::Response => self.response_since,
            Slot::Resolution => self.resolution_since,
            Slot::Ownership => self.leg_since,
        }
    }

    pub fn slot_calendar(&self, slot: Slot) -> Option<CalendarId> {
        let calendar = self.calendars[slot as usize];
        (calendar != ALWAYS_OPEN).then_some(CalendarId(calendar))
    }

    pub fn set_slot_calendar(&mut self, slot: Slot, calendar: Option<CalendarId>) {
        self.calendars[slot as usize] = calendar.map_or(ALWAYS_OPEN, |calendar| calendar.0);
    }

    /// Numbers of the slots' team calendars as they are kept; see [`Self::slot_calendar`].
    pub fn calendars(&self) -> [u16; 3] {
        self.calendars
    }

    pub fn set_calendars(&mut self, calendars: [u16; 3]) {
        self.calendars = calendars;
    }

    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Remembers an event; `false` where it is among the last ones already.
    pub fn remember(&mut self, identity: EventIdentity) -> bool {
        let [a, b, c, d, e, ..] = identity.0.to_le_bytes();
        let digest = [a, b, c, d, e];
        if self.recent.contains(&digest) {
            return false;
        }
        self.make_room();
        self.recent.push(digest);
        true
    }

    /// The remembered events, oldest first.
    pub fn recent(&self) -> &[Digest] {
        &self.recent
    }

    /// Takes remembered events from [`Self::recent`], one behind the other; `None` where there are
    /// too many, or one is cut off.
    pub fn set_recent(&mut self, digests: &[u8]) -> Option<()> {
        let (digests, rest) = digests.as_chunks();
        if !rest.is_empty() || digests.len() > REMEMBERED_EVENTS {
            return None;
        }
        self.recent.clear();
        for digest in digests {
            self.make_room();
            self.recent.push(*digest);
        }
        Some(())
    }

    fn make_room(&mut self) {
        if self.recent.len() == REMEMBERED_EVENTS {
            self.recent.remove(0);
        } else if self.recent.len() == self.recent.inline_size() {
            self.recent
                .reserve_exact(REMEMBERED_EVENTS - self.recent.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million open tickets fit into 250 MiB only if one is at most this large, with its timer
    /// (some 20 bytes) and its place in the index (19 bytes).
    #[test]
    fn a_ticket_is_small() {
        assert!(size_of::<Ticket>() <= 208, "{} bytes", size_of::<Ticket>());
    }

    #[test]
    fn remembers_the_last_sixteen_events() {
        let mut ticket = Ticket::open("a", 0, Timestamp(0));
        for identity in 0..20 {
            assert!(ticket.remember(EventIdentity(identity)));
        }
        assert!(!ticket.remember(EventIdentity(4)), "still known");
        assert!(ticket.remember(EventIdentity(3)), "forgotten");
    }

    /// Pending and open by turns, from `from` on, a minute each.
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
    fn what_begins_among_older_phases_parts_their_sums() {
        let mut ticket = Ticket::open("a", 0, Timestamp(0));
        ticket.created = Timestamp(0);
        alternate(&mut ticket, 1, 1_000);
        // A goal begins in the middle of a phase, and ends long after.
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
