//! What becomes of one request before and after the pages: limits, logins, headers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::Busy;
use super::protection::{Protection, Snapshot, Verdict};
use super::sending::Sending;
use super::set_own_headers;
use crate::edge::self_metrics::Refusal;

/// Seconds after which it is worth trying again.
const RETRY: &str = "5";
/// What a browser asks for a name and a password by.
const REALM: &str = "Basic realm=\"ticket-exporter\", charset=\"UTF-8\"";

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pages: TowerToHyperService<Router>,
    pub(super) protection: Arc<Protection>,
}

impl Desk {
    pub(super) fn new(router: Router, protection: Arc<Protection>) -> Self {
        Self {
            pages: TowerToHyperService::new(router),
            protection,
        }
    }

    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        busy: Busy,
    ) -> hyper::Response<Sending> {
        let snapshot = self.protection.current().await;
        let version = request.version();
        let mut response = match self.admit(&request, version, &snapshot).await {
            Ok(()) => match self.pages.call(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(mut response) => {
                set_own_headers(response.headers_mut());
                response
            }
        };
        for (name, value) in &snapshot.headers {
            response.headers_mut().insert(name, value.clone());
        }
        Sending::of(response, busy)
    }

    /// # Errors
    /// The answer to give instead of a page.
    async fn admit(
        &self,
        request: &Request<Incoming>,
        version: Version,
        snapshot: &Snapshot,
    ) -> Result<(), Response> {
        if !self.protection.has_token(snapshot) {
            self.protection.count(Refusal::RateLimit);
            let text = "too many requests: the rate limit of this server is reached\n";
            return Err(refusal(
                StatusCode::TOO_MANY_REQUESTS,
                &[(RETRY_AFTER, RETRY)],
                text,
            ));
        }
        if !request.body().is_end_stream() {
            self.protection.count(Refusal::Body);
            let text = "no request here takes a body\n";
            let mut response = refusal(StatusCode::PAYLOAD_TOO_LARGE, &[], text);
            if version <= Version::HTTP_11 {
                // The rest of the body is not worth reading.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            return Err(response);
        }
        let authorization = request.headers().get(AUTHORIZATION);
        match self.protection.judge(snapshot, authorization).await {
            Verdict::Allowed => Ok(()),
            Verdict::Refused => {
                self.protection.count(Refusal::Login);
                let ask = [(WWW_AUTHENTICATE, REALM)];
                let text = "name and password, please\n";
                Err(refusal(StatusCode::UNAUTHORIZED, &ask, text))
            }
            Verdict::Busy => {
                self.protection.count(Refusal::Busy);
                let text = "too many logins are being checked, try again later\n";
                let retry = [(RETRY_AFTER, RETRY)];
                Err(refusal(StatusCode::SERVICE_UNAVAILABLE, &retry, text))
            }
        }
    }
}

fn refusal(
    status: StatusCode,
    headers: &[(HeaderName, &'static str)],
    text: &'static str,
) -> Response {
    let mut response = (status, text).into_response();
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
