//! Records with a schema: Avro, Protobuf and JSON Schema.

mod avro;
mod known_schemas;
mod protobuf;
mod schema_text;

pub(super) use known_schemas::has_schema;
pub use known_schemas::{RecordContent, Schemas};
pub use schema_text::{SchemaError, SchemaId, SchemaLanguage, SchemaText};
