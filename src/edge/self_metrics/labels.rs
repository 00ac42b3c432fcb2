//! The values that labels of the self-metrics take, where the program decides them.

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordResult {
    Applied,
    Duplicate,
    Ignored,
    Rejected,
    DeadLettered,
}

impl RecordResult {
    pub const ALL: [Self; 5] = [
        Self::Applied,
        Self::Duplicate,
        Self::Ignored,
        Self::Rejected,
        Self::DeadLettered,
    ];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Rejected => "rejected",
            Self::DeadLettered => "dead_lettered",
        }
    }
}

/// The states of a ticket in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    Open,
    Solved,
    Finalized,
    Withdrawn,
}

impl TicketState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Solved, Self::Finalized, Self::Withdrawn];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Solved => "solved",
            Self::Finalized => "finalized",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Why somebody on the web got no answer, or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Idle, and the place was needed.
    Connection,
    /// TLS: no certificate that will do, or not TLS at all, or too slow.
    Handshake,
    /// No good name and password.
    Login,
    /// The rate limit of the web configuration file.
    RateLimit,
    /// A request with a body.
    Body,
    /// Too many scrapes, or logins to be checked, at the same time.
    Busy,
}

impl Refusal {
    pub const ALL: [Self; 6] = [
        Self::Connection,
        Self::Handshake,
        Self::Login,
        Self::RateLimit,
        Self::Body,
        Self::Busy,
    ];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Handshake => "handshake",
            Self::Login => "login",
            Self::RateLimit => "rate_limit",
            Self::Body => "body",
            Self::Busy => "busy",
        }
    }
}

/// The labels whose distinct values are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedLabel {
    Team,
    Priority,
    Channel,
}

impl LimitedLabel {
    pub const ALL: [Self; 3] = [Self::Team, Self::Priority, Self::Channel];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Priority => "priority",
            Self::Channel => "channel",
        }
    }
}
