//! Decides from the brokers' answers which configured topics do not exist. Pure.

use std::collections::BTreeMap;

/// A topic is missing after this number of answers in a row. A broker that has just started may not
/// know every topic yet.
const CERTAIN: u32 = 2;

/// The topics that the brokers did not know, with the number of such answers in a row.
#[derive(Debug, Default)]
pub(super) struct MissingTopicDetector(BTreeMap<String, u32>);

impl MissingTopicDetector {
    /// Takes the topics that do not exist by one answer. Returns those that are missing from now on.
    pub(super) fn observe(&mut self, missing: Vec<String>) -> Vec<String> {
        self.0.retain(|topic, _| missing.contains(topic));
        let mut new = Vec::new();
        for topic in missing {
            let answers = self.0.entry(topic.clone()).or_default();
            *answers = answers.saturating_add(1);
            if *answers == CERTAIN {
                new.push(topic);
            }
        }
        new
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let certain = self.0.iter().filter(|(_, answers)| **answers >= CERTAIN);
        certain.map(|(topic, _)| topic.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_missing_after_two_answers_in_a_row() {
        let mut topics = MissingTopicDetector::default();
        let answer = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(topics.observe(answer(&["a"])).is_empty());
        assert_eq!(topics.iter().count(), 0);
        assert_eq!(topics.observe(answer(&["a", "b"])), ["a"]);
        assert!(topics.observe(answer(&["a"])).is_empty(), "reported once");
        assert_eq!(topics.iter().collect::<Vec<_>>(), ["a"]);
        assert!(topics.observe(answer(&[])).is_empty());
        assert_eq!(topics.iter().count(), 0);
        assert!(
            topics.observe(answer(&["a"])).is_empty(),
            "it existed meanwhile"
        );
    }
}
