//! Maps from the words of another system to ours. Case does not matter.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Stands for every other word.
const ANY: &str = "*";

#[derive(Clone, Default)]
pub struct WordMap {
    /// Our words by theirs, which are in lower case.
    ours: HashMap<String, String>,
    any: Option<String>,
}

/// Sorted, so that equal maps have the same output. Checkpoints hold a hash of it.
impl fmt::Debug for WordMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours: BTreeMap<&String, &String> = self.ours.iter().collect();
        formatter
            .debug_struct("Words")
            .field("ours", &ours)
            .field("any", &self.any)
            .finish()
    }
}

impl WordMap {
    /// Maps `theirs` to `ours`. Returns the previous word.
    pub fn put(&mut self, theirs: &str, ours: &str) -> Option<String> {
        if theirs == ANY {
            return self.any.replace(ours.to_owned());
        }
        self.ours.insert(theirs.to_lowercase(), ours.to_owned())
    }

    pub fn find(&self, theirs: &str) -> Option<&str> {
        let found = self.ours.get(&*lower_case(theirs)).or(self.any.as_ref());
        found.map(String::as_str)
    }

    /// All of our words, some more than once.
    pub fn ours(&self) -> impl Iterator<Item = &str> {
        self.ours.values().chain(&self.any).map(String::as_str)
    }
}

/// Converts to lower case. Allocates only if necessary.
pub fn lower_case(word: &str) -> Cow<'_, str> {
    if word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.to_lowercase())
    }
}

/// Whether two words are equal apart from case.
pub fn same_word(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!one.is_ascii() && !other.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_a_star_is_the_rest() {
        let mut words = WordMap::default();
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
