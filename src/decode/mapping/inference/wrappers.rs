//! What is around the ticket's own JSON: which steps of `unwrap` take it off.

use std::collections::BTreeMap;

use super::names;
use super::statistics::{MOST_RECORDS, ratio};
use crate::decode::mapping::json::Json;
use crate::decode::mapping::scope::Roots;
use crate::decode::mapping::unwrap::{from_base64, unwrap};
use crate::domain::mapping::{Path, Unwrap};

/// Steps that are proposed, at most.
const MOST_STEPS: usize = 4;
/// So many of the records must have a wrapper.
const ENOUGH: f64 = 0.5;

/// A step, as it is written.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) step: Unwrap,
    /// Of the records, how many have it.
    pub(super) share: f64,
}

/// Takes off wrappers as long as there are some.
pub(super) fn take_off(mut records: Vec<Roots<'_>>) -> (Vec<Step>, Vec<Roots<'_>>) {
    let mut steps: Vec<Step> = Vec::new();
    while steps.len() < MOST_STEPS
        && let Some(step) = find(&records)
        && steps.iter().all(|known| known.text != step.text)
    {
        let taken = std::slice::from_ref(&step.step);
        records = records
            .into_iter()
            .flat_map(|record| unwrap(taken, record).unwrap_or_default())
            .take(MOST_RECORDS)
            .collect();
        steps.push(step);
    }
    (steps, records)
}

fn find(records: &[Roots<'_>]) -> Option<Step> {
    let share = |holds: &dyn Fn(&Roots<'_>) -> bool| {
        ratio(
            records.iter().filter(|one| holds(one)).count(),
            records.len(),
        )
    };
    let has = |json: &Json<'_>, name: &str| json.get(name).is_some();
    let is_cloud_event = |json: &Json<'_>| {
        ["specversion", "id", "source", "type"]
            .iter()
            .all(|name| has(json, name))
    };
    let cloud_events = share(&|record| {
        let headers = record.headers.as_deref();
        let by_header = headers.is_some_and(|headers| has(headers, "ce_specversion"));
        let is_unread = record.cloud_event.is_none();
        is_unread
            && (by_header
                || match &record.record {
                    Json::List(items) => !items.is_empty() && items.iter().all(is_cloud_event),
                    json => is_cloud_event(json),
                })
    });
    if cloud_events >= ENOUGH {
        return Some(Step {
            text: "cloudevents".to_owned(),
            step: Unwrap::CloudEvents,
            share: cloud_events,
        });
    }
    let debezium = share(&|record| {
        let json = &record.record;
        let is_change =
            |json: &Json<'_>| has(json, "after") && (has(json, "op") || has(json, "source"));
        record.operation.is_none()
            && (is_change(json) || json.get("payload").is_some_and(is_change) || has(json, "__op"))
    });
    if debezium >= ENOUGH {
        return Some(Step {
            text: "debezium".to_owned(),
            step: Unwrap::Debezium,
            share: debezium,
        });
    }
    let lists = share(&|record| matches!(&record.record, Json::List(items) if !items.is_empty()));
    if lists >= ENOUGH {
        return Some(Step {
            text: "{ each: . }".to_owned(),
            step: Unwrap::Each(Path::parse(".").ok()?),
            share: lists,
        });
    }
    member(records)
}

/// A member that is the record itself: JSON in a text, or a list of records.
fn member(records: &[Roots<'_>]) -> Option<Step> {
    let mut found: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for record in records {
        for (form, path) in inside(&record.record) {
            *found.entry((form, path)).or_default() += 1;
        }
    }
    let ((form, path), count) = found.into_iter().max_by_key(|(_, count)| *count)?;
    let share = ratio(count, records.len());
    if share < ENOUGH {
        return None;
    }
    let parsed = Path::parse(&path).ok()?;
    let step = match form {
        "each" => Unwrap::Each(parsed),
        "json" => Unwrap::Json(parsed),
        _ => Unwrap::Base64(parsed),
    };
    Some(Step {
        text: format!("{{ {form}: {} }}", super::yaml::scalar(&path)),
        step,
        share,
    })
}

/// Members, and members of those, that hold more than what is around them.
fn inside(json: &Json<'_>) -> Vec<(&'static str, String)> {
    let Json::Object(members) = json else {
        return Vec::new();
    };
    let around = leaves(json);
    let mut found = Vec::new();
    for (name, value) in members {
        let Some(step) = names::step(name) else {
            continue;
        };
        if let Some(form) = wraps(value, around) {
            found.push((form, step));
        } else if let Json::Object(members) = value {
            for (name, value) in members {
                if let (Some(form), Some(deeper)) = (wraps(value, around), names::step(name)) {
                    found.push((form, format!("{step}{deeper}")));
                }
            }
        }
    }
    found
}

fn wraps(value: &Json<'_>, around: usize) -> Option<&'static str> {
    match value {
        Json::List(items) if !items.is_empty() => {
            let within: usize = items.iter().map(leaves).sum();
            let all_objects = items.iter().all(|item| matches!(item, Json::Object(_)));
            let rest = around.saturating_sub(within);
            (all_objects && within / items.len() >= 4 && within / items.len() > rest)
                .then_some("each")
        }
        Json::Text(text) => {
            let more = |json: Option<Json<'_>>| {
                json.is_some_and(|json| {
                    matches!(json, Json::Object(_) | Json::List(_))
                        && leaves(&json) >= around.max(4)
                })
            };
            if text.trim_start().starts_with(['{', '[']) {
                more(Json::parse_owned(text)).then_some("json")
            } else if text.len() >= 32 && text.starts_with(['e', 'W']) {
                more(from_base64(text)).then_some("base64")
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Single values inside.
fn leaves(json: &Json<'_>) -> usize {
    match json {
        Json::List(items) => items.iter().map(leaves).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| leaves(value)).sum(),
        _ => 1,
    }
}
