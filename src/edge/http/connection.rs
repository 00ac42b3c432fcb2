//! One connection from its first byte to its last, within its limits.
//!
//! hyper serves the connections, because `axum::serve` has no time limits for slow or silent
//! clients.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::connection_slots::{Activity, ConnectionSlot};
use super::request_handler::RequestHandler;
use super::stall::StallLimit;
use crate::edge::self_metrics::WebRefusal;

/// Request heads and write buffers of HTTP/1.1; scrapers send less than 1 KiB.
const MAX_BUFFER: usize = 64 * 1024;
/// Lines of a request head; scrapers send ten.
const MAX_HEADERS: usize = 100;
/// Bytes of a request head of HTTP/2.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Concurrent requests on a connection of HTTP/2; a scraper has one.
const MAX_STREAMS: u32 = 16;
/// HTTP/2 streams that a client resets before the server accepts them; more end the connection.
const MAX_RESET_STREAMS: usize = 20;
/// The smallest initial window of HTTP/2: most servers here refuse request bodies, and webhooks are small.
const WINDOW: u32 = 65_535;
/// Buffered bytes of an answer, for each stream of HTTP/2.
const SEND_BUFFER: usize = 64 * 1024;
/// hyper ends a silent HTTP/1.1 connection by itself; the limit here is a little later.
const MARGIN: Duration = Duration::from_secs(1);

/// The time limits as one value, so that tests can shorten them.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    /// Of a TLS handshake.
    pub(super) handshake: Duration,
    /// From the start of a connection, or its last answer, to the end of the next request's head.
    pub(super) header: Duration,
    /// How long a client may take nothing of its answer.
    pub(super) stall: Duration,
    /// From a request's head to the end of its answer.
    pub(super) request: Duration,
    /// Of the answers in progress at shutdown.
    pub(super) drain: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            // More than the usual scrape intervals of 15 s and 30 s, so that their connections
            // stay open.
            header: Duration::from_secs(45),
            // A scrape times out after 10 s: such a client has given up.
            stall: Duration::from_secs(15),
            // More than any sensible scrape timeout.
            request: Duration::from_secs(120),
            // The default scrape timeout.
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves one connection until it ends, or until its answers end after `stopped`.
pub(super) async fn serve(
    stream: TcpStream,
    handler: RequestHandler,
    limits: TimeLimits,
    slot: Arc<ConnectionSlot>,
    stopped: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill packets would only delay their ends.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = begin(stream, &handler, limits, &slot, stopped) => {}
        () = slot.closed() => {
            handler.protection.count(WebRefusal::Connection);
            debug!("http connection closed for a new one");
        }
    }
    slot.free();
}

/// Does the handshake of TLS, if TLS is configured.
async fn begin(
    stream: TcpStream,
    handler: &RequestHandler,
    limits: TimeLimits,
    slot: &Arc<ConnectionSlot>,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(tls) = handler.protection.current().await.tls.clone() else {
        return http1(stream, handler, limits, slot, stopped).await;
    };
    let handshake = timeout(limits.handshake, TlsAcceptor::from(tls).accept(stream));
    let stream = tokio::select! {
        handshake = handshake => match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                handler.protection.count(WebRefusal::Handshake);
                debug!(%error, "tls handshake failed");
                return;
            }
            Err(_) => {
                handler.protection.count(WebRefusal::Handshake);
                debug!("tls handshake took too long");
                return;
            }
        },
        () = stop_signal(&mut stopped) => return,
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice()) {
        http2(stream, handler, limits, slot, stopped).await;
    } else {
        http1(stream, handler, limits, slot, stopped).await;
    }
}

async fn http1<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    handler: &RequestHandler,
    limits: TimeLimits,
    slot: &Arc<ConnectionSlot>,
    stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let active = slot.begin_request();
        async move { Ok::<_, Infallible>(handler.answer(request, active).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(StallLimit::new(TokioIo::new(stream), limits.stall), service);
    watch(
        connection,
        |connection| connection.graceful_shutdown(),
        limits,
        slot,
        stopped,
    )
    .await;
}

async fn http2<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    handler: &RequestHandler,
    limits: TimeLimits,
    slot: &Arc<ConnectionSlot>,
    stopped: watch::Receiver<bool>,
) {
    let (handler, requests) = (handler.clone(), Arc::clone(slot));
    let service = service_fn(move |request| {
        let (handler, active) = (handler.clone(), requests.begin_request());
        async move { Ok::<_, Infallible>(handler.answer(request, active).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_RESET_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(StallLimit::new(TokioIo::new(stream), limits.stall), service);
    watch(
        connection,
        |connection| connection.graceful_shutdown(),
        limits,
        slot,
        stopped,
    )
    .await;
}

/// Waits for the end of a connection, and ends it when it takes too long. `stop` lets it take no
/// further request.
async fn watch<C: Future<Output = Result<(), hyper::Error>>>(
    connection: C,
    stop: impl Fn(Pin<&mut C>),
    limits: TimeLimits,
    slot: &ConnectionSlot,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connection = pin!(connection);
    let deadline = || match slot.activity() {
        Some(Activity::IdleSince(since)) => since + limits.header + MARGIN,
        Some(Activity::RequestSince(since)) => since + limits.request,
        None => Instant::now(),
    };
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    debug!(%error, "http connection ended early");
                }
                return;
            }
            () = stop_signal(&mut stopped), if !is_stopping => {
                is_stopping = true;
                stop(connection.as_mut());
            }
            () = sleep_until(deadline()) => {
                // The deadline moves with every request.
                if deadline() <= Instant::now() {
                    debug!(activity = ?slot.activity(), "http connection took too long");
                    return;
                }
            }
        }
    }
}

/// Waits until the server stops. A sender that is gone means the same.
pub(super) async fn stop_signal(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
