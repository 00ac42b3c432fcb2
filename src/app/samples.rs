//! Sample records in files, and the result of a mapping for them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decode::{
    self, Decoded, Decoder, MAX_VALUE_BYTES, Record, Rejection, UnidentifiedEvent,
    without_byte_order_mark,
};
use crate::edge::files;
use crate::edge::record_files::{self, RecordBlock, RecordFile};
use crate::edge::spool::SpooledRecord;
use crate::exposition::event_line;

/// A larger file is not a file of samples.
const MOST_BYTES: u64 = 256 << 20;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct SampleError {
    pub path: PathBuf,
    pub source: io::Error,
}

#[derive(Debug, Default)]
pub struct SampleRecord {
    /// `file:number`, from 1.
    pub place: String,
    pub value: Option<Vec<u8>>,
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub timestamp: Option<i64>,
    pub topic: String,
}

impl SampleRecord {
    /// The record as Kafka would deliver it.
    pub fn record(&self) -> Record<'_> {
        let headers = self.headers.iter();
        Record {
            value: self.value.as_deref(),
            key: self.key.as_ref().map(String::as_bytes),
            headers: headers
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
                .collect(),
            timestamp: self.timestamp,
            topic: &self.topic,
        }
    }

    pub fn spooled(&self, offset: i64) -> SpooledRecord {
        let headers = self.headers.iter();
        SpooledRecord {
            offset,
            timestamp: self.timestamp,
            key: self.key.clone().map(String::into_bytes),
            headers: headers
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect(),
            value: self.value.clone(),
        }
    }
}

/// A record in the form of `--envelope`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    key: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    timestamp: Option<i64>,
    #[serde(default)]
    topic: String,
}

/// Reads a file that holds one JSON document, JSON Lines, a list of records or a table; plain, gzip or
/// Zstandard.
/// With `envelopes`, each record is an object with `value` and any of `key`, `headers`, `timestamp`,
/// `topic`.
pub fn read(path: &Path, envelopes: bool) -> Result<Vec<SampleRecord>, SampleError> {
    let named = |source| SampleError {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let reader = files::open(path).map_err(named)?;
    reader
        .take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(named)?;
    let records = if record_files::is_table(path, &bytes) {
        rows(path, bytes).map_err(named)?
    } else {
        let records = records(&bytes).into_iter();
        (1..).zip(records.map(<[u8]>::to_vec)).collect()
    };
    let mut samples = Vec::new();
    for (number, value) in records {
        let sample = SampleRecord {
            place: format!("{}:{number}", path.display()),
            value: Some(value),
            ..SampleRecord::default()
        };
        samples.push(if envelopes {
            open_envelope(sample).map_err(named)?
        } else {
            sample
        });
    }
    Ok(samples)
}

/// The rows of a table, each with the number of its line.
fn rows(path: &Path, bytes: Vec<u8>) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut file = RecordFile::of(Box::new(io::Cursor::new(bytes)), path)?;
    let (mut rows, mut block) = (Vec::new(), RecordBlock::default());
    while file.fill(&mut block, MAX_VALUE_BYTES)? {
        rows.extend(block.iter().map(|(line, row)| (line, row.to_vec())));
    }
    Ok(rows)
}

/// Splits a file into the bytes of its records.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    let bytes = without_byte_order_mark(bytes);
    let values: Result<Vec<&RawValue>, _> = serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .collect();
    let Ok(values) = values else {
        // One broken line does not affect the others.
        let lines = bytes.split(|byte| *byte == b'\n');
        return lines.filter(|line| !line.trim_ascii().is_empty()).collect();
    };
    if let [one] = values.as_slice()
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(one.get())
    {
        return items
            .into_iter()
            .map(|item| item.get().as_bytes())
            .collect();
    }
    values
        .into_iter()
        .map(|value| value.get().as_bytes())
        .collect()
}

fn open_envelope(sample: SampleRecord) -> io::Result<SampleRecord> {
    let bytes = sample.value.unwrap_or_default();
    let envelope: Envelope<'_> = serde_json::from_slice(&bytes).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: no envelope: {error}", sample.place),
        )
    })?;
    let value = match envelope.value.map(RawValue::get) {
        None | Some("null") => None,
        // A string is the value itself, not JSON.
        Some(json) => Some(match serde_json::from_str::<String>(json) {
            Ok(text) => text.into_bytes(),
            Err(_) => json.as_bytes().to_vec(),
        }),
    };
    Ok(SampleRecord {
        place: sample.place,
        value,
        key: envelope.key,
        headers: envelope.headers.into_iter().collect(),
        timestamp: envelope.timestamp,
        topic: envelope.topic,
    })
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct SampleOutcome {
    /// Canonical events, one per line.
    pub events: Vec<EventOutcome>,
    /// Why the sample, or a part of it, is no event.
    pub rejections: Vec<String>,
    /// Values that the mapping does not know.
    pub unmapped: Vec<String>,
    /// Why the sample is about no ticket.
    pub ignored: Option<&'static str>,
    /// Events that another sample may repeat.
    pub unidentified: Vec<UnidentifiedEvent>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct EventOutcome {
    pub line: String,
    /// The rule that made it; empty without a mapping.
    pub rule: String,
    /// The members and their origins.
    pub origins: Vec<(String, String)>,
}

/// Applies the mapping to a sample.
pub fn apply(decoder: &Decoder, sample: &SampleRecord) -> SampleOutcome {
    let mut outcome = SampleOutcome::default();
    match decoder.explain(&sample.record()) {
        Decoded::Canonical(Ok(event)) => outcome.events.push(EventOutcome {
            line: event_line(&event, None),
            ..EventOutcome::default()
        }),
        Decoded::Canonical(Err(rejection)) => outcome.rejections.push(named(rejection)),
        Decoded::Mapped(mapped) => {
            outcome.rejections.extend(mapped.rejected.map(named));
            for (event, story) in mapped.events.iter().zip(&mapped.derivations) {
                let origins = story.origins.iter();
                outcome.events.push(EventOutcome {
                    line: event_line(event, story.event_id.as_deref()),
                    rule: story.rule.clone(),
                    origins: origins
                        .map(|origin| (origin.member.to_string(), origin.from.clone()))
                        .collect(),
                });
            }
            for rejected in &mapped.rejected_events {
                let reason = rejected.rejection.name();
                let at = if rejected.paths.is_empty() {
                    String::new()
                } else {
                    format!(", at {}", rejected.paths)
                };
                let of_kafka = "$timestamp";
                let todo = if sample.timestamp.is_none() && rejected.paths.contains(of_kafka) {
                    "; in Kafka it is the record's own time, which a file does not have: say one with \
                     --timestamp, or use --envelope"
                } else {
                    ""
                };
                outcome.rejections.push(format!(
                    "{reason}: {} of rule {}{at}: {}{todo}",
                    rejected.member, rejected.rule, rejected.rejection
                ));
            }
            for word in &mapped.unmapped {
                outcome.unmapped.push(format!(
                    "{} of rule {}, at {}: \"{}\"",
                    word.member, word.rule, word.path, word.word
                ));
            }
            outcome.ignored = mapped.ignored.map(decode::IgnoreReason::name);
            outcome.unidentified = mapped.unidentified;
        }
    }
    outcome
}

fn named(rejection: Rejection) -> String {
    format!("{}: {rejection}", rejection.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_lines_and_a_list_are_records() {
        let texts = |bytes: &[u8]| -> Vec<String> {
            let records = records(bytes).into_iter();
            records
                .map(|one| String::from_utf8_lossy(one).into_owned())
                .collect()
        };
        assert_eq!(texts(b"{\n \"a\": 1\n}\n"), ["{\n \"a\": 1\n}"]);
        assert_eq!(
            texts(b"{\"a\":1}\n\n{\"b\":2}\n"),
            ["{\"a\":1}", "{\"b\":2}"]
        );
        assert_eq!(texts(b"[{\"a\":1}, {\"b\":2}]"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(
            texts(b"{\"a\":1}\n{\n{\"b\":2}"),
            ["{\"a\":1}", "{", "{\"b\":2}"]
        );
        assert!(texts(b" \n").is_empty());
    }

    #[test]
    fn envelopes_hold_what_files_do_not() {
        let open = |text: &str| {
            open_envelope(SampleRecord {
                value: Some(text.into()),
                ..SampleRecord::default()
            })
        };
        let sample = open(
            r#"{"value":{"a":1},"key":"k","headers":{"ce_id":"7"},"timestamp":5,"topic":"t"}"#,
        );
        let sample = sample.unwrap();
        assert_eq!(sample.value.as_deref(), Some(&b"{\"a\":1}"[..]));
        assert_eq!(sample.headers, [("ce_id".to_owned(), "7".to_owned())]);
        assert_eq!(
            (sample.key.as_deref(), sample.timestamp),
            (Some("k"), Some(5))
        );
        assert_eq!(
            open(r#"{"value":"text"}"#).unwrap().value.as_deref(),
            Some(&b"text"[..])
        );
        assert_eq!(open(r#"{"value":null}"#).unwrap().value, None);
        assert!(open(r#"{"a":1}"#).is_err());
    }
}
