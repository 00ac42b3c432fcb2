//! Bytes in: from a record to the canonical ticket events in it, or to the reason why not.

mod canonical;
mod mapping;
mod rejection;
mod schemas;
mod table;

pub use canonical::{MAX_VALUE_BYTES, decode};
pub use mapping::{Inference, Mapped, Miss, Origin, Story, UnmappedWord, infer, known_presets};
pub use rejection::{Ignorance, Rejection};
pub use schemas::{Content, Language, SchemaError, SchemaId, SchemaText, Schemas};
pub use table::looks_like_csv;

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use crate::domain::event::Event;
use crate::domain::mapping::{Mappings, Table};
use crate::domain::timestamp::Timestamp;
use mapping::Mapper;

/// What is known of a record. Files have values only.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub key: Option<&'a [u8]>,
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// Milliseconds since the epoch, as the producer or the broker set it.
    pub timestamp: Option<i64>,
    /// Empty where it is unknown.
    pub topic: &'a str,
}

impl<'a> Record<'a> {
    /// A record of which only the value is known.
    pub fn of(value: &'a [u8]) -> Self {
        Self {
            value: Some(value),
            ..Self::default()
        }
    }
}

/// Some Windows programs write this in front of UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Text without a byte order mark in front, which JSON does not have.
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// What a record says.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// It is a canonical event, or not.
    Canonical(Result<Event<'a>, Rejection>),
    /// What a mapping made of it.
    Mapped(Box<Mapped>),
}

impl<'a> Decoded<'a> {
    /// The events, in order.
    pub fn events(&self) -> &[Event<'a>] {
        match self {
            Self::Canonical(Ok(event)) => slice::from_ref(event),
            Self::Canonical(Err(_)) => &[],
            Self::Mapped(mapped) => &mapped.events,
        }
    }

    /// The same, taken out.
    pub fn into_events(self) -> impl Iterator<Item = Event<'a>> {
        let (one, several) = match self {
            Self::Canonical(event) => (event.ok(), Vec::new()),
            Self::Mapped(mapped) => (None, mapped.events),
        };
        one.into_iter().chain(several)
    }

    /// Why the record, or a part of it, is no event.
    pub fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Canonical(event) => event.as_ref().err().copied(),
            Self::Mapped(mapped) => {
                let first = mapped.misses.first();
                mapped.rejected.or(first.map(|miss| miss.rejection))
            }
        }
    }
}

/// Reads records as the configuration says. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    mappings: Arc<Mappings>,
    general: Option<Arc<Mapper>>,
    topics: Arc<BTreeMap<String, Option<Mapper>>>,
    tables: Arc<[Table]>,
    /// `None`: no record has one.
    schemas: Option<Schemas>,
}

impl Decoder {
    pub fn new(mappings: &Mappings) -> Self {
        let topics = mappings.topics.iter();
        Self {
            general: mappings.general.as_ref().map(Mapper::new).map(Arc::new),
            topics: Arc::new(
                topics
                    .map(|(topic, mapping)| (topic.clone(), mapping.as_ref().map(Mapper::new)))
                    .collect(),
            ),
            tables: mappings.contents.clone().into(),
            mappings: Arc::new(mappings.clone()),
            schemas: None,
        }
    }

    /// The same for records that may have schemas, of this table.
    #[must_use]
    pub fn with_schemas(self, schemas: Schemas) -> Self {
        Self {
            schemas: Some(schemas),
            ..self
        }
    }

    /// The table of schemas; whoever has them puts them there, before their records are read.
    pub fn schemas(&self) -> Option<&Schemas> {
        self.schemas.as_ref()
    }

    /// The same with other contents of the look-up tables, in their order.
    #[must_use]
    pub fn with_tables(&self, tables: Vec<Table>) -> Self {
        Self {
            tables: tables.into(),
            ..self.clone()
        }
    }

    pub fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    /// Whether what it reads may depend on the headers of records.
    pub fn needs_headers(&self) -> bool {
        self.schemas.is_some() || self.general.is_some() || !self.topics.is_empty()
    }

    /// Reads one record. `latest` is the latest event time allowed: now and `max_future` when
    /// live, `None` in a replay, where nothing is too far in the future.
    #[inline]
    pub fn decode<'a>(&self, record: &Record<'a>, latest: Option<Timestamp>) -> Decoded<'a> {
        match self.mapper(record.topic) {
            None => Decoded::Canonical(self.canonical(record, latest)),
            Some(mapper) => Decoded::Mapped(Box::new(self.map(mapper, record, latest, false))),
        }
    }

    /// The same, with the story of every event.
    pub fn explain<'a>(&self, record: &Record<'a>) -> Decoded<'a> {
        match self.mapper(record.topic) {
            None => self.decode(record, None),
            Some(mapper) => Decoded::Mapped(Box::new(self.map(mapper, record, None, true))),
        }
    }

    #[inline]
    fn canonical<'a>(
        &self,
        record: &Record<'a>,
        latest: Option<Timestamp>,
    ) -> Result<Event<'a>, Rejection> {
        let value = record.value.unwrap_or_default();
        match self.content(record)? {
            Content::Json(json) if json.len() == value.len() => decode(value, latest),
            Content::Json(json) => canonical::decode_within(json, value, latest),
            Content::Document(document) => canonical::decode_document(document, value, latest),
        }
    }

    fn map(
        &self,
        mapper: &Mapper,
        record: &Record<'_>,
        latest: Option<Timestamp>,
        explain: bool,
    ) -> Mapped {
        match self.content(record) {
            Ok(Content::Json(json)) => mapper.map(&self.tables, record, json, latest, explain),
            Ok(Content::Document(document)) => {
                let json = document.to_string();
                mapper.map(&self.tables, record, json.as_bytes(), latest, explain)
            }
            Err(rejection) => Mapped {
                rejected: Some(rejection),
                ..Mapped::default()
            },
        }
    }

    #[inline]
    fn content<'a>(&self, record: &Record<'a>) -> Result<Content<'a>, Rejection> {
        let value = record.value.unwrap_or_default();
        let content = match &self.schemas {
            Some(schemas) => schemas.content(value, &record.headers)?,
            None if schemas::has_schema(value) => return Err(Rejection::NoSchemaRegistry),
            None => Content::Json(value),
        };
        Ok(match content {
            Content::Json(json) => Content::Json(without_byte_order_mark(json)),
            document @ Content::Document(_) => document,
        })
    }

    fn mapper(&self, topic: &str) -> Option<&Mapper> {
        if self.topics.is_empty() {
            return self.general.as_deref();
        }
        match self.topics.get(topic) {
            Some(own) => own.as_ref(),
            None => self.general.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_in_front_is_skipped() {
        let plain = br#"{"ticket_id":1,"type":"created","at":5,"event_id":"e"}"#;
        let marked = [BYTE_ORDER_MARK, plain].concat();
        let decoder = Decoder::default();
        let with_schemas = Decoder::default().with_schemas(Schemas::default());
        for decoder in [&decoder, &with_schemas] {
            let read = |value: &[u8]| {
                let decoded = decoder.decode(&Record::of(value), None);
                let events = decoded.into_events().map(Event::into_owned);
                events.collect::<Vec<_>>()
            };
            assert_eq!(read(&marked).len(), 1);
            assert_eq!(read(&marked), read(plain));
            let only = decoder.decode(&Record::of(BYTE_ORDER_MARK), None);
            assert_eq!(only.rejection(), Some(Rejection::EmptyValue));
            let late = [plain, BYTE_ORDER_MARK].concat();
            let late = decoder.decode(&Record::of(&late), None);
            assert_eq!(late.rejection(), Some(Rejection::InvalidJson));
        }
    }
}
