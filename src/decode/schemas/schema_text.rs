//! Schemas as text, and their ids.

use std::fmt;

/// The id of a schema in its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    Number(u32),
    /// The id is the same in every registry.
    Global(u128),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Global(id) => formatter.write_str(&uuid(*id)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaLanguage {
    Avro,
    Protobuf,
    JsonSchema,
}

impl SchemaLanguage {
    /// Reads the registry's `schemaType`. Without one, the schema is Avro.
    pub fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("AVRO") => Some(Self::Avro),
            Some("PROTOBUF") => Some(Self::Protobuf),
            Some("JSON") => Some(Self::JsonSchema),
            Some(_) => None,
        }
    }
}

/// A schema as its registry stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    pub language: SchemaLanguage,
    pub text: String,
    /// The names and texts of the schemas that it refers to or imports. A schema comes after those that
    /// it needs itself.
    pub references: Vec<(String, String)>,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub(super) String);

pub(super) fn uuid(number: u128) -> String {
    let hex = format!("{number:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
