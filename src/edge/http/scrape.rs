//! The metrics endpoint: negotiate, render off the event loop, compress.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER,
    VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;
use tracing::error;

use super::sending::Permit;
use super::{Published, Site};
use crate::edge::self_metrics::Refusal;
use crate::engine::Series;
use crate::exposition::{Format, negotiate, render};

/// Expositions rendered at the same time: more would only take the processors from the stream.
const MAX_RENDERING: usize = 2;

/// Scrapes under way, those waiting for their turn and those being sent included. A pair of Prometheus servers needs
/// two; beyond this somebody is scraping by mistake, and memory is a promise.
const MAX_SCRAPES: usize = 64;

/// The bounds, and how large an exposition was last time.
#[derive(Debug)]
pub(super) struct Scraping {
    scrapes: Arc<Semaphore>,
    rendering: Arc<Semaphore>,
    sizes: [AtomicUsize; Format::ALL.len()],
}

impl Default for Scraping {
    fn default() -> Self {
        Self {
            scrapes: Arc::new(Semaphore::new(MAX_SCRAPES)),
            rendering: Arc::new(Semaphore::new(MAX_RENDERING)),
            sizes: Default::default(),
        }
    }
}

impl Scraping {
    /// The whole exposition: the KPIs, unless they are withheld, and the self-metrics.
    fn render(&self, published: &Published, format: Format, gzip: bool) -> Vec<u8> {
        let size = &self.sizes[format as usize];
        let view = published.view();
        let mut series: Vec<&dyn Series> = Vec::with_capacity(3);
        if let Some(kpis) = &view.kpis {
            series.push(kpis.as_ref());
        }
        if let Some(progress) = &view.progress {
            series.push(progress.as_ref());
        }
        series.push(published.self_metrics().as_ref());
        let text = render(format, &series, size.load(Ordering::Relaxed));
        size.store(text.len(), Ordering::Relaxed);
        if gzip { compress(&text) } else { text }
    }
}

/// Computes an answer off the event loop, within the bounds on scrapes and pages alike.
///
/// # Errors
/// The answer to give instead: too many ask, or it panicked.
pub(super) async fn compute<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Site) -> T + Send + 'static,
) -> Result<T, Response> {
    let (computed, _) = compute_to_send(site, work).await?;
    Ok(computed)
}

/// The same, with the permit that is to go with an answer that is large.
async fn compute_to_send<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Site) -> T + Send + 'static,
) -> Result<(T, Permit), Response> {
    let busy = || {
        let metrics = site.published.self_metrics();
        metrics.web_refused(Refusal::Busy).inc();
        busy()
    };
    let Ok(permit) = Arc::clone(&site.scraping.scrapes).try_acquire_owned() else {
        return Err(busy());
    };
    let Ok(rendering) = Arc::clone(&site.scraping.rendering).acquire_owned().await else {
        return Err(busy()); // only where the semaphore is closed, which nobody does
    };
    let for_work = site.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _rendering = rendering; // held to the end, also where the asker has left
        work(&for_work)
    });
    let done = done.await.map_err(|failure| {
        // Wrong numbers are not worth serving; the scraper sees a failed scrape.
        error!(%failure, "an answer could not be rendered");
        let text = "the answer could not be rendered\n";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    });
    Ok((done?, Permit::of(permit)))
}

pub(super) async fn scrape(State(site): State<Site>, headers: HeaderMap) -> Response {
    let format = negotiate(joined(&headers, &ACCEPT).as_deref());
    let gzip = accepts_gzip(joined(&headers, &ACCEPT_ENCODING).as_deref());
    let render = move |site: &Site| site.scraping.render(&site.published, format, gzip);
    let (body, permit) = match compute_to_send(&site, render).await {
        Ok(computed) => computed,
        Err(response) => return response,
    };
    let mut response = body.into_response();
    response.extensions_mut().insert(permit);
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

fn busy() -> Response {
    let text = format!("too many scrapes: {MAX_SCRAPES} are under way, try again later\n");
    let retry = [(RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
}

/// The fastest level: on a local network more compression costs more time than it saves.
fn compress(text: &[u8]) -> Vec<u8> {
    let buffer = Vec::with_capacity(text.len() / 8);
    let mut encoder = GzEncoder::new(buffer, Compression::fast());
    // Writing into a vector cannot fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}

/// All values of a header that is a list; `None` where it is absent or no text.
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
    fn gzip_where_it_is_welcome() {
        for (header, welcome) in [
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
            assert_eq!(accepts_gzip(header), welcome, "{header:?}");
        }
    }
}
