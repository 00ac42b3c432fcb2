//! A ticket under way: what is true of it, and the step its story takes next.
//!
//! Small and without heap memory: a load test holds hundreds of thousands.

use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;

/// What happens next. One step is one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Open,
    BotReply,
    BotSolve,
    Triage,
    Assign,
    Reprioritise,
    Update,
    Chase,
    Note,
    Reply,
    Book,
    Ask,
    Answer,
    Reactivate,
    Hold,
    Resume,
    Transfer,
    Escalate,
    Solve,
    GiveUp,
    OfferCsat,
    RateCsat,
    ChangeRating,
    Thank,
    Complain,
    Reopen,
    Close,
    Merge,
    Spam,
    Delete,
    Undelete,
}

/// What an agent's reply leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ask,
    Hold,
    Escalate,
    Solve,
}

/// What a new ticket is, seen from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Worked,
    /// Merged into the ticket of this number.
    Merged(u64),
    Spam,
    Deleted,
}

/// See the module. Positions are those of the profile's lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) created: Timestamp,
    /// When the first human reply is meant to happen.
    pub(super) reply_due: Timestamp,
    pub(super) solved: Timestamp,
    pub(super) fate: Fate,
    pub(super) step: Step,
    pub(super) outcome: Outcome,
    pub(super) status: Status,
    /// The team that holds it, as the events say.
    pub(super) team: Option<u16>,
    /// The team whose work it is, before triage found out.
    pub(super) home: u16,
    pub(super) agent: Option<u32>,
    /// As the events say.
    pub(super) priority: Option<u16>,
    /// How urgent it is, before triage found out.
    pub(super) urgency: u16,
    pub(super) channel: u16,
    /// Human replies so far.
    pub(super) replies: u16,
    pub(super) score: u8,
    pub(super) csat_offered: bool,
    /// The customer will not be content with this solution.
    pub(super) reopens: bool,
}

/// What an event says beyond what is true of the ticket after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) kind: &'static str,
    pub(super) actor: &'static str,
    /// `false`: the message is a private note.
    pub(super) public: bool,
    pub(super) handle_seconds: Option<i64>,
    pub(super) score: Option<u8>,
    pub(super) into: Option<u64>,
}

impl Act {
    pub(super) const fn new(kind: &'static str, actor: &'static str) -> Self {
        Self {
            kind,
            actor,
            public: true,
            handle_seconds: None,
            score: None,
            into: None,
        }
    }
}
