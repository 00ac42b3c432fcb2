//! The pages for operators: metrics and health. They have their own address, because the hooks are open
//! to the Internet.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::metrics::GatewayMetrics;
use crate::config::Web;
use crate::domain::catalog::{self, Family};
use crate::domain::timestamp::Timestamp;
use crate::edge::http::{
    Readiness, ReloadRequests, Switches, harden, readiness_answer, reload_answer,
};
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::{Sample, Series, Visitor};
use crate::exposition::{negotiate, render};

/// Bytes of an exposition: some twenty families.
const EXPOSITION_BYTES: usize = 16 << 10;

/// The state behind the pages.
#[derive(Clone, Debug)]
pub struct GatewayState {
    pub metrics: Arc<GatewayMetrics>,
    /// Of the HTTP servers and the process.
    pub self_metrics: Arc<SelfMetrics>,
    pub readiness: Readiness,
    pub reloads: Arc<ReloadRequests>,
    pub switches: Arc<Switches>,
}

pub fn pages(state: GatewayState, web: &Web) -> Router {
    Router::new()
        .route(&web.path(web.telemetry_path.as_str()), get(metrics))
        .route(&web.path("/-/healthy"), get(|| async { "healthy\n" }))
        .route(&web.path("/-/ready"), get(ready))
        .route(&web.path("/-/reload"), post(reload).put(reload))
        .fallback(not_found)
        .layer(map_response(harden))
        .with_state(state)
}

async fn ready(State(state): State<GatewayState>) -> Response {
    readiness_answer(&state.readiness)
}

async fn reload(State(state): State<GatewayState>) -> Response {
    reload_answer(&state.switches, &state.reloads).await
}

async fn not_found() -> Response {
    let text = "not found; there are /metrics, /-/healthy, /-/ready, /-/reload\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn metrics(State(state): State<GatewayState>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = negotiate(accept);
    let own = ProcessMetrics(&state.self_metrics);
    let text = render(format, &[&*state.metrics, &own], EXPOSITION_BYTES);
    ([(CONTENT_TYPE, format.content_type())], text).into_response()
}

/// The families about the process and its HTTP servers. The other ones of an exporter would be wrong here.
struct ProcessMetrics<'a>(&'a SelfMetrics);

impl Series for ProcessMetrics<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.0.visit(&mut Filter {
            visitor,
            is_wanted: false,
        });
    }
}

struct Filter<'v> {
    visitor: &'v mut dyn Visitor,
    /// Whether the current family is shown.
    is_wanted: bool,
}

impl Visitor for Filter<'_> {
    fn family(&mut self, family: &'static Family, labels: &[&str], start: Option<Timestamp>) {
        let shown = [
            &catalog::CONFIG_RELOAD_SUCCESSFUL,
            &catalog::CONFIG_RELOAD_TIME,
            &catalog::WEB_REFUSED,
            &catalog::WEB_CONFIG_SUCCESSFUL,
            &catalog::WEB_CONFIG_TIME,
        ];
        self.is_wanted = family.name.starts_with("process_") || shown.contains(&family);
        if self.is_wanted {
            self.visitor.family(family, labels, start);
        }
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        if self.is_wanted {
            self.visitor.sample(values, sample);
        }
    }
}
