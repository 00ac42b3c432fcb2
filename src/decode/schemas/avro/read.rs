//! Values in Avro's binary encoding, into documents.
//!
//! Whatever the bytes say, the work is bounded: by a depth, and by a number of values that grows
//! with the bytes, since some types take none at all.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

use super::{Place, Schema, Type};
use crate::decode::rejection::Rejection;

/// Deeper documents are no ticket events; JSON ends at the same depth (`serde_json`).
const MAX_DEPTH: usize = 128;
/// Values that take no byte: nulls, empty records, and what is around the others.
const FREE_VALUES: usize = 1_000;

impl Schema {
    /// The document in the bytes, all of them. A union is the value of its branch, an enum its
    /// symbol, bytes are base64.
    ///
    /// # Errors
    /// Bytes that were not written by this schema.
    pub(in super::super) fn read(&self, bytes: &[u8]) -> Result<Value, Rejection> {
        let mut reader = Reader {
            types: &self.types,
            bytes,
            values: FREE_VALUES + 4 * bytes.len(),
        };
        let document = reader.value(self.root, MAX_DEPTH);
        let all = reader.bytes.is_empty();
        document.filter(|_| all).ok_or(Rejection::InvalidAvro)
    }
}

struct Reader<'a> {
    types: &'a [Type],
    bytes: &'a [u8],
    /// How many more are allowed.
    values: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, place: Place, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.values = self.values.checked_sub(1)?;
        let types = self.types;
        Some(match &types[place] {
            Type::Array(items) => {
                let mut list = Vec::new();
                self.blocks(|reader| {
                    list.push(reader.value(*items, depth)?);
                    Some(())
                })?;
                Value::Array(list)
            }
            Type::Map(values) => {
                let mut members = Map::new();
                self.blocks(|reader| {
                    let name = reader.text()?.to_owned();
                    members.insert(name, reader.value(*values, depth)?);
                    Some(())
                })?;
                Value::Object(members)
            }
            Type::Union(branches) => {
                let branch = usize::try_from(self.long()?).ok()?;
                self.value(*branches.get(branch)?, depth)?
            }
            Type::Record(fields) => {
                let mut members = Map::new();
                for (name, kind) in fields {
                    members.insert(name.clone(), self.value(*kind, depth)?);
                }
                Value::Object(members)
            }
            Type::Logical(logical, plain) => match &**plain {
                Type::Int => logical.number(self.int()?.into()),
                Type::Long => logical.number(self.long()?),
                plain => {
                    let bytes = self.plain_bytes(plain)?;
                    logical.bytes(bytes).unwrap_or_else(|| base64(bytes))
                }
            },
            plain => self.plain(plain)?,
        })
    }

    /// A value without others in it.
    fn plain(&mut self, plain: &Type) -> Option<Value> {
        Some(match plain {
            Type::Null => Value::Null,
            Type::Boolean => match self.take(1)? {
                [0] => false.into(),
                [1] => true.into(),
                _ => return None,
            },
            Type::Int => self.int()?.into(),
            Type::Long => self.long()?.into(),
            Type::Float => {
                let float = f32::from_le_bytes(self.take(4)?.try_into().ok()?);
                // By its shortest digits: what was 4.8 is not to become 4.800000190734863.
                number(float.to_string().parse().ok()?)
            }
            Type::Double => number(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            Type::String => self.text()?.into(),
            Type::Enum(symbols) => {
                let symbol = usize::try_from(self.int()?).ok()?;
                symbols.get(symbol)?.as_str().into()
            }
            bytes => base64(self.plain_bytes(bytes)?),
        })
    }

    fn plain_bytes(&mut self, plain: &Type) -> Option<&'a [u8]> {
        match plain {
            Type::Fixed(size) => self.take(*size),
            Type::Bytes => self.sized(),
            _ => None,
        }
    }

    /// Items in blocks, each with a count, until an empty one.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        loop {
            let count = self.long()?;
            if count < 0 {
                self.long()?; // the block's bytes, for who wants to skip it
            }
            match count.unsigned_abs() {
                0 => return Some(()),
                // Values that are not allowed end it, whatever the count says.
                count => (0..count).try_for_each(|_| item(self))?,
            }
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized()?).ok()
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let size = self.long()?;
        self.take(usize::try_from(size).ok()?)
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(size)?;
        self.bytes = rest;
        Some(taken)
    }

    fn int(&mut self) -> Option<i32> {
        i32::try_from(self.long()?).ok()
    }

    /// Seven bits a byte, the lowest first, with the sign in the lowest bit.
    fn long(&mut self) -> Option<i64> {
        let mut zigzag = 0_u64;
        for position in 0..10 {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if position == 9 && bits > 1 {
                return None; // more than 64 bits
            }
            zigzag |= bits << (7 * position);
            if byte & 0x80 == 0 {
                return Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        None
    }
}

fn base64(bytes: &[u8]) -> Value {
    BASE64_STANDARD.encode(bytes).into()
}

/// A number; what JSON has none for is text, as in Protobuf's JSON mapping.
fn number(float: f64) -> Value {
    Number::from_f64(float).map_or_else(
        || {
            let name = match float {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            name.into()
        },
        Value::Number,
    )
}
