//! Avro schemas: what a writer's schema says, and documents read by it.
//!
//! Source: the Avro 1.12 specification. Only the writer's schema counts: a document has the fields
//! that were written, and what they mean is the mapping's business. Defaults, aliases and orders
//! are a reader's; they are skipped.

mod logical;
mod read;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{SchemaError, SchemaText};
use logical::Logical;

/// A type by its place in the schema: types can contain themselves.
type Place = usize;

#[derive(Clone, Debug, PartialEq)]
enum Type {
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
    Array(Place),
    Map(Place),
    Union(Vec<Place>),
    Record(Vec<(String, Place)>),
    /// A number or some bytes that stand for something else.
    Logical(Logical, Box<Type>),
}

/// A schema, ready to read by.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    root: Place,
}

impl Schema {
    pub(super) fn parse(source: &SchemaText) -> Result<Self, SchemaError> {
        let mut parser = Parser::default();
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
struct Parser {
    types: Vec<Type>,
    /// Named types by their full names.
    names: HashMap<String, Place>,
}

impl Parser {
    fn text(&mut self, text: &str) -> Result<Place, SchemaError> {
        let schema = serde_json::from_str(text)
            .map_err(|error| SchemaError(format!("no JSON in an Avro schema: {error}")))?;
        self.any(&schema, "")
    }

    /// `namespace`: of the named type around it.
    fn any(&mut self, schema: &Value, namespace: &str) -> Result<Place, SchemaError> {
        match schema {
            Value::String(name) => self.name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|one| self.any(one, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.add(Type::Union(branches)))
            }
            Value::Object(members) => self.object(members, namespace),
            _ => Err(wrong("a type is neither a name, a list nor a map", schema)),
        }
    }

    fn name(&mut self, name: &str, namespace: &str) -> Result<Place, SchemaError> {
        let primitive = match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::String,
            _ => {
                let known = self.names.get(&full_name(name, namespace));
                // Names without a namespace are found from everywhere.
                let known = known.or_else(|| self.names.get(name)).copied();
                return known.ok_or_else(|| SchemaError(format!("no Avro type is called {name}")));
            }
        };
        Ok(self.add(primitive))
    }

    fn object(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Place, SchemaError> {
        let Some(kind) = members.get("type") else {
            return Err(wrong("a type has no `type`", members));
        };
        let place = match kind.as_str() {
            Some("array") => {
                let items = self.any(member(members, "items")?, namespace)?;
                self.add(Type::Array(items))
            }
            Some("map") => {
                let values = self.any(member(members, "values")?, namespace)?;
                self.add(Type::Map(values))
            }
            Some("record" | "error") => self.record(members, namespace)?,
            Some("enum") => {
                let symbols = member(members, "symbols")?.as_array();
                let symbols: Option<Vec<String>> = symbols.and_then(|symbols| {
                    let names = symbols.iter().map(|symbol| symbol.as_str());
                    names.map(|name| name.map(str::to_owned)).collect()
                });
                let symbols = symbols.ok_or_else(|| wrong("`symbols` is no list", members))?;
                self.named(members, namespace, Type::Enum(symbols))?.0
            }
            Some("fixed") => {
                let size = member(members, "size")?.as_u64();
                let size = size.and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| wrong("`size` is no number", members))?;
                self.named(members, namespace, Type::Fixed(size))?.0
            }
            _ => self.any(kind, namespace)?,
        };
        if let Some(logical) = Logical::of(members, &self.types[place]) {
            // A named type keeps its place: later uses of its name mean the same.
            let plain = std::mem::replace(&mut self.types[place], Type::Null);
            self.types[place] = Type::Logical(logical, Box::new(plain));
        }
        Ok(place)
    }

    fn record(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Place, SchemaError> {
        // Known before its fields: they may refer to it.
        let (place, namespace) = self.named(members, namespace, Type::Null)?;
        let Some(fields) = member(members, "fields")?.as_array() else {
            return Err(wrong("`fields` is no list", members));
        };
        let mut read = Vec::with_capacity(fields.len());
        for field in fields {
            let (Some(name), Some(kind)) = (field["name"].as_str(), field.get("type")) else {
                return Err(wrong("a field has no name or no type", field));
            };
            read.push((name.to_owned(), self.any(kind, &namespace)?));
        }
        self.types[place] = Type::Record(read);
        Ok(place)
    }

    /// Adds a type with a name; its place and namespace.
    fn named(
        &mut self,
        members: &Map<String, Value>,
        namespace: &str,
        named: Type,
    ) -> Result<(Place, String), SchemaError> {
        let Some(name) = member(members, "name")?.as_str() else {
            return Err(wrong("`name` is no text", members));
        };
        let own = members.get("namespace").and_then(Value::as_str);
        let full = full_name(name, own.unwrap_or(namespace));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let namespace = namespace.to_owned();
        let place = self.add(named);
        self.names.insert(full, place);
        Ok((place, namespace))
    }

    fn add(&mut self, one: Type) -> Place {
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

/// Schemas are no secrets, but long.
fn wrong<V: serde::Serialize + ?Sized>(what: &str, of: &V) -> SchemaError {
    let shown = serde_json::to_string(of).unwrap_or_default();
    let shown: String = shown.chars().take(120).collect();
    SchemaError(format!("{what} in an Avro schema: {shown}"))
}

#[cfg(test)]
mod tests;
