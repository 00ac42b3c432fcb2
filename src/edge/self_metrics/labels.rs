//! The fixed label values of the self-metrics.

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

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Solved => "solved",
            Self::Finalized => "finalized",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Why the HTTP server refused a connection or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebRefusal {
    /// Idle, and closed for a new connection.
    Connection,
    /// The TLS handshake failed or was too slow.
    Handshake,
    /// No valid user name and password.
    Login,
    /// The rate limit of the web configuration file.
    RateLimit,
    /// A request with a body.
    Body,
    /// Too many scrapes or login checks at the same time.
    Busy,
}

impl WebRefusal {
    pub const ALL: [Self; 6] = [
        Self::Connection,
        Self::Handshake,
        Self::Login,
        Self::RateLimit,
        Self::Body,
        Self::Busy,
    ];

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

    pub const fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Priority => "priority",
            Self::Channel => "channel",
        }
    }
}
