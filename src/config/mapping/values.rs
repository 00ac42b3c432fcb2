//! Reads values and conditions.

use std::sync::Arc;

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use regex::Regex;

use super::names::MappingNames;
use crate::config::calendars::read_zone;
use crate::config::keys::expected;
use crate::config::problem::ConfigErrors;
use crate::config::view::YamlView;
use crate::domain::mapping::{
    Condition, RecordPath, Refined, TemplatePart, TimeFormat, Unmapped, ValueSource, ValueTest,
    WordMap,
};

/// The keys of a value that is a map.
const KEYS: [&str; 12] = [
    "value", "when", "match", "none", "map", "table", "unmapped", "format", "zone", "times",
    "minus", "plus",
];
/// As `zone` of a value: the zone of the mapping.
const LOCAL: &str = "local";
/// The keys of a test that is a map.
const TESTS: [&str; 7] = [
    "is", "not", "exists", "matches", "in_table", "contains", "count",
];
/// A record has no more items.
const MOST_ITEMS: usize = 10_000;

pub(super) fn read_value(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<ValueSource> {
    if view.is_list() {
        let items = view.items(errors);
        if items.is_empty() {
            view.error(errors, "must not be empty");
        }
        let values = items.iter().map(|item| read_value(item, names, errors));
        return values
            .collect::<Option<Vec<ValueSource>>>()
            .map(ValueSource::First);
    }
    if view.is_map() {
        return read_refined(view, names, errors);
    }
    let Some(text) = view.raw(errors) else {
        view.error(errors, "must not be empty");
        return None;
    };
    if RecordPath::is_meant(&text) {
        path(&text, view, errors).map(ValueSource::Path)
    } else if text.contains("{.") || text.contains("{$") {
        template(&text, view, errors).map(ValueSource::Template)
    } else {
        Some(ValueSource::Constant(text))
    }
}

/// A value that must be a path.
pub(in crate::config) fn read_path(
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<RecordPath> {
    let text = view.text(errors)?;
    if !RecordPath::is_meant(&text) {
        view.error(errors, format!("must be a path, such as .{text}"));
        return None;
    }
    path(&text, view, errors)
}

fn path(text: &str, view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<RecordPath> {
    RecordPath::parse(text)
        .map_err(|message| view.error(errors, format!("not a path: {message}")))
        .ok()
}

fn template(
    text: &str,
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<Vec<TemplatePart>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = [rest.find("{."), rest.find("{$")]
        .into_iter()
        .flatten()
        .min()
    {
        if start > 0 {
            pieces.push(TemplatePart::Text(rest[..start].to_owned()));
        }
        let Some(length) = rest[start..].find('}') else {
            view.error(errors, "has a \"{\" without \"}\"; add it");
            return None;
        };
        pieces.push(TemplatePart::Path(path(
            &rest[start + 1..start + length],
            view,
            errors,
        )?));
        rest = &rest[start + length + 1..];
    }
    if !rest.is_empty() {
        pieces.push(TemplatePart::Text(rest.to_owned()));
    }
    Some(pieces)
}

fn read_refined(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<ValueSource> {
    known_keys(view, &KEYS, errors);
    let inner = view.key("value");
    if !inner.is_set() {
        inner.error(errors, "is missing; a value that is a map needs it");
    }
    let when = view.key("when");
    let (minus, plus) = (view.key("minus"), view.key("plus"));
    Some(ValueSource::Refined(Box::new(Refined {
        when: when.is_set().then(|| read_condition(&when, names, errors)),
        pattern: read_regex(&view.key("match"), errors),
        none: read_none(&view.key("none"), errors),
        map: read_map(&view.key("map"), names, errors),
        table: read_table(&view.key("table"), names, errors),
        unmapped: read_unmapped(&view.key("unmapped"), errors),
        minus: minus
            .is_set()
            .then(|| read_value(&minus, names, errors))
            .flatten(),
        plus: plus
            .is_set()
            .then(|| read_value(&plus, names, errors))
            .flatten(),
        times: read_number(&view.key("times"), errors),
        format: read_format(&view.key("format"), errors),
        zone: read_value_zone(&view.key("zone"), names, errors),
        value: inner
            .is_set()
            .then(|| read_value(&inner, names, errors))??,
    })))
}

fn known_keys(view: &YamlView<'_>, known: &[&str], errors: &mut ConfigErrors) {
    for (key, value) in view.entries(errors) {
        if !known.contains(&key) {
            value.error(errors, format!("unknown key; {}", expected(key, known)));
        }
    }
}

fn read_regex(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Regex> {
    let text = view.raw(errors)?;
    Regex::new(&text)
        .map_err(|error| view.error(errors, format!("not a regular expression: {error}")))
        .ok()
}

fn read_none(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Vec<String> {
    if !view.is_set() {
        return Vec::new();
    }
    let words = view.one_or_more(errors);
    words.into_iter().map(|(word, _)| word).collect()
}

fn read_map(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<Arc<WordMap>> {
    let name = view.text(errors)?;
    let found = names.words.get(&name);
    if found.is_none() {
        report_unknown(view, &name, names.words.keys(), "values", errors);
    }
    found.cloned()
}

fn read_table(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<usize> {
    let name = view.text(errors)?;
    let found = names.tables.find(&name);
    if found.is_none() {
        report_unknown(view, &name, names.tables.names(), "tables", errors);
    }
    found
}

fn report_unknown<'a>(
    view: &YamlView<'_>,
    name: &str,
    known: impl Iterator<Item = &'a String>,
    place: &str,
    errors: &mut ConfigErrors,
) {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let hint = expected(name, &known);
    view.error(errors, format!("mapping.{place} has no \"{name}\"; {hint}"));
}

fn read_unmapped(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Unmapped> {
    let text = view.text(errors)?;
    let found = Unmapped::from_name(&text);
    if found.is_none() {
        view.error(
            errors,
            format!("must be drop, pass or reject, not \"{text}\""),
        );
    }
    found
}

fn read_number(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<f64> {
    let text = view.raw(errors)?;
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    if number.is_none() {
        view.error(errors, format!("must be a number, not \"{text}\""));
    }
    number
}

fn read_format(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<TimeFormat> {
    let text = view.text(errors)?;
    Some(match text.as_str() {
        "seconds" => TimeFormat::Seconds,
        "milliseconds" => TimeFormat::Milliseconds,
        "microseconds" => TimeFormat::Microseconds,
        "nanoseconds" => TimeFormat::Nanoseconds,
        "days" => TimeFormat::Days,
        "duration" => TimeFormat::Duration,
        _ => {
            let wrong = StrftimeItems::new(&text).any(|item| matches!(item, Item::Error));
            if wrong || !text.contains('%') {
                let message = format!(
                    "must be seconds, milliseconds, microseconds, nanoseconds, days, duration or a \
                     pattern like \"%Y-%m-%d %H:%M\", not \"{text}\""
                );
                view.error(errors, message);
                return None;
            }
            TimeFormat::Pattern(text)
        }
    })
}

fn read_value_zone(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<Tz> {
    if view.is_text(LOCAL) {
        return Some(names.zone.unwrap_or(Tz::UTC));
    }
    read_zone(view, errors)
}

/// Reads a condition: all entries of the map must be true.
pub(super) fn read_condition(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Condition {
    let mut all = Vec::new();
    let entries = view.entries(errors);
    if view.is_map() && entries.is_empty() {
        view.error(errors, "must contain at least one test");
    }
    for (key, value) in entries {
        match key {
            "all" | "any" => {
                let items = value.items(errors);
                if items.is_empty() && value.is_list() || !value.is_set() {
                    value.error(errors, "must be a list of conditions");
                }
                let conditions = items
                    .iter()
                    .map(|item| read_condition(item, names, errors))
                    .collect();
                all.push(match key {
                    "all" => Condition::All(conditions),
                    _ => Condition::Any(conditions),
                });
            }
            "not" => {
                let condition = read_condition(&value, names, errors);
                all.push(Condition::Not(Box::new(condition)));
            }
            _ if RecordPath::is_meant(key) => {
                if let Some(path) = path(key, &value, errors)
                    && let Some(test) = read_test(&value, names, errors)
                {
                    all.push(Condition::Of(path, test));
                }
            }
            _ => value.error(
                errors,
                format!("must be a path, such as .{key}, or all, any, not"),
            ),
        }
    }
    Condition::All(all)
}

fn read_test(
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<ValueTest> {
    if view.is_list() {
        let items = view.items(errors);
        if items.is_empty() {
            view.error(errors, "must not be empty");
        }
        let tests = items.iter().map(|item| read_test(item, names, errors));
        return tests
            .collect::<Option<Vec<ValueTest>>>()
            .map(ValueTest::Any);
    }
    if !view.is_map() {
        let Some(text) = view.raw(errors) else {
            view.error(
                errors,
                "must be a value; to match a missing value, use {exists: false}",
            );
            return None;
        };
        if RecordPath::is_meant(&text) {
            let path = path(&text, view, errors)?;
            return Some(ValueTest::Same(Box::new(ValueSource::Path(path))));
        }
        return Some(ValueTest::Equals(text));
    }
    if view.key("value").is_set() {
        let value = read_refined(view, names, errors)?;
        return Some(ValueTest::Same(Box::new(value)));
    }
    known_keys(view, &TESTS, errors);
    let mut tests = Vec::new();
    for (key, value) in view.entries(errors) {
        tests.push(match key {
            "is" => read_test(&value, names, errors)?,
            "not" => ValueTest::Not(Box::new(read_test(&value, names, errors)?)),
            "exists" => ValueTest::Exists(value.boolean(errors)?),
            "matches" => ValueTest::Matches(read_regex(&value, errors)?),
            "in_table" => ValueTest::InTable(read_table(&value, names, errors)?),
            "contains" => read_any(&value, errors, |word, errors| {
                let text = word.text(errors)?;
                if RecordPath::is_meant(&text) {
                    word.error(errors, "must be a word, not a path");
                }
                Some(ValueTest::Contains(text))
            })?,
            "count" => read_any(&value, errors, |count, errors| {
                count.count(0, MOST_ITEMS, errors).map(ValueTest::Count)
            })?,
            _ => return None,
        });
    }
    Some(ValueTest::All(tests))
}

/// Reads one value or a list of them; any of them passes.
fn read_any(
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
    read: impl Fn(&YamlView<'_>, &mut ConfigErrors) -> Option<ValueTest>,
) -> Option<ValueTest> {
    let items = if view.is_list() {
        view.items(errors)
    } else {
        vec![view.clone()]
    };
    if items.is_empty() || items.iter().any(|item| !item.is_set()) {
        view.error(errors, "must not be empty");
    }
    let tests = items.iter().map(|item| read(item, errors));
    tests.collect::<Option<Vec<_>>>().map(ValueTest::Any)
}
