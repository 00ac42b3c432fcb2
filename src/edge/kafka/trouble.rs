//! The client library's errors in one line each that says what to do, and each said once until
//! something else goes wrong or records flow again.

use std::collections::HashMap;
use std::fmt;

use rdkafka::types::RDKafkaErrorCode as Code;

use super::TopicPartition;

/// What keeps records from coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The client goes on trying; the text says what to look at.
    Retrying(String),
    /// The records from `position` on are no longer in the topic, or it was created anew.
    /// Nothing is read from the partition until [`super::Consumer::restart`].
    OutOfRange {
        partition: TopicPartition,
        /// The offset that was asked for.
        position: i64,
        /// First and end offset of what is there, where known.
        available: Option<(i64, i64)>,
    },
    /// The client cannot go on.
    Fatal(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying(text) | Self::Fatal(text) => formatter.write_str(text),
            Self::OutOfRange {
                partition,
                position,
                available,
            } => {
                write!(
                    formatter,
                    "offset {position} of {partition} is not in the topic"
                )?;
                if let Some((low, high)) = available {
                    write!(formatter, ", which holds {low} to {high}")?;
                }
                formatter.write_str(
                    ": its records were deleted before they were read, or the topic was created \
                     anew; the numbers cannot be exact from here on, so start from an empty \
                     checkpoint directory",
                )
            }
        }
    }
}

/// What was said last, by subject.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    said: HashMap<String, Trouble>,
}

impl Troubles {
    /// The trouble, if it is news.
    pub(super) fn admit(&mut self, subject: &str, trouble: Trouble) -> Option<Trouble> {
        if self.said.get(subject) == Some(&trouble) {
            return None;
        }
        self.said.insert(subject.to_owned(), trouble.clone());
        Some(trouble)
    }

    /// Records flow: what was wrong with the brokers is over.
    pub(super) fn clear(&mut self) {
        if !self.said.is_empty() {
            self.said.clear();
        }
    }
}

/// What one of the library's errors means: its subject (errors of one subject are said once) and
/// the words; `None` for those that mean nothing to a person.
pub(super) fn explain(code: Code, reason: &str, group: &str) -> Option<(String, Trouble)> {
    let (subject, text) = match code {
        // Always comes with the reasons of the single brokers, which say more.
        Code::AllBrokersDown => ("brokers", "no Kafka broker can be reached".to_owned()),
        Code::BrokerTransportFailure | Code::OperationTimedOut => (
            "connection",
            format!("connection to Kafka failed ({reason}): check kafka.brokers and that the broker listens there; a broker that expects TLS or a login also just closes"),
        ),
        Code::Resolve => (
            "resolve",
            format!("Kafka broker's host name cannot be resolved ({reason}): check kafka.brokers and the broker's advertised.listeners"),
        ),
        Code::SSL => (
            "tls",
            format!("TLS handshake with Kafka failed ({reason}): check security.protocol and ssl.* in kafka.properties"),
        ),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => (
            "authentication",
            format!("Kafka refuses the login ({reason}): check sasl.* in kafka.properties"),
        ),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => (
            "topic",
            format!("a topic does not exist yet ({reason}): waiting for it; check kafka.topics"),
        ),
        Code::TopicAuthorizationFailed => (
            "topic",
            format!("Kafka does not let us read a topic ({reason}): grant READ and DESCRIBE on kafka.topics"),
        ),
        Code::GroupAuthorizationFailed => (
            "group",
            format!("Kafka does not let us use the consumer group {group} ({reason}): grant READ on it, or set kafka.group_id"),
        ),
        Code::InconsistentGroupProtocol => (
            "group",
            format!("the members of the consumer group {group} use another partition.assignment.strategy ({reason}): stop them or set another kafka.group_id"),
        ),
        Code::PollExceeded => (
            "poll",
            "records were not taken for longer than max.poll.interval.ms, so the partitions were given away; they come back now".to_owned(),
        ),
        Code::Fatal | Code::Fenced | Code::FencedInstanceId => {
            return Some((
                "fatal".to_owned(),
                Trouble::Fatal(format!("the Kafka client cannot go on: {reason}")),
            ));
        }
        Code::NoError | Code::PartitionEOF => return None,
        other => return Some((
            format!("{other:?}"),
            Trouble::Retrying(format!("Kafka reports: {reason}")),
        )),
    };
    Some((subject.to_owned(), Trouble::Retrying(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_each_thing_once_until_it_changes() {
        let mut troubles = Troubles::default();
        let down = Trouble::Retrying("down".into());
        let other = Trouble::Retrying("refused".into());
        assert!(troubles.admit("brokers", down.clone()).is_some());
        assert!(troubles.admit("brokers", down.clone()).is_none());
        assert!(troubles.admit("topic", down.clone()).is_some());
        assert!(troubles.admit("brokers", other).is_some());
        assert!(troubles.admit("brokers", down.clone()).is_some());
        troubles.clear();
        assert!(troubles.admit("brokers", down).is_some());
    }

    #[test]
    fn says_what_to_do() {
        let (_, trouble) = explain(Code::Authentication, "bad password", "g").unwrap();
        assert!(trouble.to_string().contains("sasl.*"), "{trouble}");
        let lost = Trouble::OutOfRange {
            partition: TopicPartition::new("tickets", 3),
            position: 7,
            available: Some((100, 200)),
        };
        let text = lost.to_string();
        assert!(text.contains("offset 7 of tickets/3"), "{text}");
        assert!(text.contains("100 to 200"), "{text}");
    }
}
