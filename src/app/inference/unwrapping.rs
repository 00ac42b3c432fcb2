//! Takes CloudEvents and Debezium changes off the samples, as the steps of `unwrap` do.

use serde_json::Value;

use super::column::share;
use super::samples_table::SampleRow;

/// This share of the records has to have a wrapper.
const LEAST_SHARE: f64 = 0.5;

/// The steps of `unwrap`, as YAML.
pub(super) fn unwrap(rows: &mut [SampleRow]) -> Vec<&'static str> {
    let mut steps = Vec::new();
    if is_frequent(rows, is_cloud_event) {
        rows.iter_mut().for_each(cloud_event);
        steps.push("cloudevents");
    }
    if is_frequent(rows, is_change) {
        rows.iter_mut().for_each(change);
        steps.push("debezium");
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

fn is_change(row: &SampleRow) -> bool {
    let change = row.record.get("payload").unwrap_or(&row.record);
    let has = |name: &str| change.get(name).is_some();
    has("after") && (has("op") || has("source")) || row.record.get("__op").is_some()
}

fn change(row: &mut SampleRow) {
    if let Some(operation) = row.record.get("__op").cloned() {
        row.roots.push(("$op", operation));
        return;
    }
    if let Some(payload) = row.record.get_mut("payload").map(Value::take) {
        row.record = payload;
    }
    let change = std::mem::take(&mut row.record);
    for (root, name) in [("$op", "op"), ("$source", "source")] {
        let value = change.get(name).cloned();
        row.roots.extend(value.map(|value| (root, value)));
    }
    let image = |name: &str| change.get(name).filter(|image| !image.is_null());
    row.record = image("after")
        .or(image("before"))
        .cloned()
        .unwrap_or_default();
}
