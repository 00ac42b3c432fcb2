//! Values as the toolkit reads them, where that differs from our own configuration.

use super::super::problem::Errors;
use super::super::view::View;

/// Notes every key of a map that is none of `keys`.
pub(super) fn only(view: &View<'_>, keys: &[&str], errors: &mut Errors) {
    for (key, value) in view.entries(errors) {
        if !keys.contains(&key) {
            value.error(
                errors,
                format!("unknown key; there are {}", keys.join(", ")),
            );
        }
    }
}

/// Any scalar as text; `None` where it is absent or empty, which the toolkit does not tell apart.
pub(super) fn word(view: &View<'_>, errors: &mut Errors) -> Option<String> {
    view.raw(errors).filter(|text| !text.is_empty())
}

/// A boolean of YAML 1.1, which the toolkit reads.
pub(super) fn boolean(view: &View<'_>, errors: &mut Errors) -> Option<bool> {
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

/// The items of a list of words.
pub(super) fn words<'a>(view: &View<'a>, errors: &mut Errors) -> Option<Vec<(String, View<'a>)>> {
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
