//! One line of text for each error of the client library: its meaning, and the action to take.

use std::fmt::Display;

use rdkafka::types::RDKafkaErrorCode as Code;

use super::broker_probe::{BrokerFinding, CertificateFlaw};
use super::client_identity::ClientIdentity;
use super::problem::KafkaProblem;

pub(super) const NO_BROKER: &str = "no Kafka broker can be reached";

/// The text about topics that do not exist, for the log and the readiness.
pub fn missing_topics(topics: &[&str]) -> String {
    let (noun, verb, them) = match topics {
        [_] => ("topic", "does", "it"),
        _ => ("topics", "do", "them"),
    };
    format!(
        "{noun} {} {verb} not exist: create {them}, or remove {them} from kafka.topics",
        topics.join(", ")
    )
}

pub(super) fn no_token(reason: &impl Display) -> String {
    format!(
        "no token for the login with Kafka ({reason}): check kafka.sasl.oauth.token_url, client_id \
         and client_secret_file; the exporter asks again"
    )
}

/// Explains one of the library's errors; `None` where it means no problem.
pub(super) fn explain(code: Code, reason: &str, identity: &ClientIdentity) -> Option<KafkaProblem> {
    let group = &identity.group;
    let text = match code {
        Code::NoError | Code::PartitionEOF => return None,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId => {
            return Some(KafkaProblem::Fatal(format!(
                "the Kafka client cannot go on: {reason}"
            )));
        }
        Code::SSL | Code::BrokerTransportFailure if is_certificate_alert(reason) => {
            return Some(KafkaProblem::Refused(format!(
                "Kafka rejects the client certificate, or requires one ({reason}): set \
                 kafka.tls.certificate_file and kafka.tls.key_file to a certificate that the \
                 brokers trust and that has not expired"
            )));
        }
        Code::BrokerTransportFailure if names_plaintext_listener(reason) => {
            let fitting = if identity.has_login() {
                "sasl_plaintext"
            } else {
                "plaintext"
            };
            return Some(KafkaProblem::Refused(format!(
                "a listener of Kafka does not speak TLS, but the exporter does ({reason}): set \
                 kafka.brokers to a listener with TLS, or kafka.security_protocol to {fitting}"
            )));
        }
        Code::BrokerTransportFailure | Code::OperationTimedOut => format!(
            "connection to Kafka failed ({reason}): check kafka.brokers, and that a broker \
             listens there that expects kafka.security_protocol {}",
            identity.protocol
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
            return Some(KafkaProblem::Refused(login_refused(reason, identity)));
        }
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicId
            if identity.writes =>
        {
            let topics = identity.topics.join(", ");
            return Some(KafkaProblem::Refused(format!(
                "topic {topics} cannot be written to because it does not exist: create it"
            )));
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId => {
            match identity.topics_in(reason).as_slice() {
                [topic] => missing_topics(&[topic]),
                _ => format!("Kafka reports: {reason}"),
            }
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => {
            return Some(KafkaProblem::Refused(access_denied(code, reason, identity)));
        }
        Code::InconsistentGroupProtocol => format!(
            "other members of the consumer group {group} use another \
             partition.assignment.strategy ({reason}): stop them, or set another kafka.group_id"
        ),
        Code::CriticalSystemResource => format!(
            "the system does not give the Kafka client what it needs ({reason}): allow this process \
             more memory (ulimit -v, the limit of its container) or more threads"
        ),
        Code::PollExceeded => "the exporter read no records for longer than max.poll.interval.ms, \
             so the group took its partitions away; it joins again now"
            .to_owned(),
        _ => format!("Kafka reports: {reason}"),
    };
    Some(KafkaProblem::Retrying(text))
}

/// Whether a broker ended the handshake because the client's certificate is missing or not good.
fn is_certificate_alert(reason: &str) -> bool {
    reason.contains("alert") && reason.contains("certificate")
        || reason.contains("alert unknown ca")
}

pub(super) fn names_plaintext_listener(reason: &str) -> bool {
    reason.contains("PLAINTEXT broker listener")
}

fn login_refused(reason: &str, identity: &ClientIdentity) -> String {
    let mechanism = &identity.mechanism;
    if reason.contains("Unsupported SASL mechanism") {
        return format!(
            "Kafka does not support the mechanism {mechanism} ({reason}): set \
             kafka.sasl.mechanism to one that it supports"
        );
    }
    if reason.contains("current SASL state") {
        let fitting = if identity.is_encrypted() {
            "ssl"
        } else {
            "plaintext"
        };
        return format!(
            "a listener of Kafka expects no login ({reason}): set kafka.brokers to a listener with \
             SASL, or remove kafka.sasl and set kafka.security_protocol to {fitting}"
        );
    }
    if mechanism == "OAUTHBEARER" {
        return format!(
            "Kafka refuses the token ({reason}): check that the brokers trust the issuer at \
             kafka.sasl.oauth.token_url, and that kafka.sasl.oauth.scope gives the audience and \
             scope that they expect"
        );
    }
    let user = identity.username.as_deref().unwrap_or_default();
    format!(
        "Kafka refuses the login of the user {user} by {mechanism} ({reason}): the password is \
         wrong (kafka.sasl.password_file or kafka.sasl.password), or there is no such user for \
         this mechanism (kafka.sasl.username, kafka.sasl.mechanism)"
    )
}

pub(super) fn access_denied(code: Code, reason: &str, identity: &ClientIdentity) -> String {
    let group = &identity.group;
    match code {
        Code::GroupAuthorizationFailed => format!(
            "Kafka denies access to the consumer group {group} ({reason}): set kafka.group_id to \
             another one, or grant READ on it: {}",
            identity.grant_command(&format!(
                "--operation Read --group {}",
                group_pattern(group)
            ))
        ),
        Code::ClusterAuthorizationFailed if !identity.writes => format!(
            "Kafka denies access to the cluster ({reason}): grant DESCRIBE on it: {}",
            identity.grant_command("--operation Describe --cluster")
        ),
        _ => {
            let topics = identity.topics_in(reason);
            let named: Vec<String> = topics.iter().map(|one| format!("--topic {one}")).collect();
            let (access, operation) = if identity.writes {
                ("write", "Write")
            } else {
                ("read", "Read")
            };
            format!(
                "Kafka denies {access} access to {} ({reason}): grant {}: {}",
                topics.join(", "),
                operation.to_uppercase(),
                identity.grant_command(&format!("--operation {operation} {}", named.join(" ")))
            )
        }
    }
}

/// A group as an argument of `kafka-acls`. The groups of commands end in numbers that differ each
/// time, so the pattern is their common prefix.
fn group_pattern(group: &str) -> String {
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

/// The problem where no broker answers, by what a probe of one found.
pub(super) fn no_answer(
    broker: &str,
    finding: &BrokerFinding,
    identity: &ClientIdentity,
) -> KafkaProblem {
    let login = if identity.has_login() {
        "sasl_ssl"
    } else {
        "ssl, or sasl_ssl with kafka.sasl"
    };
    let text = match finding {
        BrokerFinding::Unreachable => return KafkaProblem::Retrying(NO_BROKER.to_owned()),
        BrokerFinding::Tls(_) if !identity.is_encrypted() => format!(
            "{broker} speaks TLS, but the exporter does not: set kafka.security_protocol to \
             {login}, or kafka.brokers to a listener without TLS"
        ),
        BrokerFinding::NoTls if identity.is_encrypted() => format!(
            "{broker} does not speak TLS, but the exporter does: set kafka.brokers to a listener \
             with TLS, or kafka.security_protocol to one without"
        ),
        BrokerFinding::Tls(Err(_)) => distrusted(broker, finding, identity),
        _ if !identity.has_login() => format!(
            "{broker} accepts connections and closes them: it may require a login; set kafka.sasl, \
             or kafka.brokers to a listener without SASL"
        ),
        _ => return KafkaProblem::Retrying(NO_BROKER.to_owned()),
    };
    KafkaProblem::Refused(text)
}

/// Why the exporter does not accept a broker's certificate.
pub(super) fn distrusted(
    broker: &str,
    finding: &BrokerFinding,
    identity: &ClientIdentity,
) -> String {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    match finding {
        BrokerFinding::Tls(Err(CertificateFlaw::Expired)) => format!(
            "the certificate of {broker} has expired: renew it on the broker, or correct the clock \
             of this machine"
        ),
        BrokerFinding::Tls(Err(CertificateFlaw::NotYetValid)) => format!(
            "the certificate of {broker} is not valid yet: correct the clocks of both machines"
        ),
        BrokerFinding::Tls(Err(CertificateFlaw::OtherName)) => format!(
            "the certificate of {broker} is for another host than {host}: write its name in \
             kafka.brokers and in the broker's advertised.listeners, or give the broker a \
             certificate with {host} among its names (subject alternative names)"
        ),
        _ => {
            let authorities = match &identity.ca_file {
                Some(file) => format!("the authorities in {}", file.display()),
                None => "the authorities that this system trusts".to_owned(),
            };
            format!(
                "the certificate of {broker} is not trusted; it is not signed by {authorities}: set \
                 kafka.tls.ca_file to the certificate of its authority"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_names_the_keys() {
        let identity = ClientIdentity::default();
        let problem = explain(Code::Authentication, "bad password", &identity).unwrap();
        let text = problem.to_string();
        assert!(text.contains("kafka.sasl.password_file"), "{text}");
        assert!(matches!(problem, KafkaProblem::Refused(_)));
    }
}
