//! The record of a ticket: everything but its timer, which follows from the rest.
//!
//! Instants lie near each other, so they are written as distances: those of now from the last
//! event, those of the beginning from the creation, deadlines from what they judge.

use compact_str::CompactString;

use super::Existing;
use super::Kind;
use super::bytes::{Reader, Writer, Wrong};
use super::past;
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;
use crate::engine::labels::NO_TEAM;
use crate::engine::ticket::{Flags, GoalState, NO_POLICY, Slot, Ticket, Withdrawal};
use crate::engine::timeline::{Phase, Timeline};

/// What a ticket has, as bits of two bytes in front.
mod has {
    pub const CREATED: u16 = 1;
    pub const RESPONSE: u16 = 1 << 1;
    pub const RESOLUTION: u16 = 1 << 2;
    pub const LEG: u16 = 1 << 3;
    /// Of the first slot; the others follow.
    pub const DEADLINE: u16 = 1 << 4;
    pub const TEAM_OVERFLOW: u16 = 1 << 7;
    pub const PRIORITY_OVERFLOW: u16 = 1 << 8;
    pub const RATING: u16 = 1 << 9;
    pub const SOLVED: u16 = 1 << 10;
    pub const HANDLE: u16 = 1 << 11;
    pub const INTO: u16 = 1 << 12;
    /// Two bits: nothing, or one more than the number of the [`super::Withdrawal`].
    pub const WITHDRAWAL_SHIFT: u32 = 13;
    /// Not all slots have the same calendar.
    pub const CALENDARS: u16 = 1 << 15;
}

/// A phase in the low bits of a word, the time since the phase before above.
const PHASE_BITS: u32 = 5;
/// The least bytes of a phase.
const PHASE_SIZE: usize = 1;
/// In place of the number of phases, which is at least 1: older phases follow as sums, then the
/// number. No ticket of state version 1 has that.
const LONG_HISTORY: usize = 0;
const STATUS_MASK: i64 = 0x07;
const WITHDRAWN_BIT: i64 = 0x08;
const ASSIGNED_BIT: i64 = 0x10;

/// Key of a ticket: its partition and id.
pub fn write_key(key: &mut Writer, partition: u16, id: &str) {
    key.clear();
    key.byte(Kind::Ticket as u8);
    key.raw(&partition.to_be_bytes());
    key.raw(id.as_bytes());
}

/// Partition and id out of a key behind its kind.
pub fn read_key<'a>(mut key: Reader<'a>) -> Result<(u16, &'a str), Wrong> {
    let partition = u16::from_be_bytes(key.array()?);
    let id: &'a str = std::str::from_utf8(key.remainder()).map_err(|_| Wrong::Text)?;
    Ok((partition, id))
}

pub fn write(value: &mut Writer, ticket: &Ticket) {
    value.clear();
    value.raw(&presence(ticket).to_le_bytes());
    value.number(ticket.flags.kept().into());
    let last = ticket.last_at;
    value.instant(last, Timestamp(0));
    if ticket.has_start() {
        value.instant(last, ticket.created);
    }
    value.instant(last, ticket.accounted);
    let base = base(ticket);
    for since in [
        ticket.response_since,
        ticket.resolution_since,
        ticket.leg_since,
    ] {
        if since != Timestamp::NEVER {
            value.instant(since, base);
        }
    }
    for slot in Slot::ALL {
        let deadline = ticket.deadlines[slot as usize];
        if deadline != Timestamp::NEVER {
            value.instant(deadline, judged(ticket, slot));
        }
    }
    let [response, resolution, ownership] = ticket.states.map(|state| state as u8);
    value.byte(response | resolution << 2 | ownership << 4);
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
    value.number(u64::from(ticket.policy.wrapping_add(1)));
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
    for digest in ticket.recent() {
        value.raw(digest);
    }
}

/// Reads a ticket. Numbers of labels, policies and calendars are not checked here.
pub fn read(partition: u16, id: &str, mut value: Reader<'_>) -> Result<Ticket, Wrong> {
    let value = &mut value;
    let present = u16::from_le_bytes(value.array()?);
    let has = |bit: u16| present & bit != 0;
    let mut ticket = Ticket::open(id, partition, Timestamp(0));
    ticket.flags = Flags::restored(value.narrow()?).ok_or(Wrong::Choice)?;
    let last = value.instant(Timestamp(0))?;
    ticket.last_at = last;
    if has(has::CREATED) {
        ticket.created = before(value, last)?;
    }
    ticket.accounted = before(value, last)?;
    let base = base(&ticket);
    for (bit, since) in [
        (has::RESPONSE, &mut ticket.response_since),
        (has::RESOLUTION, &mut ticket.resolution_since),
        (has::LEG, &mut ticket.leg_since),
    ] {
        if has(bit) {
            *since = value.instant(base)?;
        }
    }
    for slot in Slot::ALL {
        if has(has::DEADLINE << slot as u16) {
            ticket.deadlines[slot as usize] = value.any_instant(judged(&ticket, slot))?;
        }
    }
    let states = value.byte()?;
    if states >> 6 != 0 {
        return Err(Wrong::Choice);
    }
    for slot in Slot::ALL {
        ticket.states[slot as usize] = GoalState::ALL[usize::from(states >> (2 * slot as u8) & 3)];
    }
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
        return Err(Wrong::Order);
    }
    let recent = value.remainder();
    ticket.set_recent(recent).ok_or(Wrong::GoesOn)?;
    Ok(ticket)
}

fn read_labels(ticket: &mut Ticket, value: &mut Reader<'_>, present: u16) -> Result<(), Wrong> {
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
    ticket.policy = value.narrow::<u16>()?.wrapping_sub(1);
    let mut calendars = [value.narrow::<u16>()?; 3];
    if has(has::CALENDARS) {
        calendars[1] = value.narrow()?;
        calendars[2] = value.narrow()?;
    }
    ticket.set_calendars(calendars.map(|calendar| calendar.wrapping_sub(1)));
    Ok(())
}

/// Phases, each with the time since the one before.
fn write_timeline(value: &mut Writer, timeline: &Timeline, last: Timestamp) {
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
    value: &mut Reader<'_>,
    phases: usize,
    last: Timestamp,
) -> Result<Timeline, Wrong> {
    let mut timeline = None;
    let mut before = last;
    for _ in 0..phases {
        let word = value.signed()?;
        let status = usize::try_from(word & STATUS_MASK).unwrap_or(usize::MAX);
        let phase = Phase {
            status: *Status::ALL.get(status).ok_or(Wrong::Choice)?,
            withdrawn: word & WITHDRAWN_BIT != 0,
            assigned: word & ASSIGNED_BIT != 0,
        };
        let start = before.0.wrapping_add(word >> PHASE_BITS);
        let start = Timestamp::checked(start).ok_or(Wrong::Instant)?;
        match &mut timeline {
            None => timeline = Some(Timeline::new(start, phase)),
            Some(_) if start < before => return Err(Wrong::Order),
            Some(timeline) => timeline.append(start, phase),
        }
        before = start;
    }
    timeline.ok_or(Wrong::EndsEarly)
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
    for slot in Slot::ALL {
        let deadline = ticket.deadlines[slot as usize];
        set(has::DEADLINE << slot as u16, is(deadline));
    }
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

/// What beginnings are near to.
fn base(ticket: &Ticket) -> Timestamp {
    if ticket.has_start() {
        ticket.created
    } else {
        ticket.last_at
    }
}

/// What a deadline is near to: where its clock began.
fn judged(ticket: &Ticket, slot: Slot) -> Timestamp {
    let since = match slot {
        Slot::Response => ticket.response_since,
        Slot::Resolution => ticket.resolution_since,
        Slot::Ownership => ticket.leg_since,
    };
    if since == Timestamp::NEVER {
        ticket.last_at
    } else {
        since
    }
}

/// An instant by how long it is before another.
fn before(value: &mut Reader<'_>, last: Timestamp) -> Result<Timestamp, Wrong> {
    let length = value.signed()?;
    Timestamp::checked(last.0.wrapping_sub(length)).ok_or(Wrong::Instant)
}

/// Whether the numbers in a ticket are those of existing labels, policies and calendars.
pub fn check(ticket: &Ticket, existing: &Existing) -> Result<(), Wrong> {
    let solved = (ticket.solved_team != NO_TEAM).then_some(ticket.solved_team);
    let fits = usize::from(ticket.team_number) < existing.teams
        && solved.is_none_or(|team| usize::from(team) < existing.teams)
        && usize::from(ticket.priority) < existing.priorities
        && usize::from(ticket.solved_priority) < existing.priorities
        && usize::from(ticket.channel) < existing.channels
        && (ticket.policy == NO_POLICY || usize::from(ticket.policy) < existing.policies)
        && Slot::ALL.into_iter().all(|slot| {
            ticket
                .slot_calendar(slot)
                .is_none_or(|calendar| usize::from(calendar.0) < existing.calendars)
        })
        && ticket.history().past.is_none_or(|past| {
            past.calendars()
                .all(|calendar| usize::from(calendar.0) < existing.calendars)
        });
    if fits { Ok(()) } else { Err(Wrong::Reference) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::{Actor, Event, EventIdentity, EventType};
    use crate::domain::timestamp::{HOUR, MINUTE};
    use crate::engine::{Engine, Rules};

    /// 2026-01-01T00:00:00Z.
    const OPENING: Timestamp = Timestamp(1_767_225_600_000);

    /// An ordinary open ticket: five events, three goals.
    fn ordinary() -> Ticket {
        let mut rules = Rules::default();
        rules.policies.push(crate::domain::policy::Policy {
            name: "all".to_owned(),
            matches: crate::domain::policy::Match::default(),
            clock: crate::domain::policy::Clock::Calendar,
            calendar: None,
            targets: [Some(HOUR), Some(HOUR), Some(8 * HOUR), Some(4 * HOUR)],
            pauses: crate::domain::policy::Policy::default_pauses(),
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
        let mut value = Writer::default();
        write(&mut value, ticket);
        value.bytes().to_vec()
    }

    /// What comes back, as far as it is kept.
    fn kept(ticket: &Ticket) -> String {
        let mut ticket = ticket.clone();
        ticket.scheduled = Timestamp::NEVER;
        ticket.flags.set(Flags::DIRTY, false);
        format!("{ticket:?}")
    }

    #[test]
    fn an_ordinary_ticket_is_small() {
        let size = bytes(&ordinary()).len();
        assert!(size <= 80, "{size} bytes");
    }

    #[test]
    fn everything_comes_back() {
        let mut ticket = ordinary();
        let plain = ticket.clone();
        ticket.rating = 0.25;
        ticket.team_overflow = 77;
        ticket.withdrawal = Some(Withdrawal::Spam);
        ticket.extra_mut().handle = 90_000;
        ticket.extra_mut().into = Some("OTHER".into());
        ticket.set_calendars([0, u16::MAX, 5]);
        (ticket.solved_team, ticket.solved_priority) = (3, 2);
        ticket.flags.set(Flags::DIRTY, true);
        for ticket in [plain, ticket, Ticket::open("t", 3, OPENING)] {
            let bytes = bytes(&ticket);
            let read = read(ticket.partition, &ticket.id, Reader::new(&bytes)).unwrap();
            assert_eq!(kept(&read), kept(&ticket));
            for length in 0..bytes.len() {
                let cut = super::read(0, "t", Reader::new(&bytes[..length]));
                // The remembered events stand at the end, and may be fewer.
                let is_fewer = (bytes.len() - length).is_multiple_of(5);
                assert!(cut.is_err() || is_fewer, "cut at {length}");
            }
        }
    }

    #[test]
    fn a_key_says_partition_and_id() {
        let mut key = Writer::default();
        write_key(&mut key, 300, "T-1");
        assert_eq!(key.bytes()[0], Kind::Ticket as u8);
        assert_eq!(read_key(Reader::new(&key.bytes()[1..])), Ok((300, "T-1")));
        assert_eq!(read_key(Reader::new(&[0])), Err(Wrong::EndsEarly));
    }
}
