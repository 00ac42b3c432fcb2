//! The types of Avro schemas.

/// The index of a type in its schema. Types can contain themselves.
pub(super) type TypeIndex = usize;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum AvroType {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Vec<String>),
    Array(TypeIndex),
    Map(TypeIndex),
    Union(Vec<TypeIndex>),
    Record(Vec<(String, TypeIndex)>),
    /// A number or bytes with another meaning.
    Logical(LogicalType, Box<AvroType>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogicalType {
    Date,
    /// Since midnight.
    Time(TimeUnit),
    Instant(TimeUnit),
    /// A time without a zone.
    Local(TimeUnit),
    /// The scale.
    Decimal(u32),
    Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeUnit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}
