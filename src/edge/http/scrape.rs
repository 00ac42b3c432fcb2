//! The metrics endpoint: negotiate, render off the event loop, compress, and share what is large.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use tokio::sync::Semaphore;
use tracing::error;

use super::Site;
use super::answers::{Answers, Reservation};
use super::gzip;
use super::published::Shown;
use super::sending::{PIECE, Permit};
use super::shared_text::{SharedTexts, Text, TextKey};
use crate::edge::self_metrics::{Refusal, SelfMetrics};
use crate::engine::Series;
use crate::exposition::{self, Format, negotiate};

/// Answers computed at the same time: more would only take the processors from the stream.
const MAX_RENDERING: usize = 2;

/// A text may be larger than the last one by this part of it, without more memory than it needs.
const GROWTH: usize = 16;

/// What answers share: their limits, the texts of publications, and how large those were last time.
#[derive(Debug)]
pub(super) struct Scraping {
    answers: Arc<Answers>,
    rendering: Arc<Semaphore>,
    texts: SharedTexts,
    sizes: [AtomicUsize; Format::ALL.len()],
}

impl Default for Scraping {
    fn default() -> Self {
        Self {
            answers: Arc::default(),
            rendering: Arc::new(Semaphore::new(MAX_RENDERING)),
            texts: SharedTexts::default(),
            sizes: Default::default(),
        }
    }
}

impl Scraping {
    /// A good guess at the size of a text, before it is compressed: a little more than the last one
    /// of the format, or twice the largest one of another format.
    fn expected_size(&self, format: Format) -> usize {
        let sizes = self.sizes.each_ref();
        let sizes = sizes.map(|size| size.load(Ordering::Relaxed));
        match sizes[format as usize] {
            0 => 2 * sizes.into_iter().max().unwrap_or_default(),
            last => last + last / GROWTH,
        }
    }

    /// The series of a publication: the KPIs, unless they are withheld, and how far the input is.
    fn render(&self, shown: &Shown, key: TextKey, mut reservation: Reservation) -> Text {
        let mut series: Vec<&dyn Series> = Vec::with_capacity(2);
        if let Some(kpis) = &shown.view.kpis {
            series.push(kpis.as_ref());
        }
        if let Some(progress) = &shown.view.progress {
            series.push(progress.as_ref());
        }
        let expected = self.expected_size(key.format);
        let mut bytes = exposition::render_part(key.format, &series, expected);
        self.sizes[key.format as usize].store(bytes.len(), Ordering::Relaxed);
        let mut checksum = None;
        if key.gzip {
            let compressed = gzip::first(&bytes);
            bytes = compressed.blocks;
            checksum = Some(compressed.checksum);
        } else {
            bytes.shrink_to_fit();
        }
        reservation.resize(bytes.len());
        Text {
            bytes,
            checksum,
            _reservation: reservation,
        }
    }
}

/// The self-metrics, as they are now, and the end of the exposition.
fn render_rest(metrics: &SelfMetrics, format: Format, text: &Text) -> Vec<u8> {
    let rest = exposition::render(format, &[metrics], 0);
    match &text.checksum {
        Some(checksum) => gzip::last(&rest, checksum),
        None => rest,
    }
}

/// Computes an answer off the event loop, within the bounds on answers.
///
/// # Errors
/// The answer to give instead: too many ask, or it panicked.
pub(super) async fn compute<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Site) -> T + Send + 'static,
) -> Result<T, Response> {
    let Some(_place) = site.scraping.answers.enter().await else {
        return Err(busy(site));
    };
    run(site, work).await
}

async fn run<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Site) -> T + Send + 'static,
) -> Result<T, Response> {
    let Ok(rendering) = Arc::clone(&site.scraping.rendering).acquire_owned().await else {
        return Err(busy(site)); // only where the semaphore is closed, which it never is
    };
    let for_work = site.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _rendering = rendering; // held to the end, also where the client has left
        work(&for_work)
    });
    done.await.map_err(|failure| {
        // Wrong numbers are not worth serving; the scraper sees a failed scrape.
        error!(%failure, "an answer could not be rendered");
        let text = "the answer could not be rendered\n";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    })
}

pub(super) async fn scrape(State(site): State<Site>, headers: HeaderMap) -> Response {
    let format = negotiate(joined(&headers, &ACCEPT).as_deref());
    let gzip = accepts_gzip(joined(&headers, &ACCEPT_ENCODING).as_deref());
    let Some(place) = site.scraping.answers.enter().await else {
        return busy(&site);
    };
    let parts = match parts(&site, format, gzip).await {
        Ok(parts) => parts,
        Err(response) => return response,
    };
    let mut response = Response::new(Body::new(parts));
    response.extensions_mut().insert(Permit::of(place, None));
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
async fn parts(site: &Site, format: Format, gzip: bool) -> Result<Parts, Response> {
    let shown = site.published.shown();
    let key = TextKey {
        publication: shown.number,
        format,
        gzip,
    };
    let render = async {
        let expected = site.scraping.expected_size(format);
        let reservation = site.scraping.answers.reserve(expected).await;
        let reservation = reservation.ok_or_else(|| busy(site))?;
        run(site, move |site| {
            site.scraping.render(&shown, key, reservation)
        })
        .await
    };
    let text = site.scraping.texts.get(key, render).await?;
    let shared = Arc::clone(&text);
    let rest = run(site, move |site| {
        render_rest(site.published.self_metrics(), format, &shared)
    });
    let rest = rest.await?;
    let head: &'static [u8] = if gzip { &gzip::HEAD } else { &[] };
    Ok(Parts([Bytes::from_static(head), text.share(), rest.into()]))
}

/// A body of several buffers, one after the other.
struct Parts([Bytes; 3]);

impl hyper::body::Body for Parts {
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

/// Large answers of every page are within the same bounds as scrapes. An exposition is already, and
/// what fits into one piece leaves our hands at once.
pub(super) async fn bound(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let size = response.body().size_hint().lower();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size <= PIECE || response.extensions().get::<Permit>().is_some() {
        return response;
    }
    let answers = &site.scraping.answers;
    let (Some(place), Some(mut reservation)) = (answers.enter().await, answers.reserve(size).await)
    else {
        return busy(&site);
    };
    reservation.resize(size);
    let permit = Permit::of(place, Some(reservation));
    response.extensions_mut().insert(permit);
    response
}

fn busy(site: &Site) -> Response {
    site.published
        .self_metrics()
        .web_refused(Refusal::Busy)
        .inc();
    let text = "too many scrapes are under way, try again later\n";
    let retry = [(RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
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
