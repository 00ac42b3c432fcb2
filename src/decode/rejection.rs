//! Why a record gives no event. The lists are fixed, since the reasons are values of a label.

/// Why a record is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    #[error("the record has no value")]
    EmptyValue,
    #[error("the value is larger than an event may be")]
    TooLarge,
    #[error("the value is not UTF-8")]
    InvalidUtf8,
    #[error("the value is not JSON, or has a member twice")]
    InvalidJson,
    #[error("the value is JSON but not an object")]
    NotAnObject,
    #[error("the value starts with the id of a schema, but `schema_registry.url` is not set")]
    NoSchemaRegistry,
    #[error("the value ends within the id of its schema")]
    InvalidSchemaId,
    #[error("the schema registry does not have the schema of the value")]
    UnknownSchema,
    #[error("the schema of the value cannot be used; the log has the reason")]
    UnusableSchema,
    #[error("the value does not match its Avro schema")]
    InvalidAvro,
    #[error("the value does not match its Protobuf schema")]
    InvalidProtobuf,
    #[error("`ticket_id` is missing")]
    MissingTicketId,
    #[error("`ticket_id` is neither a string of 1 to 256 bytes nor an integer")]
    InvalidTicketId,
    #[error("`type` is missing")]
    MissingType,
    #[error("`type` is none of the event types")]
    UnknownType,
    #[error("`at` is missing")]
    MissingAt,
    #[error("`at` {0}")]
    InvalidAt(TimeFault),
    #[error("`event_id` is not a string")]
    InvalidEventId,
    #[error("`created_at` {0}")]
    InvalidCreatedAt(TimeFault),
    #[error("`team` is neither a string of at most 256 bytes nor null")]
    InvalidTeam,
    #[error("`agent` is neither a string nor null")]
    InvalidAgent,
    #[error("`priority` is not a string of at most 256 bytes")]
    InvalidPriority,
    #[error("`status` is none of new, open, pending, on_hold, solved, closed")]
    InvalidStatus,
    #[error("`channel` is not a string of at most 256 bytes")]
    InvalidChannel,
    #[error("`actor` is none of agent, customer, bot, system")]
    InvalidActor,
    #[error("`requester` is neither a string of 1 to 256 bytes nor an integer")]
    InvalidRequester,
    #[error("`author` is neither a string of 1 to 256 bytes nor an integer")]
    InvalidAuthor,
    #[error("`public` is not a boolean")]
    InvalidPublic,
    #[error("`handle_seconds` is missing on a worklog, or not a number from 0 to 10 years")]
    InvalidHandleSeconds,
    #[error(
        "`score` is missing on a rating or not within 1 and `score_max`, or `score_max` is below 2"
    )]
    InvalidScore,
    #[error("`into` is neither a string of 1 to 256 bytes nor an integer")]
    InvalidInto,
    #[error("`at` is further in the future than `stream.max_future`")]
    Future,
    #[error("the record has more items than allowed")]
    TooManyEvents,
    #[error("the mapping takes more steps for the record than allowed")]
    TooComplex,
}

impl Rejection {
    pub const ALL: [Self; 34] = [
        Self::EmptyValue,
        Self::TooLarge,
        Self::InvalidUtf8,
        Self::InvalidJson,
        Self::NotAnObject,
        Self::NoSchemaRegistry,
        Self::InvalidSchemaId,
        Self::UnknownSchema,
        Self::UnusableSchema,
        Self::InvalidAvro,
        Self::InvalidProtobuf,
        Self::MissingTicketId,
        Self::InvalidTicketId,
        Self::MissingType,
        Self::UnknownType,
        Self::MissingAt,
        Self::InvalidAt(TimeFault::NoTime),
        Self::InvalidEventId,
        Self::InvalidCreatedAt(TimeFault::NoTime),
        Self::InvalidTeam,
        Self::InvalidAgent,
        Self::InvalidPriority,
        Self::InvalidStatus,
        Self::InvalidChannel,
        Self::InvalidActor,
        Self::InvalidRequester,
        Self::InvalidAuthor,
        Self::InvalidPublic,
        Self::InvalidHandleSeconds,
        Self::InvalidScore,
        Self::InvalidInto,
        Self::Future,
        Self::TooManyEvents,
        Self::TooComplex,
    ];

    /// The value of the label `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EmptyValue => "empty_value",
            Self::TooLarge => "too_large",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::NoSchemaRegistry => "no_schema_registry",
            Self::InvalidSchemaId => "invalid_schema_id",
            Self::UnknownSchema => "unknown_schema",
            Self::UnusableSchema => "unusable_schema",
            Self::InvalidAvro => "invalid_avro",
            Self::InvalidProtobuf => "invalid_protobuf",
            Self::MissingTicketId => "missing_ticket_id",
            Self::InvalidTicketId => "invalid_ticket_id",
            Self::MissingType => "missing_type",
            Self::UnknownType => "unknown_type",
            Self::MissingAt => "missing_at",
            Self::InvalidAt(_) => "invalid_at",
            Self::InvalidEventId => "invalid_event_id",
            Self::InvalidCreatedAt(_) => "invalid_created_at",
            Self::InvalidTeam => "invalid_team",
            Self::InvalidAgent => "invalid_agent",
            Self::InvalidPriority => "invalid_priority",
            Self::InvalidStatus => "invalid_status",
            Self::InvalidChannel => "invalid_channel",
            Self::InvalidActor => "invalid_actor",
            Self::InvalidRequester => "invalid_requester",
            Self::InvalidAuthor => "invalid_author",
            Self::InvalidPublic => "invalid_public",
            Self::InvalidHandleSeconds => "invalid_handle_seconds",
            Self::InvalidScore => "invalid_score",
            Self::InvalidInto => "invalid_into",
            Self::Future => "future",
            Self::TooManyEvents => "too_many_events",
            Self::TooComplex => "too_complex",
        }
    }
}

/// Why a value is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum TimeFault {
    #[error("is neither an RFC 3339 instant nor integer epoch milliseconds")]
    NoTime,
    #[error("is written without a zone; add `zone` to the mapping or to the value")]
    NoZone,
    #[error("is written in a form that is not known, or unclear; add `format` to the value")]
    NoFormat,
    #[error("does not have the `format` that the mapping states")]
    OtherFormat,
}

/// Why a valid record gives no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IgnoreReason {
    /// The record has no value.
    Tombstone,
    /// No rule of the mapping fits.
    NoRule,
    /// A rule of the mapping says so.
    IgnoredByRule,
}

impl IgnoreReason {
    pub const ALL: [Self; 3] = [Self::Tombstone, Self::NoRule, Self::IgnoredByRule];

    /// The value of the label `reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::NoRule => "no_rule",
            Self::IgnoredByRule => "ignored_by_rule",
        }
    }
}
