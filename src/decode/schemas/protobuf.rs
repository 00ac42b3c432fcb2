//! Reads Protobuf messages into JSON documents.
//!
//! A document follows Protobuf's JSON mapping, with the names of the schema and with 64-bit integers as
//! numbers: timestamps are RFC 3339 text, enums their names, bytes base64. A field that was not set is
//! absent. A field without presence is also absent at its default, except a boolean, which is false.

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    SerializeOptions,
};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde_json::{Map, Value};

use super::schema_text::{SchemaError, SchemaText};
use crate::decode::rejection::Rejection;

/// The file name of the schema itself. No import has this name.
const ROOT: &str = "record schema";
/// The deepest nesting of messages, as in `prost`.
const DEEPEST_MESSAGE: usize = 100;

#[derive(Debug)]
pub(super) struct ProtobufSchema {
    file: FileDescriptor,
}

impl ProtobufSchema {
    pub(super) fn parse(source: &SchemaText) -> Result<Self, SchemaError> {
        let mut files = source.references.clone();
        files.push((ROOT.to_owned(), source.text.clone()));
        let mut resolver = ChainFileResolver::new();
        resolver.add(SchemaFiles(files));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_source_info(false).include_imports(true);
        let compiled = compiler.open_file(ROOT).map_err(|error| {
            let reason = error.to_string().replace('\n', " ");
            SchemaError(format!("invalid Protobuf schema: {reason}"))
        })?;
        let pool: DescriptorPool = compiled.descriptor_pool();
        let file = pool.get_file_by_name(ROOT);
        let file = file.ok_or_else(|| {
            SchemaError("the compiled Protobuf schema has no root file".to_owned())
        })?;
        Ok(Self { file })
    }

    /// Reads a message. Without a `message_index` the bytes start with it.
    ///
    /// # Errors
    /// The bytes were not written with this schema.
    pub(super) fn read(
        &self,
        message_index: Option<&[u8]>,
        mut bytes: &[u8],
    ) -> Result<Value, Rejection> {
        let descriptor = match message_index {
            // A header may leave the index out, since the payload is not behind it.
            Some([]) => self.file.messages().next(),
            Some(mut index) => self.message(&mut index),
            None => self.message(&mut bytes),
        };
        let document = descriptor.and_then(|descriptor| document(&descriptor, bytes));
        document.ok_or(Rejection::InvalidProtobuf)
    }

    /// The message of an index: a length, then the position among the messages of the file, then the
    /// positions of nested messages. A length of 0 stands for the first message of the file.
    fn message(&self, bytes: &mut &[u8]) -> Option<MessageDescriptor> {
        let length = usize::try_from(zigzag(bytes)?).ok()?;
        if length == 0 {
            return self.file.messages().next();
        }
        if length > DEEPEST_MESSAGE {
            return None;
        }
        let mut found = self.file.messages().nth(position(bytes)?)?;
        for _ in 1..length {
            found = child(&found, position(bytes)?)?;
        }
        Some(found)
    }
}

/// A nested message. The messages that stand for maps do not count, since the schema does not have them.
fn child(message: &MessageDescriptor, position: usize) -> Option<MessageDescriptor> {
    let mut written = message
        .child_messages()
        .filter(|child| !child.is_map_entry());
    written.nth(position)
}

/// The schema and its imports, by file name.
struct SchemaFiles(Vec<(String, String)>);

impl FileResolver for SchemaFiles {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(known, _)| known == name);
        let (_, text) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, text)
    }
}

fn document(descriptor: &MessageDescriptor, bytes: &[u8]) -> Option<Value> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).ok()?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(true);
    let serializer = serde_json::value::Serializer;
    let mut document = message.serialize_with_options(serializer, &options).ok()?;
    add_false(descriptor, &mut document);
    Some(document)
}

/// Adds the booleans that are absent because false is their default.
fn add_false(descriptor: &MessageDescriptor, document: &mut Value) {
    // Google's well-known messages become plain values.
    if descriptor.package_name() == "google.protobuf" {
        return;
    }
    let Value::Object(members) = document else {
        return;
    };
    for field in descriptor.fields() {
        match field.kind() {
            Kind::Bool if !field.supports_presence() && !field.is_list() && !field.is_map() => {
                members.entry(field.name()).or_insert(Value::Bool(false));
            }
            Kind::Message(inner) => add_false_within(&field, &inner, members),
            _ => {}
        }
    }
}

fn add_false_within(
    field: &FieldDescriptor,
    inner: &MessageDescriptor,
    members: &mut Map<String, Value>,
) {
    let Some(value) = members.get_mut(field.name()) else {
        return;
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| add_false(inner, item)),
        Value::Object(entries) if field.is_map() => {
            if let Kind::Message(inner) = inner.map_entry_value_field().kind() {
                entries
                    .values_mut()
                    .for_each(|entry| add_false(&inner, entry));
            }
        }
        one => add_false(inner, one),
    }
}

fn position(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(zigzag(bytes)?).ok()
}

/// Reads a zigzag-encoded varint.
fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let number = prost::encoding::decode_varint(bytes).ok()?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::schemas::schema_text::SchemaLanguage;

    fn schema(text: &str, references: &[(&str, &str)]) -> ProtobufSchema {
        let references = references.iter();
        let source = SchemaText {
            language: SchemaLanguage::Protobuf,
            text: text.to_owned(),
            references: references
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
        };
        ProtobufSchema::parse(&source).unwrap()
    }

    const TICKET: &str = r#"
        syntax = "proto3";
        package desk;
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto";
        import "desk/actor.proto";
        message Other {}
        message Event {
          map<string, Part> parts = 1;
          message Part { bool seen = 1; }
          message Deep { message Deeper { int64 number = 1; } }
          string ticket_id = 2;
          google.protobuf.Timestamp at = 3;
          desk.Actor actor = 4;
          optional string team = 5;
          bool public = 6;
          optional bool known = 7;
          int64 big = 8;
          repeated Part list = 9;
          google.protobuf.StringValue agent = 10;
          bytes raw = 11;
          oneof choice { bool one = 12; string other = 13; }
          double score = 14;
        }
    "#;
    const ACTOR: &str = r#"
        syntax = "proto3";
        package desk;
        enum Actor { ACTOR_UNSPECIFIED = 0; agent = 1; }
    "#;

    fn tickets() -> ProtobufSchema {
        schema(TICKET, &[("desk/actor.proto", ACTOR)])
    }

    /// A field with text or a message in it.
    fn sized(field: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![field << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    #[test]
    fn reads_every_kind_of_field() {
        let mut bytes = vec![2, 2]; // an index of length one: the second message
        bytes.extend(sized(1, &[sized(1, b"a"), sized(2, b"")].concat()));
        bytes.extend(sized(2, b"T-1"));
        bytes.extend(sized(3, &[0x08, 0x01, 0x10, 0x80, 0x89, 0x7a])); // 1.002 s
        bytes.extend([4 << 3, 1]);
        bytes.extend(sized(5, b""));
        bytes.extend([8 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        bytes.extend(sized(9, b""));
        bytes.extend(sized(9, &[0x08, 0x01]));
        bytes.extend(sized(10, &sized(1, b"x")));
        bytes.extend(sized(11, b"\0\xff"));
        bytes.extend(sized(13, b""));
        assert_eq!(
            tickets().read(None, &bytes),
            Ok(json!({
                "parts": {"a": {"seen": false}},
                "ticket_id": "T-1",
                "at": "1970-01-01T00:00:01.002Z",
                "actor": "agent",
                "team": "",
                "public": false,
                "big": 72_057_594_037_927_935_i64,
                "list": [{"seen": false}, {"seen": true}],
                "agent": "x",
                "raw": "AP8=",
                "other": "",
            }))
        );
    }

    #[test]
    fn an_index_selects_the_message() {
        let schema = tickets();
        assert_eq!(schema.read(None, &[0]), Ok(json!({})), "the first one");
        assert_eq!(
            schema.read(None, &[2, 0]),
            Ok(json!({})),
            "the same, at length"
        );
        // Of the messages within Event, the map's own is not written in the schema.
        assert_eq!(schema.read(None, &[4, 2, 0]), Ok(json!({"seen": false})));
        assert_eq!(
            schema.read(None, &[6, 2, 2, 0, 0x08, 5]),
            Ok(json!({"number": 5}))
        );
    }

    #[test]
    fn bytes_of_another_schema_are_rejected() {
        let schema = tickets();
        for bytes in [
            &b""[..],
            &[2],
            &[2, 4],                // no third message
            &[4, 2, 9],             // none within it
            &[1],                   // a negative length
            &[2, 1],                // a negative position
            &[0xff; 11],            // no number
            &[2, 2, 0x12],          // cut off
            &[2, 2, 0x12, 1, 0xff], // no UTF-8
            &[2, 2, 0x1a, 2, 0x08], // cut off within
        ] {
            assert_eq!(
                schema.read(None, bytes),
                Err(Rejection::InvalidProtobuf),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn an_import_that_is_missing_is_named() {
        let source = SchemaText {
            language: SchemaLanguage::Protobuf,
            text: TICKET.to_owned(),
            references: Vec::new(),
        };
        let error = ProtobufSchema::parse(&source).unwrap_err().to_string();
        assert!(error.contains("desk/actor.proto"), "{error}");
    }
}
