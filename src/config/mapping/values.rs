//! Values and conditions, as written.

use std::sync::Arc;

use chrono::format::{Item, StrftimeItems};
use regex::Regex;

use super::{Names, read_zone};
use crate::config::keys::nearest;
use crate::config::problem::Errors;
use crate::config::view::View;
use crate::domain::mapping::{
    Condition, RecordPath, Refined, TemplatePart, TimeFormat, Unmapped, ValueSource, ValueTest,
    WordMap,
};

/// Keys of a value that is written as a map.
const KEYS: [&str; 11] = [
    "value", "when", "match", "none", "map", "table", "unmapped", "format", "zone", "times",
    "minus",
];
/// Keys of a test that is written as a map.
const TESTS: [&str; 5] = ["is", "not", "exists", "matches", "in_table"];

pub(super) fn read_value(
    view: &View<'_>,
    names: &Names<'_>,
    errors: &mut Errors,
) -> Option<ValueSource> {
    if view.is_list() {
        let items = view.items(errors);
        if items.is_empty() {
            view.error(errors, "must name at least one");
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

fn path(text: &str, view: &View<'_>, errors: &mut Errors) -> Option<RecordPath> {
    RecordPath::parse(text)
        .map_err(|message| view.error(errors, format!("not a path: {message}")))
        .ok()
}

fn template(text: &str, view: &View<'_>, errors: &mut Errors) -> Option<Vec<TemplatePart>> {
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
            view.error(errors, "a brace is not closed");
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

fn read_refined(view: &View<'_>, names: &Names<'_>, errors: &mut Errors) -> Option<ValueSource> {
    known_keys(view, &KEYS, errors);
    let inner = view.key("value");
    if !inner.is_set() {
        inner.error(errors, "is missing");
    }
    let when = view.key("when");
    let minus = view.key("minus");
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
        times: read_number(&view.key("times"), errors),
        format: read_format(&view.key("format"), errors),
        zone: read_zone(&view.key("zone"), errors),
        value: inner
            .is_set()
            .then(|| read_value(&inner, names, errors))??,
    })))
}

fn known_keys(view: &View<'_>, known: &[&str], errors: &mut Errors) {
    for (key, value) in view.entries(errors) {
        if !known.contains(&key) {
            let message = match nearest(key, known) {
                Some(meant) => format!("unknown key; did you mean {meant}?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            };
            value.error(errors, message);
        }
    }
}

fn read_regex(view: &View<'_>, errors: &mut Errors) -> Option<Regex> {
    let text = view.raw(errors)?;
    Regex::new(&text)
        .map_err(|error| view.error(errors, format!("no regular expression: {error}")))
        .ok()
}

fn read_none(view: &View<'_>, errors: &mut Errors) -> Vec<String> {
    if !view.is_set() {
        return Vec::new();
    }
    let words = view.one_or_more(errors);
    words.into_iter().map(|(word, _)| word).collect()
}

fn read_map(view: &View<'_>, names: &Names<'_>, errors: &mut Errors) -> Option<Arc<WordMap>> {
    let name = view.text(errors)?;
    let found = names.words.get(&name);
    if found.is_none() {
        no_such(view, &name, names.words.keys(), "values", errors);
    }
    found.cloned()
}

fn read_table(view: &View<'_>, names: &Names<'_>, errors: &mut Errors) -> Option<usize> {
    let name = view.text(errors)?;
    let found = names.tables.find(&name);
    if found.is_none() {
        no_such(view, &name, names.tables.names(), "tables", errors);
    }
    found
}

fn no_such<'a>(
    view: &View<'_>,
    name: &str,
    known: impl Iterator<Item = &'a String>,
    place: &str,
    errors: &mut Errors,
) {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let hint = match nearest(name, &known) {
        Some(meant) => format!("did you mean {meant}?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", known.join(", ")),
    };
    view.error(errors, format!("mapping.{place} has no \"{name}\"; {hint}"));
}

fn read_unmapped(view: &View<'_>, errors: &mut Errors) -> Option<Unmapped> {
    let text = view.text(errors)?;
    let found = Unmapped::ALL.into_iter().find(|one| one.name() == text);
    if found.is_none() {
        view.error(
            errors,
            format!("must be drop, pass or reject, not \"{text}\""),
        );
    }
    found
}

fn read_number(view: &View<'_>, errors: &mut Errors) -> Option<f64> {
    let text = view.raw(errors)?;
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    if number.is_none() {
        view.error(errors, format!("must be a number, not \"{text}\""));
    }
    number
}

fn read_format(view: &View<'_>, errors: &mut Errors) -> Option<TimeFormat> {
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
                    "must be seconds, milliseconds, microseconds, nanoseconds, days, duration or a form \
                     like \"%Y-%m-%d %H:%M\", not \"{text}\""
                );
                view.error(errors, message);
                return None;
            }
            TimeFormat::Pattern(text)
        }
    })
}

/// All entries of a map.
pub(super) fn read_condition(view: &View<'_>, names: &Names<'_>, errors: &mut Errors) -> Condition {
    let mut all = Vec::new();
    let entries = view.entries(errors);
    if view.is_map() && entries.is_empty() {
        view.error(errors, "must hold at least one test");
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

fn read_test(view: &View<'_>, names: &Names<'_>, errors: &mut Errors) -> Option<ValueTest> {
    if view.is_list() {
        let items = view.items(errors);
        if items.is_empty() {
            view.error(errors, "must name at least one");
        }
        let tests = items.iter().map(|item| read_test(item, names, errors));
        return tests
            .collect::<Option<Vec<ValueTest>>>()
            .map(ValueTest::Any);
    }
    if !view.is_map() {
        let Some(text) = view.raw(errors) else {
            view.error(errors, "must be a value; for none, say {exists: false}");
            return None;
        };
        if RecordPath::is_meant(&text) {
            return path(&text, view, errors).map(ValueTest::Same);
        }
        return Some(ValueTest::Equals(text));
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
            _ => return None,
        });
    }
    Some(ValueTest::All(tests))
}
