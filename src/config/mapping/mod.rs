//! Reads `mapping`: the language of `docs/reference/mapping.md`, a preset and what is written
//! over it.

mod presets;
mod rules;
mod tables;
mod values;
mod vocabulary;

pub use presets::{CANONICAL, NO_PRESET, PRESETS};
pub use tables::read_table;

use std::collections::BTreeMap;
use std::iter;
use std::path::Path as FilePath;
use std::sync::Arc;

use chrono_tz::Tz;

use super::Read;
use super::calendars::read_timezone;
use super::keys::nearest;
use super::problem::Errors;
use super::view::View;
use crate::domain::mapping::{Mapping, Mappings, RecordPath, UnwrapStep, WordMap, digest};
use tables::Tables;

/// Keys of a mapping; that of all topics also has `topics`.
const KEYS: [&str; 7] = [
    "preset", "unwrap", "zone", "tables", "values", "common", "rules",
];

/// Those that say how records are mapped.
const OWN: [&str; 5] = ["unwrap", "tables", "values", "common", "rules"];

/// What values may refer to by name.
struct Names<'a> {
    tables: &'a Tables<'a>,
    words: BTreeMap<String, Arc<WordMap>>,
}

pub(super) fn read(
    view: &View<'_>,
    directory: &FilePath,
    read: &mut Read<'_>,
    errors: &mut Errors,
) -> Mappings {
    let mut files = Vec::new();
    let mut contents = Vec::new();
    let zone = read_zone(&view.key("zone"), errors);
    let mut one = |view: &View<'_>, errors: &mut Errors| {
        let mut tables = Tables::new(&mut files, &mut contents, directory);
        tables.read(&view.key("tables"), read, errors);
        let mut mapping = read_one(view, &tables, errors)?;
        mapping.zone = mapping.zone.or(zone);
        mapping.written = written(view, &mapping);
        Some(Arc::new(mapping))
    };
    let general = one(view, errors);
    let mut topics = BTreeMap::new();
    for (topic, view) in view.key("topics").entries(errors) {
        for (key, value) in view.entries(errors) {
            if !KEYS.contains(&key) {
                let known = KEYS.join(", ");
                value.error(errors, format!("unknown key; known here: {known}"));
            }
        }
        topics.insert(topic.to_owned(), one(&view, errors));
    }
    Mappings {
        general,
        topics,
        tables: files,
        contents,
    }
}

/// `None`: canonical events, or errors.
fn read_one(view: &View<'_>, tables: &Tables, errors: &mut Errors) -> Option<Mapping> {
    let entries = view.entries(errors);
    let key = view.key("preset");
    let preset = key.text(errors).unwrap_or_else(|| {
        let own = entries.iter().any(|(key, _)| OWN.contains(key));
        if own { NO_PRESET } else { CANONICAL }.to_owned()
    });
    if preset == CANONICAL {
        for (key, view) in &entries {
            if OWN.contains(key) && view.is_set() && !view.is_empty() {
                view.error(
                    errors,
                    "has no use with preset: canonical; say preset: none to map",
                );
            }
        }
        return None;
    }
    let base = match presets::find(&preset) {
        Some(base) => base,
        None => {
            let names: Vec<&str> = presets::names().collect();
            let hint = match nearest(&preset, &names) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("there are {}", names.join(", ")),
            };
            key.error(errors, format!("no preset is called \"{preset}\"; {hint}"));
            return None;
        }
    };
    let base = View::root(&base);
    let names = Names {
        tables,
        words: read_words(&base.key("values"), &view.key("values"), errors),
    };
    let zone = read_zone(&either(view, &base, "zone"), errors);
    let unwrap = either(view, &base, "unwrap")
        .items(errors)
        .iter()
        .filter_map(|step| read_unwrap(step, errors))
        .collect();
    let rules = rules::read(view, &base, &names, errors);
    Some(Mapping {
        preset,
        written: String::new(),
        unwrap,
        zone,
        rules,
    })
}

/// What the user says of a mapping: the preset, the zone, and a digest of each other key. What is in
/// the files of look-up tables is no part of it: that changes every day.
fn written(view: &View<'_>, mapping: &Mapping) -> String {
    let zone = mapping.zone.map(|zone| format!("zone {zone}"));
    let own = OWN.into_iter().filter_map(|key| {
        let text = view.key(key).canonical()?;
        Some(format!("{key} {}", digest(&text)))
    });
    let preset = format!("preset {}", mapping.preset);
    let words: Vec<String> = iter::once(preset).chain(zone).chain(own).collect();
    words.join(", ")
}

fn read_zone(view: &View<'_>, errors: &mut Errors) -> Option<Tz> {
    let name = view.text(errors)?;
    read_timezone(&name)
        .map_err(|message| view.error(errors, message))
        .ok()
}

/// The user's word, else the preset's.
fn either<'a>(user: &View<'a>, base: &View<'a>, key: &str) -> View<'a> {
    let own = user.key(key);
    if own.is_written() { own } else { base.key(key) }
}

/// Maps by their names: the preset's, with the user's words on top.
fn read_words(
    base: &View<'_>,
    user: &View<'_>,
    errors: &mut Errors,
) -> BTreeMap<String, Arc<WordMap>> {
    let mut maps: BTreeMap<String, WordMap> = BTreeMap::new();
    for view in [base, user] {
        for (name, map) in view.entries(errors) {
            let mut said: BTreeMap<String, String> = BTreeMap::new();
            let words = maps.entry(name.to_owned()).or_default();
            for (ours, list) in map.entries(errors) {
                for (theirs, place) in list.one_or_more(errors) {
                    words.put(&theirs, ours);
                    match said.insert(theirs.to_lowercase(), ours.to_owned()) {
                        Some(before) if before != ours => {
                            place.error(errors, format!("\"{theirs}\" is already {before}"));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    maps.into_iter()
        .map(|(name, words)| (name, Arc::new(words)))
        .collect()
}

fn read_unwrap(view: &View<'_>, errors: &mut Errors) -> Option<UnwrapStep> {
    const STEPS: &str =
        "a step is cloudevents, debezium, or one of path, each, json, base64 with a path";
    if !view.is_map() {
        return match view.text(errors)?.as_str() {
            "cloudevents" => Some(UnwrapStep::CloudEvents),
            "debezium" => Some(UnwrapStep::Debezium),
            other => {
                view.error(errors, format!("no step is called \"{other}\"; {STEPS}"));
                None
            }
        };
    }
    let entries = view.entries(errors);
    let [(name, path)] = entries.as_slice() else {
        view.error(errors, STEPS);
        return None;
    };
    let step = match *name {
        "path" => UnwrapStep::Path,
        "each" => UnwrapStep::Each,
        "json" => UnwrapStep::Json,
        "base64" => UnwrapStep::Base64,
        other => {
            path.error(errors, format!("no step is called \"{other}\"; {STEPS}"));
            return None;
        }
    };
    read_path(path, errors).map(step)
}

fn read_path(view: &View<'_>, errors: &mut Errors) -> Option<RecordPath> {
    let text = view.text(errors)?;
    if !RecordPath::is_meant(&text) {
        view.error(errors, format!("must be a path, such as .{text}"));
        return None;
    }
    RecordPath::parse(&text)
        .map_err(|message| view.error(errors, format!("not a path: {message}")))
        .ok()
}

#[cfg(test)]
mod tests;
