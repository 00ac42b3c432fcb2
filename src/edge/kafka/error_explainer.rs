//! Turns errors of the client library into problems and lets each problem through once; again after an
//! outage is over, or as a reminder.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode as Code;

use super::broker_probe::{self, BrokerFinding};
use super::client_identity::ClientIdentity;
use super::problem::KafkaProblem;
use super::problem_text::{self, NO_BROKER, distrusted, names_plaintext_listener, no_answer};

/// A lasting problem is reported again after this time: rare enough for a log, often enough that the
/// last hour of a log shows it.
const REMINDER: Duration = Duration::from_mins(15);

/// For this time after a specific error, an error that merely says that no broker can be reached adds
/// nothing.
const SPECIFIC: Duration = Duration::from_secs(30);

/// The result of probing a broker is used for this time.
const PROBE_VALIDITY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct KafkaErrorExplainer {
    /// The texts reported, and when.
    reported: HashMap<String, Instant>,
    outage: bool,
    /// The time of the last error that says more than that no broker can be reached.
    specific: Option<Instant>,
    /// The time of the last refusal.
    refused: Option<Instant>,
    /// Results of probing brokers, by address.
    probed: HashMap<String, (Instant, BrokerFinding)>,
    /// The last problem that keeps records from arriving, until they arrive.
    current: Option<String>,
}

impl KafkaErrorExplainer {
    /// Returns the problem if it is to be reported at `now`.
    pub(super) fn admit(&mut self, problem: KafkaProblem, now: Instant) -> Option<KafkaProblem> {
        if let KafkaProblem::Retrying(text) | KafkaProblem::Refused(text) = &problem {
            self.current = Some(text.clone());
        }
        self.outage |= match &problem {
            KafkaProblem::Retrying(text) => text == NO_BROKER,
            KafkaProblem::Refused(_) => true,
            _ => false,
        };
        let text = problem.to_string();
        if let Some(last) = self.reported.get(&text)
            && now.saturating_duration_since(*last) < REMINDER
        {
            return None;
        }
        // Older reports are due again anyway.
        self.reported
            .retain(|_, last| now.saturating_duration_since(*last) < REMINDER);
        self.reported.insert(text, now);
        Some(problem)
    }

    /// Explains one of the library's errors; `None` where it means no problem, or adds nothing to a
    /// recent one. May probe a broker, for seconds.
    pub(super) fn explain(
        &mut self,
        code: Code,
        reason: &str,
        identity: &ClientIdentity,
        now: Instant,
    ) -> Option<KafkaProblem> {
        let essential = essence(reason);
        let is_recent =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < SPECIFIC);
        let is_vague =
            code == Code::BrokerTransportFailure && !names_plaintext_listener(&essential);
        if is_vague && is_closed(&essential) && is_recent(self.refused) {
            return None; // the broker closes the connection after a refusal
        }
        if is_vague
            && essential.contains("SSL connection closed by peer")
            && let Some(broker) = broker_in(&essential)
            && self.probe(broker, identity, now) == BrokerFinding::NoTls
        {
            return None; // the client's next attempt reports that the listener has no TLS
        }
        if code == Code::AllBrokersDown {
            if is_recent(self.specific) {
                return None;
            }
            let broker = identity.brokers.first()?;
            let finding = self.probe(broker, identity, now);
            let problem = no_answer(broker, &finding, identity);
            if matches!(problem, KafkaProblem::Refused(_)) {
                self.refused = Some(now);
            }
            return Some(problem);
        }
        self.specific = Some(now);
        if code == Code::SSL && essential.contains("certificate verify failed") {
            let broker = broker_in(&essential)?;
            let finding = self.probe(broker, identity, now);
            return Some(KafkaProblem::Refused(distrusted(
                broker, &finding, identity,
            )));
        }
        let problem = problem_text::explain(code, &essential, identity);
        if matches!(problem, Some(KafkaProblem::Refused(_))) {
            self.refused = Some(now);
        }
        problem
    }

    fn probe(&mut self, broker: &str, identity: &ClientIdentity, now: Instant) -> BrokerFinding {
        if let Some((at, finding)) = self.probed.get(broker)
            && now.saturating_duration_since(*at) < PROBE_VALIDITY
        {
            return finding.clone();
        }
        let finding = broker_probe::probe(broker, identity.ca_file.as_deref());
        self.probed
            .insert(broker.to_owned(), (now, finding.clone()));
        finding
    }

    /// Records arrive: an outage of all brokers is over. If only some brokers are away, their problem
    /// is not reported again.
    pub(super) fn recovered(&mut self) {
        self.current = None;
        if std::mem::take(&mut self.outage) {
            self.reported.clear();
        }
    }

    /// The reason why no records arrive, in the words of the log.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Records can arrive again.
    pub(super) fn clear_current(&mut self) {
        self.current = None;
    }

    /// A problem is over; if it comes back, it is reported again.
    pub(super) fn forget(&mut self, text: &str) {
        self.reported.remove(text);
    }
}

/// The address in front of a reason.
fn broker_in(reason: &str) -> Option<&str> {
    let rest = reason.split_once("://").map_or(reason, |(_, rest)| rest);
    rest.split_once(": ").map(|(address, _)| address)
}

/// Whether the broker closed the connection.
fn is_closed(reason: &str) -> bool {
    ["Disconnected: ", "Broken pipe", "Connection reset"]
        .iter()
        .any(|words| reason.contains(words))
}

/// The reason without the parts that differ between attempts: how long it took, how many reports the
/// library suppressed, and which of its connections to the broker it was.
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
    fn a_problem_is_reported_once_until_it_is_over() {
        let mut explainer = KafkaErrorExplainer::default();
        let now = Instant::now();
        let identity = ClientIdentity::default();
        let code = Code::BrokerTransportFailure;
        let refused = problem_text::explain(code, "a:1: refused", &identity).unwrap();
        let down = KafkaProblem::Retrying(NO_BROKER.to_owned());
        assert!(explainer.admit(refused.clone(), now).is_some());
        assert!(explainer.admit(refused.clone(), now).is_none());
        explainer.recovered();
        assert!(explainer.admit(refused.clone(), now).is_none(), "no outage");
        assert!(explainer.admit(down.clone(), now).is_some());
        assert!(explainer.admit(refused.clone(), now).is_none());
        explainer.recovered();
        assert!(explainer.admit(refused.clone(), now).is_some());
        assert!(explainer.admit(down, now).is_some());
        assert!(explainer.admit(refused, now + REMINDER).is_some());
    }

    #[test]
    fn unreachable_brokers_add_nothing_to_a_specific_error() {
        let mut explainer = KafkaErrorExplainer::default();
        let identity = ClientIdentity {
            brokers: vec!["127.0.0.1:1".to_owned()],
            ..ClientIdentity::default()
        };
        let now = Instant::now();
        let mut down = |at| explainer.explain(Code::AllBrokersDown, "1/1", &identity, at);
        assert_eq!(
            down(now),
            Some(KafkaProblem::Retrying(NO_BROKER.to_owned()))
        );
        let refused = explainer.explain(Code::Authentication, "a:1: bad", &identity, now);
        assert!(matches!(refused, Some(KafkaProblem::Refused(_))));
        let mut down = |at| explainer.explain(Code::AllBrokersDown, "1/1", &identity, at);
        assert_eq!(down(now), None);
        assert!(down(now + SPECIFIC).is_some());
    }

    #[test]
    fn a_listener_without_tls_is_reported_once() {
        let mut explainer = KafkaErrorExplainer::default();
        let now = Instant::now();
        let broker = "127.0.0.1:9".to_owned();
        explainer.probed.insert(broker, (now, BrokerFinding::NoTls));
        let mut explain = |reason: &str| {
            let reason = format!("ssl://127.0.0.1:9/bootstrap: {reason}");
            explainer.explain(
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
    fn all_connections_to_a_broker_have_the_same_problem() {
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
}
