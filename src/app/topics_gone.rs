//! Topics that were read and are no longer configured. A deleted topic can be taken out of the
//! configuration: what it contributed stays counted. A topic that still exists cannot, since what
//! comes to it from then on would silently be missing.

use std::time::Duration;

use crate::config::Kafka;
use crate::edge::kafka::{ConsumerSettings, TopicExistence};

/// How long the brokers may take to say whether a topic exists. A start and a reload wait for it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// Topics that are no longer configured, by what follows from that.
#[derive(Debug, Default)]
pub struct TopicsGone {
    /// They do not exist any more.
    pub deleted: Vec<String>,
    /// Why the numbers cannot go on without the others.
    pub counted: Vec<String>,
}

impl TopicsGone {
    /// Without a question to the brokers.
    pub fn all_counted(topics: &[String]) -> Self {
        let exists = |_: &String| TopicExistence::Exists;
        Self::by(topics, exists)
    }

    fn by(topics: &[String], existence: impl Fn(&String) -> TopicExistence) -> Self {
        let mut gone = Self::default();
        for topic in topics {
            let reason = match existence(topic) {
                TopicExistence::Deleted => {
                    gone.deleted.push(topic.clone());
                    continue;
                }
                TopicExistence::Exists => String::new(),
                TopicExistence::Unknown(reason) => {
                    format!(", and Kafka does not say whether it was deleted ({reason})")
                }
            };
            gone.counted.push(format!(
                "kafka.topics: {topic} is no longer read, but counted{reason}"
            ));
        }
        gone
    }
}

/// Asks the brokers about topics that are no longer among those of the configuration.
pub fn judge(kafka: &Kafka, topics: &[String]) -> TopicsGone {
    let settings = ConsumerSettings::from(kafka);
    TopicsGone::by(topics, |topic| {
        TopicExistence::ask(&settings, topic, ANSWER_PATIENCE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_topic_that_is_known_to_be_deleted_can_go() {
        let topics = ["a", "b", "c"].map(str::to_owned);
        let gone = TopicsGone::by(&topics, |topic| match topic.as_str() {
            "a" => TopicExistence::Deleted,
            "b" => TopicExistence::Exists,
            _ => TopicExistence::Unknown("timed out".to_owned()),
        });
        assert_eq!(gone.deleted, ["a"]);
        assert_eq!(
            gone.counted,
            [
                "kafka.topics: b is no longer read, but counted",
                "kafka.topics: c is no longer read, but counted, and Kafka does not say whether it \
                 was deleted (timed out)"
            ]
        );
    }
}
