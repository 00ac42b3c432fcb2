//! Wishes to have the configuration loaded again, on their way to whoever does it, and the page
//! that takes them.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use tokio::sync::{mpsc, oneshot};

use super::Site;

/// Wishes that may wait while one is fulfilled. Who finds them there knows that another reload is
/// to come anyway.
const MAX_WAITING: usize = 8;

/// What came of a reload, in words: what changed, or everything that is wrong.
pub type Reloaded = Result<String, String>;

/// Somebody wants the configuration loaded again.
#[derive(Debug)]
pub struct Wish {
    /// Who: a word for the log.
    pub origin: &'static str,
    asker: oneshot::Sender<Reloaded>,
}

impl Wish {
    pub fn answer(self, reloaded: Reloaded) {
        // Who does not wait any more has said so by leaving.
        let _ = self.asker.send(reloaded);
    }
}

/// Why there is no answer to a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReload {
    #[error("this process has no configuration that could be loaded again")]
    Nothing,
    #[error("other reloads are waiting already")]
    Busy,
    #[error("the exporter is stopping")]
    Stopping,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Reloads(OnceLock<mpsc::Sender<Wish>>);

impl Reloads {
    /// Takes wishes from now on; one after the other. To be called once: later ones get nothing.
    pub fn listen(&self) -> mpsc::Receiver<Wish> {
        let (sender, wishes) = mpsc::channel(MAX_WAITING);
        // A second listener hears that nobody speaks.
        let _ = self.0.set(sender);
        wishes
    }

    /// Asks, and waits for what came of it.
    ///
    /// # Errors
    /// [`NoReload`].
    pub async fn ask(&self, origin: &'static str) -> Result<Reloaded, NoReload> {
        let sender = self.0.get().ok_or(NoReload::Nothing)?;
        let (asker, answer) = oneshot::channel();
        sender
            .try_send(Wish { origin, asker })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => NoReload::Busy,
                mpsc::error::TrySendError::Closed(_) => NoReload::Stopping,
            })?;
        answer.await.map_err(|_| NoReload::Stopping)
    }
}

/// 200 once the configuration is in force, 500 with everything that is wrong with it, 403 where
/// this is off, and 503 where nobody can do it now.
pub(super) async fn reload(State(site): State<Site>) -> Response {
    if !site.published.switches().allows_reload() {
        let text = "reloading over HTTP is off; web.enable_lifecycle switches it on\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    match site.published.reloads().ask("http").await {
        Ok(Ok(text)) => format!("{text}\n").into_response(),
        Ok(Err(text)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{text}\n")).into_response(),
        Err(error) => {
            let retry = [(RETRY_AFTER, "5")];
            let text = format!("{error}\n");
            (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
        }
    }
}
