//! Records with a schema: Avro, Protobuf and JSON Schema in the wire format of schema registries
//! that are compatible with Confluent's, turned into documents.
//!
//! Such a value begins with a byte 0, which no JSON document does, and four bytes of the schema's
//! id, the highest first; of Protobuf, the place of the message in the schema follows. Or all of
//! that is in a header, where it may also begin with a byte 1 and the sixteen bytes of a global id;
//! a header counts first. The schemas are facts that somebody else gathers: nothing is asked from
//! here.

mod avro;
mod protobuf;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

use super::canonical::MAX_VALUE_BYTES;
use super::rejection::Rejection;

/// What a value with a schema begins with.
const MAGIC_BYTE: u8 = 0;
/// What a header with a global id begins with.
const MAGIC_BYTE_OF_GLOBAL: u8 = 1;
/// The header for the schema of a value.
const HEADER: &str = "__value_schema_id";
/// Ids that the registry does not know and that are remembered: garbage may hold any number.
const MOST_UNKNOWN: usize = 10_000;

/// A schema in its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    Number(u32),
    /// The same in every registry that has the schema.
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

/// The languages of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Avro,
    Protobuf,
    JsonSchema,
}

impl Language {
    /// From the registry's `schemaType`; absent means Avro.
    pub fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("AVRO") => Some(Self::Avro),
            Some("PROTOBUF") => Some(Self::Protobuf),
            Some("JSON") => Some(Self::JsonSchema),
            Some(_) => None,
        }
    }
}

/// A schema as its registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    pub language: Language,
    pub text: String,
    /// What it refers to: names (of Protobuf, what it imports) and texts; what another one needs
    /// comes first.
    pub references: Vec<(String, String)>,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

#[derive(Debug)]
enum Schema {
    Avro(avro::Schema),
    Protobuf(protobuf::Schema),
    /// Only says what may be in a document, which reads the same without.
    Json,
    /// The registry has something that cannot be read.
    Unusable,
    /// The registry has nothing of this id.
    Unknown,
}

/// What is in a record.
#[derive(Debug, PartialEq)]
pub enum Content<'a> {
    /// JSON text.
    Json(&'a [u8]),
    Document(Value),
}

/// The schemas known so far. Clones are the same table: what one learns, all know.
#[derive(Clone, Debug, Default)]
pub struct Schemas(Arc<RwLock<Table>>);

#[derive(Debug, Default)]
struct Table {
    by_id: HashMap<SchemaId, Arc<Schema>>,
    unknown: usize,
}

impl Schemas {
    /// The schema that a value needs and that is not here yet.
    pub fn missing(&self, value: &[u8], headers: &[(&str, &[u8])]) -> Option<SchemaId> {
        let id = split(value, headers).ok()??.id;
        (!self.read().by_id.contains_key(&id)).then_some(id)
    }

    /// Takes a schema.
    ///
    /// # Errors
    /// A schema that cannot be used. That is remembered too: its records are rejected.
    pub fn learn(&self, id: SchemaId, source: &SchemaText) -> Result<(), SchemaError> {
        let read = match source.language {
            Language::Avro => avro::Schema::parse(source).map(Schema::Avro),
            Language::Protobuf => protobuf::Schema::parse(source).map(Schema::Protobuf),
            Language::JsonSchema => Ok(Schema::Json),
        };
        let (schema, result) = match read {
            Ok(schema) => (schema, Ok(())),
            Err(error) => (Schema::Unusable, Err(error)),
        };
        self.write().by_id.insert(id, Arc::new(schema));
        result
    }

    /// Takes that a registry has something that is no schema: its records are rejected.
    pub fn learn_unusable(&self, id: SchemaId) {
        self.write().by_id.insert(id, Arc::new(Schema::Unusable));
    }

    /// Takes that a registry has no such schema: its records are rejected.
    pub fn learn_unknown(&self, id: SchemaId) {
        let mut table = self.write();
        if table.unknown >= MOST_UNKNOWN {
            table.forget_unknown();
        }
        table.unknown += 1;
        table.by_id.insert(id, Arc::new(Schema::Unknown));
    }

    /// Schemas that the registry did not have are to be asked for again.
    pub fn forget_unknown(&self) {
        self.write().forget_unknown();
    }

    /// What is in a record value, with a schema or without.
    ///
    /// # Errors
    /// A value that is not what its schema says, or whose schema is not known.
    pub fn content<'a>(
        &self,
        value: &'a [u8],
        headers: &[(&str, &[u8])],
    ) -> Result<Content<'a>, Rejection> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Rejection::TooLarge);
        }
        let Some(Parts { id, place, payload }) = split(value, headers)? else {
            return Ok(Content::Json(value));
        };
        let schema = self.read().by_id.get(&id).cloned();
        match schema.as_deref() {
            Some(Schema::Avro(schema)) => schema.read(payload).map(Content::Document),
            Some(Schema::Protobuf(schema)) => schema.read(place, payload).map(Content::Document),
            Some(Schema::Json) => Ok(Content::Json(payload)),
            Some(Schema::Unusable) => Err(Rejection::UnusableSchema),
            Some(Schema::Unknown) | None => Err(Rejection::UnknownSchema),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        // Nothing panics while it holds the lock, and the table has no broken state.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_unknown(&mut self) {
        self.by_id
            .retain(|_, schema| !matches!(**schema, Schema::Unknown));
        self.unknown = 0;
    }
}

/// Whether a value begins as one with a schema does.
pub fn has_schema(value: &[u8]) -> bool {
    value.first() == Some(&MAGIC_BYTE)
}

/// A record with a schema, taken apart.
struct Parts<'v, 'h> {
    id: SchemaId,
    /// What follows an id in a header; without a header the payload begins with it.
    place: Option<&'h [u8]>,
    payload: &'v [u8],
}

/// `None` for a value without a schema.
fn split<'v, 'h>(
    value: &'v [u8],
    headers: &[(&str, &'h [u8])],
) -> Result<Option<Parts<'v, 'h>>, Rejection> {
    // Of several headers the last one counts, as for Kafka's own clients.
    let header = headers.iter().rev().find(|(name, _)| *name == HEADER);
    if let Some((_, header)) = header {
        let (id, place) = split_header(header).ok_or(Rejection::InvalidSchemaId)?;
        let place = Some(place);
        let payload = value;
        // Without a value it says that there is none.
        return Ok((!value.is_empty()).then_some(Parts { id, place, payload }));
    }
    if !has_schema(value) {
        return Ok(None);
    }
    let (id, payload) = split_number(value).ok_or(Rejection::InvalidSchemaId)?;
    let place = None;
    Ok(Some(Parts { id, place, payload }))
}

fn split_header(header: &[u8]) -> Option<(SchemaId, &[u8])> {
    match header.split_first()? {
        (&MAGIC_BYTE, _) => split_number(header),
        (&MAGIC_BYTE_OF_GLOBAL, rest) => {
            let (id, place) = rest.split_first_chunk()?;
            Some((SchemaId::Global(u128::from_be_bytes(*id)), place))
        }
        _ => None,
    }
}

fn split_number(bytes: &[u8]) -> Option<(SchemaId, &[u8])> {
    let (id, rest) = bytes.get(1..)?.split_first_chunk()?;
    Some((SchemaId::Number(u32::from_be_bytes(*id)), rest))
}

/// A number of 128 bits as such ids are written.
fn uuid(number: u128) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: Language, text: &str) -> SchemaText {
        SchemaText {
            language,
            text: text.to_owned(),
            references: Vec::new(),
        }
    }

    #[test]
    fn the_first_byte_tells() {
        let schemas = Schemas::default();
        assert_eq!(schemas.content(b"{}", &[]), Ok(Content::Json(b"{}")));
        assert_eq!(schemas.content(b"", &[]), Ok(Content::Json(b"")));
        assert_eq!(schemas.missing(b"{\"a\":1}", &[]), None);
        for short in [&b"\0"[..], b"\0\0\0\0"] {
            assert_eq!(schemas.content(short, &[]), Err(Rejection::InvalidSchemaId));
            assert_eq!(schemas.missing(short, &[]), None);
        }
        let framed = b"\0\0\x01\x02\x03{}";
        assert_eq!(schemas.missing(framed, &[]), Some(SchemaId::Number(66_051)));
        let json = text(Language::JsonSchema, "{}");
        schemas.learn(SchemaId::Number(66_051), &json).unwrap();
        assert_eq!(schemas.missing(framed, &[]), None);
        assert_eq!(schemas.content(framed, &[]), Ok(Content::Json(b"{}")));
    }

    #[test]
    fn what_cannot_be_read_is_rejected() {
        let schemas = Schemas::default();
        let value = b"\0\0\0\0\x07\x02";
        schemas.learn_unknown(SchemaId::Number(7));
        assert_eq!(schemas.missing(value, &[]), None);
        assert_eq!(schemas.content(value, &[]), Err(Rejection::UnknownSchema));
        schemas.forget_unknown();
        assert_eq!(schemas.missing(value, &[]), Some(SchemaId::Number(7)));
        for (language, nonsense) in [
            (Language::Avro, "{"),
            (Language::Avro, r#""nonsense""#),
            (Language::Protobuf, "message {"),
        ] {
            assert!(
                schemas
                    .learn(SchemaId::Number(7), &text(language, nonsense))
                    .is_err()
            );
            assert_eq!(schemas.content(value, &[]), Err(Rejection::UnusableSchema));
        }
        let large = vec![0; MAX_VALUE_BYTES + 1];
        assert_eq!(schemas.content(&large, &[]), Err(Rejection::TooLarge));
    }

    #[test]
    fn unknown_ids_do_not_pile_up() {
        let schemas = Schemas::default();
        let avro = text(Language::Avro, r#""long""#);
        schemas.learn(SchemaId::Number(0), &avro).unwrap();
        for id in 1..=u32::try_from(3 * MOST_UNKNOWN).unwrap() {
            schemas.learn_unknown(SchemaId::Number(id));
        }
        let table = schemas.read();
        assert!(table.by_id.len() <= MOST_UNKNOWN + 1);
        assert!(table.by_id.contains_key(&SchemaId::Number(0)));
    }

    #[test]
    fn a_header_counts_first() {
        let schemas = Schemas::default();
        let global = SchemaId::Global(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        assert_eq!(global.to_string(), "01020304-0506-0708-090a-0b0c0d0e0f10");
        let mut header = vec![1];
        header.extend(1..=16);
        header.extend([2, 2]); // the second message
        let headers = [
            (HEADER, &b"\x07 an older one"[..]),
            (HEADER, &header),
            ("other", b"\x08"),
        ];
        let value = b"\x0a\x01x";
        assert_eq!(schemas.missing(value, &headers), Some(global));
        assert_eq!(schemas.missing(b"", &headers), None);
        let protobuf = "syntax = \"proto3\"; message A {} message B { string b = 1; }";
        let protobuf = text(Language::Protobuf, protobuf);
        schemas.learn(global, &protobuf).unwrap();
        let document = serde_json::json!({"b": "x"});
        assert_eq!(
            schemas.content(value, &headers),
            Ok(Content::Document(document))
        );
        assert_eq!(schemas.content(b"", &headers), Ok(Content::Json(b"")));

        let json = text(Language::JsonSchema, "{}");
        schemas.learn(SchemaId::Number(258), &json).unwrap();
        let numbered = [(HEADER, &b"\0\0\0\x01\x02"[..])];
        assert_eq!(schemas.content(b"{}", &numbered), Ok(Content::Json(b"{}")));
        for wrong in [&b""[..], b"\x02", b"\0\0\0\x01", &header[..16]] {
            let headers = [(HEADER, wrong)];
            let found = schemas.content(value, &headers);
            assert_eq!(found, Err(Rejection::InvalidSchemaId), "{wrong:?}");
        }
    }
}
