//! Avro.

mod logical;
mod parse;
mod read;
#[cfg(test)]
mod tests;
mod types;

pub(super) use parse::AvroSchema;
