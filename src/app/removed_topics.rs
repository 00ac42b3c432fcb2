//! Consumed topics that are no longer configured. A deleted topic may be removed from the configuration:
//! its events stay counted. A topic that still exists may not: its new events would silently be missing.

use std::time::Duration;

use crate::config::Kafka;
use crate::edge::kafka::{ConsumerSettings, TopicExistence};

/// How long the brokers may take to answer whether a topic exists. A start and a reload wait for it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct RemovedTopics {
    pub deleted: Vec<String>,
    /// For each other topic, the reason why it cannot be removed.
    pub blocking: Vec<String>,
}

impl RemovedTopics {
    /// Treats every topic as existing, without a question to the brokers.
    pub fn all_blocking(topics: &[String]) -> Self {
        Self::classify(topics, |_| TopicExistence::Exists)
    }

    fn classify(topics: &[String], existence: impl Fn(&String) -> TopicExistence) -> Self {
        let mut removed = Self::default();
        for topic in topics {
            let details = match existence(topic) {
                TopicExistence::Deleted => {
                    removed.deleted.push(topic.clone());
                    continue;
                }
                TopicExistence::Exists => String::new(),
                TopicExistence::Unknown(reason) => {
                    format!(", and Kafka does not tell whether it was deleted ({reason})")
                }
            };
            removed.blocking.push(format!(
                "kafka.topics: {topic} is no longer read, but counted{details}"
            ));
        }
        removed
    }
}

/// Asks the brokers whether the removed topics exist.
pub fn classify(kafka: &Kafka, topics: &[String]) -> RemovedTopics {
    let settings = ConsumerSettings::from(kafka);
    RemovedTopics::classify(topics, |topic| {
        TopicExistence::ask(&settings, topic, ANSWER_PATIENCE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deleted_topic_can_be_removed() {
        let topics = ["a", "b", "c"].map(str::to_owned);
        let removed = RemovedTopics::classify(&topics, |topic| match topic.as_str() {
            "a" => TopicExistence::Deleted,
            "b" => TopicExistence::Exists,
            _ => TopicExistence::Unknown("timed out".to_owned()),
        });
        assert_eq!(removed.deleted, ["a"]);
        assert_eq!(
            removed.blocking,
            [
                "kafka.topics: b is no longer read, but counted",
                "kafka.topics: c is no longer read, but counted, and Kafka does not tell whether it \
                 was deleted (timed out)"
            ]
        );
    }
}
