//! The receiver of webhooks: a request becomes records in Kafka, and gets 200 when Kafka has acknowledged
//! them. `decode::webhook` has the decisions; here are sockets, limits and deadlines.

mod answer;
mod body;
mod hooks;
mod metrics;
mod monitor;
mod pages;
mod prepare;
mod receiver;

pub use hooks::{HookTable, SecretError};
pub use metrics::GatewayMetrics;
pub use monitor::watch;
pub use pages::{GatewayState, pages};
pub use receiver::{ActiveHooks, WebhookReceiver, hooks_router};
