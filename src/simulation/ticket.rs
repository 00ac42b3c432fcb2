//! A live ticket: its state, and its next step.
//!
//! It is small and uses no heap memory, because a load test holds hundreds of thousands.

use super::profile::MOST_ATTRIBUTES;
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;

/// The next step. One step is one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoryStep {
    Create,
    Open,
    BotReply,
    BotSolve,
    Triage,
    Assign,
    Reprioritize,
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

/// The result of an agent's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyOutcome {
    Ask,
    Hold,
    Escalate,
    Solve,
}

/// How a new ticket will end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TicketFate {
    Worked,
    /// Merged into the ticket with this number.
    Merged(u64),
    Spam,
    Deleted,
}

/// A live ticket. Positions are indexes into the profile's lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimulatedTicket {
    pub(super) number: u64,
    pub(super) created: Timestamp,
    /// The planned time of the first human reply.
    pub(super) reply_due: Timestamp,
    pub(super) solved: Timestamp,
    pub(super) fate: TicketFate,
    pub(super) step: StoryStep,
    pub(super) outcome: ReplyOutcome,
    pub(super) status: Status,
    /// The team that holds it, as in the events.
    pub(super) team: Option<u16>,
    /// The team that triage will find.
    pub(super) home: u16,
    pub(super) agent: Option<u32>,
    /// As in the events.
    pub(super) priority: Option<u16>,
    /// The priority that triage will find.
    pub(super) urgency: u16,
    pub(super) channel: u16,
    /// The value of each attribute, as in the events.
    pub(super) attributes: [Option<u16>; MOST_ATTRIBUTES],
    /// Number of human replies.
    pub(super) replies: u16,
    pub(super) score: u8,
    pub(super) csat_offered: bool,
    /// The customer will reopen it.
    pub(super) reopens: bool,
}

/// The content of an event besides the state of the ticket after it.
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
