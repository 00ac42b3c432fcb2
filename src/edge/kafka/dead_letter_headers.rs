//! The headers of a dead letter that tell where its record is.

use rdkafka::message::{Header, Headers as _, Message, OwnedHeaders};

use super::record_batch::{DeadLetterHeader, KafkaRecord};

/// Prefix of the exporter's header names.
const OWN: &str = "ticket_exporter.";
/// Replaces that prefix in the name of a record's own header.
const ORIGINAL: &str = "ticket_exporter.original.";

const TOPIC: &str = "ticket_exporter.topic";
const PARTITION: &str = "ticket_exporter.partition";
const OFFSET: &str = "ticket_exporter.offset";
const REASON: &str = "ticket_exporter.reason";

/// The record of a dead letter that Kafka rejected for good, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostDeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
}

/// The record's own headers, in their order, followed by the exporter's. No name of the exporter's
/// occurs twice.
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

/// Reads from a dead letter where its record is.
pub(super) fn read(letter: &impl Message, reason: &str) -> LostDeadLetter {
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
