//! Maps from the words of another system to ours. Words are compared without regard to case.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Stands for every word that is not named.
const ANY: &str = "*";

/// See the module.
#[derive(Clone, Default)]
pub struct Words {
    /// Ours by theirs, which is in small letters.
    ours: HashMap<String, String>,
    any: Option<String>,
}

/// In order: the same words look the same.
impl fmt::Debug for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours: BTreeMap<&String, &String> = self.ours.iter().collect();
        formatter
            .debug_struct("Words")
            .field("ours", &ours)
            .field("any", &self.any)
            .finish()
    }
}

impl Words {
    /// From now on `theirs` is `ours`, whatever it was before, which is returned.
    pub fn put(&mut self, theirs: &str, ours: &str) -> Option<String> {
        if theirs == ANY {
            return self.any.replace(ours.to_owned());
        }
        self.ours.insert(theirs.to_lowercase(), ours.to_owned())
    }

    pub fn find(&self, theirs: &str) -> Option<&str> {
        let found = self.ours.get(&*small(theirs)).or(self.any.as_ref());
        found.map(String::as_str)
    }

    /// Every word of ours, some more than once.
    pub fn ours(&self) -> impl Iterator<Item = &str> {
        self.ours.values().chain(&self.any).map(String::as_str)
    }
}

/// In small letters, without an allocation where they are already.
pub(super) fn small(word: &str) -> Cow<'_, str> {
    if word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.to_lowercase())
    }
}

/// Whether two words are the same but for the case of their letters.
pub fn same_word(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!one.is_ascii() && !other.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_a_star_is_the_rest() {
        let mut words = Words::default();
        words.put("In Bearbeitung", "open");
        words.put("ÜBERGEBEN", "pending");
        assert_eq!(words.find("IN bearbeitung"), Some("open"));
        assert_eq!(words.find("übergeben"), Some("pending"));
        assert_eq!(words.find("other"), None);
        words.put("*", "new");
        assert_eq!(words.find("other"), Some("new"));
        assert_eq!(words.put("übergeben", "on_hold"), Some("pending".into()));
        assert!(same_word("Ärger", "äRGER") && !same_word("a", "b"));
    }
}
