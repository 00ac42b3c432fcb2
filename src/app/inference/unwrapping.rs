//! Takes CloudEvents, Debezium changes and JSON texts off the samples, as the steps of `unwrap` do.

use serde_json::{Map, Value};

use super::column::share;
use super::names;
use super::samples_table::SampleRow;
use crate::domain::yaml;

/// This share of the records has to have a wrapper.
const LEAST_SHARE: f64 = 0.5;

/// The steps of `unwrap`, as YAML.
pub(super) fn unwrap(rows: &mut [SampleRow]) -> Vec<String> {
    let mut steps = Vec::new();
    if is_frequent(rows, is_cloud_event) {
        rows.iter_mut().for_each(cloud_event);
        steps.push("cloudevents".to_owned());
    }
    if is_frequent(rows, is_change) {
        rows.iter_mut().for_each(change);
        steps.push("debezium".to_owned());
    }
    if let Some(name) = text_with_json(rows)
        && let Some(path) = names::step(&name)
    {
        for row in rows {
            if let Some(json) = row.record.get(&name).and_then(object_in_text) {
                row.record = json;
            }
        }
        steps.push(format!("{{ json: {} }}", yaml::scalar(&path)));
    }
    steps
}

fn is_frequent(rows: &[SampleRow], fits: fn(&SampleRow) -> bool) -> bool {
    share(rows.iter().filter(|row| fits(row)).count(), rows.len()) >= LEAST_SHARE
}

fn is_cloud_event(row: &SampleRow) -> bool {
    let has = |name: &&str| row.record.get(name).is_some();
    ["specversion", "id", "source", "type"].iter().all(has) || row.has_cloud_event_headers()
}

fn cloud_event(row: &mut SampleRow) {
    let attributes = if row.record.get("specversion").is_some() {
        let data = row.record.get_mut("data").map(Value::take);
        std::mem::replace(&mut row.record, data.unwrap_or_default())
    } else {
        let attribute = |(name, value): &(String, String)| {
            let name = name.strip_prefix("ce_")?;
            Some((name.to_owned(), Value::String(value.clone())))
        };
        Value::Object(row.headers.iter().filter_map(attribute).collect())
    };
    row.roots.push(("$cloudevent", attributes));
}

/// The change itself, which may be inside of `payload`.
fn envelope(record: &Value) -> &Value {
    record.get("payload").unwrap_or(record)
}

fn is_change(row: &SampleRow) -> bool {
    let change = envelope(&row.record);
    let has = |name: &str| change.get(name).is_some();
    has("after") && (has("op") || has("source")) || row.record.get("__op").is_some()
}

fn change(row: &mut SampleRow) {
    let text = |value: Option<&Value>| Some(value?.as_str()?.to_owned());
    if row.record.get("__op").is_some() {
        row.operation = text(row.record.get("__op"));
        return;
    }
    let change = envelope(&row.record).clone();
    row.operation = text(change.get("op"));
    if let Some(source) = change.get("source") {
        row.roots.push(("$source", source.clone()));
    }
    let image = |name: &str| change.get(name).filter(|image| !image.is_null());
    row.record = image("after")
        .or(image("before"))
        .cloned()
        .unwrap_or_default();
}

/// The name of a member whose text is the ticket's JSON in every record that has a wrapper.
fn text_with_json(rows: &[SampleRow]) -> Option<String> {
    let Value::Object(first) = &rows.first()?.record else {
        return None;
    };
    let is_in_all = |name: &&String| {
        let holds = |row: &SampleRow| {
            let inside = row.record.get(name.as_str()).and_then(object_in_text);
            let around = row.record.as_object().map_or(0, Map::len);
            inside.is_some_and(|json| leaves(&json) >= around)
        };
        rows.iter().all(holds)
    };
    first.keys().find(is_in_all).cloned()
}

fn object_in_text(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.starts_with('{'))?;
    serde_json::from_str(text).ok()
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(leaves).sum(),
        Value::Array(items) => items.iter().map(leaves).sum(),
        _ => 1,
    }
}
