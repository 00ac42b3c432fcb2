//! A mapping: the rules that turn a record of another system into canonical events. `config` reads it
//! and `decode` applies it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::lookup_table::{LookupTable, LookupTableFile};
use super::path::RecordPath;
use super::value::{Condition, Unmapped, ValueSource};
use crate::domain::named::named_enum;

/// The mappings of all topics.
#[derive(Clone, Debug, Default)]
pub struct Mappings {
    /// For topics without a mapping of their own. `None`: the records are canonical events.
    pub general: Option<Arc<Mapping>>,
    /// By topic. `None`: the records are canonical events.
    pub topics: BTreeMap<String, Option<Arc<Mapping>>>,
    /// The files of all lookup tables. [`Refined::table`](super::Refined::table) is an index into them.
    pub tables: Vec<LookupTableFile>,
    /// The content of these files when the configuration was read.
    pub contents: Vec<LookupTable>,
    /// The names of the configured attributes. Events keep no others.
    pub attributes: Vec<String>,
}

impl Mappings {
    /// The mapping of a topic. `None`: its records are canonical events.
    pub fn of(&self, topic: &str) -> Option<&Mapping> {
        let mapping = self.topics.get(topic).unwrap_or(&self.general);
        mapping.as_deref()
    }

    /// Whether both read records in the same way, with the same content of the tables.
    pub fn is_same(&self, other: &Self) -> bool {
        // Regular expressions cannot be compared, but their debug output can.
        let shown = |mappings: &Self| format!("{:?}{:?}", mappings.general, mappings.topics);
        self.tables == other.tables
            && self.attributes == other.attributes
            && self.contents == other.contents
            && shown(self) == shown(other)
    }
}

#[derive(Clone, Debug)]
pub struct Mapping {
    /// The preset, or `none`.
    pub preset: String,
    /// A short text that changes with the configuration of the mapping. It has only the name of the preset:
    /// another version of the program may improve the preset.
    pub written: String,
    pub unwrap: Vec<UnwrapStep>,
    /// The zone of times that are written without one.
    pub zone: Option<Tz>,
    /// In the order of evaluation.
    pub rules: Vec<Rule>,
}

/// A step that removes a wrapper around the ticket's own JSON.
#[derive(Clone, Debug)]
pub enum UnwrapStep {
    CloudEvents,
    Debezium,
    /// The value at this path.
    Path(RecordPath),
    /// Each item of this list as a record of its own.
    Each(RecordPath),
    /// The JSON in this text.
    Json(RecordPath),
    /// The JSON in this base64 text.
    Base64(RecordPath),
}

/// Makes events of the records that fit its condition.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub when: Condition,
    /// Makes an event for each item of this list.
    pub foreach: Option<RecordPath>,
    /// The next rules are evaluated too.
    pub continues: bool,
    /// The rule makes no event.
    pub ignores: bool,
    /// The record says how a ticket is, not what happened. The rule ignores tickets that are solved or
    /// closed.
    pub snapshot: bool,
    /// The members of the rule and the common ones, by [`Member`].
    pub members: [Option<ValueSource>; Member::ALL.len()],
    /// The configured attributes that the rule states, by name.
    pub attributes: BTreeMap<String, ValueSource>,
}

named_enum! {
    /// A member of the canonical event.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Member {
        TicketId = "ticket_id",
        Type = "type",
        At = "at",
        EventId = "event_id",
        CreatedAt = "created_at",
        Team = "team",
        Agent = "agent",
        Priority = "priority",
        Status = "status",
        Channel = "channel",
        Actor = "actor",
        /// The values are in [`Rule::attributes`].
        Attributes = "attributes",
        Requester = "requester",
        Author = "author",
        Public = "public",
        HandleSeconds = "handle_seconds",
        Score = "score",
        ScoreMax = "score_max",
        Into = "into",
    }
}

impl Member {
    /// An event needs these members.
    pub const REQUIRED: [Self; 3] = [Self::TicketId, Self::Type, Self::At];

    /// The default for a word that is in no map and no lookup table. A member with a fixed list of words
    /// drops it, a name passes.
    pub const fn unmapped(self) -> Unmapped {
        match self {
            Self::Type | Self::Status | Self::Actor | Self::Public => Unmapped::Drop,
            _ => Unmapped::Pass,
        }
    }
}

impl Rule {
    pub fn member(&self, member: Member) -> Option<&ValueSource> {
        self.members[member as usize].as_ref()
    }
}
