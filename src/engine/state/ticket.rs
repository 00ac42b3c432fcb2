//! The record of a ticket: everything but its timer, which follows from the rest.
//!
//! The times of a ticket are near each other, so they are written as distances: recent times from the
//! last event, starts from the creation, deadlines from the start of their goal.

use compact_str::CompactString;

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::record::{FIRST_WITH_GROUPS, RecordKind, ReferenceCounts};
use super::{goals, past};
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;
use crate::engine::account::AccountDigest;
use crate::engine::labels::NO_TEAM;
use crate::engine::memory::{HeldAttribute, TicketMemory};
use crate::engine::open_goals::{GoalKey, GoalKind, OpenGoal};
use crate::engine::statement::{StateMember, StateMembers};
use crate::engine::ticket::{Flags, NO_POLICY, Ticket, Withdrawal};
use crate::engine::timeline::{Phase, Timeline};

/// The optional parts of a ticket, as bits of the first two bytes.
mod has {
    pub const CREATED: u16 = 1;
    pub const RESPONSE: u16 = 1 << 1;
    pub const RESOLUTION: u16 = 1 << 2;
    pub const LEG: u16 = 1 << 3;
    /// Up to state version 4: the deadlines of response, resolution and ownership.
    pub const DEADLINE: u16 = 1 << 4;
    pub const GOALS: u16 = 1 << 4;
    pub const MORE_GOALS: u16 = 1 << 5;
    pub const TEAM_OVERFLOW: u16 = 1 << 7;
    pub const PRIORITY_OVERFLOW: u16 = 1 << 8;
    pub const RATING: u16 = 1 << 9;
    pub const SOLVED: u16 = 1 << 10;
    pub const HANDLE: u16 = 1 << 11;
    pub const INTO: u16 = 1 << 12;
    /// Two bits: 0, or the number of the [`super::Withdrawal`] plus 1.
    pub const WITHDRAWAL_SHIFT: u32 = 13;
    /// The clocks have different calendars.
    pub const CALENDARS: u16 = 1 << 15;
}

/// The low bits of a word hold the phase, the upper bits the time since the previous phase.
const PHASE_BITS: u32 = 5;
/// The minimum size of a phase.
const PHASE_SIZE: usize = 1;
/// In place of the number of phases, which is at least 1: the sums of older phases follow, then the
/// number. State version 1 does not have this.
const LONG_HISTORY: usize = 0;
const STATUS_MASK: i64 = 0x07;
const WITHDRAWN_BIT: i64 = 0x08;
const ASSIGNED_BIT: i64 = 0x10;

/// Up to state version 4, in the byte with the states of the goals: statements follow. State versions before
/// 4 do not have them.
const HAS_STATEMENTS: u8 = 1 << 6;
const STATE_BITS: u8 = 0x3f;
/// In the byte with the number of statements: the number of attributes, which state versions before 5 do
/// not have, and whether there is a requester.
const HAS_REQUESTER: u8 = 0x80;
const STATEMENT_COUNT: u8 = 0x0f;
const ATTRIBUTE_SHIFT: u32 = 4;
const ATTRIBUTE_COUNT: u8 = 0x07;

/// The key of a ticket: its partition and id.
pub fn write_key(key: &mut RecordWriter, partition: u16, id: &str) {
    key.clear();
    key.byte(RecordKind::Ticket as u8);
    key.raw(&partition.to_be_bytes());
    key.raw(id.as_bytes());
}

/// Partition and id from a key without its kind.
pub fn read_key<'a>(mut key: RecordReader<'a>) -> Result<(u16, &'a str), RecordError> {
    let partition = u16::from_be_bytes(key.array()?);
    let id: &'a str = std::str::from_utf8(key.remainder()).map_err(|_| RecordError::Text)?;
    Ok((partition, id))
}

pub fn write(value: &mut RecordWriter, ticket: &Ticket) {
    value.clear();
    value.raw(&presence(ticket).to_le_bytes());
    value.number(ticket.flags.stored().into());
    let last = ticket.last_at;
    value.instant(last, Timestamp(0));
    if ticket.has_start() {
        value.instant(last, ticket.created);
    }
    value.instant(last, ticket.accounted);
    let base = start_base(ticket);
    for since in [
        ticket.response_since,
        ticket.resolution_since,
        ticket.leg_since,
    ] {
        if since != Timestamp::NEVER {
            value.instant(since, base);
        }
    }
    goals::write(value, ticket);
    value.number(ticket.team_number.into());
    if ticket.team_overflow != 0 {
        value.raw(&ticket.team_overflow.to_le_bytes());
    }
    let priority = ticket.identified_priority();
    value.byte(priority.number);
    if priority.overflow != 0 {
        value.byte(priority.overflow);
    }
    value.byte(ticket.channel);
    value.number(u64::from(ticket.policy_in(0).wrapping_add(1)));
    let calendars = ticket.calendars();
    let all_same = calendars[0] == calendars[1] && calendars[1] == calendars[2];
    for calendar in &calendars[..if all_same { 1 } else { 3 }] {
        value.number(u64::from(calendar.wrapping_add(1)));
    }
    if ticket.solved_team != NO_TEAM {
        value.number(ticket.solved_team.into());
        value.byte(ticket.solved_priority);
    }
    if !ticket.rating.is_nan() {
        value.raw(&ticket.rating.to_bits().to_le_bytes());
    }
    if let Some(extra) = &ticket.extra {
        if extra.handle != 0 {
            value.signed(extra.handle);
        }
        if let Some(into) = &extra.into {
            value.text(into);
        }
    }
    if let Some(past) = ticket.history().past {
        value.length(LONG_HISTORY);
        past::write(value, past, last);
    }
    write_timeline(value, &ticket.timeline, last);
    write_memory(value, &ticket.memory, last);
}

/// Reads a ticket. Does not check the numbers of labels, policies and calendars.
pub fn read(
    version: u32,
    partition: u16,
    id: &str,
    mut value: RecordReader<'_>,
) -> Result<Ticket, RecordError> {
    let value = &mut value;
    let present = u16::from_le_bytes(value.array()?);
    let has = |bit: u16| present & bit != 0;
    let mut ticket = Ticket::open(id, partition, Timestamp(0));
    ticket.flags = Flags::restored(value.narrow()?).ok_or(RecordError::UnknownValue)?;
    let last = value.instant(Timestamp(0))?;
    ticket.last_at = last;
    if has(has::CREATED) {
        ticket.created = before(value, last)?;
    }
    ticket.accounted = before(value, last)?;
    let base = start_base(&ticket);
    for (bit, since) in [
        (has::RESPONSE, &mut ticket.response_since),
        (has::RESOLUTION, &mut ticket.resolution_since),
        (has::LEG, &mut ticket.leg_since),
    ] {
        if has(bit) {
            *since = value.instant(base)?;
        }
    }
    let has_statements = if version < FIRST_WITH_GROUPS {
        read_slots(&mut ticket, value, present)?
    } else {
        if has(has::MORE_GOALS) {
            goals::read_more(&mut ticket, value)?;
        }
        if has(has::GOALS) {
            goals::read(&mut ticket, value)?;
        }
        true
    };
    read_labels(&mut ticket, value, present)?;
    if has(has::SOLVED) {
        ticket.solved_team = value.narrow()?;
        ticket.solved_priority = value.byte()?;
    }
    if has(has::RATING) {
        ticket.rating = f32::from_bits(u32::from_le_bytes(value.array()?));
    }
    if has(has::HANDLE) {
        ticket.extra_mut().handle = value.signed()?;
    }
    if has(has::INTO) {
        ticket.extra_mut().into = Some(CompactString::from(value.text()?));
    }
    let withdrawal = usize::from(present >> has::WITHDRAWAL_SHIFT & 3);
    ticket.withdrawal = withdrawal
        .checked_sub(1)
        .map(|number| Withdrawal::ALL[number]);
    let mut phases = value.items(PHASE_SIZE)?;
    if phases == LONG_HISTORY {
        let past = past::read(value, last)?;
        ticket.extra_mut().past = Some(Box::new(past));
        phases = value.items(PHASE_SIZE)?;
    }
    ticket.timeline = read_timeline(value, phases, last)?;
    if let Some(past) = ticket.history().past
        && past.end != ticket.timeline.start()
    {
        return Err(RecordError::Order);
    }
    ticket.memory = if has_statements {
        read_memory(value, last)?
    } else {
        memory_before_statements(&ticket, value)?
    };
    Ok(ticket)
}

/// Reads the goals of a state version up to 4, which had three places for goals. Returns whether statements
/// follow.
fn read_slots(
    ticket: &mut Ticket,
    value: &mut RecordReader<'_>,
    present: u16,
) -> Result<bool, RecordError> {
    let kinds = &GoalKind::ALL[..3];
    let mut deadlines = Vec::new();
    for (kind, bit) in kinds.iter().zip([0, 1, 2]) {
        let key = GoalKey {
            group: 0,
            kind: *kind,
        };
        let deadline = match present & has::DEADLINE << bit {
            0 => Timestamp::NEVER,
            _ => value.any_instant(goals::deadline_base(ticket, key))?,
        };
        deadlines.push((key, deadline));
    }
    let states = value.byte()?;
    if states & !STATE_BITS & !HAS_STATEMENTS != 0 {
        return Err(RecordError::UnknownValue);
    }
    for ((key, deadline), shift) in deadlines.into_iter().zip([0, 2, 4]) {
        let is_breached = match states >> shift & 3 {
            1 => false,
            2 => true,
            _ => continue,
        };
        ticket.set_goal(OpenGoal {
            key,
            is_breached,
            deadline,
        });
    }
    // An earlier assignee is not stored, so the first one is not known.
    ticket.flags.set(Flags::WAS_ASSIGNED, true);
    Ok(states & HAS_STATEMENTS != 0)
}

fn read_labels(
    ticket: &mut Ticket,
    value: &mut RecordReader<'_>,
    present: u16,
) -> Result<(), RecordError> {
    let has = |bit: u16| present & bit != 0;
    ticket.team_number = value.narrow()?;
    if has(has::TEAM_OVERFLOW) {
        ticket.team_overflow = u32::from_le_bytes(value.array()?);
    }
    let mut priority = ticket.identified_priority();
    priority.number = value.byte()?;
    if has(has::PRIORITY_OVERFLOW) {
        priority.overflow = value.byte()?;
    }
    ticket.set_priority(priority);
    ticket.channel = value.byte()?;
    ticket.set_policy(0, value.narrow::<u16>()?.wrapping_sub(1));
    let mut calendars = [value.narrow::<u16>()?; 3];
    if has(has::CALENDARS) {
        calendars[1] = value.narrow()?;
        calendars[2] = value.narrow()?;
    }
    ticket.set_calendars(calendars.map(|calendar| calendar.wrapping_sub(1)));
    Ok(())
}

/// Writes the statements, the requester and the identities of events.
fn write_memory(value: &mut RecordWriter, memory: &TicketMemory, last: Timestamp) {
    let requester = memory.requester();
    let statements = memory.statements();
    #[allow(clippy::cast_possible_truncation, reason = "at most one for a member")]
    let count = statements.len() as u8;
    let attributes = memory.attributes();
    #[allow(clippy::cast_possible_truncation, reason = "at most four")]
    let attribute_count = (attributes.len() as u8) << ATTRIBUTE_SHIFT;
    value.byte(count | attribute_count | requester.map_or(0, |_| HAS_REQUESTER));
    for (members, at) in statements {
        value.byte(members.bits());
        value.instant(at, last);
    }
    if let Some(AccountDigest(digest)) = requester {
        value.raw(&digest.to_le_bytes());
    }
    for held in attributes {
        value.byte(held.number);
        value.byte(held.number_at_solve);
        value.instant(held.stated, last);
    }
    value.raw(memory.identities());
}

fn read_memory(value: &mut RecordReader<'_>, last: Timestamp) -> Result<TicketMemory, RecordError> {
    let first = value.byte()?;
    let mut statements = Vec::new();
    for _ in 0..first & STATEMENT_COUNT {
        let members = StateMembers::from_bits(value.byte()?).ok_or(RecordError::UnknownValue)?;
        statements.push((members, value.instant(last)?));
    }
    let requester = match first & HAS_REQUESTER {
        0 => None,
        _ => Some(AccountDigest(u64::from_le_bytes(value.array()?))),
    };
    let mut attributes = Vec::new();
    for _ in 0..first >> ATTRIBUTE_SHIFT & ATTRIBUTE_COUNT {
        attributes.push(HeldAttribute {
            number: value.byte()?,
            number_at_solve: value.byte()?,
            stated: value.instant(last)?,
        });
    }
    TicketMemory::restored(&statements, requester, &attributes, value.remainder())
        .ok_or(RecordError::ExtraBytes)
}

/// The memory of an earlier version, which has only the identities of events. Helpdesks that send their
/// records late send whole tickets, so the last event is the best guess when the state was stated.
fn memory_before_statements(
    ticket: &Ticket,
    value: &mut RecordReader<'_>,
) -> Result<TicketMemory, RecordError> {
    let requester = StateMembers::NONE.with(StateMember::Requester);
    let withdrawal = StateMembers::NONE.with(StateMember::Withdrawal);
    let mut stated = StateMembers::ALL.without(requester);
    if !ticket.is_withdrawn() {
        stated = stated.without(withdrawal);
    }
    TicketMemory::restored(&[(stated, ticket.last_at)], None, &[], value.remainder())
        .ok_or(RecordError::ExtraBytes)
}

/// Writes the phases, each with the time since the previous one.
fn write_timeline(value: &mut RecordWriter, timeline: &Timeline, last: Timestamp) {
    value.length(timeline.phases().len());
    let mut before = last;
    for (start, _, phase) in timeline.phases() {
        let mut bits = phase.status as i64;
        bits |= if phase.withdrawn { WITHDRAWN_BIT } else { 0 };
        bits |= if phase.assigned { ASSIGNED_BIT } else { 0 };
        value.signed((start.0 - before.0) << PHASE_BITS | bits);
        before = start;
    }
}

fn read_timeline(
    value: &mut RecordReader<'_>,
    phases: usize,
    last: Timestamp,
) -> Result<Timeline, RecordError> {
    let mut timeline = None;
    let mut before = last;
    for _ in 0..phases {
        let word = value.signed()?;
        let status = usize::try_from(word & STATUS_MASK).unwrap_or(usize::MAX);
        let phase = Phase {
            status: *Status::ALL.get(status).ok_or(RecordError::UnknownValue)?,
            withdrawn: word & WITHDRAWN_BIT != 0,
            assigned: word & ASSIGNED_BIT != 0,
        };
        let start = before.0.wrapping_add(word >> PHASE_BITS);
        let start = Timestamp::checked(start).ok_or(RecordError::Time)?;
        match &mut timeline {
            None => timeline = Some(Timeline::new(start, phase)),
            Some(_) if start < before => return Err(RecordError::Order),
            Some(timeline) => timeline.append(start, phase),
        }
        before = start;
    }
    timeline.ok_or(RecordError::EndsEarly)
}

/// The bits of [`has`].
fn presence(ticket: &Ticket) -> u16 {
    let mut bits = 0;
    let mut set = |bit: u16, value: bool| bits |= if value { bit } else { 0 };
    let is = |at: Timestamp| at != Timestamp::NEVER;
    set(has::CREATED, is(ticket.created));
    set(has::RESPONSE, is(ticket.response_since));
    set(has::RESOLUTION, is(ticket.resolution_since));
    set(has::LEG, is(ticket.leg_since));
    set(has::GOALS, ticket.goals().next().is_some());
    set(has::MORE_GOALS, goals::has_more(ticket));
    set(has::TEAM_OVERFLOW, ticket.team_overflow != 0);
    let overflow = ticket.identified_priority().overflow;
    set(has::PRIORITY_OVERFLOW, overflow != 0);
    set(has::RATING, !ticket.rating.is_nan());
    set(has::SOLVED, ticket.solved_team != NO_TEAM);
    if let Some(extra) = &ticket.extra {
        set(has::HANDLE, extra.handle != 0);
        set(has::INTO, extra.into.is_some());
    }
    if let Some(reason) = ticket.withdrawal {
        set((reason as u16 + 1) << has::WITHDRAWAL_SHIFT, true);
    }
    let [one, two, three] = ticket.calendars();
    set(has::CALENDARS, one != two || two != three);
    bits
}

/// The base of the starts: the creation if it is known.
fn start_base(ticket: &Ticket) -> Timestamp {
    if ticket.has_start() {
        ticket.created
    } else {
        ticket.last_at
    }
}

/// A time by its distance before `last`.
fn before(value: &mut RecordReader<'_>, last: Timestamp) -> Result<Timestamp, RecordError> {
    let length = value.signed()?;
    Timestamp::checked(last.0.wrapping_sub(length)).ok_or(RecordError::Time)
}

/// Checks that the numbers in a ticket refer to existing labels, policies and calendars.
pub fn check(ticket: &Ticket, existing: &ReferenceCounts) -> Result<(), RecordError> {
    let memory = &ticket.memory;
    let solved = (ticket.solved_team != NO_TEAM).then_some(ticket.solved_team);
    let fits = usize::from(ticket.team_number) < existing.teams
        && solved.is_none_or(|team| usize::from(team) < existing.teams)
        && usize::from(ticket.priority) < existing.priorities
        && usize::from(ticket.solved_priority) < existing.priorities
        && usize::from(ticket.channel) < existing.channels
        && existing.has_attributes(memory.attribute_numbers())
        && existing.has_attributes(memory.attribute_numbers_at_solve())
        && ticket
            .policies()
            .all(|policy| policy == NO_POLICY || usize::from(policy) < existing.policies)
        && ticket
            .groups()
            .all(|group| usize::from(group) < existing.groups)
        && ticket
            .clock_calendars()
            .all(|calendar| usize::from(calendar.0) < existing.calendars)
        && ticket.history().past.is_none_or(|past| {
            past.calendars()
                .all(|calendar| usize::from(calendar.0) < existing.calendars)
        });
    if fits {
        Ok(())
    } else {
        Err(RecordError::Reference)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::record::STATE_VERSION;
    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType};
    use crate::domain::timestamp::{DAY, HOUR, MINUTE};
    use crate::engine::open_goals::ClockStart;
    use crate::engine::{Engine, Rules};

    /// 2026-01-01T00:00:00Z.
    const OPENING: Timestamp = Timestamp(1_767_225_600_000);

    /// An ordinary open ticket with five events and three goals.
    fn ordinary() -> Ticket {
        let mut rules = Rules::default();
        rules.policies.push(crate::domain::policy::Policy {
            name: "all".to_owned(),
            matches: crate::domain::policy::Match::default(),
            clock: crate::domain::policy::Clock::Calendar,
            calendar: None,
            targets: [
                Some(HOUR),
                Some(HOUR),
                Some(8 * HOUR),
                Some(4 * HOUR),
                None,
                None,
            ],
            pauses: crate::domain::policy::Policy::default_pauses(),
            ..crate::domain::policy::Policy::new("")
        });
        let mut engine = Engine::new(Arc::new(rules), OPENING);
        let partition = engine.only_partition();
        for (step, kind) in (0..).zip([
            EventType::Created,
            EventType::Message,
            EventType::StatusChanged,
            EventType::Message,
            EventType::PriorityChanged,
        ]) {
            let at = OPENING.plus(step * 7 * MINUTE + step * 123);
            let identity = EventIdentity(u64::MAX / (step.unsigned_abs() + 3));
            let mut event = Event::new("TICKET-1234567", kind, at, identity);
            event.team = (step == 0).then(|| Some("network".into()));
            event.actor = Some(if step == 1 {
                Actor::Agent
            } else {
                Actor::Customer
            });
            event.priority = Some(if step < 4 { "p2" } else { "p1" }.into());
            event.status = (kind == EventType::StatusChanged).then_some(Status::Open);
            engine.apply(partition, &event);
        }
        engine.tickets.get(0).cloned().unwrap()
    }

    fn bytes(ticket: &Ticket) -> Vec<u8> {
        let mut value = RecordWriter::default();
        write(&mut value, ticket);
        value.bytes().to_vec()
    }

    /// The stored part of a ticket.
    fn stored(ticket: &Ticket) -> String {
        let mut ticket = ticket.clone();
        ticket.scheduled = Timestamp::NEVER;
        ticket.flags.set(Flags::DIRTY, false);
        format!("{ticket:?}")
    }

    #[test]
    fn an_ordinary_ticket_is_small() {
        let size = bytes(&ordinary()).len();
        assert!(size <= 100, "{size} bytes");
    }

    #[test]
    fn tickets_round_trip() {
        let mut ticket = ordinary();
        let plain = ticket.clone();
        ticket.rating = 0.25;
        ticket.team_overflow = 77;
        ticket.withdrawal = Some(Withdrawal::Spam);
        ticket.extra_mut().handle = 90_000;
        ticket.extra_mut().into = Some("OTHER".into());
        ticket.set_calendars([0, u16::MAX, 5]);
        let clock = |minutes: i64, calendar| ClockStart {
            at: OPENING.plus(minutes * MINUTE),
            calendar,
        };
        ticket.set_updates(Some(clock(7, 3)));
        ticket.set_policy(2, 0);
        ticket.set_policy_change(2, Some(clock(9, u16::MAX)));
        ticket.more_goals_mut().resolutions = vec![(1, ClockStart::NEVER), (2, clock(8, 1))];
        for (group, kind, is_breached) in [
            (1, GoalKind::Resolution, true),
            (2, GoalKind::Resolution, false),
            (2, GoalKind::Update, false),
        ] {
            let key = GoalKey { group, kind };
            let deadline = match (is_breached, kind) {
                (false, GoalKind::Resolution) => OPENING.plus(HOUR),
                _ => Timestamp::NEVER,
            };
            ticket.set_goal(OpenGoal {
                key,
                is_breached,
                deadline,
            });
        }
        (ticket.solved_team, ticket.solved_priority) = (3, 2);
        let requester = StateMembers::NONE.with(StateMember::Requester);
        ticket.memory.state(requester, OPENING.minus(HOUR));
        ticket.memory.set_requester(AccountDigest(u64::MAX / 7));
        let held = HeldAttribute {
            number: 2,
            number_at_solve: 3,
            stated: OPENING.minus(DAY),
        };
        ticket.memory.set_attribute(1, held);
        ticket.flags.set(Flags::DIRTY, true);
        for ticket in [plain, ticket, Ticket::open("t", 3, OPENING)] {
            let bytes = bytes(&ticket);
            let read = read(
                STATE_VERSION,
                ticket.partition,
                &ticket.id,
                RecordReader::new(&bytes),
            )
            .unwrap();
            assert_eq!(stored(&read), stored(&ticket));
            for length in 0..bytes.len() {
                let cut = super::read(STATE_VERSION, 0, "t", RecordReader::new(&bytes[..length]));
                // The remembered events are at the end, and there may be fewer of them.
                let is_fewer = (bytes.len() - length).is_multiple_of(5);
                assert!(cut.is_err() || is_fewer, "cut at {length}");
            }
        }
    }

    #[test]
    fn a_key_holds_partition_and_id() {
        let mut key = RecordWriter::default();
        write_key(&mut key, 300, "T-1");
        assert_eq!(key.bytes()[0], RecordKind::Ticket as u8);
        assert_eq!(
            read_key(RecordReader::new(&key.bytes()[1..])),
            Ok((300, "T-1"))
        );
        assert_eq!(
            read_key(RecordReader::new(&[0])),
            Err(RecordError::EndsEarly)
        );
    }
}
