//! The page `/-/reload`.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use super::reload_requests::ReloadRequests;
use super::switches::Switches;

/// 200 when the configuration is in force, 500 with all its errors, 403 if reloading over HTTP is off,
/// and 503 if no reload is possible now.
pub async fn reload_answer(switches: &Switches, reloads: &ReloadRequests) -> Response {
    if !switches.allows_reload() {
        let text = "reloading over HTTP is off; set web.enable_lifecycle: true\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    match reloads.ask("http").await {
        Ok(Ok(text)) => format!("{text}\n").into_response(),
        Ok(Err(text)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{text}\n")).into_response(),
        Err(error) => {
            let retry = [(RETRY_AFTER, "5")];
            let text = format!("{error}\n");
            (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
        }
    }
}
