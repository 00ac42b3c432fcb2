//! The state that all handlers share.

use std::sync::Arc;

use super::published::Published;
use super::rendering::Rendering;
use crate::config::{RoutePrefix, TelemetryPath};

#[derive(Clone, Debug)]
pub(super) struct WebContext {
    pub(super) published: Arc<Published>,
    pub(super) telemetry_path: TelemetryPath,
    pub(super) route_prefix: RoutePrefix,
    pub(super) rendering: Arc<Rendering>,
}

impl WebContext {
    /// Whether pages may show ticket ids.
    pub(super) fn shows_tickets(&self) -> bool {
        self.published.switches().shows_tickets()
    }
}
