//! The client library's errors in one line each that says what to do. Each is said once; again
//! only after an outage was over, or as a reminder.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

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
    /// The client cannot go on, but a new one can: another one took its place in the group.
    /// That may have been itself, after an outage.
    Fenced(String),
    /// No client can go on.
    Fatal(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying(text) | Self::Fenced(text) | Self::Fatal(text) => {
                formatter.write_str(text)
            }
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
                     anew",
                )
            }
        }
    }
}

/// A trouble that goes on is said again after this long: rare enough for a log, often enough
/// that the last hour of it tells.
const REMINDER: Duration = Duration::from_mins(15);

/// What was said, and when.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    said: HashMap<String, Instant>,
    outage: bool,
}

impl Troubles {
    /// The trouble, if it is news at `now`.
    pub(super) fn admit(&mut self, trouble: Trouble, now: Instant) -> Option<Trouble> {
        self.outage |= matches!(&trouble, Trouble::Retrying(text) if text == NO_BROKER);
        let text = trouble.to_string();
        if let Some(last) = self.said.get(&text)
            && now.saturating_duration_since(*last) < REMINDER
        {
            return None;
        }
        // What was said long ago is news again anyway; the rest is a handful.
        self.said
            .retain(|_, last| now.saturating_duration_since(*last) < REMINDER);
        self.said.insert(text, now);
        Some(trouble)
    }

    /// Records flow: an outage of all brokers is over. While one of several is away, records
    /// flow as well, and its trouble stays said.
    pub(super) fn recovered(&mut self) {
        if std::mem::take(&mut self.outage) {
            self.said.clear();
        }
    }
}

const NO_BROKER: &str = "no Kafka broker can be reached";

/// What one of the library's errors means to a person; `None` where nothing.
pub(super) fn explain(code: Code, reason: &str, group: &str) -> Option<Trouble> {
    let reason = essence(reason);
    let text = match code {
        Code::NoError | Code::PartitionEOF => return None,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId => {
            return Some(Trouble::Fatal(format!(
                "the Kafka client cannot go on: {reason}"
            )));
        }
        // The single brokers' reasons come on their own and say more.
        Code::AllBrokersDown => NO_BROKER.to_owned(),
        Code::BrokerTransportFailure | Code::OperationTimedOut => format!(
            "connection to Kafka failed ({reason}): check kafka.brokers, and that a broker \
             listens there that expects this security.protocol"
        ),
        Code::Resolve => format!(
            "the host name of a Kafka broker cannot be resolved ({reason}): check kafka.brokers \
             and the broker's advertised.listeners"
        ),
        Code::SSL => format!(
            "TLS with Kafka failed ({reason}): check security.protocol and ssl.* in \
             kafka.properties"
        ),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            format!("Kafka refuses the login ({reason}): check sasl.* in kafka.properties")
        }
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicId => {
            format!("a topic does not exist yet ({reason}): waiting for it; check kafka.topics")
        }
        Code::TopicAuthorizationFailed => {
            format!("Kafka does not let us read a topic ({reason}): grant READ and DESCRIBE on it")
        }
        Code::GroupAuthorizationFailed => format!(
            "Kafka does not let us use the consumer group {group} ({reason}): grant READ on it, \
             or set kafka.group_id"
        ),
        Code::InconsistentGroupProtocol => format!(
            "other members of the consumer group {group} use another \
             partition.assignment.strategy ({reason}): stop them, or set another kafka.group_id"
        ),
        Code::PollExceeded => "records were not taken for longer than max.poll.interval.ms, so \
             the partitions were given away; they come back now"
            .to_owned(),
        _ => format!("Kafka reports: {reason}"),
    };
    Some(Trouble::Retrying(text))
}

/// The reason without what changes from one attempt to the next: how long it took, how often it
/// was suppressed, and which of the client's connections to the broker it was.
fn essence(reason: &str) -> String {
    let reason = reason.split(" (after ").next().unwrap_or(reason);
    let reason = reason.strip_prefix("GroupCoordinator: ").unwrap_or(reason);
    let Some((broker, what)) = reason.split_once(": ") else {
        return reason.to_owned();
    };
    let is_role = |role: &str| role == "bootstrap" || role.bytes().all(|one| one.is_ascii_digit());
    match broker.rsplit_once('/') {
        Some((address, role)) if is_role(role) => format!("{address}: {what}"),
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_each_thing_once_until_it_is_over() {
        let mut troubles = Troubles::default();
        let now = Instant::now();
        let refused = explain(Code::BrokerTransportFailure, "a:1: refused", "g").unwrap();
        let down = explain(Code::AllBrokersDown, "1/1 brokers are down", "g").unwrap();
        assert!(troubles.admit(refused.clone(), now).is_some());
        assert!(troubles.admit(refused.clone(), now).is_none());
        troubles.recovered();
        assert!(troubles.admit(refused.clone(), now).is_none(), "no outage");
        assert!(troubles.admit(down.clone(), now).is_some());
        assert!(troubles.admit(refused.clone(), now).is_none());
        troubles.recovered();
        assert!(troubles.admit(refused.clone(), now).is_some());
        assert!(troubles.admit(down, now).is_some());
        assert!(troubles.admit(refused, now + REMINDER).is_some());
    }

    #[test]
    fn one_broker_is_one_trouble() {
        let expected = "127.0.0.1:9: Connect to ipv4#127.0.0.1:9 failed: Connection refused";
        for prefix in [
            "GroupCoordinator: 127.0.0.1:9",
            "127.0.0.1:9/1",
            "127.0.0.1:9/bootstrap",
        ] {
            let reason = format!(
                "{prefix}: Connect to ipv4#127.0.0.1:9 failed: Connection refused \
                 (after 0ms in state CONNECT, 1 identical error(s) suppressed)"
            );
            assert_eq!(essence(&reason), expected);
        }
        assert_eq!(essence("sasl_ssl://h:9: x"), "sasl_ssl://h:9: x");
        assert_eq!(essence("sasl_ssl://h:9/3: x"), "sasl_ssl://h:9: x");
    }

    #[test]
    fn says_what_to_do() {
        let trouble = explain(Code::Authentication, "bad password", "g").unwrap();
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
