//! The fixed label values of the self-metrics.

use crate::domain::named::named_enum;

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum RecordResult {
        Applied = "applied",
        Duplicate = "duplicate",
        Ignored = "ignored",
        Rejected = "rejected",
        DeadLettered = "dead_lettered",
    }
}

named_enum! {
    /// The states of a ticket in memory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TicketState {
        Open = "open",
        Solved = "solved",
        Finalized = "finalized",
        Withdrawn = "withdrawn",
    }
}

named_enum! {
    /// Why the HTTP server refused a connection or a request.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum WebRefusal {
        /// Idle, and closed for a new connection.
        Connection = "connection",
        /// The TLS handshake failed or was too slow.
        Handshake = "handshake",
        /// No valid user name and password.
        Login = "login",
        /// The rate limit of the web configuration file.
        RateLimit = "rate_limit",
        /// A request with a body.
        Body = "body",
        /// Too many scrapes or login checks at the same time.
        Busy = "busy",
    }
}

named_enum! {
    /// The labels whose distinct values are limited.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum LimitedLabel {
        Team = "team",
        Priority = "priority",
        Channel = "channel",
    }
}
