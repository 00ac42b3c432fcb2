//! One ticket. A million of them fit into memory, so every byte counts.

use std::ops::Range;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::cohort::CohortKey;
use super::history::TicketHistory;
use super::labels::{NO_TEAM, Priority, Team};
use super::memory::TicketMemory;
use super::open_goals::{
    ALWAYS_OPEN, ClockStart, GoalKey, GoalKind, GroupNumber, MoreGoals, OpenGoal, PackedGoal,
    calendar_id, calendar_number,
};
use super::past::{KEPT_PHASES, MOST_PHASES, Past};
use super::timeline::{Phase, Timeline};
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::event::Status;
use crate::domain::named::named_enum;
use crate::domain::policy::{Rebase, Target};
use crate::domain::timestamp::{Milliseconds, Timestamp};

/// No policy matches the ticket.
pub const NO_POLICY: u16 = u16::MAX;

/// Properties of a ticket that are true or false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// A `created` event was seen.
    pub const CREATED: u32 = 1;
    pub const ASSIGNED: u32 = 1 << 1;
    /// A cycle contained a human reply, so the first response is given.
    pub const RESPONDED: u32 = 1 << 2;
    /// The customer wrote while the ticket was solved or closed.
    pub const CUSTOMER_WAITS: u32 = 1 << 3;
    pub const SOLVED_ONCE: u32 = 1 << 4;
    pub const REOPENED: u32 = 1 << 5;
    pub const ESCALATED: u32 = 1 << 6;
    /// The team changed after the first human reply.
    pub const MOVED: u32 = 1 << 7;
    pub const WORKED: u32 = 1 << 8;
    /// The ticket is final: no cycle is running.
    pub const FINALIZED: u32 = 1 << 9;
    /// The ticket was final before, and was reopened.
    pub const SECOND_LIFE: u32 = 1 << 10;
    /// Changed since the last checkpoint.
    pub const DIRTY: u32 = 1 << 11;
    /// The running leg began with the creation.
    pub const FIRST_LEG: u32 = 1 << 12;
    /// There was at least one human reply; at least two.
    const REPLIED: u32 = 1 << 13;
    const REPLIED_AGAIN: u32 = 1 << 14;
    /// The last event was at the instant of the solve. A message of that instant belongs to the cycle.
    pub const JUST_SOLVED: u32 = 1 << 15;
    /// The ticket had an assignee, now or earlier.
    pub const WAS_ASSIGNED: u32 = 1 << 16;

    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    pub fn set(&mut self, flag: u32, value: bool) {
        if value {
            self.0 |= flag;
        } else {
            self.0 &= !flag;
        }
    }

    /// The flags that a checkpoint stores.
    pub fn stored(self) -> u32 {
        self.0 & !Self::DIRTY
    }

    /// Flags from [`Self::stored`]. `None` if another flag is set.
    pub fn restored(bits: u32) -> Option<Self> {
        (bits & Self::DIRTY == 0).then_some(Self(bits))
    }
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
    pub goals: Option<Box<MoreGoals>>,
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
    /// The first open goals. The others are in [`MoreGoals`].
    first_goals: [PackedGoal; 3],
    pub extra: Option<Box<TicketExtra>>,
    /// Position on the rating scale; NaN: not rated.
    pub rating: f32,
    pub team_overflow: u32,
    priority_overflow: u8,
    pub partition: u16,
    pub team_number: u16,
    /// The policy in the first group.
    policy: u16,
    /// The calendars of response, resolution and ownership: those of the team that held the ticket when
    /// the clock started.
    calendars: [u16; 3],
    /// Team at the last solve.
    pub solved_team: u16,
    pub flags: Flags,
    pub priority: u8,
    /// Priority at the last solve.
    pub solved_priority: u8,
    pub channel: u8,
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
            first_goals: [PackedGoal::NONE; 3],
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
        let clocks = self.more_goals().into_iter().flat_map(MoreGoals::clocks);
        let marks: SmallVec<[Timestamp; 8]> = [
            self.created,
            self.response_since,
            self.resolution_since,
            self.leg_since,
            self.accounted,
            solved_at,
        ]
        .into_iter()
        .chain(clocks.map(|clock| clock.at))
        .collect();
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

    pub fn has(&self, flag: u32) -> bool {
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
            attributes: self.memory.attribute_numbers(),
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
                attributes: self.memory.attribute_numbers_at_solve(),
            }
        }
    }

    /// Notes the current labels as those of the solve.
    pub fn note_solve_labels(&mut self) {
        self.solved_team = self.team_number;
        self.solved_priority = self.priority;
        self.memory.note_attributes_at_solve();
    }

    /// The target that a goal of this kind has now.
    #[inline]
    pub fn target(&self, kind: GoalKind) -> Target {
        match kind {
            GoalKind::Response if self.has(Flags::RESPONDED) => Target::NextResponse,
            GoalKind::Response => Target::FirstResponse,
            GoalKind::Resolution => Target::Resolution,
            GoalKind::Ownership => Target::Ownership,
            GoalKind::Assignment => Target::Assignment,
            GoalKind::Update => Target::Update,
        }
    }

    /// The start of the clock of a goal, also of a withdrawn or solved ticket, and the calendar of the
    /// team that held the ticket then. The start is `NEVER` if there is none.
    pub fn clock(&self, key: GoalKey) -> ClockStart {
        let [response, resolution, ownership] = self.calendars;
        let (at, calendar) = match key.kind {
            GoalKind::Response => (self.response_since, response),
            GoalKind::Resolution => match self.own_resolution(key.group) {
                Some(clock) => return clock,
                None => (self.resolution_since, resolution),
            },
            GoalKind::Ownership => (self.leg_since, ownership),
            GoalKind::Assignment if self.has(Flags::WAS_ASSIGNED | Flags::SOLVED_ONCE) => {
                return ClockStart::NEVER;
            }
            // The first resolution begins with the creation too, and the next one after a solve.
            GoalKind::Assignment => (self.created, resolution),
            GoalKind::Update => return self.updates().unwrap_or(ClockStart::NEVER),
        };
        ClockStart { at, calendar }
    }

    /// The clock of a resolution that began at a reopening in this group, and not in all.
    fn own_resolution(&self, group: GroupNumber) -> Option<ClockStart> {
        let mut own = self.more_goals()?.resolutions.iter();
        own.find(|(number, _)| *number == group)
            .map(|(_, clock)| *clock)
    }

    /// Stops the resolution clocks of groups whose goal has breached, so that a reopening starts them
    /// again.
    pub fn stop_breached_resolutions(&mut self, groups: Range<GroupNumber>) {
        let kind = GoalKind::Resolution;
        let breached = |ticket: &Self, group| {
            let goal = ticket.goal(GoalKey { group, kind });
            goal.is_some_and(|goal| goal.is_breached)
        };
        if !groups.clone().any(|group| breached(self, group)) {
            return;
        }
        if groups.clone().all(|group| breached(self, group)) {
            self.stop_resolutions();
            return;
        }
        for group in groups
            .filter(|group| breached(self, *group))
            .collect::<Vec<_>>()
        {
            let own = &mut self.more_goals_mut().resolutions;
            own.retain(|(number, _)| *number != group);
            own.push((group, ClockStart::NEVER));
        }
    }

    /// Stops the resolution clocks of all groups.
    pub fn stop_resolutions(&mut self) {
        self.resolution_since = Timestamp::NEVER;
        if self
            .more_goals()
            .is_some_and(|more| !more.resolutions.is_empty())
        {
            self.more_goals_mut().resolutions.clear();
        }
    }

    /// Starts the resolution clocks that do not run.
    pub fn start_resolutions(&mut self, at: Timestamp, calendar: Option<CalendarId>) {
        let start = ClockStart::new(at, calendar);
        if self.resolution_since == Timestamp::NEVER {
            (self.resolution_since, self.calendars[1]) = (at, start.calendar);
        }
        for clock in self.own_resolutions() {
            if clock.at == Timestamp::NEVER {
                *clock = start;
            }
        }
    }

    /// Corrects the start of the resolution clocks that began with the creation.
    pub fn correct_resolutions(&mut self, before: Timestamp, created: Timestamp) {
        let own = self.own_resolutions().map(|clock| &mut clock.at);
        for at in own.filter(|at| **at == before) {
            *at = created;
        }
        if self.resolution_since == before {
            self.resolution_since = created;
        }
    }

    fn own_resolutions(&mut self) -> impl Iterator<Item = &mut ClockStart> {
        let extra = self.extra.as_mut();
        let more = extra.and_then(|extra| extra.goals.as_deref_mut());
        let own = more.into_iter().flat_map(|more| &mut more.resolutions);
        own.map(|(_, clock)| clock)
    }

    /// The start of a goal, as [`Self::clock`] with the change of policy from which it may count.
    pub fn goal_start(&self, key: GoalKey, rebase: Rebase) -> ClockStart {
        let clock = self.clock(key);
        match self.policy_change(key.group) {
            Some(change) if rebase == Rebase::FromChange && clock.is_before(change) => change,
            _ => clock,
        }
    }

    /// Starts the clock of the response.
    pub fn start_response(&mut self, at: Timestamp, calendar: Option<CalendarId>) {
        let start = ClockStart::new(at, calendar);
        (self.response_since, self.calendars[0]) = (at, start.calendar);
    }

    /// Starts the clock of a leg.
    pub fn start_leg(&mut self, at: Timestamp, calendar: Option<CalendarId>) {
        let start = ClockStart::new(at, calendar);
        (self.leg_since, self.calendars[2]) = (at, start.calendar);
    }

    /// The last human reply that starts the goal of an update.
    fn updates(&self) -> Option<ClockStart> {
        self.more_goals()?.update
    }

    /// Starts or stops the clock of updates.
    pub fn set_updates(&mut self, start: Option<ClockStart>) {
        if start != self.updates() {
            self.more_goals_mut().update = start;
        }
    }

    pub fn more_goals(&self) -> Option<&MoreGoals> {
        self.extra.as_ref()?.goals.as_deref()
    }

    pub fn more_goals_mut(&mut self) -> &mut MoreGoals {
        self.extra_mut().goals.get_or_insert_default()
    }

    /// The open goals, in no particular order.
    pub fn goals(&self) -> impl Iterator<Item = OpenGoal> {
        let goals = self.first_goals.iter().chain(self.further_goals());
        goals.filter_map(|goal| goal.unpack())
    }

    fn further_goals(&self) -> &[PackedGoal] {
        self.more_goals().map_or(&[], |more| &more.goals)
    }

    /// The first place that fits.
    fn goal_place(&mut self, fits: impl Fn(PackedGoal) -> bool) -> Option<&mut PackedGoal> {
        let first = self.first_goals.iter_mut().find(|place| fits(**place));
        first.or_else(|| {
            let more = self.extra.as_mut()?.goals.as_mut()?;
            more.goals.iter_mut().find(|place| fits(**place))
        })
    }

    #[inline]
    pub fn goal(&self, key: GoalKey) -> Option<OpenGoal> {
        let is = |goal: &&PackedGoal| goal.is(key);
        let first = self.first_goals.iter().find(is);
        let goal = first.or_else(|| self.further_goals().iter().find(is));
        goal.and_then(|goal| goal.unpack())
    }

    /// Adds a goal, or replaces the one with the same key.
    pub fn set_goal(&mut self, goal: OpenGoal) {
        let packed = PackedGoal::new(goal);
        if let Some(place) = self.goal_place(|place| place.is(goal.key)) {
            *place = packed;
        } else if let Some(place) = self.goal_place(PackedGoal::is_none) {
            *place = packed;
        } else {
            self.more_goals_mut().goals.push(packed);
        }
    }

    pub fn remove_goal(&mut self, key: GoalKey) {
        if let Some(place) = self.goal_place(|place| place.is(key)) {
            *place = PackedGoal::NONE;
        }
    }

    /// Whether a goal runs or is paused in a group.
    pub fn has_undecided_goal(&self, group: GroupNumber) -> bool {
        let mut goals = self.goals();
        goals.any(|goal| goal.key.group == group && !goal.is_breached)
    }

    /// The earliest deadline of the running goals.
    #[inline]
    pub fn next_deadline(&self) -> Timestamp {
        // The first one in the order of words has the earliest deadline.
        let [a, b, c] = self.first_goals;
        let further = self.further_goals().iter().copied();
        further.fold(a.min(b).min(c), Ord::min).deadline()
    }

    /// The policy in a group, or [`NO_POLICY`].
    #[inline]
    pub fn policy_in(&self, group: GroupNumber) -> u16 {
        match usize::from(group).checked_sub(1) {
            None => self.policy,
            Some(position) => {
                let more = self.more_goals();
                let policy = more.and_then(|more| more.policies.get(position));
                policy.copied().unwrap_or(NO_POLICY)
            }
        }
    }

    pub fn set_policy(&mut self, group: GroupNumber, policy: u16) {
        let Some(position) = usize::from(group).checked_sub(1) else {
            self.policy = policy;
            return;
        };
        if policy == self.policy_in(group) {
            return;
        }
        let policies = &mut self.more_goals_mut().policies;
        if policies.len() <= position {
            policies.resize(position + 1, NO_POLICY);
        }
        policies[position] = policy;
    }

    /// The policies of the groups, as far as the ticket knows them.
    pub fn policies(&self) -> impl Iterator<Item = u16> {
        let more = self.more_goals().map_or(&[][..], |more| &more.policies);
        std::iter::once(self.policy).chain(more.iter().copied())
    }

    /// The groups of goals and clocks.
    pub fn groups(&self) -> impl Iterator<Item = GroupNumber> {
        let clocks = self
            .more_goals()
            .into_iter()
            .flat_map(|more| more.changes.iter().chain(&more.resolutions));
        let of_clocks = clocks.map(|(group, _)| *group);
        self.goals().map(|goal| goal.key.group).chain(of_clocks)
    }

    /// The event that brought the policy of a group, if that one counts from its change.
    pub fn policy_change(&self, group: GroupNumber) -> Option<ClockStart> {
        let mut changes = self.more_goals()?.changes.iter();
        let change = changes.find(|(number, _)| *number == group);
        change.map(|(_, change)| *change)
    }

    pub fn set_policy_change(&mut self, group: GroupNumber, change: Option<ClockStart>) {
        if change != self.policy_change(group) {
            let changes = &mut self.more_goals_mut().changes;
            changes.retain(|(number, _)| *number != group);
            changes.extend(change.map(|change| (group, change)));
        }
    }

    /// The ticket that this one was merged into.
    pub fn merged_into(&self) -> Option<&str> {
        self.extra.as_ref()?.into.as_deref()
    }

    /// The calendar numbers of response, resolution and ownership, as a checkpoint stores them.
    pub fn calendars(&self) -> [u16; 3] {
        self.calendars
    }

    pub fn set_calendars(&mut self, calendars: [u16; 3]) {
        self.calendars = calendars;
    }

    /// Gives all clocks the new numbers of their calendars. Returns whether any has changed.
    pub fn renumber_calendars(
        &mut self,
        number: impl Fn(CalendarId) -> Option<CalendarId>,
    ) -> bool {
        let more = self
            .extra
            .as_mut()
            .and_then(|extra| extra.goals.as_deref_mut());
        let clocks = more.into_iter().flat_map(MoreGoals::clocks_mut);
        let more = clocks.map(|clock| &mut clock.calendar);
        let mut is_changed = false;
        for calendar in self.calendars.iter_mut().chain(more) {
            if let Some(id) = calendar_id(*calendar) {
                let new = calendar_number(number(id));
                is_changed |= new != *calendar;
                *calendar = new;
            }
        }
        is_changed
    }

    /// The calendars of all clocks.
    pub fn clock_calendars(&self) -> impl Iterator<Item = CalendarId> {
        let clocks = self.more_goals().into_iter().flat_map(MoreGoals::clocks);
        let all = self
            .calendars
            .into_iter()
            .chain(clocks.map(|clock| clock.calendar));
        all.filter_map(calendar_id)
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
