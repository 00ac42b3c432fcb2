//! Reads the section `mapping`: a preset and the user's changes to it. `docs/reference/mapping.md` describes
//! the language.

mod names;
mod presets;
mod rules;
mod tables;
mod times;
mod values;
mod vocabulary;

pub use presets::{CANONICAL, NO_PRESET, PRESETS};
pub use tables::{TableError, read_table};

use std::collections::BTreeMap;
use std::iter;
use std::path::Path as FilePath;
use std::sync::Arc;

use chrono_tz::Tz;

use super::calendars::read_zone;
use super::keys::expected;
use super::problem::ConfigErrors;
use super::source::ReadFile;
use super::view::YamlView;
use crate::domain::mapping::{Mapping, Mappings, UnwrapStep, digest};
use names::MappingNames;
use tables::LookupTables;
pub(super) use values::read_path;

/// The keys of a mapping. The general mapping also has `topics`.
const KEYS: [&str; 7] = [
    "preset", "unwrap", "zone", "tables", "values", "common", "rules",
];

/// The keys that change how records are mapped.
const CONTENT_KEYS: [&str; 5] = ["unwrap", "tables", "values", "common", "rules"];

/// `attributes` are the names of the configured attributes. Rules keep no others.
pub(super) fn read(
    view: &YamlView<'_>,
    attributes: Vec<String>,
    directory: &FilePath,
    read: &mut ReadFile<'_>,
    errors: &mut ConfigErrors,
) -> Mappings {
    let mut files = Vec::new();
    let mut contents = Vec::new();
    let zone = read_zone(&view.key("zone"), errors);
    let mut one = |view: &YamlView<'_>, errors: &mut ConfigErrors| {
        let mut tables = LookupTables::new(&mut files, &mut contents, directory);
        tables.read(&view.key("tables"), read, errors);
        let mut mapping = read_one(view, zone, &attributes, &tables, errors)?;
        mapping.written = written(view, &mapping);
        Some(Arc::new(mapping))
    };
    let general = one(view, errors);
    let mut topics = BTreeMap::new();
    for (topic, view) in view.key("topics").entries(errors) {
        for (key, value) in view.entries(errors) {
            if !KEYS.contains(&key) {
                let known = KEYS.join(", ");
                value.error(errors, format!("unknown key; use one of: {known}"));
            }
        }
        topics.insert(topic.to_owned(), one(&view, errors));
    }
    Mappings {
        general,
        topics,
        tables: files,
        contents,
        attributes,
    }
}

/// Returns `None` if the records are canonical events, or after an error. `zone` is for a mapping without
/// one.
fn read_one(
    view: &YamlView<'_>,
    zone: Option<Tz>,
    attributes: &[String],
    tables: &LookupTables,
    errors: &mut ConfigErrors,
) -> Option<Mapping> {
    let entries = view.entries(errors);
    let key = view.key("preset");
    let preset = key.text(errors).unwrap_or_else(|| {
        let own = entries.iter().any(|(key, _)| CONTENT_KEYS.contains(key));
        if own { NO_PRESET } else { CANONICAL }.to_owned()
    });
    if preset == CANONICAL {
        for (key, view) in &entries {
            if CONTENT_KEYS.contains(key) && view.is_set() && !view.is_empty() {
                view.error(
                    errors,
                    "has no effect with preset: canonical; use preset: none for your own mapping",
                );
            }
        }
        return None;
    }
    let base = match presets::find(&preset) {
        Some(base) => base,
        None => {
            let names: Vec<&str> = presets::names().collect();
            let hint = expected(&preset, &names);
            key.error(errors, format!("no preset \"{preset}\"; {hint}"));
            return None;
        }
    };
    let base = YamlView::root(&base);
    let zone = read_zone(&either(view, &base, "zone"), errors).or(zone);
    let (words, own) = (base.key("values"), view.key("values"));
    let names = MappingNames::read(zone, attributes, tables, &words, &own, errors);
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

/// Describes the user's settings of a mapping: the preset, the zone, and a digest of each other key. The
/// contents of lookup tables are not included, because they may change every day.
fn written(view: &YamlView<'_>, mapping: &Mapping) -> String {
    let zone = mapping.zone.map(|zone| format!("zone {zone}"));
    let own = CONTENT_KEYS.into_iter().filter_map(|key| {
        let text = view.key(key).canonical()?;
        Some(format!("{key} {}", digest(&text)))
    });
    let preset = format!("preset {}", mapping.preset);
    let words: Vec<String> = iter::once(preset).chain(zone).chain(own).collect();
    words.join(", ")
}

/// The key of the user, or else of the preset.
fn either<'a>(user: &YamlView<'a>, base: &YamlView<'a>, key: &str) -> YamlView<'a> {
    let own = user.key(key);
    if own.is_written() { own } else { base.key(key) }
}

fn read_unwrap(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<UnwrapStep> {
    const STEPS: &str = "use cloudevents, debezium, or one of path, each, json, base64 with a path";
    if !view.is_map() {
        return match view.text(errors)?.as_str() {
            "cloudevents" => Some(UnwrapStep::CloudEvents),
            "debezium" => Some(UnwrapStep::Debezium),
            other => {
                view.error(errors, format!("no step \"{other}\"; {STEPS}"));
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
            path.error(errors, format!("no step \"{other}\"; {STEPS}"));
            return None;
        }
    };
    read_path(path, errors).map(step)
}

#[cfg(test)]
mod tests;
