//! The canonical ticket event (contract, section 1).

use std::borrow::Cow;

use super::named::named_enum;
use super::timestamp::{Milliseconds, Timestamp};

named_enum! {
    /// The type of an event. `solved`, `closed` and `reopened` are `StatusChanged` with a status.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum EventType {
        Created = "created",
        Message = "message",
        StatusChanged = "status_changed",
        TeamChanged = "team_changed",
        AgentChanged = "agent_changed",
        PriorityChanged = "priority_changed",
        Updated = "updated",
        Worklog = "worklog",
        Escalated = "escalated",
        CsatOffered = "csat_offered",
        CsatRated = "csat_rated",
        Merged = "merged",
        Spam = "spam",
        Deleted = "deleted",
        Undeleted = "undeleted",
    }
}

impl EventType {
    /// The words for the types.
    pub const NAMES: [&'static str; 18] = [
        "created",
        "message",
        "status_changed",
        "solved",
        "closed",
        "reopened",
        "team_changed",
        "agent_changed",
        "priority_changed",
        "updated",
        "worklog",
        "escalated",
        "csat_offered",
        "csat_rated",
        "merged",
        "spam",
        "deleted",
        "undeleted",
    ];

    /// The type of a word, and the status that the word implies.
    pub fn from_word(word: &str) -> Option<(Self, Option<Status>)> {
        let implied = match word {
            "solved" => Status::Solved,
            "closed" => Status::Closed,
            "reopened" => Status::Open,
            _ => return Some((Self::from_name(word)?, None)),
        };
        Some((Self::StatusChanged, Some(implied)))
    }
}

named_enum! {
    /// The status category of a ticket.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Status {
        #[default]
        New = "new",
        Open = "open",
        Pending = "pending",
        OnHold = "on_hold",
        Solved = "solved",
        Closed = "closed",
    }
}

impl Status {
    /// The statuses of the backlog.
    pub const UNSOLVED: [Self; 4] = [Self::New, Self::Open, Self::Pending, Self::OnHold];

    pub const fn is_unsolved(self) -> bool {
        !matches!(self, Self::Solved | Self::Closed)
    }
}

named_enum! {
    /// The author of an event. It may be unknown; an unknown actor is never a human agent.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Actor {
        Agent = "agent",
        Customer = "customer",
        Bot = "bot",
        System = "system",
    }
}

/// Tells an event from the last ones of its ticket: a hash of its `event_id`, or of the whole record value
/// without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventIdentity(pub u64);

/// The value of one of the user's own attributes after the event (contract, section 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedAttribute<'a> {
    pub name: Cow<'a, str>,
    /// 1 to 256 bytes. `None`: the ticket has no value.
    pub value: Option<Cow<'a, str>>,
}

/// One event of a ticket. It borrows from the record each text that needs no unescaping.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// 1 to 256 bytes. An integer id is the same ticket as its decimal digits.
    pub ticket_id: Cow<'a, str>,
    pub kind: EventType,
    /// Event time.
    pub at: Timestamp,
    pub identity: EventIdentity,
    /// The creation time of the ticket.
    pub created_at: Option<Timestamp>,
    /// `None`: the event does not state it. `Some(None)`: the ticket has no team after the event.
    pub team: Option<Option<Cow<'a, str>>>,
    /// Whether the ticket has an assignee after the event.
    pub assigned: Option<bool>,
    pub priority: Option<Cow<'a, str>>,
    /// The status after the event, also if the type implies it.
    pub status: Option<Status>,
    pub channel: Option<Cow<'a, str>>,
    pub actor: Option<Actor>,
    /// The user's own attributes that the event states, each name once. Most events state none.
    pub attributes: Vec<StatedAttribute<'a>>,
    /// The account that asked. 1 to 256 bytes, as the author.
    pub requester: Option<Cow<'a, str>>,
    /// The account that acted in this event.
    pub author: Option<Cow<'a, str>>,
    /// Whether the customer sees the message.
    pub public: bool,
    /// `worklog`: the working time of an agent since the last worklog.
    pub handle: Option<Milliseconds>,
    /// `csat_rated`: from 0 (worst) to 1 (best).
    pub rating: Option<f64>,
    /// `merged`: the ticket that survives.
    pub into: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// An event with the required members only.
    pub fn new(
        ticket_id: impl Into<Cow<'a, str>>,
        kind: EventType,
        at: Timestamp,
        identity: EventIdentity,
    ) -> Self {
        Self {
            ticket_id: ticket_id.into(),
            kind,
            at,
            identity,
            created_at: None,
            team: None,
            assigned: None,
            priority: None,
            status: None,
            channel: None,
            attributes: Vec::new(),
            actor: None,
            requester: None,
            author: None,
            public: true,
            handle: None,
            rating: None,
            into: None,
        }
    }

    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event {
            ticket_id: own(self.ticket_id),
            team: self.team.map(|team| team.map(own)),
            priority: self.priority.map(own),
            channel: self.channel.map(own),
            attributes: self
                .attributes
                .into_iter()
                .map(|stated| StatedAttribute {
                    name: own(stated.name),
                    value: stated.value.map(own),
                })
                .collect(),
            requester: self.requester.map(own),
            author: self.author.map(own),
            into: self.into.map(own),
            kind: self.kind,
            at: self.at,
            identity: self.identity,
            created_at: self.created_at,
            assigned: self.assigned,
            status: self.status,
            actor: self.actor,
            public: self.public,
            handle: self.handle,
            rating: self.rating,
        }
    }
}
