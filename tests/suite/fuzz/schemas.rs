//! Record values with a schema, and the schemas themselves.

use std::cell::Cell;

use ticket_exporter::decode::{
    RecordContent, Rejection, SchemaId, SchemaLanguage, SchemaText, Schemas,
};

use super::fuzz;
use super::mutation::{mutated, random_bytes};
use crate::stories::dice::Dice;

const AVRO: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "id", "type": "string"}, {"name": "n", "type": ["null", "long", "double"]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "tags", "type": {"type": "array", "items": ["string", "R"]}},
    {"name": "map", "type": {"type": "map", "values": {"type": "bytes", "logicalType": "decimal",
        "precision": 9, "scale": 2}}},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["a", "b"]}},
    {"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}}]}"#;

const PROTOBUF: &str = r#"syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
message A { message B { repeated A a = 1; map<string, B> m = 2; } B b = 1; bool c = 2; string d = 3;
  google.protobuf.Timestamp e = 4; google.protobuf.Value f = 5; repeated sint64 g = 6; bytes h = 7; }
"#;

/// Special bytes of the formats: ends, lengths, counts, deep recursion.
const WORDS: [&str; 12] = [
    "\0",
    "\u{1}",
    "\u{2}",
    "\u{3}",
    "\n",
    "\u{12}",
    "\u{7f}",
    "\u{2}\u{2}\u{2}\u{2}\u{2}\u{2}",
    "\"null\"",
    "\"R\"",
    "\"type\"",
    "message",
];

fn text(language: SchemaLanguage, text: &str) -> SchemaText {
    SchemaText {
        language,
        text: text.to_owned(),
        references: Vec::new(),
    }
}

/// A record value with a schema id.
fn value(id: u8, dice: &mut Dice) -> Vec<u8> {
    let mut value = vec![0, 0, 0, 0, id];
    if id == 2 && dice.below(4) > 0 {
        value.push(0); // the first message
    }
    let seed = random_bytes(200, dice);
    value.extend(mutated(&seed, b"\x0a\x02\x0a\x00\x10\x01", &WORDS, dice));
    value
}

#[test]
fn values_of_any_bytes() {
    let schemas = Schemas::default();
    schemas
        .learn(SchemaId::Number(1), &text(SchemaLanguage::Avro, AVRO))
        .unwrap();
    schemas
        .learn(
            SchemaId::Number(2),
            &text(SchemaLanguage::Protobuf, PROTOBUF),
        )
        .unwrap();
    let read = Cell::new(0_u32);
    fuzz("values with a schema", 2_000, |dice| {
        for (id, wrong) in [(1, Rejection::InvalidAvro), (2, Rejection::InvalidProtobuf)] {
            let value = value(id, dice);
            match schemas.content(&value, &[]) {
                Ok(RecordContent::Document(_)) => read.set(read.get() + 1),
                Ok(RecordContent::Json(_)) => panic!("no JSON: {value:?}"),
                Err(rejection) => assert_eq!(rejection, wrong),
            }
        }
    });
    assert!(read.get() > 10, "only {} values were read", read.get());
}

#[test]
fn schemas_of_any_text() {
    let taken = Cell::new(0_u32);
    fuzz("schemas", 600, |dice| {
        let schemas = Schemas::default();
        for (language, good) in [
            (SchemaLanguage::Avro, AVRO),
            (SchemaLanguage::Protobuf, PROTOBUF),
        ] {
            let changed = mutated(good.as_bytes(), PROTOBUF.as_bytes(), &WORDS, dice);
            let changed = text(language, &String::from_utf8_lossy(&changed));
            if schemas.learn(SchemaId::Number(1), &changed).is_ok() {
                taken.set(taken.get() + 1);
            }
            // Values of any schema are read or rejected.
            let _ = schemas.content(&value(1, dice), &[]);
        }
    });
    assert!(taken.get() > 10, "only {} schemas were taken", taken.get());
}

#[test]
fn a_protobuf_message_that_is_deep() {
    let schemas = Schemas::default();
    schemas
        .learn(
            SchemaId::Number(2),
            &text(SchemaLanguage::Protobuf, PROTOBUF),
        )
        .unwrap();
    // Nested messages of the maximum size of a record.
    let mut inner = Vec::new();
    for _ in 0..5_000 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.append(&mut inner);
        inner = outer;
    }
    let mut value = vec![0, 0, 0, 0, 2, 0];
    value.extend(inner);
    assert_eq!(
        schemas.content(&value, &[]),
        Err(Rejection::InvalidProtobuf)
    );
}
