//! Bytes in: from a record to the canonical ticket events in it, or to the reason why not.

mod canonical;
mod mapping;
mod rejection;

pub use canonical::{MAX_VALUE_BYTES, decode};
pub use mapping::{Mapped, Miss, Origin, Story, UnmappedWord};
pub use rejection::{Ignorance, Rejection};

use std::slice;
use std::sync::Arc;

use crate::domain::event::Event;
use crate::domain::mapping::{Mappings, Table};
use crate::domain::timestamp::Timestamp;

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

/// What a record says.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A canonical event.
    Event(Event<'a>),
    Rejected(Rejection),
    /// What a mapping made of it.
    Mapped(Box<Mapped>),
}

impl<'a> Decoded<'a> {
    /// The events, in order.
    pub fn events(&self) -> &[Event<'a>] {
        match self {
            Self::Event(event) => slice::from_ref(event),
            Self::Rejected(_) => &[],
            Self::Mapped(mapped) => &mapped.events,
        }
    }

    /// The same, taken out.
    pub fn into_events(self) -> impl Iterator<Item = Event<'a>> {
        let (one, several) = match self {
            Self::Event(event) => (Some(event), Vec::new()),
            Self::Rejected(_) => (None, Vec::new()),
            Self::Mapped(mapped) => (None, mapped.events),
        };
        one.into_iter().chain(several)
    }

    /// Why the record, or a part of it, is no event.
    pub fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Event(_) => None,
            Self::Rejected(rejection) => Some(*rejection),
            Self::Mapped(mapped) => mapped.misses.first().map(|miss| miss.rejection),
        }
    }

    /// Why the record is about no ticket.
    pub fn ignored(&self) -> Option<Ignorance> {
        match self {
            Self::Event(_) | Self::Rejected(_) => None,
            Self::Mapped(mapped) => mapped.ignored,
        }
    }
}

/// Reads records as the configuration says. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    mappings: Arc<Mappings>,
    tables: Arc<[Table]>,
}

impl Decoder {
    pub fn new(mappings: &Mappings) -> Self {
        Self {
            tables: mappings.contents.clone().into(),
            mappings: Arc::new(mappings.clone()),
        }
    }

    /// The same with other contents of the look-up tables, in their order.
    #[must_use]
    pub fn with_tables(&self, tables: Vec<Table>) -> Self {
        Self {
            mappings: Arc::clone(&self.mappings),
            tables: tables.into(),
        }
    }

    pub fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    /// Whether what it reads may depend on the headers of records.
    pub fn needs_headers(&self) -> bool {
        self.mappings.general.is_some() || !self.mappings.topics.is_empty()
    }

    /// Reads one record. `latest` is the latest event time allowed: now and `max_future` when
    /// live, `None` in a replay, where nothing is too far in the future.
    pub fn decode<'a>(&self, record: &Record<'a>, latest: Option<Timestamp>) -> Decoded<'a> {
        self.read(record, latest, false)
    }

    /// The same, with the origins of every member.
    pub fn explain<'a>(&self, record: &Record<'a>, latest: Option<Timestamp>) -> Decoded<'a> {
        self.read(record, latest, true)
    }

    fn read<'a>(
        &self,
        record: &Record<'a>,
        latest: Option<Timestamp>,
        explain: bool,
    ) -> Decoded<'a> {
        let mapping = if self.mappings.topics.is_empty() {
            &self.mappings.general
        } else {
            let own = self.mappings.topics.get(record.topic);
            own.unwrap_or(&self.mappings.general)
        };
        match mapping {
            None => match decode(record.value.unwrap_or_default(), latest) {
                Ok(event) => Decoded::Event(event),
                Err(rejection) => Decoded::Rejected(rejection),
            },
            Some(mapping) => {
                match mapping::map(mapping, &self.tables, record, latest, explain) {
                    Ok(mapped) => Decoded::Mapped(Box::new(mapped)),
                    Err(rejection) => Decoded::Rejected(rejection),
                }
            }
        }
    }
}
