//! Who asks: scrapers, probes and people, over HTTP.
//!
//! [`router`] says what is answered, [`Server`] where and for how long. The application shows
//! things through [`Published`]; nothing here waits for it, and it never waits for a scrape.

mod answers;
mod api;
mod connection;
mod connections;
mod desk;
mod gzip;
mod html;
mod landing;
mod parameters;
mod protection;
mod published;
mod questions;
mod readiness;
mod reload;
mod scrape;
mod sending;
mod server;
mod shared_text;
mod stall;
mod switches;
#[cfg(test)]
mod tests;
mod tickets;

pub use protection::{Protection, check, leaf_certificate};
pub use published::{Kpis, Published, SharedKpis, SharedSeries, View};
pub use questions::{Answer, Question, Questions};
pub use readiness::{Latch, Readiness};
pub use reload::{NoReload, Reloaded, Reloads, Wish};
pub use server::{BindError, Server, try_listen};
pub use switches::Switches;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::config::{RoutePrefix, TelemetryPath, Web};
use scrape::Scraping;

/// What the handlers share.
#[derive(Clone, Debug)]
struct Site {
    published: Arc<Published>,
    telemetry_path: TelemetryPath,
    route_prefix: RoutePrefix,
    scraping: Arc<Scraping>,
}

impl Site {
    /// Ticket ids may be shown.
    fn shows_tickets(&self) -> bool {
        self.published.switches().shows_tickets()
    }
}

/// Every page there is (`docs/reference/http-api.md`). More can be added to it before it is
/// served.
pub fn router(published: Arc<Published>, web: &Web) -> Router {
    published.switches().set(web);
    let site = Site {
        published,
        telemetry_path: web.telemetry_path.clone(),
        route_prefix: web.route_prefix.clone(),
        scraping: Arc::new(Scraping::default()),
    };
    let metrics = site.telemetry_path.as_str();
    let mut router = Router::new()
        .route(&web.path(metrics), get(scrape::scrape))
        .route(&web.path("/-/healthy"), get(|| async { "healthy\n" }))
        .route(&web.path("/-/ready"), get(ready))
        .route(
            &web.path("/-/reload"),
            post(reload::reload).put(reload::reload),
        )
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
        .layer(from_fn_with_state(site.clone(), scrape::bound))
        .layer(map_response(harden))
        .with_state(site)
}

/// From which paths a browser is sent on to the landing page, and where that is from there: a
/// reverse proxy may have put another path in front of ours.
fn redirects(prefix: &str) -> Vec<(String, String)> {
    let Some(last) = prefix.rsplit('/').next().filter(|last| !last.is_empty()) else {
        return Vec::new();
    };
    vec![
        ("/".to_owned(), format!(".{prefix}/")),
        (prefix.to_owned(), format!("./{last}/")),
    ]
}

/// 200, or 503 with the reasons, one a line, and the remarks behind them.
async fn ready(State(site): State<Site>) -> Response {
    let readiness = site.published.readiness();
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

async fn not_found(State(site): State<Site>) -> Response {
    let text = format!(
        "not found; below {}/ there are {} and /tickets, /api/v1/kpis, /api/v1/tickets, \
         /-/healthy, /-/ready, /-/reload\n",
        site.route_prefix, site.telemetry_path
    );
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let text = format!("{method} is not allowed for {}\n", uri.path());
    (StatusCode::METHOD_NOT_ALLOWED, text).into_response()
}

async fn harden(mut response: Response) -> Response {
    set_own_headers(response.headers_mut());
    response
}

/// What holds for every answer: it is of this moment, of the type it says, in no other site's
/// frame, and no other site is told its address.
fn set_own_headers(headers: &mut HeaderMap) {
    let own: [(HeaderName, &str); 4] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "deny"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    headers.extend(own.map(|(name, value)| (name, HeaderValue::from_static(value))));
}
