//! Reads names that become label values, and checks words.

use super::problem::ConfigErrors;
use super::view::YamlView;

/// The label value of names beyond a limit.
const OVERFLOW: &str = "__other__";
/// The label value of no team, no priority or no value of an attribute.
pub(super) const ABSENT: &str = "none";
/// A longer word would only hide a mistake.
pub(super) const LONGEST_WORD: usize = 64;

/// Whether the exporter uses this label value for something else.
pub fn is_reserved_name(name: &str) -> bool {
    [OVERFLOW, ABSENT].contains(&name)
}

/// A list of names that become label values.
pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Vec<String> {
    let names = view.texts(errors).unwrap_or_default();
    for reserved in [OVERFLOW, ABSENT] {
        if names.iter().any(|name| name == reserved) {
            view.error(
                errors,
                format!("\"{reserved}\" is reserved; use another name"),
            );
        }
    }
    names
}

/// Whether a text is a short word of lower-case letters, digits and the bytes that `is_letter` takes.
pub(super) fn is_word(text: &str, is_letter: fn(u8) -> bool) -> bool {
    let is_letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_letter(byte);
    text.len() <= LONGEST_WORD
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_letter)
}
