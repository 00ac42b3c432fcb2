//! Requests to load the configuration again.

use std::sync::OnceLock;

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait during a reload. More are refused, because a reload will come anyway.
const MAX_WAITING: usize = 8;

/// The changed parts, or all errors, as text.
pub type ReloadOutcome = Result<String, String>;

#[derive(Debug)]
pub struct ReloadRequest {
    /// The origin of the request, for the log.
    pub origin: &'static str,
    /// The answer to the same request before. The log has it already.
    known_failure: Option<String>,
    asker: oneshot::Sender<ReloadOutcome>,
}

impl ReloadRequest {
    pub fn is_known(&self, outcome: &ReloadOutcome) -> bool {
        let failure = outcome.as_ref().err();
        failure.is_some() && failure == self.known_failure.as_ref()
    }

    pub fn answer(self, outcome: ReloadOutcome) {
        // The receiver may have been dropped; that is fine.
        let _ = self.asker.send(outcome);
    }
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    #[error("this process has no configuration file to load again")]
    Nothing,
    #[error("other reloads are waiting already")]
    Busy,
    #[error("the exporter is stopping")]
    Stopping,
}

#[derive(Debug, Default)]
pub struct ReloadRequests(OnceLock<mpsc::Sender<ReloadRequest>>);

impl ReloadRequests {
    /// The receiver of the requests. Only the first call gets any.
    pub fn listen(&self) -> mpsc::Receiver<ReloadRequest> {
        let (sender, requests) = mpsc::channel(MAX_WAITING);
        let _ = self.0.set(sender);
        requests
    }

    /// Requests a reload and waits for its outcome.
    pub async fn ask(&self, origin: &'static str) -> Result<ReloadOutcome, ReloadError> {
        self.ask_again(origin, None).await
    }

    /// Like [`Self::ask`], after a request that failed for `known_failure`.
    pub async fn ask_again(
        &self,
        origin: &'static str,
        known_failure: Option<String>,
    ) -> Result<ReloadOutcome, ReloadError> {
        let sender = self.0.get().ok_or(ReloadError::Nothing)?;
        let (asker, answer) = oneshot::channel();
        sender
            .try_send(ReloadRequest {
                origin,
                known_failure,
                asker,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => ReloadError::Busy,
                mpsc::error::TrySendError::Closed(_) => ReloadError::Stopping,
            })?;
        answer.await.map_err(|_| ReloadError::Stopping)
    }
}
