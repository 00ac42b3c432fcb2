//! Why the gateway does not run.

use crate::config::ConfigErrors;
use crate::edge::gateway::SecretError;
use crate::edge::http::ListenError;
use crate::edge::kafka::StartError;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("gateway.hooks: no hook is configured; add at least one")]
    NoHooks,
    #[error(transparent)]
    Bind(#[from] ListenError),
    #[error(transparent)]
    Web(#[from] ConfigErrors),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}
