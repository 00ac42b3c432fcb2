//! The statements of events about a ticket. Each member has its own time, and the newest statement wins
//! (contract, section 1).

use crate::domain::event::{Event, EventType};
use crate::domain::named::named_enum;

named_enum! {
    /// A part of a ticket's state.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum StateMember {
        Team = "team",
        Agent = "agent",
        Priority = "priority",
        Channel = "channel",
        Status = "status",
        Requester = "requester",
        /// Whether the ticket exists.
        Withdrawal = "withdrawal",
    }
}

/// A set of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateMembers(u8);

impl StateMembers {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self((1 << Self::BITS) - 1);
    /// One for each member.
    pub const BITS: usize = StateMember::ALL.len();

    /// The members that an event states. A withdrawing event is not asked: it only withdraws.
    pub fn of(event: &Event<'_>) -> Self {
        Self::NONE
            .with_if(StateMember::Team, event.team.is_some())
            .with_if(StateMember::Agent, event.assigned.is_some())
            .with_if(StateMember::Priority, event.priority.is_some())
            .with_if(StateMember::Channel, event.channel.is_some())
            .with_if(StateMember::Status, event.status.is_some())
            .with_if(StateMember::Requester, event.requester.is_some())
            .with_if(StateMember::Withdrawal, event.kind == EventType::Undeleted)
    }

    #[must_use]
    pub const fn with(self, member: StateMember) -> Self {
        Self(self.0 | 1 << member as u8)
    }

    #[must_use]
    const fn with_if(self, member: StateMember, condition: bool) -> Self {
        Self(self.0 | (condition as u8) << member as u8)
    }

    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub const fn has(self, member: StateMember) -> bool {
        self.0 & 1 << member as u8 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    /// `None`: a bit is no member's.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits >> Self::BITS == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    pub fn iter(self) -> impl Iterator<Item = StateMember> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let member = StateMember::ALL.get(rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(*member)
        })
    }
}
