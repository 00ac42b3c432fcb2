//! Reads typed values from a tree. A wrong value becomes an error with its position and key path, and
//! reading continues.

use std::collections::BTreeSet;

use super::problem::{ConfigErrors, ConfigPlace};
use super::tree::{YamlEntry, YamlNode, YamlStyle, YamlValue};
use crate::domain::duration;
use crate::domain::timestamp::{DAY, Milliseconds};

/// A century: longer than any duration of a helpdesk, and short enough that sums never overflow.
const LONGEST_DURATION: Milliseconds = 36_525 * DAY;

/// The value at a key path, if there is one.
#[derive(Clone, Debug)]
pub(super) struct YamlView<'a> {
    node: Option<&'a YamlNode>,
    written: bool,
    pub(super) path: String,
    pub(super) place: ConfigPlace,
}

impl<'a> YamlView<'a> {
    pub(super) fn root(node: &'a YamlNode) -> Self {
        Self::new(Some(node), String::new(), node.place.clone())
    }

    fn new(node: Option<&'a YamlNode>, path: String, parent: ConfigPlace) -> Self {
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

    /// Whether the key is in the file, even without a value.
    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(YamlValue::Map(_)))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(YamlValue::List(_)))
    }

    /// Whether the value is exactly this text.
    pub(super) fn is_text(&self, wanted: &str) -> bool {
        matches!(self.node.map(|node| &node.value), Some(YamlValue::Scalar(text, _)) if text == wanted)
    }

    /// Whether the value is exactly this text, without quotes.
    pub(super) fn is_plain(&self, wanted: &str) -> bool {
        matches!(self.node.map(|node| &node.value),
            Some(YamlValue::Scalar(text, YamlStyle::Plain)) if text == wanted)
    }

    /// The text of a scalar, or of each scalar in a list, with its view.
    pub(super) fn one_or_more(&self, errors: &mut ConfigErrors) -> Vec<(String, YamlView<'a>)> {
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

    /// The canonical text of the value, see [`YamlNode::canonical`].
    pub(super) fn canonical(&self) -> Option<String> {
        self.node.map(YamlNode::canonical)
    }

    /// Whether the value is an empty list or map.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty_list()
            || matches!(self.node.map(|node| &node.value), Some(YamlValue::Map(map)) if map.is_empty())
    }

    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self.node.map(|node| &node.value), Some(YamlValue::List(items)) if items.is_empty())
    }

    pub(super) fn error(&self, errors: &mut ConfigErrors, message: impl Into<String>) {
        errors.error(&self.place, &self.path, message);
    }

    pub(super) fn warning(&self, errors: &mut ConfigErrors, message: impl Into<String>) {
        errors.warning(&self.place, &self.path, message);
    }

    /// The value of a key. [`Self::entries`] reports a value that should be a map.
    pub(super) fn key(&self, key: &str) -> YamlView<'a> {
        let node = self.node.and_then(|node| node.get(key));
        YamlView::new(node, join(&self.path, key), self.place.clone())
    }

    /// The entries of a map. Reports any other value.
    pub(super) fn entries(&self, errors: &mut ConfigErrors) -> Vec<(&'a str, YamlView<'a>)> {
        match self.node.map(|node| &node.value) {
            None => Vec::new(),
            Some(YamlValue::Map(entries)) => entries
                .iter()
                .map(|YamlEntry { key, node, place }| {
                    let path = join(&self.path, key);
                    (key.as_str(), YamlView::new(Some(node), path, place.clone()))
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

    /// The items of a list. Reports any other value.
    pub(super) fn items(&self, errors: &mut ConfigErrors) -> Vec<YamlView<'a>> {
        match self.node.map(|node| &node.value) {
            None => Vec::new(),
            Some(YamlValue::List(items)) => items
                .iter()
                .enumerate()
                .map(|(position, node)| {
                    let path = format!("{}[{position}]", self.path);
                    YamlView::new(Some(node), path, node.place.clone())
                })
                .collect(),
            Some(other) => {
                let hint = match other {
                    YamlValue::Scalar(text, _) if !text.is_empty() && text.len() < 40 => {
                        format!("; did you mean [{text}]?")
                    }
                    _ => String::new(),
                };
                self.error(errors, format!("must be a list, not {}{hint}", name(other)));
                Vec::new()
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, errors: &mut ConfigErrors) -> Option<String> {
        let text = match &self.node?.value {
            YamlValue::Scalar(text, style) if *style != YamlStyle::Plain || !looks_typed(text) => {
                text
            }
            YamlValue::Scalar(text, _) => {
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

    /// The text of any scalar. No message shows the value, because it may be a secret.
    pub(super) fn raw(&self, errors: &mut ConfigErrors) -> Option<String> {
        match &self.node?.value {
            YamlValue::Scalar(text, _) => Some(text.clone()),
            other => {
                self.error(errors, format!("must be text, not {}", name(other)));
                None
            }
        }
    }

    /// A list of different texts.
    pub(super) fn texts(&self, errors: &mut ConfigErrors) -> Option<Vec<String>> {
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
                    item.error(errors, format!("duplicate of \"{text}\"; remove it"));
                }
            }
        }
        Some(texts)
    }

    /// A list of at least one text. Calls `check` for each text.
    pub(super) fn checked_texts(
        &self,
        errors: &mut ConfigErrors,
        check: fn(&YamlView<'_>, &str, &mut ConfigErrors),
    ) -> Option<Vec<String>> {
        let texts = self.texts(errors)?;
        if self.is_empty_list() {
            self.error(errors, "must not be empty");
        }
        // `texts` has reported values of the wrong type.
        for item in self.items(&mut ConfigErrors::default()) {
            if let Some(text) = item.text(&mut ConfigErrors::default()) {
                check(&item, &text, errors);
            }
        }
        Some(texts)
    }

    pub(super) fn boolean(&self, errors: &mut ConfigErrors) -> Option<bool> {
        match &self.node?.value {
            YamlValue::Scalar(text, YamlStyle::Plain | YamlStyle::Bare) if text == "true" => {
                Some(true)
            }
            YamlValue::Scalar(text, YamlStyle::Plain | YamlStyle::Bare) if text == "false" => {
                Some(false)
            }
            other => {
                self.error(
                    errors,
                    format!("must be true or false, not {}", shown(other)),
                );
                None
            }
        }
    }

    /// A whole number in a range.
    pub(super) fn count(&self, from: usize, to: usize, errors: &mut ConfigErrors) -> Option<usize> {
        let value = &self.node?.value;
        if let YamlValue::Scalar(text, YamlStyle::Plain | YamlStyle::Bare) = value
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
    pub(super) fn share(&self, errors: &mut ConfigErrors) -> Option<f64> {
        let value = &self.node?.value;
        if let YamlValue::Scalar(text, YamlStyle::Plain | YamlStyle::Bare) = value
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

    /// A number between 0 and 1, excluding both.
    pub(super) fn inner_share(&self, errors: &mut ConfigErrors) -> Option<f64> {
        let share = self.share(errors)?;
        if share > 0.0 && share < 1.0 {
            return Some(share);
        }
        self.error(errors, "must be more than 0 and less than 1");
        None
    }

    /// A duration, with its text in the file.
    pub(super) fn written_duration(
        &self,
        errors: &mut ConfigErrors,
    ) -> Option<(String, Milliseconds)> {
        let value = &self.node?.value;
        let read = match value {
            YamlValue::Scalar(text, _) => duration::parse(text).map(|length| (text, length)),
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

    pub(super) fn duration(&self, errors: &mut ConfigErrors) -> Option<Milliseconds> {
        self.written_duration(errors).map(|(_, length)| length)
    }

    /// A duration above zero.
    pub(super) fn positive_duration(&self, errors: &mut ConfigErrors) -> Option<Milliseconds> {
        let length = self.duration(errors)?;
        if length == 0 {
            self.error(errors, "must be longer than 0");
            return None;
        }
        Some(length)
    }
}

/// The key path of a key in the map at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Whether unquoted text is a number or a boolean in YAML.
fn looks_typed(text: &str) -> bool {
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts_numeric = number.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || (starts_numeric && number.parse::<f64>().is_ok())
        || (number.starts_with("0x") && number[2..].bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A value as a message shows it.
fn shown(value: &YamlValue) -> String {
    match value {
        YamlValue::Scalar(text, YamlStyle::Quoted) if text.len() <= 80 => {
            format!("the text \"{text}\"")
        }
        YamlValue::Scalar(text, _) if text.len() <= 80 => format!("\"{text}\""),
        other => name(other).to_owned(),
    }
}

fn name(value: &YamlValue) -> &'static str {
    match value {
        YamlValue::Scalar(..) => "a single value",
        YamlValue::List(_) => "a list",
        YamlValue::Map(_) => "a map of keys",
    }
}
