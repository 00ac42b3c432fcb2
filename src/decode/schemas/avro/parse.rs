//! Parses Avro schemas (Avro 1.12). Only the writer's schema counts: a document has the fields that were
//! written. Defaults, aliases and orders concern a reader's schema, so the parser skips them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::types::{AvroType, LogicalType, TypeIndex};
use crate::decode::schemas::schema_text::{SchemaError, SchemaText};

#[derive(Debug)]
pub(in crate::decode::schemas) struct AvroSchema {
    pub(super) types: Vec<AvroType>,
    pub(super) root: TypeIndex,
}

impl AvroSchema {
    pub(in crate::decode::schemas) fn parse(source: &SchemaText) -> Result<Self, SchemaError> {
        let mut parser = AvroParser::default();
        for (_, text) in &source.references {
            parser.text(text)?;
        }
        let root = parser.text(&source.text)?;
        Ok(Self {
            types: parser.types,
            root,
        })
    }
}

#[derive(Default)]
struct AvroParser {
    types: Vec<AvroType>,
    /// Named types by their full names.
    names: HashMap<String, TypeIndex>,
}

impl AvroParser {
    fn text(&mut self, text: &str) -> Result<TypeIndex, SchemaError> {
        let schema = serde_json::from_str(text)
            .map_err(|error| SchemaError(format!("the Avro schema is not JSON: {error}")))?;
        self.any(&schema, "")
    }

    /// `namespace` is that of the enclosing named type.
    fn any(&mut self, schema: &Value, namespace: &str) -> Result<TypeIndex, SchemaError> {
        match schema {
            Value::String(name) => self.name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|one| self.any(one, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.add(AvroType::Union(branches)))
            }
            Value::Object(members) => self.object(members, namespace),
            _ => Err(wrong("a type is not a name, a list or an object", schema)),
        }
    }

    fn name(&mut self, name: &str, namespace: &str) -> Result<TypeIndex, SchemaError> {
        let primitive = match name {
            "null" => AvroType::Null,
            "boolean" => AvroType::Boolean,
            "int" => AvroType::Int,
            "long" => AvroType::Long,
            "float" => AvroType::Float,
            "double" => AvroType::Double,
            "bytes" => AvroType::Bytes,
            "string" => AvroType::String,
            _ => {
                let known = self.names.get(&full_name(name, namespace));
                // A name without a namespace is visible everywhere.
                let known = known.or_else(|| self.names.get(name)).copied();
                return known
                    .ok_or_else(|| SchemaError(format!("the Avro schema has no type {name}")));
            }
        };
        Ok(self.add(primitive))
    }

    fn object(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeIndex, SchemaError> {
        let Some(kind) = members.get("type") else {
            return Err(wrong("a type has no `type`", members));
        };
        let index = match kind.as_str() {
            Some("array") => {
                let items = self.any(member(members, "items")?, namespace)?;
                self.add(AvroType::Array(items))
            }
            Some("map") => {
                let values = self.any(member(members, "values")?, namespace)?;
                self.add(AvroType::Map(values))
            }
            Some("record" | "error") => self.record(members, namespace)?,
            Some("enum") => {
                let symbols = member(members, "symbols")?.as_array();
                let symbols: Option<Vec<String>> = symbols.and_then(|symbols| {
                    let names = symbols.iter().map(|symbol| symbol.as_str());
                    names.map(|name| name.map(str::to_owned)).collect()
                });
                let symbols =
                    symbols.ok_or_else(|| wrong("`symbols` is not a list of names", members))?;
                self.named(members, namespace, AvroType::Enum(symbols))?.0
            }
            Some("fixed") => {
                let size = member(members, "size")?.as_u64();
                let size = size.and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| wrong("`size` is not a number", members))?;
                self.named(members, namespace, AvroType::Fixed(size))?.0
            }
            _ => self.any(kind, namespace)?,
        };
        if let Some(logical) = LogicalType::of(members, &self.types[index]) {
            // A named type keeps its index, which later uses of its name refer to.
            let plain = std::mem::replace(&mut self.types[index], AvroType::Null);
            self.types[index] = AvroType::Logical(logical, Box::new(plain));
        }
        Ok(index)
    }

    fn record(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeIndex, SchemaError> {
        // The fields may refer to the record.
        let (index, namespace) = self.named(members, namespace, AvroType::Null)?;
        let Some(fields) = member(members, "fields")?.as_array() else {
            return Err(wrong("`fields` is not a list", members));
        };
        let mut read = Vec::with_capacity(fields.len());
        for field in fields {
            let (Some(name), Some(kind)) = (field["name"].as_str(), field.get("type")) else {
                return Err(wrong("a field has no name or no type", field));
            };
            read.push((name.to_owned(), self.any(kind, &namespace)?));
        }
        self.types[index] = AvroType::Record(read);
        Ok(index)
    }

    /// Adds a named type. Returns its index and namespace.
    fn named(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
        named: AvroType,
    ) -> Result<(TypeIndex, String), SchemaError> {
        let Some(name) = member(members, "name")?.as_str() else {
            return Err(wrong("`name` is not a text", members));
        };
        let own = members.get("namespace").and_then(Value::as_str);
        let full = full_name(name, own.unwrap_or(namespace));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let namespace = namespace.to_owned();
        let index = self.add(named);
        self.names.insert(full, index);
        Ok((index, namespace))
    }

    fn add(&mut self, one: AvroType) -> TypeIndex {
        self.types.push(one);
        self.types.len() - 1
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Value, SchemaError> {
    let found = members.get(name);
    found.ok_or_else(|| wrong(&format!("`{name}` is missing"), members))
}

/// The message has the start of the schema, which may be long.
fn wrong<V: serde::Serialize + ?Sized>(what: &str, of: &V) -> SchemaError {
    let shown = serde_json::to_string(of).unwrap_or_default();
    let shown: String = shown.chars().take(120).collect();
    SchemaError(format!("{what} in an Avro schema: {shown}"))
}
