//! Turns records into canonical ticket events, or gives the reason why a record is none.

mod attributes;
mod canonical;
mod csv;
mod decoder;
mod event_members;
mod json_members;
mod mapping;
mod plain_json;
mod record;
mod rejection;
mod schemas;
pub mod webhook; // from a webhook request to records

pub use canonical::{MAX_VALUE_BYTES, decode};
pub use csv::{csv_delimiter, looks_like_csv};
pub use decoder::{Decoded, Decoder};
pub use mapping::{
    EventDerivation, MappedMember, MappedRecord, MemberOrigin, RejectedEvent, RepetitionWatch,
    UnidentifiedEvent, UnmappedWord, read_time,
};
pub use record::{Record, without_byte_order_mark};
pub use rejection::{IgnoreReason, Rejection, TimeFault};
pub use schemas::{RecordContent, SchemaError, SchemaId, SchemaLanguage, SchemaText, Schemas};
