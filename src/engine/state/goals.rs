//! The open goals of a ticket and what only some goals need, inside the record of the ticket.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use crate::domain::timestamp::Timestamp;
use crate::engine::open_goals::{
    ClockStart, GoalKey, GoalKind, GroupNumber, MOST_GROUPS, MoreGoals, OpenGoal,
};
use crate::engine::ticket::{NO_POLICY, Ticket};

/// The minimum sizes of list items.
const GOAL_SIZE: usize = 2;
const POLICY_SIZE: usize = 1;
const CLOCK_SIZE: usize = 3;

/// In the first byte of a goal, after group and kind: a deadline follows. Otherwise a byte follows that says
/// whether the goal has breached.
const HAS_DEADLINE: u8 = 1;
const KIND_SHIFT: u32 = 1;
const KIND_MASK: u8 = 7;
const GROUP_SHIFT: u32 = 4;

/// Whether a ticket has goals or clocks that only some tickets have.
pub fn has_more(ticket: &Ticket) -> bool {
    let is_used = |more: &MoreGoals| !more.policies.is_empty() || more.clocks().next().is_some();
    ticket.more_goals().is_some_and(is_used)
}

pub fn write(value: &mut RecordWriter, ticket: &Ticket) {
    if let Some(more) = ticket.more_goals().filter(|_| has_more(ticket)) {
        value.length(more.policies.len());
        for policy in &more.policies {
            value.number(u64::from(policy.wrapping_add(1)));
        }
        for clocks in [&more.changes, &more.resolutions] {
            value.length(clocks.len());
            for (group, clock) in clocks {
                value.byte(*group);
                write_clock(value, *clock, ticket.last_at);
            }
        }
        write_clock(
            value,
            more.update.unwrap_or(ClockStart::NEVER),
            ticket.last_at,
        );
    }
    let mut open: Vec<OpenGoal> = ticket.goals().collect();
    if open.is_empty() {
        return;
    }
    open.sort_unstable_by_key(|goal| goal.key);
    value.length(open.len());
    for goal in open {
        let key = goal.key.group << GROUP_SHIFT | (goal.key.kind as u8) << KIND_SHIFT;
        if goal.deadline == Timestamp::NEVER {
            value.byte(key);
            value.byte(u8::from(goal.is_breached));
        } else {
            value.byte(key | HAS_DEADLINE);
            value.instant(goal.deadline, deadline_base(ticket, goal.key));
        }
    }
}

/// Reads what comes before the goals. Does not check the numbers of policies, groups and calendars.
pub fn read_more(ticket: &mut Ticket, value: &mut RecordReader<'_>) -> Result<(), RecordError> {
    let last = ticket.last_at;
    let policies = value.list(POLICY_SIZE, |value| {
        value.narrow::<u16>().map(|policy| policy.wrapping_sub(1))
    })?;
    if policies.len() >= MOST_GROUPS {
        return Err(RecordError::TooLarge);
    }
    let mut clocks = || {
        value.list(CLOCK_SIZE, |value| {
            Ok((value.byte()?, read_clock(value, last)?))
        })
    };
    let (changes, resolutions) = (clocks()?, clocks()?);
    let update = read_clock(value, last)?;
    let more = ticket.more_goals_mut();
    more.policies = policies;
    more.changes = changes;
    more.resolutions = resolutions;
    more.update = (update != ClockStart::NEVER).then_some(update);
    Ok(())
}

/// Reads the goals. Does not check the numbers of groups.
pub fn read(ticket: &mut Ticket, value: &mut RecordReader<'_>) -> Result<(), RecordError> {
    let mut before = None;
    for _ in 0..value.items(GOAL_SIZE)? {
        let byte = value.byte()?;
        let kind = usize::from(byte >> KIND_SHIFT & KIND_MASK);
        let key = GoalKey {
            group: byte >> GROUP_SHIFT,
            kind: *GoalKind::ALL.get(kind).ok_or(RecordError::UnknownValue)?,
        };
        if before >= Some(key) {
            return Err(RecordError::Order);
        }
        before = Some(key);
        let (is_breached, deadline) = if byte & HAS_DEADLINE == 0 {
            match value.byte()? {
                0 => (false, Timestamp::NEVER),
                1 => (true, Timestamp::NEVER),
                _ => return Err(RecordError::UnknownValue),
            }
        } else {
            (false, value.any_instant(deadline_base(ticket, key))?)
        };
        ticket.set_goal(OpenGoal {
            key,
            is_breached,
            deadline,
        });
    }
    Ok(())
}

/// The base of a deadline: the start of its clock if it is known.
pub fn deadline_base(ticket: &Ticket, key: GoalKey) -> Timestamp {
    match ticket.clock(key).at {
        Timestamp::NEVER => ticket.last_at,
        start => start,
    }
}

/// Writes the calendar of a clock, and its start if it runs.
fn write_clock(value: &mut RecordWriter, clock: ClockStart, last: Timestamp) {
    let runs = clock.at != Timestamp::NEVER;
    value.byte(u8::from(runs));
    if runs {
        value.instant(clock.at, last);
        value.number(u64::from(clock.calendar.wrapping_add(1)));
    }
}

fn read_clock(value: &mut RecordReader<'_>, last: Timestamp) -> Result<ClockStart, RecordError> {
    match value.byte()? {
        0 => Ok(ClockStart::NEVER),
        1 => Ok(ClockStart {
            at: value.instant(last)?,
            calendar: value.narrow::<u16>()?.wrapping_sub(1),
        }),
        _ => Err(RecordError::UnknownValue),
    }
}

/// Gives goals, policies and clocks the new numbers of their groups. `None`: the group is not needed.
pub fn renumber_groups(ticket: &mut Ticket, number: impl Fn(GroupNumber) -> Option<GroupNumber>) {
    let open: Vec<OpenGoal> = ticket.goals().collect();
    let policies: Vec<u16> = ticket.policies().collect();
    for goal in &open {
        ticket.remove_goal(goal.key);
    }
    ticket.set_policy(0, NO_POLICY);
    if policies.len() > 1 {
        ticket.more_goals_mut().policies.clear();
    }
    for (group, policy) in (0..).zip(policies) {
        if let Some(group) = number(group) {
            ticket.set_policy(group, policy);
        }
    }
    for goal in open {
        if let Some(group) = number(goal.key.group) {
            let key = GoalKey {
                group,
                kind: goal.key.kind,
            };
            ticket.set_goal(OpenGoal { key, ..goal });
        }
    }
    if has_more(ticket) {
        let more = ticket.more_goals_mut();
        for clocks in [&mut more.changes, &mut more.resolutions] {
            let renumbered = clocks.iter();
            let renumbered =
                renumbered.filter_map(|(group, clock)| Some((number(*group)?, *clock)));
            *clocks = renumbered.collect();
        }
    }
}
