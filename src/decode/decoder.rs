//! Decodes records: as canonical events, or by the mapping of their topic.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use super::canonical::{decode_document, decode_within};
use super::event_members::MemberOrder;
use super::mapping::{MappedRecord, Mapper};
use super::record::{Record, without_byte_order_mark};
use super::rejection::Rejection;
use super::schemas::{RecordContent, Schemas, has_schema};
use crate::domain::event::Event;
use crate::domain::mapping::{LookupTable, Mappings};
use crate::domain::timestamp::Timestamp;

#[allow(
    clippy::large_enum_variant,
    reason = "a box would cost each event an allocation"
)]
#[derive(Debug)]
pub enum Decoded<'a> {
    /// The record was read as a canonical event.
    Canonical(Result<Event<'a>, Rejection>),
    /// A mapping read the record.
    Mapped(Box<MappedRecord>),
}

impl<'a> Decoded<'a> {
    pub fn events(&self) -> &[Event<'a>] {
        match self {
            Self::Canonical(Ok(event)) => slice::from_ref(event),
            Self::Canonical(Err(_)) => &[],
            Self::Mapped(mapped) => &mapped.events,
        }
    }

    /// Adds the events to a list. An event is large, so this moves it only once.
    #[inline]
    pub fn append_events_to(self, events: &mut Vec<Event<'a>>) {
        match self {
            Self::Canonical(Ok(event)) => events.push(event),
            Self::Canonical(Err(_)) => {}
            Self::Mapped(mapped) => events.extend(mapped.events),
        }
    }

    /// Why the record, or an event in it, was rejected.
    pub fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Canonical(event) => event.as_ref().err().copied(),
            Self::Mapped(mapped) => {
                let first = mapped.rejected_events.first();
                mapped.rejected.or(first.map(|rejected| rejected.rejection))
            }
        }
    }
}

/// Reads records by the configuration. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    mappings: Arc<Mappings>,
    general: Option<Arc<Mapper>>,
    topics: Arc<BTreeMap<String, Option<Mapper>>>,
    tables: Arc<[LookupTable]>,
    /// `None`: no schema registry is configured.
    schemas: Option<Schemas>,
    order: Arc<MemberOrder>,
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
            order: Arc::default(),
        }
    }

    /// A decoder of canonical events that keeps the same attributes.
    #[must_use]
    pub fn of_events(&self) -> Self {
        Self::new(&Mappings {
            attributes: self.mappings.attributes.clone(),
            ..Mappings::default()
        })
    }

    #[must_use]
    pub fn with_schemas(self, schemas: Schemas) -> Self {
        Self {
            schemas: Some(schemas),
            ..self
        }
    }

    /// The caller adds the schema of a record before it decodes the record.
    pub fn schemas(&self) -> Option<&Schemas> {
        self.schemas.as_ref()
    }

    /// Replaces the lookup tables, in their order.
    #[must_use]
    pub fn with_tables(&self, tables: Vec<LookupTable>) -> Self {
        Self {
            tables: tables.into(),
            ..self.clone()
        }
    }

    pub fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    /// Whether the result may depend on the headers of a record.
    pub fn needs_headers(&self) -> bool {
        self.schemas.is_some() || self.general.is_some() || !self.topics.is_empty()
    }

    /// `latest` is the latest event time allowed: now plus `max_future`. It is `None` in a replay, which
    /// has no future.
    #[inline]
    pub fn decode<'a>(&self, record: &Record<'a>, latest: Option<Timestamp>) -> Decoded<'a> {
        match self.mapper(record.topic) {
            None => Decoded::Canonical(self.canonical(record, latest)),
            Some(mapper) => Decoded::Mapped(Box::new(self.map(mapper, record, latest, false))),
        }
    }

    /// Also gives the derivation of each event.
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
        let attributes = Some(self.mappings.attributes.as_slice());
        match self.content(record)? {
            RecordContent::Json(json) => {
                decode_within(json, value, latest, attributes, &self.order)
            }
            RecordContent::Document(document) => {
                decode_document(document, value, latest, attributes)
            }
        }
    }

    fn map(
        &self,
        mapper: &Mapper,
        record: &Record<'_>,
        latest: Option<Timestamp>,
        explain: bool,
    ) -> MappedRecord {
        match self.content(record) {
            Ok(RecordContent::Json(json)) => {
                mapper.map(&self.tables, record, json, latest, explain)
            }
            Ok(RecordContent::Document(document)) => {
                let json = document.to_string();
                mapper.map(&self.tables, record, json.as_bytes(), latest, explain)
            }
            Err(rejection) => MappedRecord {
                rejected: Some(rejection),
                ..MappedRecord::default()
            },
        }
    }

    #[inline]
    fn content<'a>(&self, record: &Record<'a>) -> Result<RecordContent<'a>, Rejection> {
        let value = record.value.unwrap_or_default();
        let content = match &self.schemas {
            Some(schemas) => schemas.content(value, &record.headers)?,
            None if has_schema(value) => return Err(Rejection::NoSchemaRegistry),
            None => RecordContent::Json(value),
        };
        Ok(match content {
            RecordContent::Json(json) => RecordContent::Json(without_byte_order_mark(json)),
            document @ RecordContent::Document(_) => document,
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
    use crate::decode::record::BYTE_ORDER_MARK;

    #[test]
    fn canonical_events_keep_the_configured_attributes() {
        let decoder = Decoder::new(&Mappings {
            attributes: vec!["tier".to_owned()],
            ..Mappings::default()
        });
        let read = |json: &[u8]| {
            let decoded = decoder.decode(&Record::of(json), None);
            let stated = decoded.events().iter().flat_map(|event| &event.attributes);
            let stated = stated.map(|one| one.value.as_deref().map(str::to_owned));
            (decoded.rejection(), stated.collect::<Vec<_>>())
        };
        let gold =
            br#"{"ticket_id":1,"type":"updated","at":1,"attributes":{"a":[1],"tier":"gold"}}"#;
        assert_eq!(read(gold), (None, vec![Some("gold".to_owned())]));
        let wrong = br#"{"ticket_id":1,"type":"updated","at":1,"attributes":{"tier":["gold"]}}"#;
        assert_eq!(read(wrong), (Some(Rejection::InvalidAttributes), vec![]));
    }

    #[test]
    fn a_byte_order_mark_in_front_is_skipped() {
        let plain = br#"{"ticket_id":1,"type":"created","at":5,"event_id":"e"}"#;
        let marked = [BYTE_ORDER_MARK, plain].concat();
        let decoder = Decoder::default();
        let with_schemas = Decoder::default().with_schemas(Schemas::default());
        for decoder in [&decoder, &with_schemas] {
            let read = |value: &[u8]| {
                let decoded = decoder.decode(&Record::of(value), None);
                let events = decoded.events().iter().cloned();
                events.map(Event::into_owned).collect::<Vec<_>>()
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
