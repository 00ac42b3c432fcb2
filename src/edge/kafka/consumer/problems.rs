//! The problems that the consumer has to report.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

use crate::edge::kafka::client_identity::ClientIdentity;
use crate::edge::kafka::error_explainer::KafkaErrorExplainer;
use crate::edge::kafka::oauth_tokens::TokenRefresher;
use crate::edge::kafka::problem::KafkaProblem;
use crate::edge::kafka::problem_text::no_token;

/// A refusal is reported again within this time while it lasts, because the client tries to connect
/// every two seconds.
const REFUSAL_VALIDITY: Duration = Duration::from_secs(5);

pub(super) struct ConsumerProblems {
    identity: ClientIdentity,
    /// `None`: the login needs no token.
    tokens: Option<TokenRefresher>,
    explainer: KafkaErrorExplainer,
    queue: VecDeque<KafkaProblem>,
    /// The time of the last refusal.
    refused: Option<Instant>,
}

impl ConsumerProblems {
    pub(super) fn new(identity: ClientIdentity, tokens: Option<TokenRefresher>) -> Self {
        Self {
            identity,
            tokens,
            explainer: KafkaErrorExplainer::default(),
            queue: VecDeque::new(),
            refused: None,
        }
    }

    /// The next problem to report.
    pub(super) fn next(&mut self) -> Option<KafkaProblem> {
        self.queue.pop_front()
    }

    /// Reports an error of the client library. `fatal` is the client's fatal error.
    pub(super) fn report_error(
        &mut self,
        code: RDKafkaErrorCode,
        reason: &str,
        fatal: Option<RDKafkaErrorCode>,
    ) {
        let now = Instant::now();
        let is_fenced = matches!(
            fatal,
            Some(RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnreleasedInstanceId)
        );
        let problem = if is_fenced {
            Some(KafkaProblem::Fenced(format!(
                "another member of the consumer group {} has the id of this one: this process \
                 before an outage, or an exporter with a copy of its checkpoint directory",
                self.identity.group
            )))
        } else {
            if let Some(tokens) = &self.tokens {
                self.identity.token_principal = tokens.principal();
            }
            self.explainer.explain(code, reason, &self.identity, now)
        };
        if let Some(problem) = problem {
            self.report(problem);
        }
    }

    /// Reports a problem unless it was reported lately.
    pub(super) fn report(&mut self, problem: KafkaProblem) {
        let now = Instant::now();
        if matches!(problem, KafkaProblem::Refused(_)) {
            self.refused = Some(now);
        }
        self.queue.extend(self.explainer.admit(problem, now));
    }

    /// Reports a problem, even if it was reported before.
    pub(super) fn report_always(&mut self, problem: KafkaProblem) {
        self.queue.push_back(problem);
    }

    /// Reports that there is no token.
    pub(super) fn check_tokens(&mut self) {
        let failure = self.tokens.as_ref().and_then(TokenRefresher::failure);
        if let Some(reason) = failure {
            self.report(KafkaProblem::Refused(no_token(&reason)));
        }
    }

    /// Whether the brokers refused something lately.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
            .is_some_and(|at| at.elapsed() < REFUSAL_VALIDITY)
    }

    pub(super) fn explainer(&self) -> &KafkaErrorExplainer {
        &self.explainer
    }

    pub(super) fn explainer_mut(&mut self) -> &mut KafkaErrorExplainer {
        &mut self.explainer
    }
}
