//! Removes the wrappers around the ticket's own JSON: CloudEvents, Debezium, lists, encodings. A step
//! that does not fit leaves the record as it is.

use std::borrow::Cow;
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::json::Json;
use super::scope::Roots;
use super::wanted::DEBEZIUM_OPERATION;
use crate::domain::mapping::{RecordPath, UnwrapStep};

/// The prefix of CloudEvent attributes in the headers of a Kafka record (Kafka protocol binding 1.0,
/// section 3.2.3.1).
const CLOUDEVENT_HEADER: &str = "ce_";

/// The most records that `each` makes of one.
pub(super) const MOST_RECORDS: usize = 10_000;

/// Applies the steps. `each` makes several records of one. `None`: there are more than
/// [`MOST_RECORDS`].
pub(super) fn unwrap<'a>(steps: &[UnwrapStep], record: Roots<'a>) -> Option<Vec<Roots<'a>>> {
    let mut records = vec![record];
    for step in steps {
        match step {
            UnwrapStep::CloudEvents => {
                records = records.into_iter().flat_map(cloud_events).collect();
            }
            UnwrapStep::Each(path) if records.iter().any(|record| is_list(path, record)) => {
                records = records
                    .into_iter()
                    .flat_map(|record| each(path, record))
                    .take(MOST_RECORDS + 1)
                    .collect();
            }
            UnwrapStep::Each(_) => {}
            UnwrapStep::Debezium => records.iter_mut().for_each(debezium),
            UnwrapStep::Path(path) => records.iter_mut().for_each(|record| go_down(path, record)),
            UnwrapStep::Json(path) => decode_text(path, &mut records, Json::parse_owned),
            UnwrapStep::Base64(path) => decode_text(path, &mut records, from_base64),
        }
        if records.len() > MOST_RECORDS {
            return None;
        }
    }
    Some(records)
}

fn cloud_events(mut record: Roots<'_>) -> Vec<Roots<'_>> {
    match &record.record {
        Json::List(items) if items.iter().all(|item| item.get("specversion").is_some()) => {
            let Json::List(items) = std::mem::replace(&mut record.record, Json::Null) else {
                return vec![record];
            };
            let with = |item| structured(record.with(item));
            items.into_iter().map(with).collect()
        }
        Json::Object(_) if record.record.get("specversion").is_some() => vec![structured(record)],
        _ => {
            if let Some(Json::Object(headers)) = record.headers.as_deref() {
                let attributes: Vec<(Cow<'_, str>, Json<'_>)> = headers
                    .iter()
                    .filter_map(|(name, value)| {
                        let attribute = name.strip_prefix(CLOUDEVENT_HEADER)?.to_owned();
                        Some((attribute.into(), value.clone()))
                    })
                    .collect();
                if !attributes.is_empty() {
                    record.cloud_event = Some(Rc::new(Json::Object(attributes)));
                }
            }
            vec![record]
        }
    }
}

fn structured(mut record: Roots<'_>) -> Roots<'_> {
    let data = match (
        record.record.take("data"),
        record.record.take("data_base64"),
    ) {
        (Some(data), _) => data,
        (None, Some(Json::Text(text))) => from_base64(&text).unwrap_or(Json::Text(text)),
        _ => Json::Null,
    };
    let attributes = std::mem::replace(&mut record.record, data);
    record.cloud_event = Some(Rc::new(attributes));
    record
}

/// A change event with or without its schema, or a row that Debezium's transformation flattened.
fn debezium(record: &mut Roots<'_>) {
    let is_change = |json: &Json<'_>| {
        json.get("after").is_some() || (json.get("before").is_some() && json.get("op").is_some())
    };
    if let Some(payload) = record.record.get("payload")
        && is_change(payload)
        && let Some(payload) = record.record.take("payload")
    {
        record.record = payload;
    }
    let attribute = |name: &str| record.cloud_event.as_ref()?.get(name).cloned();
    if is_change(&record.record) {
        let mut change = std::mem::replace(&mut record.record, Json::Null);
        record.operation = change.take("op").or_else(|| attribute(DEBEZIUM_OPERATION));
        record.source = change.take("source");
        let before = change.take("before");
        match change.take("after") {
            Some(after) if after != Json::Null => {
                record.record = after;
                record.before = before;
            }
            _ => record.record = before.unwrap_or(Json::Null),
        }
    } else if let Some(operation) = record.record.get("__op") {
        record.operation = Some(operation.clone());
    }
}

fn go_down(path: &RecordPath, record: &mut Roots<'_>) {
    if record.first(path).is_some_and(|found| *found != Json::Null)
        && let Some(found) = record.take(path)
    {
        record.record = found;
    }
}

fn is_list(path: &RecordPath, record: &Roots<'_>) -> bool {
    matches!(record.first(path), Some(Json::List(_)))
}

fn each<'a>(path: &RecordPath, mut record: Roots<'a>) -> Vec<Roots<'a>> {
    if is_list(path, &record)
        && let Some(Json::List(items)) = record.take(path)
    {
        return items.into_iter().map(|item| record.with(item)).collect();
    }
    vec![record]
}

fn decode_text<'a>(
    path: &RecordPath,
    records: &mut [Roots<'a>],
    decode: impl Fn(&str) -> Option<Json<'a>>,
) {
    for record in records {
        if let Some(decoded) = record.first(path).and_then(Json::as_text).and_then(&decode) {
            record.record = decoded;
        }
    }
}

pub(super) fn from_base64<'a>(text: &str) -> Option<Json<'a>> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    Json::parse_owned(std::str::from_utf8(&bytes).ok()?)
}
