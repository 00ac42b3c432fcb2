//! The outcome of a mapping for one record.

use std::fmt;

use super::repeated_history::UnidentifiedEvent;
use crate::decode::rejection::{IgnoreReason, Rejection};
use crate::domain::event::Event;
use crate::domain::mapping::Member;

#[derive(Debug, Default)]
pub struct MappedRecord {
    /// Why the mapping cannot read the value at all.
    pub rejected: Option<Rejection>,
    /// In the order of the record and the rules.
    pub events: Vec<Event<'static>>,
    /// How each event was made, if the caller asked for it.
    pub derivations: Vec<EventDerivation>,
    pub rejected_events: Vec<RejectedEvent>,
    /// Why there is neither an event nor a rejection.
    pub ignored: Option<IgnoreReason>,
    /// Words that are in no map and no lookup table.
    pub unmapped: Vec<UnmappedWord>,
    pub unidentified: Vec<UnidentifiedEvent>,
}

/// A member of the event, or one of its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedMember {
    pub member: Member,
    /// The name of the attribute.
    pub attribute: Option<String>,
}

impl From<Member> for MappedMember {
    fn from(member: Member) -> Self {
        Self {
            member,
            attribute: None,
        }
    }
}

impl fmt::Display for MappedMember {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.member.name())?;
        match &self.attribute {
            Some(attribute) => write!(formatter, ".{attribute}"),
            None => Ok(()),
        }
    }
}

/// How an event was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventDerivation {
    pub rule: String,
    /// The event itself keeps only a hash of it.
    pub event_id: Option<String>,
    pub origins: Vec<MemberOrigin>,
}

/// An event that a rule could not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    pub rule: String,
    pub member: MappedMember,
    pub rejection: Rejection,
    /// The paths of the member in the rule.
    pub paths: String,
}

/// A word that is in no map and no lookup table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedWord {
    pub rule: String,
    pub member: MappedMember,
    pub path: String,
    /// Content of the record. It must not get into a log.
    pub word: String,
}

/// The origin of the value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberOrigin {
    pub member: MappedMember,
    /// A path, or a constant.
    pub from: String,
}
