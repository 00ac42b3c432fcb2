//! The receiver of webhooks as a service, and the reloads of its configuration.

mod error;
mod producer;
mod reload;
mod service;

pub use error::GatewayError;
pub use service::GatewayService;
