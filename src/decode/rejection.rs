//! Why a record gives no event. The lists are fixed, since the reasons are values of a label.

use crate::domain::named::named_enum;

named_enum! {
    /// Why a record is rejected.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
    pub enum Rejection {
        #[error("the record has no value")]
        EmptyValue = "empty_value",
        #[error("the value is larger than an event may be")]
        TooLarge = "too_large",
        #[error("the value is not UTF-8")]
        InvalidUtf8 = "invalid_utf8",
        #[error("the value is not JSON, or has a member twice")]
        InvalidJson = "invalid_json",
        #[error("the value is JSON but not an object")]
        NotAnObject = "not_an_object",
        #[error("the value starts with the id of a schema, but `schema_registry.url` is not set")]
        NoSchemaRegistry = "no_schema_registry",
        #[error("the value ends within the id of its schema")]
        InvalidSchemaId = "invalid_schema_id",
        #[error("the schema registry does not have the schema of the value")]
        UnknownSchema = "unknown_schema",
        #[error("the schema of the value cannot be used; the log has the reason")]
        UnusableSchema = "unusable_schema",
        #[error("the value does not match its Avro schema")]
        InvalidAvro = "invalid_avro",
        #[error("the value does not match its Protobuf schema")]
        InvalidProtobuf = "invalid_protobuf",
        #[error("`ticket_id` is missing")]
        MissingTicketId = "missing_ticket_id",
        #[error("`ticket_id` is neither a string of 1 to 256 bytes nor an integer")]
        InvalidTicketId = "invalid_ticket_id",
        #[error("`type` is missing")]
        MissingType = "missing_type",
        #[error("`type` is none of the event types")]
        UnknownType = "unknown_type",
        #[error("`at` is missing")]
        MissingAt = "missing_at",
        #[error("`at` {0}")]
        InvalidAt(TimeFault: TimeFault::NoTime) = "invalid_at",
        #[error("`event_id` is not a string")]
        InvalidEventId = "invalid_event_id",
        #[error("`created_at` {0}")]
        InvalidCreatedAt(TimeFault: TimeFault::NoTime) = "invalid_created_at",
        #[error("`team` is neither a string of at most 256 bytes nor null")]
        InvalidTeam = "invalid_team",
        #[error("`agent` is neither a string nor null")]
        InvalidAgent = "invalid_agent",
        #[error("`priority` is not a string of at most 256 bytes")]
        InvalidPriority = "invalid_priority",
        #[error("`status` is none of new, open, pending, on_hold, solved, closed")]
        InvalidStatus = "invalid_status",
        #[error("`channel` is not a string of at most 256 bytes")]
        InvalidChannel = "invalid_channel",
        #[error("`actor` is none of agent, customer, bot, system")]
        InvalidActor = "invalid_actor",
        #[error(
            "`attributes` is not an object, or an attribute is neither a string of at most 256 bytes, an \
             integer, a boolean nor null"
        )]
        InvalidAttributes = "invalid_attributes",
        #[error("`requester` is neither a string of 1 to 256 bytes nor an integer")]
        InvalidRequester = "invalid_requester",
        #[error("`author` is neither a string of 1 to 256 bytes nor an integer")]
        InvalidAuthor = "invalid_author",
        #[error("`public` is not a boolean")]
        InvalidPublic = "invalid_public",
        #[error("`handle_seconds` is missing on a worklog, or not a number from 0 to 10 years")]
        InvalidHandleSeconds = "invalid_handle_seconds",
        #[error(
            "`score` is missing on a rating or not within 1 and `score_max`, or `score_max` is below 2"
        )]
        InvalidScore = "invalid_score",
        #[error("`into` is neither a string of 1 to 256 bytes nor an integer")]
        InvalidInto = "invalid_into",
        #[error("`at` is further in the future than `stream.max_future`")]
        Future = "future",
        #[error("the record has more items than allowed")]
        TooManyEvents = "too_many_events",
        #[error("the mapping takes more steps for the record than allowed")]
        TooComplex = "too_complex",
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

named_enum! {
    /// Why a valid record gives no event.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum IgnoreReason {
        /// The record has no value.
        Tombstone = "tombstone",
        /// No rule of the mapping fits.
        NoRule = "no_rule",
        /// A rule of the mapping says so.
        IgnoredByRule = "ignored_by_rule",
    }
}
