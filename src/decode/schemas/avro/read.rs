//! Reads Avro's binary encoding into JSON documents.
//!
//! Limits on the depth and on the number of values bound the work. The number of values has a limit of
//! its own because some types take no bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

use super::parse::AvroSchema;
use super::types::{AvroType, TypeIndex};
use crate::decode::rejection::Rejection;

/// As in `serde_json`.
const MAX_DEPTH: usize = 128;
/// The values without a byte of their own that a record may have: nulls, records, unions.
const FREE_VALUES: usize = 1_000;

impl AvroSchema {
    /// A union becomes the value of its branch, an enum its symbol, and bytes base64.
    ///
    /// # Errors
    /// The bytes were not written with this schema, or some are left.
    pub(in crate::decode::schemas) fn read(&self, bytes: &[u8]) -> Result<Value, Rejection> {
        let mut reader = AvroReader {
            types: &self.types,
            bytes,
            values: FREE_VALUES + 4 * bytes.len(),
        };
        let document = reader.value(self.root, MAX_DEPTH);
        let all = reader.bytes.is_empty();
        document.filter(|_| all).ok_or(Rejection::InvalidAvro)
    }
}

struct AvroReader<'a> {
    types: &'a [AvroType],
    bytes: &'a [u8],
    /// The number of values still allowed.
    values: usize,
}

impl<'a> AvroReader<'a> {
    fn value(&mut self, index: TypeIndex, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.values = self.values.checked_sub(1)?;
        let types = self.types;
        Some(match &types[index] {
            AvroType::Array(items) => {
                let mut list = Vec::new();
                self.blocks(|reader| {
                    list.push(reader.value(*items, depth)?);
                    Some(())
                })?;
                Value::Array(list)
            }
            AvroType::Map(values) => {
                let mut members = Map::new();
                self.blocks(|reader| {
                    let name = reader.text()?.to_owned();
                    members.insert(name, reader.value(*values, depth)?);
                    Some(())
                })?;
                Value::Object(members)
            }
            AvroType::Union(branches) => {
                let branch = usize::try_from(self.long()?).ok()?;
                self.value(*branches.get(branch)?, depth)?
            }
            AvroType::Record(fields) => {
                let mut members = Map::new();
                for (name, kind) in fields {
                    members.insert(name.clone(), self.value(*kind, depth)?);
                }
                Value::Object(members)
            }
            AvroType::Logical(logical, plain) => match &**plain {
                AvroType::Int => logical.number(self.int()?.into()),
                AvroType::Long => logical.number(self.long()?),
                plain => {
                    let bytes = self.plain_bytes(plain)?;
                    logical.bytes(bytes).unwrap_or_else(|| base64(bytes))
                }
            },
            plain => self.plain(plain)?,
        })
    }

    /// A value without nested values.
    fn plain(&mut self, plain: &AvroType) -> Option<Value> {
        Some(match plain {
            AvroType::Null => Value::Null,
            AvroType::Boolean => match self.take(1)? {
                [0] => false.into(),
                [1] => true.into(),
                _ => return None,
            },
            AvroType::Int => self.int()?.into(),
            AvroType::Long => self.long()?.into(),
            AvroType::Float => {
                let float = f32::from_le_bytes(self.take(4)?.try_into().ok()?);
                // Its shortest decimal digits keep 4.8 from becoming 4.800000190734863.
                number(float.to_string().parse().ok()?)
            }
            AvroType::Double => number(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            AvroType::String => self.text()?.into(),
            AvroType::Enum(symbols) => {
                let symbol = usize::try_from(self.int()?).ok()?;
                symbols.get(symbol)?.as_str().into()
            }
            bytes => base64(self.plain_bytes(bytes)?),
        })
    }

    fn plain_bytes(&mut self, plain: &AvroType) -> Option<&'a [u8]> {
        match plain {
            AvroType::Fixed(size) => self.take(*size),
            AvroType::Bytes => self.sized(),
            _ => None,
        }
    }

    /// Reads blocks of items. Each has a count, and an empty block is the last.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        loop {
            let count = self.long()?;
            if count < 0 {
                self.long()?; // the size of the block
            }
            match count.unsigned_abs() {
                0 => return Some(()),
                // The limits on values end a count that is too large.
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

    /// Reads a zigzag-encoded varint.
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

/// Infinity and NaN become text, as in Protobuf's JSON mapping.
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
