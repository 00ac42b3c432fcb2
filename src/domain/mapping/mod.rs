//! A mapping: how a record of another system becomes canonical events. What is written in the
//! configuration, understood and checked; `decode` works by it.

mod path;
mod reading;
mod table;
mod words;

pub use path::{Path, Root, Step};
pub use reading::digest;
pub use table::{Table, TableFile};
pub use words::{Words, same_word};

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use regex::Regex;

/// How the records of each topic are read.
#[derive(Clone, Debug, Default)]
pub struct Mappings {
    /// Topics that have none of their own. `None`: the records are canonical events.
    pub general: Option<Arc<Mapping>>,
    /// By the name of the topic.
    pub topics: BTreeMap<String, Option<Arc<Mapping>>>,
    /// Look-up tables of all of them, by the number in [`Refined::table`].
    pub tables: Vec<TableFile>,
    /// What was in their files when the configuration was read.
    pub contents: Vec<Table>,
}

impl Mappings {
    /// Whether records are read in the same way, by tables with the same content.
    pub fn is_same(&self, other: &Self) -> bool {
        // Patterns cannot be compared but as they are written, which is how they are shown.
        let shown = |mappings: &Self| format!("{:?}{:?}", mappings.general, mappings.topics);
        self.tables == other.tables
            && self.contents == other.contents
            && shown(self) == shown(other)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The preset it is made from; `none` where there is none.
    pub preset: String,
    /// What the configuration says, in a few words that change when it does. A preset counts by its
    /// name: another version of the program may have a better one.
    pub written: String,
    pub unwrap: Vec<Unwrap>,
    /// Of times that are written without a zone.
    pub zone: Option<Tz>,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
}

/// A step that takes off what is around the ticket's own JSON.
#[derive(Clone, Debug)]
pub enum Unwrap {
    CloudEvents,
    Debezium,
    /// Goes down to this.
    Path(Path),
    /// Every item of this list is a record of its own.
    Each(Path),
    /// The JSON in this text.
    Json(Path),
    /// The JSON in this base64 text.
    Base64(Path),
}

/// What becomes of the records that a condition fits.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub when: Condition,
    /// An event for each item of this list.
    pub foreach: Option<Path>,
    /// Whether rules after it are tried too.
    pub continues: bool,
    /// No event.
    pub ignores: bool,
    /// It says how a ticket is, not what happened: of tickets that are solved already there is
    /// nothing to count any more.
    pub snapshot: bool,
    /// Those of the rule and those in common, by [`Member`].
    pub members: [Option<Value>; Member::ALL.len()],
}

/// A member of the canonical event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Member {
    TicketId,
    Type,
    At,
    EventId,
    CreatedAt,
    Team,
    Agent,
    Priority,
    Status,
    Channel,
    Actor,
    Public,
    HandleSeconds,
    Score,
    ScoreMax,
    Into,
}

impl Member {
    pub const ALL: [Self; 16] = [
        Self::TicketId,
        Self::Type,
        Self::At,
        Self::EventId,
        Self::CreatedAt,
        Self::Team,
        Self::Agent,
        Self::Priority,
        Self::Status,
        Self::Channel,
        Self::Actor,
        Self::Public,
        Self::HandleSeconds,
        Self::Score,
        Self::ScoreMax,
        Self::Into,
    ];

    /// Without these there is no event.
    pub const REQUIRED: [Self; 3] = [Self::TicketId, Self::Type, Self::At];

    pub const fn name(self) -> &'static str {
        match self {
            Self::TicketId => "ticket_id",
            Self::Type => "type",
            Self::At => "at",
            Self::EventId => "event_id",
            Self::CreatedAt => "created_at",
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Priority => "priority",
            Self::Status => "status",
            Self::Channel => "channel",
            Self::Actor => "actor",
            Self::Public => "public",
            Self::HandleSeconds => "handle_seconds",
            Self::Score => "score",
            Self::ScoreMax => "score_max",
            Self::Into => "into",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|member| member.name() == name)
    }

    /// What becomes of a word that a map or table does not have, where nothing is said: a word
    /// that can only be wrong is dropped, a name is taken as it is.
    pub const fn unmapped(self) -> Unmapped {
        match self {
            Self::Type | Self::Status | Self::Actor | Self::Public => Unmapped::Drop,
            _ => Unmapped::Pass,
        }
    }
}

impl Rule {
    pub fn member(&self, member: Member) -> Option<&Value> {
        self.members[member as usize].as_ref()
    }
}

/// Where a member's value comes from.
#[derive(Clone, Debug)]
pub enum Value {
    Path(Path),
    Constant(String),
    Template(Vec<Piece>),
    /// The first that gives a value.
    First(Vec<Value>),
    Refined(Box<Refined>),
}

/// A part of a template.
#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    Path(Path),
}

/// A value, and what is done with it, in the order of the fields.
#[derive(Clone, Debug)]
pub struct Refined {
    pub value: Value,
    pub when: Option<Condition>,
    pub pattern: Option<Regex>,
    /// Words that say that there is none, such as the owner 0.
    pub none: Vec<String>,
    pub map: Option<Arc<Words>>,
    /// Place among [`Mappings::tables`].
    pub table: Option<usize>,
    pub unmapped: Option<Unmapped>,
    /// Subtracted from a number.
    pub minus: Option<Value>,
    /// A number is multiplied by it.
    pub times: Option<f64>,
    pub format: Option<TimeFormat>,
    pub zone: Option<Tz>,
}

/// What becomes of a word that a map or table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// It is no value.
    Drop,
    /// It is taken as it is.
    Pass,
    /// The record is rejected.
    Reject,
}

impl Unmapped {
    pub const ALL: [Self; 3] = [Self::Drop, Self::Pass, Self::Reject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Pass => "pass",
            Self::Reject => "reject",
        }
    }
}

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// Since 1970.
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Days,
    /// No instant but a length, which becomes seconds.
    Duration,
    /// As in strftime.
    Pattern(String),
}

/// Whether a rule or a value is for a record.
#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// Of what a path gives, any passes.
    Of(Path, Test),
}

impl Condition {
    /// Holds for every record.
    pub const ALWAYS: Self = Self::All(Vec::new());
}

/// What is asked of a value.
#[derive(Clone, Debug)]
pub enum Test {
    Equals(String),
    /// The same as what this path gives.
    Same(Path),
    Matches(Regex),
    /// Place among [`Mappings::tables`].
    InTable(usize),
    Exists(bool),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

impl Value {
    /// The paths it looks at, as they are written, in order.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            Self::Path(path) => vec![path.text()],
            Self::Constant(_) => Vec::new(),
            Self::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Path(path) => Some(path.text()),
                    Piece::Text(_) => None,
                })
                .collect(),
            Self::First(values) => values.iter().flat_map(Self::paths).collect(),
            Self::Refined(refined) => refined.value.paths(),
        }
    }
}
