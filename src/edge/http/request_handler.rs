//! Answers one request: limits and logins before the pages, headers after them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, HeaderMap, REFERRER_POLICY, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connection_slots::ActiveRequest;
use super::protection::{LoginVerdict, Protection, ProtectionSettings};
use super::sending::SentBody;
use crate::edge::self_metrics::WebRefusal;

/// Seconds, for the header `retry-after`.
const RETRY: &str = "5";
/// Makes a browser ask for a name and a password.
const REALM: &str = "Basic realm=\"ticket-exporter\", charset=\"UTF-8\"";

#[derive(Clone, Debug)]
pub(super) struct RequestHandler {
    pages: TowerToHyperService<Router>,
    pub(super) takes_bodies: bool,
    pub(super) protection: Arc<Protection>,
}

impl RequestHandler {
    pub(super) fn new(router: Router, protection: Arc<Protection>) -> Self {
        Self {
            pages: TowerToHyperService::new(router),
            takes_bodies: false,
            protection,
        }
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        active: ActiveRequest,
    ) -> hyper::Response<SentBody> {
        let settings = self.protection.current().await;
        let version = request.version();
        let mut response = match self.admit(&request, version, &settings).await {
            Ok(()) => match self.pages.call(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(mut response) => {
                set_own_headers(response.headers_mut());
                response
            }
        };
        for (name, value) in &settings.headers {
            response.headers_mut().insert(name, value.clone());
        }
        SentBody::of(response, active)
    }

    /// # Errors
    /// The answer to send instead of a page.
    async fn admit(
        &self,
        request: &Request<Incoming>,
        version: Version,
        settings: &ProtectionSettings,
    ) -> Result<(), Response> {
        if !self.protection.has_token(settings) {
            self.protection.count(WebRefusal::RateLimit);
            let text = "too many requests: the rate limit of this server is reached\n";
            let retry = [(RETRY_AFTER, RETRY)];
            return Err((StatusCode::TOO_MANY_REQUESTS, retry, text).into_response());
        }
        if !self.takes_bodies && !request.body().is_end_stream() {
            self.protection.count(WebRefusal::Body);
            let text = "no request here takes a body\n";
            let mut response = (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
            if version <= Version::HTTP_11 {
                // So the server need not read the rest of the body.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            return Err(response);
        }
        let authorization = request.headers().get(AUTHORIZATION);
        match self.protection.judge(settings, authorization).await {
            LoginVerdict::Allowed => Ok(()),
            LoginVerdict::Refused => {
                self.protection.count(WebRefusal::Login);
                let ask = [(WWW_AUTHENTICATE, REALM)];
                let text = "a user name and a password are required\n";
                Err((StatusCode::UNAUTHORIZED, ask, text).into_response())
            }
            LoginVerdict::Busy => {
                self.protection.count(WebRefusal::Busy);
                let text = "too many logins are being checked; try again later\n";
                let retry = [(RETRY_AFTER, RETRY)];
                Err((StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response())
            }
        }
    }
}

/// Headers of every answer: no cache stores it, no browser guesses its type, no other site frames it,
/// and no other site learns its address.
pub(super) fn set_own_headers(headers: &mut HeaderMap) {
    let own: [(HeaderName, &str); 4] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "deny"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    headers.extend(own.map(|(name, value)| (name, HeaderValue::from_static(value))));
}
