//! The answers to senders: a status, and one line that says what is wrong.

use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::decode::webhook::{AuthenticationRefusal, BodyRefusal};
use crate::edge::kafka::WebhookFailure;

/// Seconds, for the header `retry-after`. A broker that restarts is back soon.
const RETRY: &str = "5";

/// Why a request is not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookRefusal {
    #[error("there is no such hook")]
    NoHook,
    #[error("only POST is allowed here")]
    NotPost,
    #[error(transparent)]
    Authentication(#[from] AuthenticationRefusal),
    #[error("the content type is not JSON; let the sender use application/json")]
    NotJsonType,
    #[error("the content encoding is not gzip")]
    UnknownEncoding,
    #[error("the body has more than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body has not arrived in time")]
    SlowBody,
    #[error("the body has ended early")]
    BrokenBody,
    #[error(transparent)]
    Body(#[from] BodyRefusal),
    #[error("too many requests are in progress; try again later")]
    Busy,
    #[error("{0}; try again later")]
    NotWritten(WebhookFailure),
    #[error("the topic takes no record of this size")]
    RecordTooLarge,
}

impl From<WebhookFailure> for HookRefusal {
    fn from(failure: WebhookFailure) -> Self {
        match failure {
            WebhookFailure::TooLarge => Self::RecordTooLarge,
            other => Self::NotWritten(other),
        }
    }
}

impl HookRefusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoHook => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::Authentication(
                AuthenticationRefusal::Missing { .. } | AuthenticationRefusal::Unreadable { .. },
            ) => StatusCode::UNAUTHORIZED,
            Self::Authentication(_) => StatusCode::FORBIDDEN,
            Self::NotJsonType | Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. }
            | Self::RecordTooLarge
            | Self::Body(BodyRefusal::TooLarge { .. } | BodyRefusal::TooManyRecords) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::NotWritten(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the server has not read the whole body, and should not.
    fn leaves_body(&self) -> bool {
        !matches!(
            self,
            Self::Body(_) | Self::NotWritten(_) | Self::RecordTooLarge
        )
    }
}

impl IntoResponse for HookRefusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, format!("{self}\n")).into_response();
        let mut add = |name: HeaderName, value: &'static str| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        };
        match status {
            StatusCode::METHOD_NOT_ALLOWED => add(ALLOW, "POST, HEAD"),
            StatusCode::UNAUTHORIZED => add(WWW_AUTHENTICATE, "Basic realm=\"hook\", Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => add(RETRY_AFTER, RETRY),
            _ => {}
        }
        if self.leaves_body() {
            add(CONNECTION, "close");
        }
        response
    }
}
