//! The schemas that the exporter knows, and the wire format that names the schema of a value.
//!
//! The wire format is that of Confluent and compatible registries. A value with a schema starts with a
//! byte 0, as no JSON document does, and the four bytes of the schema's id, big-endian. For Protobuf the
//! index of the message follows. All of this may be in a header instead, which takes precedence; there
//! it may also be a byte 1 and the sixteen bytes of a global id. The caller fetches the schemas.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

use super::avro::AvroSchema;
use super::protobuf::ProtobufSchema;
use super::schema_text::{SchemaError, SchemaId, SchemaLanguage, SchemaText};
use crate::decode::canonical::MAX_VALUE_BYTES;
use crate::decode::rejection::Rejection;

/// The first byte of a value with a schema.
const MAGIC_BYTE: u8 = 0;
/// The first byte of a header with a global id.
const MAGIC_BYTE_OF_GLOBAL: u8 = 1;
const HEADER: &str = "__value_schema_id";
/// The most ids to remember that the registry does not know. Garbage may hold any number.
const MOST_UNKNOWN: usize = 10_000;

#[derive(Debug)]
enum KnownSchema {
    Avro(AvroSchema),
    Protobuf(ProtobufSchema),
    /// It says which documents are valid. Reading does not need it.
    Json,
    /// The schema of the registry cannot be read.
    Unusable,
    /// The registry has no schema of this id.
    Unknown,
}

/// The content of a record without its schema id.
#[derive(Debug, PartialEq)]
pub enum RecordContent<'a> {
    /// JSON text.
    Json(&'a [u8]),
    Document(Value),
}

/// The schemas known so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Schemas(Arc<RwLock<SchemaTable>>);

#[derive(Debug, Default)]
struct SchemaTable {
    by_id: HashMap<SchemaId, Arc<KnownSchema>>,
    unknown: usize,
}

impl Schemas {
    /// The schema of a value, if it is not known yet.
    pub fn missing(&self, value: &[u8], headers: &[(&str, &[u8])]) -> Option<SchemaId> {
        let id = split(value, headers).ok()??.id;
        (!self.read().by_id.contains_key(&id)).then_some(id)
    }

    /// # Errors
    /// The schema cannot be used. From then on its records are rejected.
    pub fn learn(&self, id: SchemaId, source: &SchemaText) -> Result<(), SchemaError> {
        let read = match source.language {
            SchemaLanguage::Avro => AvroSchema::parse(source).map(KnownSchema::Avro),
            SchemaLanguage::Protobuf => ProtobufSchema::parse(source).map(KnownSchema::Protobuf),
            SchemaLanguage::JsonSchema => Ok(KnownSchema::Json),
        };
        let (schema, result) = match read {
            Ok(schema) => (schema, Ok(())),
            Err(error) => (KnownSchema::Unusable, Err(error)),
        };
        self.write().by_id.insert(id, Arc::new(schema));
        result
    }

    /// Records that the registry gave an invalid schema. Its records are rejected.
    pub fn learn_unusable(&self, id: SchemaId) {
        self.write()
            .by_id
            .insert(id, Arc::new(KnownSchema::Unusable));
    }

    /// Records that the registry has no such schema. Its records are rejected.
    pub fn learn_unknown(&self, id: SchemaId) {
        let mut table = self.write();
        if table.unknown >= MOST_UNKNOWN {
            table.forget_unknown();
        }
        table.unknown += 1;
        table.by_id.insert(id, Arc::new(KnownSchema::Unknown));
    }

    /// Makes [`Self::missing`] report schemas again that the registry did not have.
    pub fn forget_unknown(&self) {
        self.write().forget_unknown();
    }

    /// The content of a value with or without a schema.
    ///
    /// # Errors
    /// The value does not match its schema, or the schema is not known.
    pub fn content<'a>(
        &self,
        value: &'a [u8],
        headers: &[(&str, &[u8])],
    ) -> Result<RecordContent<'a>, Rejection> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Rejection::TooLarge);
        }
        let Some(SplitValue {
            id,
            message_index,
            payload,
        }) = split(value, headers)?
        else {
            return Ok(RecordContent::Json(value));
        };
        let schema = self.read().by_id.get(&id).cloned();
        match schema.as_deref() {
            Some(KnownSchema::Avro(schema)) => schema.read(payload).map(RecordContent::Document),
            Some(KnownSchema::Protobuf(schema)) => schema
                .read(message_index, payload)
                .map(RecordContent::Document),
            Some(KnownSchema::Json) => Ok(RecordContent::Json(payload)),
            Some(KnownSchema::Unusable) => Err(Rejection::UnusableSchema),
            Some(KnownSchema::Unknown) | None => Err(Rejection::UnknownSchema),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, SchemaTable> {
        // No code panics while it holds the lock.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, SchemaTable> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SchemaTable {
    fn forget_unknown(&mut self) {
        self.by_id
            .retain(|_, schema| !matches!(**schema, KnownSchema::Unknown));
        self.unknown = 0;
    }
}

/// Whether a value starts with the id of a schema.
pub fn has_schema(value: &[u8]) -> bool {
    value.first() == Some(&MAGIC_BYTE)
}

/// A value with a schema, split into its parts.
struct SplitValue<'v, 'h> {
    id: SchemaId,
    /// The index of the Protobuf message, from a header. `None`: the payload starts with it.
    message_index: Option<&'h [u8]>,
    payload: &'v [u8],
}

/// `None` for a value without a schema.
fn split<'v, 'h>(
    value: &'v [u8],
    headers: &[(&str, &'h [u8])],
) -> Result<Option<SplitValue<'v, 'h>>, Rejection> {
    // Of several headers the last one counts, as for Kafka's own clients.
    let header = headers.iter().rev().find(|(name, _)| *name == HEADER);
    if let Some((_, header)) = header {
        let (id, message_index) = split_header(header).ok_or(Rejection::InvalidSchemaId)?;
        let message_index = Some(message_index);
        let payload = value;
        // A record without a value is a tombstone, also with the header.
        return Ok((!value.is_empty()).then_some(SplitValue {
            id,
            message_index,
            payload,
        }));
    }
    if !has_schema(value) {
        return Ok(None);
    }
    let (id, payload) = split_number(value).ok_or(Rejection::InvalidSchemaId)?;
    let message_index = None;
    Ok(Some(SplitValue {
        id,
        message_index,
        payload,
    }))
}

fn split_header(header: &[u8]) -> Option<(SchemaId, &[u8])> {
    match header.split_first()? {
        (&MAGIC_BYTE, _) => split_number(header),
        (&MAGIC_BYTE_OF_GLOBAL, rest) => {
            let (id, message_index) = rest.split_first_chunk()?;
            Some((SchemaId::Global(u128::from_be_bytes(*id)), message_index))
        }
        _ => None,
    }
}

fn split_number(bytes: &[u8]) -> Option<(SchemaId, &[u8])> {
    let (id, rest) = bytes.get(1..)?.split_first_chunk()?;
    Some((SchemaId::Number(u32::from_be_bytes(*id)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(language: SchemaLanguage, text: &str) -> SchemaText {
        SchemaText {
            language,
            text: text.to_owned(),
            references: Vec::new(),
        }
    }

    #[test]
    fn the_first_byte_distinguishes_schema_ids_from_json() {
        let schemas = Schemas::default();
        assert_eq!(schemas.content(b"{}", &[]), Ok(RecordContent::Json(b"{}")));
        assert_eq!(schemas.content(b"", &[]), Ok(RecordContent::Json(b"")));
        assert_eq!(schemas.missing(b"{\"a\":1}", &[]), None);
        for short in [&b"\0"[..], b"\0\0\0\0"] {
            assert_eq!(schemas.content(short, &[]), Err(Rejection::InvalidSchemaId));
            assert_eq!(schemas.missing(short, &[]), None);
        }
        let framed = b"\0\0\x01\x02\x03{}";
        assert_eq!(schemas.missing(framed, &[]), Some(SchemaId::Number(66_051)));
        let json = text(SchemaLanguage::JsonSchema, "{}");
        schemas.learn(SchemaId::Number(66_051), &json).unwrap();
        assert_eq!(schemas.missing(framed, &[]), None);
        assert_eq!(schemas.content(framed, &[]), Ok(RecordContent::Json(b"{}")));
    }

    #[test]
    fn values_that_cannot_be_read_are_rejected() {
        let schemas = Schemas::default();
        let value = b"\0\0\0\0\x07\x02";
        schemas.learn_unknown(SchemaId::Number(7));
        assert_eq!(schemas.missing(value, &[]), None);
        assert_eq!(schemas.content(value, &[]), Err(Rejection::UnknownSchema));
        schemas.forget_unknown();
        assert_eq!(schemas.missing(value, &[]), Some(SchemaId::Number(7)));
        for (language, nonsense) in [
            (SchemaLanguage::Avro, "{"),
            (SchemaLanguage::Avro, r#""nonsense""#),
            (SchemaLanguage::Protobuf, "message {"),
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
        let avro = text(SchemaLanguage::Avro, r#""long""#);
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
        let protobuf = text(SchemaLanguage::Protobuf, protobuf);
        schemas.learn(global, &protobuf).unwrap();
        let document = serde_json::json!({"b": "x"});
        assert_eq!(
            schemas.content(value, &headers),
            Ok(RecordContent::Document(document))
        );
        assert_eq!(schemas.content(b"", &headers), Ok(RecordContent::Json(b"")));

        let json = text(SchemaLanguage::JsonSchema, "{}");
        schemas.learn(SchemaId::Number(258), &json).unwrap();
        let numbered = [(HEADER, &b"\0\0\0\x01\x02"[..])];
        assert_eq!(
            schemas.content(b"{}", &numbered),
            Ok(RecordContent::Json(b"{}"))
        );
        for wrong in [&b""[..], b"\x02", b"\0\0\0\x01", &header[..16]] {
            let headers = [(HEADER, wrong)];
            let found = schemas.content(value, &headers);
            assert_eq!(found, Err(Rejection::InvalidSchemaId), "{wrong:?}");
        }
    }
}
