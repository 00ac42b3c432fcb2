//! The Kafka key of a record: the id of its ticket, so that the records of a ticket keep their order.

use crate::decode::decoder::Decoder;
use crate::decode::mapping::text_at;
use crate::decode::record::Record;
use crate::domain::mapping::RecordPath;
use crate::domain::timestamp::Timestamp;

/// Finds the keys of a topic's records.
#[derive(Clone, Debug)]
pub struct RecordKeys {
    topic: String,
    source: KeySource,
}

#[derive(Clone, Debug)]
enum KeySource {
    Path(RecordPath),
    /// The ticket of the record's first event, by the mapping of the topic.
    Mapping(Decoder),
}

impl RecordKeys {
    /// Without a `path`, the mapping of the topic finds the ticket.
    pub fn new(topic: &str, path: Option<&RecordPath>, decoder: &Decoder) -> Self {
        Self {
            topic: topic.to_owned(),
            source: match path {
                Some(path) => KeySource::Path(path.clone()),
                None => KeySource::Mapping(decoder.clone()),
            },
        }
    }

    /// `received` becomes the timestamp of the record. `None`: it belongs to no ticket.
    pub fn key(
        &self,
        value: &[u8],
        headers: &[(&str, &[u8])],
        received: Timestamp,
    ) -> Option<String> {
        let record = Record {
            value: Some(value),
            key: None,
            headers: headers.to_vec(),
            topic: &self.topic,
            timestamp: Some(received.0),
        };
        match &self.source {
            KeySource::Path(path) => text_at(&record, path),
            KeySource::Mapping(decoder) => {
                let decoded = decoder.decode(&record, None);
                let event = decoded.events().first()?;
                Some(event.ticket_id.clone().into_owned())
            }
        }
    }
}
