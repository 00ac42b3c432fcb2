//! Reads values as the exporter-toolkit does, where that differs from our own configuration.

use super::super::keys::expected;
use super::super::problem::ConfigErrors;
use super::super::view::YamlView;

/// Reports every key of a map that is not in `keys`.
pub(super) fn only(view: &YamlView<'_>, keys: &[&str], errors: &mut ConfigErrors) {
    for (key, value) in view.entries(errors) {
        if !keys.contains(&key) {
            value.error(errors, format!("unknown key; {}", expected(key, keys)));
        }
    }
}

/// Any scalar as text. Returns `None` if it is missing or empty, which is the same for the toolkit.
pub(super) fn word(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<String> {
    view.raw(errors).filter(|text| !text.is_empty())
}

/// A boolean in YAML 1.1, which the toolkit uses.
pub(super) fn boolean(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<bool> {
    const TRUE: [&str; 4] = ["true", "yes", "on", "y"];
    const FALSE: [&str; 4] = ["false", "no", "off", "n"];
    if !view.is_set() {
        return None;
    }
    let is_one_of = |words: &[&str]| {
        words.iter().any(|word| {
            let upper = word.to_uppercase();
            let title = format!("{}{}", &upper[..1], &word[1..]);
            [*word, upper.as_str(), title.as_str()]
                .iter()
                .any(|form| view.is_plain(form))
        })
    };
    if is_one_of(&TRUE) {
        return Some(true);
    }
    if is_one_of(&FALSE) {
        return Some(false);
    }
    view.boolean(errors)
}

/// The items of a list of texts.
pub(super) fn words<'a>(
    view: &YamlView<'a>,
    errors: &mut ConfigErrors,
) -> Option<Vec<(String, YamlView<'a>)>> {
    if !view.is_set() {
        return None;
    }
    let items = view.items(errors).into_iter();
    Some(
        items
            .filter_map(|item| match word(&item, errors) {
                Some(text) => Some((text, item)),
                None => {
                    if !item.is_map() && !item.is_list() {
                        item.error(errors, "must not be empty");
                    }
                    None
                }
            })
            .collect(),
    )
}
