//! The HTTP server for scrapers, probes and readers.
//!
//! [`router`] has the pages, [`HttpServer`] the connections. The application shows its state
//! through [`Published`]. Neither side waits for the other.

mod api;
mod connection;
mod connection_slots;
mod context;
mod gzip;
mod html;
mod landing;
mod large_answers;
mod parameters;
mod protection;
mod published;
mod questions;
mod readiness;
mod reload;
mod reload_requests;
mod rendering;
mod request_handler;
mod scrape;
mod sending;
mod server;
mod shared_text;
mod slots;
mod stall;
mod switches;
#[cfg(test)]
mod tests;
mod tickets;

pub use protection::{Protection, check, leaf_certificate};
pub use published::{Kpis, Published, PublishedView, SharedKpis, SharedSeries};
pub use questions::{TicketAnswer, TicketQuestion, TicketQuestions};
pub use readiness::{Latch, Readiness};
pub use reload::reload_answer;
pub use reload_requests::{ReloadError, ReloadOutcome, ReloadRequest, ReloadRequests};
pub use server::{HttpServer, ListenError, try_listen};
pub use switches::Switches;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::config::Web;
use context::WebContext;
use rendering::Rendering;
use request_handler::set_own_headers;

/// All pages (`docs/reference/http-api.md`). The caller may add more.
pub fn router(published: Arc<Published>, web: &Web) -> Router {
    published.switches().set(web);
    let context = WebContext {
        published,
        telemetry_path: web.telemetry_path.clone(),
        route_prefix: web.route_prefix.clone(),
        rendering: Arc::new(Rendering::default()),
    };
    let metrics = context.telemetry_path.as_str();
    let mut router = Router::new()
        .route(&web.path(metrics), get(scrape::scrape))
        .route(&web.path("/-/healthy"), get(|| async { "healthy\n" }))
        .route(&web.path("/-/ready"), get(ready))
        .route(&web.path("/-/reload"), post(reload).put(reload))
        .route(&web.path("/api/v1/kpis"), get(api::kpis))
        .route(&web.path("/api/v1/tickets"), get(api::tickets))
        .route(&web.path("/tickets"), get(tickets::page));
    if metrics != "/" {
        router = router.route(&web.path("/"), get(landing::page));
    }
    for (from, to) in redirects(web.route_prefix.as_str()) {
        let found = (StatusCode::FOUND, [(LOCATION, to)]);
        router = router.route(&from, get(move || async { found }));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(context.clone(), scrape::bound))
        .layer(map_response(harden))
        .with_state(context)
}

/// Paths that redirect to the landing page, with its relative address: a reverse proxy may add a path
/// of its own in front.
fn redirects(prefix: &str) -> Vec<(String, String)> {
    let Some(last) = prefix.rsplit('/').next().filter(|last| !last.is_empty()) else {
        return Vec::new();
    };
    vec![
        ("/".to_owned(), format!(".{prefix}/")),
        (prefix.to_owned(), format!("./{last}/")),
    ]
}

async fn ready(State(context): State<WebContext>) -> Response {
    readiness_answer(context.published.readiness())
}

async fn reload(State(context): State<WebContext>) -> Response {
    let published = &context.published;
    reload_answer(published.switches(), published.reloads()).await
}

/// 200, or 503 with the reasons, one a line. The remarks follow.
pub fn readiness_answer(readiness: &Readiness) -> Response {
    let reasons = readiness.reasons();
    let (status, word) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let remarks = readiness.remarks().into_iter();
    let remarks = remarks.map(|remark| format!("note: {remark}"));
    let mut text = format!("{word}\n");
    for line in reasons.into_iter().chain(remarks) {
        text.push_str("- ");
        text.push_str(&line);
        text.push('\n');
    }
    (status, text).into_response()
}

async fn not_found(State(context): State<WebContext>) -> Response {
    let text = format!(
        "not found; below {}/ there are {} and /tickets, /api/v1/kpis, /api/v1/tickets, \
         /-/healthy, /-/ready, /-/reload\n",
        context.route_prefix, context.telemetry_path
    );
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let text = format!("{method} is not allowed for {}\n", uri.path());
    (StatusCode::METHOD_NOT_ALLOWED, text).into_response()
}

/// Adds the headers of every answer.
pub async fn harden(mut response: Response) -> Response {
    set_own_headers(response.headers_mut());
    response
}
