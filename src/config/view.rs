//! Typed reading of a tree: each wrong value is noted with its place and path, and reading goes on.

use std::collections::BTreeSet;

use super::problem::{Errors, Place};
use super::tree::{Entry, Node, Style, Value};
use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};

/// No duration of a support desk is longer than a century; sums of such never overflow.
const LONGEST_DURATION: Milliseconds = 36_525 * DAY;

/// A node, or the lack of one, at a key path.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    node: Option<&'a Node>,
    written: bool,
    pub(super) path: String,
    pub(super) place: Place,
}

impl<'a> View<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self::new(Some(node), String::new(), node.place.clone())
    }

    fn new(node: Option<&'a Node>, path: String, parent: Place) -> Self {
        let place = node.map_or(parent, |node| node.place.clone());
        let written = node.is_some();
        let node = node.filter(|node| !node.is_null());
        Self {
            node,
            written,
            path,
            place,
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.node.is_some()
    }

    /// Written, be it with no value.
    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(Value::Map(_)))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(Value::List(_)))
    }

    /// This very text, whatever YAML takes it for.
    pub(super) fn is_text(&self, wanted: &str) -> bool {
        matches!(self.node.map(|node| &node.value), Some(Value::Scalar(text, _)) if text == wanted)
    }

    /// The same, if there are no quotes around it.
    pub(super) fn is_plain(&self, wanted: &str) -> bool {
        matches!(self.node.map(|node| &node.value),
            Some(Value::Scalar(text, Style::Plain)) if text == wanted)
    }

    /// The characters of a scalar, or of each in a list, with their views.
    pub(super) fn one_or_more(&self, errors: &mut Errors) -> Vec<(String, View<'a>)> {
        let items = if self.is_list() {
            self.items(errors)
        } else {
            vec![self.clone()]
        };
        items
            .into_iter()
            .filter_map(|item| {
                if !item.is_set() {
                    item.error(errors, "must not be empty");
                }
                Some((item.raw(errors)?, item))
            })
            .collect()
    }

    /// What is written, in a form of its own, see [`Node::canonical`]; `None` where nothing is set.
    pub(super) fn canonical(&self) -> Option<String> {
        self.node.map(Node::canonical)
    }

    /// A list or map, but nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty_list()
            || matches!(self.node.map(|node| &node.value), Some(Value::Map(map)) if map.is_empty())
    }

    /// A list, but nothing in it.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(Value::List(items)) if items.is_empty())
    }

    pub(super) fn error(&self, errors: &mut Errors, message: impl Into<String>) {
        errors.error(&self.place, &self.path, message);
    }

    pub(super) fn warning(&self, errors: &mut Errors, message: impl Into<String>) {
        errors.warning(&self.place, &self.path, message);
    }

    /// The value of a key. That the node around it is no map is noted by [`Self::entries`].
    pub(super) fn key(&self, key: &str) -> View<'a> {
        let node = self.node.and_then(|node| node.get(key));
        View::new(node, join(&self.path, key), self.place.clone())
    }

    /// The entries of a map.
    pub(super) fn entries(&self, errors: &mut Errors) -> Vec<(&'a str, View<'a>)> {
        match self.node.map(|node| &node.value) {
            None => Vec::new(),
            Some(Value::Map(entries)) => entries
                .iter()
                .map(|Entry { key, node, place }| {
                    let path = join(&self.path, key);
                    (key.as_str(), View::new(Some(node), path, place.clone()))
                })
                .collect(),
            Some(other) => {
                self.error(
                    errors,
                    format!("must be a map of keys, not {}", name(other)),
                );
                Vec::new()
            }
        }
    }

    /// The items of a list.
    pub(super) fn items(&self, errors: &mut Errors) -> Vec<View<'a>> {
        match self.node.map(|node| &node.value) {
            None => Vec::new(),
            Some(Value::List(items)) => items
                .iter()
                .enumerate()
                .map(|(position, node)| {
                    let path = format!("{}[{position}]", self.path);
                    View::new(Some(node), path, node.place.clone())
                })
                .collect(),
            Some(other) => {
                let hint = match other {
                    Value::Scalar(text, _) if !text.is_empty() && text.len() < 40 => {
                        format!("; did you mean [{text}]?")
                    }
                    _ => String::new(),
                };
                self.error(errors, format!("must be a list, not {}{hint}", name(other)));
                Vec::new()
            }
        }
    }

    /// Text that is not empty.
    pub(super) fn text(&self, errors: &mut Errors) -> Option<String> {
        let text = match &self.node?.value {
            Value::Scalar(text, style) if *style != Style::Plain || !looks_typed(text) => text,
            Value::Scalar(text, _) => {
                self.error(errors, format!("must be text; write \"{text}\" in quotes"));
                return None;
            }
            other => {
                self.error(errors, format!("must be text, not {}", name(other)));
                return None;
            }
        };
        if text.trim().is_empty() {
            self.error(errors, "must not be empty");
            return None;
        }
        Some(text.clone())
    }

    /// The characters of any scalar: text, number or boolean. Its value is never shown.
    pub(super) fn raw(&self, errors: &mut Errors) -> Option<String> {
        match &self.node?.value {
            Value::Scalar(text, _) => Some(text.clone()),
            other => {
                self.error(errors, format!("must be text, not {}", name(other)));
                None
            }
        }
    }

    /// Text in a list, each only once.
    pub(super) fn texts(&self, errors: &mut Errors) -> Option<Vec<String>> {
        self.node?;
        let mut seen = BTreeSet::new();
        let mut texts = Vec::new();
        for item in self.items(errors) {
            if !item.is_set() {
                item.error(errors, "must not be empty");
            } else if let Some(text) = item.text(errors) {
                if seen.insert(text.clone()) {
                    texts.push(text);
                } else {
                    item.error(errors, format!("\"{text}\" was already given"));
                }
            }
        }
        Some(texts)
    }

    /// Text in a list of at least one, each only once and each with something to say about it.
    pub(super) fn checked_texts(
        &self,
        errors: &mut Errors,
        check: fn(&View<'_>, &str, &mut Errors),
    ) -> Option<Vec<String>> {
        let texts = self.texts(errors)?;
        if self.is_empty_list() {
            self.error(errors, "must name at least one");
        }
        // What is no list and what is no text was noted above.
        for item in self.items(&mut Errors::default()) {
            if let Some(text) = item.text(&mut Errors::default()) {
                check(&item, &text, errors);
            }
        }
        Some(texts)
    }

    pub(super) fn boolean(&self, errors: &mut Errors) -> Option<bool> {
        match &self.node?.value {
            Value::Scalar(text, Style::Plain | Style::Bare) if text == "true" => Some(true),
            Value::Scalar(text, Style::Plain | Style::Bare) if text == "false" => Some(false),
            other => {
                self.error(
                    errors,
                    format!("must be true or false, not {}", shown(other)),
                );
                None
            }
        }
    }

    /// A whole number of that range.
    pub(super) fn count(&self, from: usize, to: usize, errors: &mut Errors) -> Option<usize> {
        let value = &self.node?.value;
        if let Value::Scalar(text, Style::Plain | Style::Bare) = value
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(count) = text.parse()
            && (from..=to).contains(&count)
        {
            return Some(count);
        }
        let message = format!(
            "must be a whole number from {from} to {to}, not {}",
            shown(value)
        );
        self.error(errors, message);
        None
    }

    /// A number from 0 to 1.
    pub(super) fn share(&self, errors: &mut Errors) -> Option<f64> {
        let value = &self.node?.value;
        if let Value::Scalar(text, Style::Plain | Style::Bare) = value
            && let Ok(share) = text.parse::<f64>()
            && (0.0..=1.0).contains(&share)
        {
            return Some(share);
        }
        self.error(
            errors,
            format!("must be a number from 0 to 1, not {}", shown(value)),
        );
        None
    }

    /// A number between 0 and 1, and neither of them.
    pub(super) fn inner_share(&self, errors: &mut Errors) -> Option<f64> {
        let share = self.share(errors)?;
        if share > 0.0 && share < 1.0 {
            return Some(share);
        }
        self.error(errors, "must be more than 0 and less than 1");
        None
    }

    /// A duration, and as it was written.
    pub(super) fn written_duration(&self, errors: &mut Errors) -> Option<(String, Milliseconds)> {
        let value = &self.node?.value;
        let read = match value {
            Value::Scalar(text, _) => duration::parse(text).map(|length| (text, length)),
            _ => None,
        };
        match read {
            Some((text, length)) if length <= LONGEST_DURATION => {
                Some((text.trim().to_owned(), length))
            }
            Some(_) => {
                self.error(errors, "must not be longer than 36525d");
                None
            }
            None => {
                let message = format!("must be a duration like 15m or 1h30m, not {}", shown(value));
                self.error(errors, message);
                None
            }
        }
    }

    pub(super) fn duration(&self, errors: &mut Errors) -> Option<Milliseconds> {
        self.written_duration(errors).map(|(_, length)| length)
    }

    /// A duration above zero.
    pub(super) fn positive_duration(&self, errors: &mut Errors) -> Option<Milliseconds> {
        let length = self.duration(errors)?;
        if length == 0 {
            self.error(errors, "must be longer than 0");
            return None;
        }
        Some(length)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Whether YAML takes unquoted text for a number or a boolean.
fn looks_typed(text: &str) -> bool {
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts_numeric = number.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || (starts_numeric && number.parse::<f64>().is_ok())
        || (number.starts_with("0x") && number[2..].bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A value in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Scalar(text, Style::Quoted) if text.len() <= 80 => format!("the text \"{text}\""),
        Value::Scalar(text, _) if text.len() <= 80 => format!("\"{text}\""),
        other => name(other).to_owned(),
    }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Scalar(..) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map of keys",
    }
}
