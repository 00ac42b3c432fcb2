use std::sync::LazyLock;

use apache_avro::types::Value as Written;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::parse::AvroSchema;
use crate::decode::rejection::Rejection;
use crate::decode::schemas::schema_text::{SchemaError, SchemaLanguage, SchemaText};

fn parse(text: &Value, references: &[Value]) -> Result<AvroSchema, SchemaError> {
    AvroSchema::parse(&SchemaText {
        language: SchemaLanguage::Avro,
        text: text.to_string(),
        references: references
            .iter()
            .map(|text| (String::new(), text.to_string()))
            .collect(),
    })
}

/// Writes a value with the library and reads it with our reader.
fn round(schema: &Value, written: Written) -> Value {
    let theirs = apache_avro::Schema::parse(schema).unwrap();
    let writer = GenericDatumWriter::builder(&theirs).build().unwrap();
    let bytes = writer.write_value_to_vec(written).unwrap();
    parse(schema, &[]).unwrap().read(&bytes).unwrap()
}

fn record(fields: &[(&str, Written)]) -> Written {
    let fields = fields.iter();
    Written::Record(
        fields
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    )
}

fn some(branch: u32, value: Written) -> Written {
    Written::Union(branch, Box::new(value))
}

#[test]
fn a_ticket_event() {
    let schema = json!({
        "type": "record", "name": "Event", "namespace": "desk",
        "fields": [
            {"name": "ticket_id", "type": "string"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "actor", "type": {"type": "enum", "name": "Actor", "symbols": ["agent", "bot"]}},
            {"name": "by", "type": ["null", "Actor"], "default": null},
            {"name": "team", "type": ["null", "string"], "default": null},
            {"name": "public", "type": "boolean"},
            {"name": "score", "type": "float"},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "fields", "type": {"type": "map", "values": ["int", "desk.Actor"]}},
            {"name": "raw", "type": "bytes"},
        ],
    });
    let written = record(&[
        ("ticket_id", Written::String("T-1".to_owned())),
        ("at", Written::TimestampMillis(1_772_442_000_250)),
        ("actor", Written::Enum(1, "bot".to_owned())),
        ("by", some(1, Written::Enum(0, "agent".to_owned()))),
        ("team", some(0, Written::Null)),
        ("public", Written::Boolean(true)),
        ("score", Written::Float(4.8)),
        (
            "tags",
            Written::Array(vec![Written::String("a".to_owned())]),
        ),
        (
            "fields",
            Written::Map([("n".to_owned(), some(0, Written::Int(-3)))].into()),
        ),
        ("raw", Written::Bytes(vec![0, 255])),
    ]);
    assert_eq!(
        round(&schema, written),
        json!({
            "ticket_id": "T-1", "at": "2026-03-02T09:00:00.250Z", "actor": "bot", "by": "agent",
            "team": null, "public": true, "score": 4.8, "tags": ["a"], "fields": {"n": -3},
            "raw": "AP8=",
        })
    );
}

#[test]
fn a_change_of_a_row_as_debezium_writes_it() {
    let schema = json!({
        "type": "record", "name": "Envelope", "namespace": "db.public.tickets",
        "fields": [
            {"name": "before", "default": null, "type": ["null", {
                "type": "record", "name": "Value",
                "fields": [
                    {"name": "id", "type": "long"},
                    {"name": "hours", "type": ["null", {
                        "type": "bytes", "logicalType": "decimal", "scale": 2, "precision": 10,
                        "connect.name": "org.apache.kafka.connect.data.Decimal",
                    }]},
                    {"name": "changed", "type": {
                        "type": "long", "connect.name": "io.debezium.time.MicroTimestamp",
                    }},
                ],
                "connect.name": "db.public.tickets.Value",
            }]},
            {"name": "after", "default": null, "type": ["null", "Value"]},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": ["null", "long"]},
        ],
    });
    let row = record(&[
        ("id", Written::Long(7)),
        ("hours", some(1, Written::Decimal(vec![0x00, 0xe1].into()))),
        ("changed", Written::Long(1_772_442_000_000_001)),
    ]);
    let written = record(&[
        ("before", some(0, Written::Null)),
        ("after", some(1, row)),
        ("op", Written::String("u".to_owned())),
        ("ts_ms", some(1, Written::Long(5))),
    ]);
    assert_eq!(
        round(&schema, written),
        json!({
            "before": null,
            "after": {"id": 7, "hours": 2.25, "changed": 1_772_442_000_000_001_i64},
            "op": "u", "ts_ms": 5,
        })
    );
}

#[test]
fn types_of_other_subjects_come_first() {
    let actor = json!({"type": "enum", "name": "desk.Actor", "symbols": ["agent"]});
    let event = json!({
        "type": "record", "name": "Event", "namespace": "desk",
        "fields": [{"name": "actor", "type": "Actor"}],
    });
    let schema = parse(&event, &[actor]).unwrap();
    assert_eq!(schema.read(&[0]), Ok(json!({"actor": "agent"})));
    let error = parse(&event, &[]).unwrap_err();
    assert!(error.to_string().contains("Actor"), "{error}");
}

#[test]
fn schemas_that_are_none() {
    for wrong in [
        json!(5),
        json!({}),
        json!({"type": "record", "name": "A"}),
        json!({"type": "record", "fields": []}),
        json!({"type": "record", "name": "A", "fields": [{"name": "b"}]}),
        json!({"type": "enum", "name": "A"}),
        json!({"type": "enum", "name": "A", "symbols": [1]}),
        json!({"type": "fixed", "name": "A", "size": -1}),
        json!({"type": "array"}),
        json!(["null", "B"]),
    ] {
        assert!(parse(&wrong, &[]).is_err(), "{wrong}");
    }
}

#[test]
fn bytes_of_another_schema_are_rejected() {
    let text = json!("string");
    let union = json!(["null", "long"]);
    let symbol = json!({"type": "enum", "name": "A", "symbols": ["a"]});
    for (schema, bytes) in [
        (&text, &b""[..]),
        (&text, b"\x04a"),       // shorter than its length
        (&text, b"\x01"),        // a negative length
        (&text, b"\x02\xff"),    // not UTF-8
        (&text, b"\x02ab"),      // trailing bytes
        (&union, b"\x04"),       // no such branch
        (&union, b"\x01"),       // a negative branch
        (&union, &[0x02, 0x80]), // a number that does not end
        (&union, &[0xff; 11]),   // a number that is too long
        (&symbol, b"\x02"),      // no such symbol
        (&json!("boolean"), b"\x02"),
        (&json!("int"), &[0xff, 0xff, 0xff, 0xff, 0x7f]),
    ] {
        let read = parse(schema, &[]).unwrap().read(bytes);
        assert_eq!(read, Err(Rejection::InvalidAvro), "{schema} {bytes:?}");
    }
}

#[test]
fn values_that_take_no_bytes_end() {
    let nulls = json!({"type": "array", "items": "null"});
    // i64::MAX nulls.
    let bytes = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let read = parse(&nulls, &[]).unwrap().read(&bytes);
    assert_eq!(read, Err(Rejection::InvalidAvro));
    let itself = json!({"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]});
    let read = parse(&itself, &[]).unwrap().read(b"");
    assert_eq!(read, Err(Rejection::InvalidAvro));
    let list = json!({
        "type": "record", "name": "A", "fields": [{"name": "a", "type": ["null", "A"]}],
    });
    let schema = parse(&list, &[]).unwrap();
    assert!(schema.read(&[2, 2, 2, 0]).is_ok());
    assert_eq!(schema.read(&[2; 100_000]), Err(Rejection::InvalidAvro));
}

static EVERYTHING: LazyLock<AvroSchema> = LazyLock::new(|| {
    let every = json!({
        "type": "record", "name": "R", "fields": [
            {"name": "i", "type": "int"}, {"name": "l", "type": "long"},
            {"name": "u", "type": ["null", "string", "R", {"type": "array", "items": "R"}]},
            {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "scale": 3}},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "m", "type": {"type": "map", "values": "double"}},
        ],
    });
    parse(&every, &[]).unwrap()
});

proptest! {
    #[test]
    fn any_bytes_end_in_a_document_or_a_rejection(bytes in prop::collection::vec(
        prop_oneof![0_u8..8, any::<u8>()], 0..200,
    )) {
        let read = EVERYTHING.read(&bytes);
        prop_assert!(read.is_ok() || read == Err(Rejection::InvalidAvro));
    }

    #[test]
    fn numbers_and_text_are_what_was_written(
        int in any::<i32>(), long in any::<i64>(), float in any::<f32>(), double in any::<f64>(),
        text in ".*", bytes in any::<Vec<u8>>(),
    ) {
        let schema = json!({"type": "record", "name": "R", "fields": [
            {"name": "int", "type": "int"}, {"name": "long", "type": "long"},
            {"name": "float", "type": "float"}, {"name": "double", "type": "double"},
            {"name": "text", "type": "string"}, {"name": "bytes", "type": "bytes"},
        ]});
        let written = record(&[
            ("int", Written::Int(int)), ("long", Written::Long(long)),
            ("float", Written::Float(float)), ("double", Written::Double(double)),
            ("text", Written::String(text.clone())), ("bytes", Written::Bytes(bytes.clone())),
        ]);
        let read = round(&schema, written);
        prop_assert_eq!(&read["int"], &json!(int));
        prop_assert_eq!(&read["long"], &json!(long));
        if float.is_finite() {
            #[allow(clippy::cast_possible_truncation, reason = "it was one")]
            let near = read["float"].as_f64().unwrap() as f32;
            prop_assert_eq!(near.to_bits(), float.to_bits());
        }
        if double.is_finite() {
            prop_assert_eq!(read["double"].as_f64().unwrap().to_bits(), double.to_bits());
        }
        prop_assert_eq!(&read["text"], &json!(text));
        use base64::Engine as _;
        let back = base64::prelude::BASE64_STANDARD.decode(read["bytes"].as_str().unwrap());
        prop_assert_eq!(back.unwrap(), bytes);
    }
}
