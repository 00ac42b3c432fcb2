//! The headers by which a dead letter says where its record is.

use rdkafka::message::{Header, Headers as _, Message, OwnedHeaders};

use super::record_batch::{DeadLetterHeader, KafkaRecord};

/// The names of our own headers begin so.
const OWN: &str = "ticket_exporter.";
/// A record's header of such a name gets this in front of the rest of its name.
const ORIGINAL: &str = "ticket_exporter.original.";

const TOPIC: &str = "ticket_exporter.topic";
const PARTITION: &str = "ticket_exporter.partition";
const OFFSET: &str = "ticket_exporter.offset";
const REASON: &str = "ticket_exporter.reason";

/// A letter that Kafka refused for good: where its record is, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostDeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
}

/// The record's own headers, in their order, and ours behind them. No name of ours occurs twice.
pub(super) fn headers(
    record: &KafkaRecord<'_>,
    own: &[DeadLetterHeader<'_>],
    reason: &str,
) -> OwnedHeaders {
    let partition = record.partition.partition.to_string();
    let offset = record.offset.to_string();
    let ours = [
        (TOPIC, &*record.partition.topic),
        (PARTITION, &partition),
        (OFFSET, &offset),
        (REASON, reason),
    ];
    let mut all = OwnedHeaders::new_with_capacity(own.len() + ours.len());
    for (name, value) in own {
        let rest = name.strip_prefix(OWN);
        let renamed = rest.map(|rest| format!("{ORIGINAL}{rest}"));
        all = all.insert(Header {
            key: renamed.as_deref().unwrap_or(&**name),
            value: *value,
        });
    }
    for (key, value) in ours {
        all = all.insert(Header {
            key,
            value: Some(value),
        });
    }
    all
}

/// Reads where the record of a letter is.
pub(super) fn of(letter: &impl Message, reason: &str) -> LostDeadLetter {
    let header = |name: &str| {
        let headers = letter.headers()?.iter();
        let value = headers.filter(|header| header.key == name).last()?.value?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    let number = |name: &str| header(name).and_then(|text| text.parse::<i64>().ok());
    LostDeadLetter {
        topic: header(TOPIC).unwrap_or_default(),
        partition: number(PARTITION)
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or(-1),
        offset: number(OFFSET).unwrap_or(-1),
        reason: reason.to_owned(),
    }
}
