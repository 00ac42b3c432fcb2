//! The metrics endpoint: negotiates, renders on a blocking thread, and compresses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER,
    VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Frame, SizeHint};
use tracing::error;

use super::context::WebContext;
use super::gzip;
use super::large_answers::AnswerSlot;
use super::rendering::render_rest;
use super::sending::{PIECE, SendPermit};
use super::shared_text::TextKey;
use crate::edge::self_metrics::WebRefusal;
use crate::exposition::negotiate;

/// Computes an answer on a blocking thread, within the limits of answers.
///
/// # Errors
/// The answer to send instead: there are too many requests, or `work` panicked.
pub(super) async fn compute<T: Send + 'static>(
    context: &WebContext,
    work: impl FnOnce(&WebContext) -> T + Send + 'static,
) -> Result<T, Response> {
    let Some(_slot) = context.rendering.answers.enter().await else {
        return Err(busy(context));
    };
    run(context, work).await
}

async fn run<T: Send + 'static>(
    context: &WebContext,
    work: impl FnOnce(&WebContext) -> T + Send + 'static,
) -> Result<T, Response> {
    let Ok(rendering) = Arc::clone(&context.rendering.permits).acquire_owned().await else {
        return Err(busy(context)); // the semaphore is never closed
    };
    let for_work = context.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _rendering = rendering; // held to the end, even if the client has gone
        work(&for_work)
    });
    done.await.map_err(|failure| {
        // A failed scrape is better than wrong numbers.
        error!(%failure, "answer not rendered");
        let text = "the answer could not be rendered; the log says why\n";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    })
}

pub(super) async fn scrape(State(context): State<WebContext>, headers: HeaderMap) -> Response {
    let format = negotiate(joined(&headers, &ACCEPT).as_deref());
    let gzip = accepts_gzip(joined(&headers, &ACCEPT_ENCODING).as_deref());
    let Some(slot) = context.rendering.answers.enter().await else {
        return busy(&context);
    };
    let parts = match parts(&context, &slot, TextKey { format, gzip }).await {
        Ok(parts) => parts,
        Err(response) => return response,
    };
    let mut response = Response::new(Body::new(parts));
    response.extensions_mut().insert(SendPermit::of(slot, None));
    let head = response.headers_mut();
    head.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    head.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if gzip {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The whole exposition.
async fn parts(
    context: &WebContext,
    slot: &AnswerSlot,
    key: TextKey,
) -> Result<BodyParts, Response> {
    let TextKey { format, gzip } = key;
    let render = async {
        let expected = context.rendering.expected_size(format);
        let reservation = slot.reserve(expected).await;
        let reservation = reservation.ok_or_else(|| busy(context))?;
        run(context, move |context| {
            let shown = context.published.shown();
            context.rendering.render(&shown, key, reservation)
        })
        .await
    };
    let publication = context.published.shown().number;
    let text = context.rendering.texts.get(key, publication, render);
    let text = text.await?;
    let shared = Arc::clone(&text);
    let rest = run(context, move |context| {
        render_rest(context.published.self_metrics(), format, &shared)
    });
    let rest = rest.await?;
    let head: &'static [u8] = if gzip { &gzip::HEAD } else { &[] };
    Ok(BodyParts([
        Bytes::from_static(head),
        text.share(),
        rest.into(),
    ]))
}

/// A body of several buffers, one after the other.
struct BodyParts([Bytes; 3]);

impl hyper::body::Body for BodyParts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let parts = &mut self.get_mut().0;
        let next = parts.iter_mut().find(|part| !part.is_empty());
        Poll::Ready(next.map(|part| Ok(Frame::data(std::mem::take(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|part| part.len() as u64).sum())
    }
}

/// Applies the limits of answers to the large answers of other pages. An exposition has its slot
/// already, and an answer of one piece needs none.
pub(super) async fn bound(
    State(context): State<WebContext>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let size = response.body().size_hint().lower();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size <= PIECE || response.extensions().get::<SendPermit>().is_some() {
        return response;
    }
    let answers = &context.rendering.answers;
    let Some(slot) = answers.enter().await else {
        return busy(&context);
    };
    let Some(mut reservation) = slot.reserve(size).await else {
        return busy(&context);
    };
    reservation.resize(size);
    let permit = SendPermit::of(slot, Some(reservation));
    response.extensions_mut().insert(permit);
    response
}

fn busy(context: &WebContext) -> Response {
    context
        .published
        .self_metrics()
        .web_refused(WebRefusal::Busy)
        .inc();
    let text = "too many scrapes are in progress; try again later\n";
    let retry = [(RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
}

/// All values of a list header; `None` if it is absent or not text.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether the answer may be compressed (RFC 9110, section 12.5.3): `gzip` or `*`, not with a
/// weight of 0.
fn accepts_gzip(accept_encoding: Option<&str>) -> bool {
    let mut any = false;
    for coding in accept_encoding.unwrap_or_default().split(',') {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let refused = parts.any(|part| {
            part.split_once('=').is_some_and(|(key, weight)| {
                key.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0)
            })
        });
        match name.as_str() {
            "gzip" | "x-gzip" => return !refused,
            "*" => any = !refused,
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_the_client_accepts_it() {
        for (header, accepted) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("deflate, GZIP;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.000, *"), false),
            (Some("identity"), false),
            (Some("*"), true),
            (Some("*;q=0"), false),
            (Some("br;q=1.0, *;q=0.1"), true),
        ] {
            assert_eq!(accepts_gzip(header), accepted, "{header:?}");
        }
    }
}
