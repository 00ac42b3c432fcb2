//! The client library's errors in one line each that says what to do. Each is said once; again
//! only after an outage was over, or as a reminder.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode as Code;

use super::TopicPartition;
use super::broker_probe::{self, BrokerFinding, CertificateFlaw};
use super::client_identity::Outlook;

/// What keeps records from coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaProblem {
    /// The client goes on trying; the text says what to look at.
    Retrying(String),
    /// The client goes on trying, but somebody has to change something first: a login, a
    /// certificate, a permission. The text says what.
    Refused(String),
    /// The records from `position` on are no longer in the topic, or it was created anew.
    /// Nothing is read from the partition until [`super::Consumer::restart_at`].
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

impl fmt::Display for KafkaProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying(text) | Self::Refused(text) | Self::Fenced(text) | Self::Fatal(text) => {
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

/// While one trouble is this young, that no broker can be reached says nothing more.
const SPECIFIC: Duration = Duration::from_secs(30);

/// A broker is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What was said, and when.
#[derive(Debug, Default)]
pub(super) struct KafkaErrorExplainer {
    said: HashMap<String, Instant>,
    outage: bool,
    /// When something was last heard that says more than that nobody is there.
    specific: Option<Instant>,
    /// When we were last refused.
    refused: Option<Instant>,
    /// What was seen behind an address.
    seen: HashMap<String, (Instant, BrokerFinding)>,
    /// The last one that keeps records from coming, until they come.
    current: Option<String>,
}

impl KafkaErrorExplainer {
    /// The trouble, if it is news at `now`.
    pub(super) fn admit(&mut self, trouble: KafkaProblem, now: Instant) -> Option<KafkaProblem> {
        if let KafkaProblem::Retrying(text) | KafkaProblem::Refused(text) = &trouble {
            self.current = Some(text.clone());
        }
        self.outage |= match &trouble {
            KafkaProblem::Retrying(text) => text == NO_BROKER,
            KafkaProblem::Refused(_) => true,
            _ => false,
        };
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

    /// What one of the library's errors means to a person; `None` where nothing, or nothing more
    /// than was said just before. May look at a broker, for seconds.
    pub(super) fn explain(
        &mut self,
        code: Code,
        reason: &str,
        outlook: &ClientIdentity,
        now: Instant,
    ) -> Option<KafkaProblem> {
        let essential = essence(reason);
        let is_recent =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < SPECIFIC);
        let is_vague = code == Code::BrokerTransportFailure
            && !essential.contains("PLAINTEXT broker listener");
        if is_vague && is_ended(&essential) && is_recent(self.refused) {
            return None; // how a refusal ends
        }
        if is_vague
            && essential.contains("SSL connection closed by peer")
            && let Some(broker) = broker_in(&essential)
            && self.look(broker, outlook, now) == BrokerFinding::NoTls
        {
            return None; // the client's next attempt says that the listener has no TLS
        }
        if code == Code::AllBrokersDown {
            if is_recent(self.specific) {
                return None;
            }
            let broker = outlook.brokers.first()?;
            let finding = self.look(broker, outlook, now);
            let trouble = silent(broker, &finding, outlook);
            if matches!(trouble, KafkaProblem::Refused(_)) {
                self.refused = Some(now);
            }
            return Some(trouble);
        }
        self.specific = Some(now);
        if code == Code::SSL && essential.contains("certificate verify failed") {
            let broker = broker_in(&essential)?;
            let finding = self.look(broker, outlook, now);
            return Some(KafkaProblem::Refused(distrusted(broker, &finding, outlook)));
        }
        let trouble = explain(code, &essential, outlook);
        if matches!(trouble, Some(KafkaProblem::Refused(_))) {
            self.refused = Some(now);
        }
        trouble
    }

    fn look(&mut self, broker: &str, outlook: &ClientIdentity, now: Instant) -> BrokerFinding {
        if let Some((at, finding)) = self.seen.get(broker)
            && now.saturating_duration_since(*at) < LOOK_AGAIN
        {
            return finding.clone();
        }
        let finding = broker_probe::look(broker, outlook.ca_file.as_deref());
        self.seen.insert(broker.to_owned(), (now, finding.clone()));
        finding
    }

    /// Records flow: an outage of all brokers is over. While one of several is away, records
    /// flow as well, and its trouble stays said.
    pub(super) fn recovered(&mut self) {
        self.current = None;
        if std::mem::take(&mut self.outage) {
            self.said.clear();
        }
    }
}

impl KafkaErrorExplainer {
    /// The reason why no records come, in the words of the log.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Records can come again.
    pub(super) fn forget_current(&mut self) {
        self.current = None;
    }

    /// A trouble is over: it is news if it comes again.
    pub(super) fn forget(&mut self, text: &str) {
        self.said.remove(text);
    }
}

/// The text about topics that do not exist: in the log, and in the readiness.
pub fn missing_topics(topics: &[&str]) -> String {
    let (noun, them) = match topics {
        [_] => ("topic", "it"),
        _ => ("topics", "them"),
    };
    let verb = if topics.len() == 1 { "does" } else { "do" };
    format!(
        "{noun} {} {verb} not exist: create {them}, or take {them} out of kafka.topics",
        topics.join(", ")
    )
}

const NO_BROKER: &str = "no Kafka broker can be reached";

/// What one of the library's errors means to a person; `None` where nothing.
fn explain(code: Code, reason: &str, outlook: &ClientIdentity) -> Option<KafkaProblem> {
    let group = &outlook.group;
    let text = match code {
        Code::NoError | Code::PartitionEOF => return None,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId => {
            return Some(KafkaProblem::Fatal(format!(
                "the Kafka client cannot go on: {reason}"
            )));
        }
        Code::SSL | Code::BrokerTransportFailure if is_alert(reason) => {
            return Some(KafkaProblem::Refused(format!(
                "Kafka refuses our certificate, or wants one ({reason}): set \
                 kafka.tls.certificate_file and kafka.tls.key_file to a certificate that the \
                 brokers trust and that has not expired"
            )));
        }
        Code::BrokerTransportFailure if reason.contains("PLAINTEXT broker listener") => {
            let fitting = if outlook.has_login() {
                "sasl_plaintext"
            } else {
                "plaintext"
            };
            return Some(KafkaProblem::Refused(format!(
                "a listener of Kafka does not speak TLS, and we do ({reason}): set kafka.brokers \
                 to a listener with TLS, or kafka.security_protocol to {fitting}"
            )));
        }
        Code::BrokerTransportFailure | Code::OperationTimedOut => format!(
            "connection to Kafka failed ({reason}): check kafka.brokers, and that a broker \
             listens there that expects this kafka.security_protocol ({})",
            outlook.protocol
        ),
        Code::Resolve => format!(
            "the host name of a Kafka broker cannot be resolved ({reason}): check kafka.brokers \
             and the broker's advertised.listeners"
        ),
        Code::SSL => {
            return Some(KafkaProblem::Refused(format!(
                "TLS with Kafka failed ({reason}): check kafka.tls and kafka.security_protocol"
            )));
        }
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            return Some(KafkaProblem::Refused(login_refused(reason, outlook)));
        }
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicId
            if outlook.writes =>
        {
            let topics = outlook.topics.join(", ");
            return Some(KafkaProblem::Refused(format!(
                "topic {topics} cannot be written to, since it does not exist: create it"
            )));
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId => {
            match outlook.topics_in(reason).as_slice() {
                // In the same words as where the brokers were asked.
                [topic] => missing_topics(&[topic]),
                _ => format!("Kafka reports: {reason}"),
            }
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => {
            return Some(KafkaProblem::Refused(not_allowed(code, reason, outlook)));
        }
        Code::InconsistentGroupProtocol => format!(
            "other members of the consumer group {group} use another \
             partition.assignment.strategy ({reason}): stop them, or set another kafka.group_id"
        ),
        Code::CriticalSystemResource => format!(
            "the Kafka client did not get what it needs from the system ({reason}): allow this \
             process more memory (ulimit -v, the limit of its container) or more threads"
        ),
        Code::PollExceeded => "records were not taken for longer than max.poll.interval.ms, so \
             the partitions were given away; they come back now"
            .to_owned(),
        _ => format!("Kafka reports: {reason}"),
    };
    Some(KafkaProblem::Retrying(text))
}

/// A broker that ended the handshake because of our certificate, or the lack of one.
fn is_alert(reason: &str) -> bool {
    reason.contains("alert") && reason.contains("certificate")
        || reason.contains("alert unknown ca")
}

fn login_refused(reason: &str, outlook: &ClientIdentity) -> String {
    let mechanism = &outlook.mechanism;
    if reason.contains("Unsupported SASL mechanism") {
        return format!(
            "Kafka does not take the mechanism {mechanism} ({reason}): set kafka.sasl.mechanism \
             to one that it has"
        );
    }
    if reason.contains("current SASL state") {
        let fitting = if outlook.is_encrypted() {
            "ssl"
        } else {
            "plaintext"
        };
        return format!(
            "a listener of Kafka wants no login ({reason}): set kafka.brokers to a listener with \
             SASL, or take kafka.sasl away and set kafka.security_protocol to {fitting}"
        );
    }
    if mechanism == "OAUTHBEARER" {
        return format!(
            "Kafka refuses the token ({reason}): check that the brokers trust who gives it at \
             kafka.sasl.oauth.token_url, and the audience and scope that they expect \
             (kafka.sasl.oauth.scope)"
        );
    }
    let user = outlook.username.as_deref().unwrap_or_default();
    format!(
        "Kafka refuses the login of the user {user} by {mechanism} ({reason}): the password is \
         wrong (kafka.sasl.password_file or kafka.sasl.password), or there is no such user for \
         this mechanism (kafka.sasl.username, kafka.sasl.mechanism)"
    )
}

pub(super) fn not_allowed(code: Code, reason: &str, outlook: &ClientIdentity) -> String {
    let group = &outlook.group;
    match code {
        Code::GroupAuthorizationFailed => format!(
            "Kafka does not let us use the consumer group {group} ({reason}): set kafka.group_id \
             to another one, or grant READ on it: {}",
            outlook.grant(&format!("--operation Read --group {}", lasting(group)))
        ),
        Code::ClusterAuthorizationFailed if !outlook.writes => format!(
            "Kafka does not let us do what is needed ({reason}): grant it to {}",
            outlook.grant("--operation Describe --cluster")
        ),
        _ => {
            let topics = outlook.topics_in(reason);
            let named: Vec<String> = topics.iter().map(|one| format!("--topic {one}")).collect();
            let (verb, operation) = if outlook.writes {
                ("write to", "Write")
            } else {
                ("read", "Read")
            };
            format!(
                "Kafka does not let us {verb} {} ({reason}): grant {}: {}",
                topics.join(", "),
                operation.to_uppercase(),
                outlook.grant(&format!("--operation {operation} {}", named.join(" ")))
            )
        }
    }
}

/// A group as `kafka-acls` takes it. Those of commands have numbers at their end that are others
/// the next time: what is in front of them is what they have in common.
fn lasting(group: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    let mut parts = group.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(time), Some(process), Some(prefix))
            if is_number(time) && is_number(process) && time.len() > 10 =>
        {
            format!("'{prefix}-' --resource-pattern-type prefixed")
        }
        _ => format!("'{group}'"),
    }
}

/// No broker says anything.
pub(super) fn silent(
    broker: &str,
    finding: &BrokerFinding,
    outlook: &ClientIdentity,
) -> KafkaProblem {
    let login = if outlook.has_login() {
        "sasl_ssl"
    } else {
        "ssl, or sasl_ssl with kafka.sasl"
    };
    let text = match finding {
        BrokerFinding::Nobody => return KafkaProblem::Retrying(NO_BROKER.to_owned()),
        BrokerFinding::Tls(_) if !outlook.is_encrypted() => format!(
            "{broker} speaks TLS, and we do not: set kafka.security_protocol to {login}, or \
             kafka.brokers to a listener without TLS"
        ),
        BrokerFinding::NoTls if outlook.is_encrypted() => format!(
            "{broker} does not speak TLS, and we do: set kafka.brokers to a listener with TLS, or \
             kafka.security_protocol to one without"
        ),
        BrokerFinding::Tls(Err(_)) => distrusted(broker, finding, outlook),
        _ if !outlook.has_login() => format!(
            "{broker} takes connections and ends them: it may want a login, so set kafka.sasl, or \
             kafka.brokers to a listener without SASL"
        ),
        _ => return KafkaProblem::Retrying(NO_BROKER.to_owned()),
    };
    KafkaProblem::Refused(text)
}

/// Why a broker's certificate is not good enough.
pub(super) fn distrusted(
    broker: &str,
    finding: &BrokerFinding,
    outlook: &ClientIdentity,
) -> String {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    match finding {
        BrokerFinding::Tls(Err(CertificateFlaw::Expired)) => format!(
            "the certificate of {broker} has expired: renew it on the broker, or set the clock \
             of this machine right"
        ),
        BrokerFinding::Tls(Err(CertificateFlaw::NotYetValid)) => format!(
            "the certificate of {broker} is not valid yet: set the clocks of both machines right"
        ),
        BrokerFinding::Tls(Err(CertificateFlaw::OtherName)) => format!(
            "the certificate of {broker} is for another host than {host}: write its name in \
             kafka.brokers and in the broker's advertised.listeners, or give the broker a \
             certificate with {host} among its names (subject alternative names)"
        ),
        _ => {
            let trusted = match &outlook.ca_file {
                Some(file) => format!("none in {} has signed it", file.display()),
                None => "none of this system's has signed it".to_owned(),
            };
            format!(
                "the certificate of {broker} is not trusted, {trusted}: set kafka.tls.ca_file to \
                 the certificate of the authority that has"
            )
        }
    }
}

/// The address in front of a reason.
fn broker_in(reason: &str) -> Option<&str> {
    let rest = reason.split_once("://").map_or(reason, |(_, rest)| rest);
    rest.split_once(": ").map(|(address, _)| address)
}

/// Whether the other side has ended the connection, however the client noticed it.
fn is_ended(reason: &str) -> bool {
    ["Disconnected: ", "Broken pipe", "Connection reset"]
        .iter()
        .any(|words| reason.contains(words))
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
        let mut troubles = KafkaErrorExplainer::default();
        let now = Instant::now();
        let outlook = ClientIdentity::default();
        let refused = explain(Code::BrokerTransportFailure, "a:1: refused", &outlook).unwrap();
        let down = KafkaProblem::Retrying(NO_BROKER.to_owned());
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
    fn that_nobody_is_there_is_not_said_on_top() {
        let mut troubles = KafkaErrorExplainer::default();
        let outlook = ClientIdentity {
            brokers: vec!["127.0.0.1:1".to_owned()],
            ..Outlook::default()
        };
        let now = Instant::now();
        let mut down = |at| troubles.explain(Code::AllBrokersDown, "1/1", &outlook, at);
        assert_eq!(
            down(now),
            Some(KafkaProblem::Retrying(NO_BROKER.to_owned()))
        );
        let refused = troubles.explain(Code::Authentication, "a:1: bad", &outlook, now);
        assert!(matches!(refused, Some(KafkaProblem::Refused(_))));
        let mut down = |at| troubles.explain(Code::AllBrokersDown, "1/1", &outlook, at);
        assert_eq!(down(now), None);
        assert!(down(now + SPECIFIC).is_some());
    }

    #[test]
    fn a_listener_without_tls_is_named_once() {
        let mut troubles = KafkaErrorExplainer::default();
        let now = Instant::now();
        let broker = "127.0.0.1:9".to_owned();
        troubles.seen.insert(broker, (now, BrokerFinding::NoTls));
        let mut explain = |reason: &str| {
            let reason = format!("ssl://127.0.0.1:9/bootstrap: {reason}");
            troubles.explain(
                Code::BrokerTransportFailure,
                &reason,
                &ClientIdentity::default(),
                now,
            )
        };
        let closed = "Disconnected: SSL connection closed by peer";
        assert_eq!(explain(closed), None);
        let handshake =
            format!("SSL handshake failed: {closed}: connecting to a PLAINTEXT broker listener?");
        assert!(matches!(
            explain(&handshake),
            Some(KafkaProblem::Refused(_))
        ));
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
        let outlook = ClientIdentity::default();
        let trouble = explain(Code::Authentication, "bad password", &outlook).unwrap();
        let text = trouble.to_string();
        assert!(text.contains("kafka.sasl.password_file"), "{text}");
        assert!(matches!(trouble, KafkaProblem::Refused(_)));
        let lost = KafkaProblem::OutOfRange {
            partition: TopicPartition::new("tickets", 3),
            position: 7,
            available: Some((100, 200)),
        };
        let text = lost.to_string();
        assert!(text.contains("offset 7 of tickets/3"), "{text}");
        assert!(text.contains("100 to 200"), "{text}");
    }
}
