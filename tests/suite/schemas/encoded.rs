//! Canonical events in other formats than JSON, as producers write them.

use std::collections::BTreeMap;

use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use prost::Message;
use serde_json::{Value, json};
use ticket_exporter::domain::timestamp::Timestamp;

use crate::harness::{Record, SchemaRegistry};

/// A schema of the registry, and the encoder of events for it.
pub(super) struct Format {
    id: u32,
    /// Bytes before the message that select one of the schema's messages.
    place: usize,
    write: Box<Write>,
}

/// Encodes an event.
type Write = dyn Fn(&Value) -> Vec<u8>;

impl Format {
    /// The record value.
    pub(super) fn value(&self, event: &Value) -> Vec<u8> {
        let mut value = vec![0];
        value.extend(self.id.to_be_bytes());
        value.extend((self.write)(event));
        value
    }

    /// The record, with the schema's id in a header.
    pub(super) fn headed(&self, event: &Value) -> Record {
        let value = self.value(event);
        let (id, payload) = value.split_at(5);
        let (place, payload) = payload.split_at(self.place);
        let header = [id, place].concat();
        Record::new(payload.to_vec()).header("__value_schema_id", header)
    }

    /// A schema id that no registry has issued.
    pub(super) fn unknown(number: u32) -> Self {
        Self {
            id: 2_000_000_000 + number,
            place: 0,
            write: Box::new(|event| event.to_string().into_bytes()),
        }
    }

    pub(super) fn json_schema(registry: &SchemaRegistry, subject: &str) -> Self {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "title": "Event", "type": "object",
        });
        let schema = schema.to_string();
        Self {
            id: registry.register(subject, "JSON", &schema, &[]),
            place: 0,
            write: Box::new(|event| event.to_string().into_bytes()),
        }
    }

    /// A record with every member as text, or with its JSON type.
    pub(super) fn plain_avro(registry: &SchemaRegistry, subject: &str) -> Self {
        Self::avro(
            registry,
            subject,
            &avro_schema(json!("string"), json!("string"), None),
            &[],
        )
    }

    /// Its next version: instants are numbers, the actor is an enum of another subject, and there is one
    /// more member.
    pub(super) fn typed_avro(registry: &SchemaRegistry, subject: &str) -> Self {
        let actor = json!({
            "type": "enum", "name": "Actor", "namespace": "desk.who",
            "symbols": ["customer", "agent", "bot", "system"],
        });
        let actors = format!("{subject}-actor");
        registry.register(&actors, "AVRO", &actor.to_string(), &[]);
        let instant = json!({"type": "long", "logicalType": "timestamp-millis"});
        let schema = avro_schema(instant, json!("desk.who.Actor"), Some("remark"));
        let reference = ("desk.who.Actor", actors.as_str(), 1);
        Self::avro(registry, subject, &schema, &[(reference, actor)])
    }

    fn avro(
        registry: &SchemaRegistry,
        subject: &str,
        schema: &Value,
        others: &[((&str, &str, u32), Value)],
    ) -> Self {
        let references: Vec<_> = others.iter().map(|(reference, _)| *reference).collect();
        let id = registry.register(subject, "AVRO", &schema.to_string(), &references);
        let mut texts: Vec<String> = others.iter().map(|(_, text)| text.to_string()).collect();
        texts.push(schema.to_string());
        let mut schemas = apache_avro::Schema::parse_list(&texts).unwrap();
        let root = schemas.pop().unwrap();
        let write = move |event: &Value| {
            let writer = GenericDatumWriter::builder(&root)
                .schemata(schemas.iter().chain([&root]).collect())
                .unwrap()
                .build()
                .unwrap();
            writer.write_value_to_vec(in_avro(event, &root)).unwrap()
        };
        Self {
            id,
            place: 0,
            write: Box::new(write),
        }
    }

    pub(super) fn protobuf(registry: &SchemaRegistry, subject: &str) -> Self {
        let actors = format!("{subject}-actor");
        registry.register(&actors, "PROTOBUF", ACTOR, &[]);
        let reference = ("desk/actor.proto", actors.as_str(), 1);
        let id = registry.register(subject, "PROTOBUF", EVENT, &[reference]);
        let write = |event: &Value| {
            // The second message of the file.
            let mut bytes = vec![2, 2];
            bytes.extend(Event::from(event).encode_to_vec());
            bytes
        };
        Self {
            id,
            place: 2,
            write: Box::new(write),
        }
    }
}

fn avro_schema(instant: Value, actor: Value, more: Option<&str>) -> Value {
    let field = |name: &str, kind: Value| json!({"name": name, "type": kind});
    let maybe =
        |name: &str, kind: Value| json!({"name": name, "type": ["null", kind], "default": null});
    let text = || json!("string");
    let mut fields = vec![
        field("ticket_id", text()),
        field("type", text()),
        field("at", instant.clone()),
        maybe("event_id", text()),
        maybe("created_at", instant),
        maybe("team", text()),
        maybe("agent", text()),
        maybe("priority", text()),
        maybe("status", text()),
        maybe("channel", text()),
        maybe("actor", actor),
        maybe("public", json!("boolean")),
        maybe("handle_seconds", json!("double")),
        maybe("score", json!("float")),
        maybe("score_max", json!("int")),
        maybe("into", text()),
        maybe(
            "attributes",
            json!({"type": "map", "values": ["null", "string"]}),
        ),
    ];
    fields.extend(more.map(|name| maybe(name, json!("bytes"))));
    json!({"type": "record", "name": "Event", "namespace": "desk", "fields": fields})
}

/// The event as a value of the schema. An empty text stands for "no team" and "no one" there; a null has no
/// meaning.
fn in_avro(event: &Value, schema: &apache_avro::Schema) -> Avro {
    let apache_avro::Schema::Record(record) = schema else {
        panic!("{schema:?}");
    };
    let field = |field: &apache_avro::schema::RecordField| {
        let value = match event.get(&field.name) {
            None => Avro::Null,
            Some(Value::Null) => Avro::String(String::new()),
            Some(value) => member(value, &field.name, &field.schema),
        };
        let value = match &field.schema {
            apache_avro::Schema::Union(_) => {
                let branch = u32::from(value != Avro::Null);
                Avro::Union(branch, Box::new(value))
            }
            _ => value,
        };
        (field.name.clone(), value)
    };
    Avro::Record(record.fields.iter().map(field).collect())
}

fn member(value: &Value, name: &str, schema: &apache_avro::Schema) -> Avro {
    let typed = |what: &str| format!("{schema:?}").contains(what);
    #[allow(clippy::cast_possible_truncation, reason = "a rating")]
    match (name, value) {
        ("at" | "created_at", Value::String(text)) if typed("TimestampMillis") => {
            Avro::TimestampMillis(Timestamp::parse(text).unwrap().0)
        }
        ("actor", Value::String(text)) if !typed("String") => {
            let symbols = ["customer", "agent", "bot", "system"];
            let symbol = symbols.iter().position(|symbol| symbol == text).unwrap();
            Avro::Enum(u32::try_from(symbol).unwrap(), text.clone())
        }
        (_, Value::String(text)) => Avro::String(text.clone()),
        (_, Value::Bool(value)) => Avro::Boolean(*value),
        (_, Value::Object(values)) => {
            let value = |value: &Value| match value.as_str() {
                None => Avro::Union(0, Box::new(Avro::Null)),
                Some(text) => Avro::Union(1, Box::new(Avro::String(text.to_owned()))),
            };
            let values = values.iter();
            Avro::Map(
                values
                    .map(|(name, text)| (name.clone(), value(text)))
                    .collect(),
            )
        }
        ("score", value) => Avro::Float(value.as_f64().unwrap() as f32),
        ("score_max", value) => Avro::Int(i32::try_from(value.as_i64().unwrap()).unwrap()),
        (_, value) => Avro::Double(value.as_f64().unwrap()),
    }
}

const ACTOR: &str = r#"syntax = "proto3";
package desk;
enum Actor { ACTOR_UNSPECIFIED = 0; customer = 1; agent = 2; bot = 3; system = 4; }
"#;

const EVENT: &str = r#"syntax = "proto3";
package desk;
import "google/protobuf/timestamp.proto";
import "desk/actor.proto";
message Unused {}
message Event {
  string ticket_id = 1;
  string type = 2;
  google.protobuf.Timestamp at = 3;
  string event_id = 4;
  google.protobuf.Timestamp created_at = 5;
  optional string team = 6;
  optional string agent = 7;
  string priority = 8;
  string status = 9;
  string channel = 10;
  Actor actor = 11;
  optional bool public = 12;
  optional double handle_seconds = 13;
  int32 score = 14;
  int32 score_max = 15;
  string into = 16;
  map<string, string> attributes = 17;
}
"#;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(string, tag = "1")]
    ticket_id: String,
    #[prost(string, tag = "2")]
    kind: String,
    #[prost(message, optional, tag = "3")]
    at: Option<Instant>,
    #[prost(string, tag = "4")]
    event_id: String,
    #[prost(message, optional, tag = "5")]
    created_at: Option<Instant>,
    #[prost(string, optional, tag = "6")]
    team: Option<String>,
    #[prost(string, optional, tag = "7")]
    agent: Option<String>,
    #[prost(string, tag = "8")]
    priority: String,
    #[prost(string, tag = "9")]
    status: String,
    #[prost(string, tag = "10")]
    channel: String,
    #[prost(int32, tag = "11")]
    actor: i32,
    #[prost(bool, optional, tag = "12")]
    public: Option<bool>,
    #[prost(double, optional, tag = "13")]
    handle_seconds: Option<f64>,
    #[prost(int32, tag = "14")]
    score: i32,
    #[prost(int32, tag = "15")]
    score_max: i32,
    #[prost(string, tag = "16")]
    into: String,
    #[prost(btree_map = "string, string", tag = "17")]
    attributes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Instant {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl From<&Value> for Event {
    fn from(event: &Value) -> Self {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let said = |name: &str| event.get(name).map(|_| text(name));
        let number = |name: &str| i32::try_from(event[name].as_i64().unwrap_or(0)).unwrap();
        let instant = |name: &str| {
            let at = Timestamp::parse(event[name].as_str()?).unwrap().0;
            Some(Instant {
                seconds: at.div_euclid(1_000),
                nanos: i32::try_from(at.rem_euclid(1_000)).unwrap() * 1_000_000,
            })
        };
        let actors = ["", "customer", "agent", "bot", "system"];
        let actor = actors.iter().position(|name| *name == text("actor"));
        Self {
            ticket_id: text("ticket_id"),
            kind: text("type"),
            at: instant("at"),
            event_id: text("event_id"),
            created_at: instant("created_at"),
            team: said("team"),
            agent: said("agent"),
            priority: text("priority"),
            status: text("status"),
            channel: text("channel"),
            actor: i32::try_from(actor.unwrap()).unwrap(),
            public: event["public"].as_bool(),
            handle_seconds: event["handle_seconds"].as_f64(),
            score: number("score"),
            score_max: number("score_max"),
            into: text("into"),
            // An empty text stands for no value.
            attributes: event["attributes"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        }
    }
}

/// Changes of a table of tickets, as Debezium writes them in Avro.
pub(super) struct TableChanges {
    id: u32,
    schema: apache_avro::Schema,
}

impl TableChanges {
    pub(super) fn new(registry: &SchemaRegistry, subject: &str) -> Self {
        let row = json!({
            "type": "record", "name": "Value",
            "fields": [
                {"name": "id", "type": "long"},
                {"name": "changed", "type": {
                    "type": "long", "connect.name": "io.debezium.time.MicroTimestamp",
                }},
                {"name": "team", "type": ["null", "string"], "default": null},
                {"name": "state", "type": "string"},
            ],
        });
        let schema = json!({
            "type": "record", "name": "Envelope", "namespace": "desk.public.tickets",
            "fields": [
                {"name": "before", "type": ["null", row], "default": null},
                {"name": "after", "type": ["null", "Value"], "default": null},
                {"name": "op", "type": "string"},
                {"name": "ts_ms", "type": ["null", "long"], "default": null},
            ],
        });
        Self {
            id: registry.register(subject, "AVRO", &schema.to_string(), &[]),
            schema: apache_avro::Schema::parse(&schema).unwrap(),
        }
    }

    /// `changed` is in microseconds.
    pub(super) fn value(
        &self,
        op: &str,
        id: i64,
        changed: i64,
        team: Option<&str>,
        state: &str,
    ) -> Vec<u8> {
        let field = |name: &str, value: Avro| (name.to_owned(), value);
        let text = |text: &str| Avro::String(text.to_owned());
        let maybe = |value: Option<Avro>| match value {
            None => Avro::Union(0, Box::new(Avro::Null)),
            Some(value) => Avro::Union(1, Box::new(value)),
        };
        let row = Avro::Record(vec![
            field("id", Avro::Long(id)),
            field("changed", Avro::Long(changed)),
            field("team", maybe(team.map(text))),
            field("state", text(state)),
        ]);
        let envelope = Avro::Record(vec![
            field("before", maybe(None)),
            field("after", maybe(Some(row))),
            field("op", text(op)),
            field("ts_ms", maybe(None)),
        ]);
        let writer = GenericDatumWriter::builder(&self.schema).build().unwrap();
        let mut value = vec![0];
        value.extend(self.id.to_be_bytes());
        value.extend(writer.write_value_to_vec(envelope).unwrap());
        value
    }
}
