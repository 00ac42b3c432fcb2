//! One connection from its first byte to its last, within its limits.
//!
//! Connections are served by hyper itself, since `axum::serve` sets no time limit on slow or
//! silent clients.

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
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::connections::{Doing, Seat};
use super::desk::Desk;
use super::stall::Unstalled;
use crate::edge::self_metrics::Refusal;

/// Request heads and write buffers of HTTP/1.1; scrapers send less than 1 KiB.
const MAX_BUFFER: usize = 64 * 1024;
/// Lines of a request head; scrapers send ten.
const MAX_HEADERS: usize = 100;
/// Request heads of HTTP/2.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Requests at the same time on a connection of HTTP/2; a scraper has one.
const MAX_STREAMS: u32 = 16;
/// Streams that a client opened and gave up before they were looked at; more end the connection.
const MAX_RESET_STREAMS: usize = 20;
/// Bodies of requests, which are refused: the least window that HTTP/2 has at its start.
const WINDOW: u32 = 65_535;
/// Of an answer, for each stream of HTTP/2.
const SEND_BUFFER: usize = 64 * 1024;
/// Pace at which the time limits of a connection are looked at.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// The time limits, as one value so that tests need not wait for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a TLS handshake.
    pub(super) handshake: Duration,
    /// From a connection's start, or its last answer, to the end of the next request's head.
    pub(super) header: Duration,
    /// For a client that takes nothing of its answer.
    pub(super) stall: Duration,
    /// From a request's head to the last of its answer.
    pub(super) request: Duration,
    /// For answers under way at shutdown.
    pub(super) drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            // More than the usual scrape intervals of 15 s and 30 s, so that their connections
            // stay open.
            header: Duration::from_secs(45),
            // Scrapes last 10 s: such a client has given up.
            stall: Duration::from_secs(15),
            // More than a scrape timeout may sensibly be.
            request: Duration::from_secs(120),
            // The default scrape timeout.
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves one connection to its end, or to the end of its answers once told to stop.
pub(super) async fn converse(
    stream: TcpStream,
    desk: Desk,
    patience: Patience,
    seat: Arc<Seat>,
    stopped: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill packets would only delay their ends.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = begin(stream, &desk, patience, &seat, stopped) => {}
        () = seat.evicted() => {
            desk.protection.count(Refusal::Connection);
            debug!("http connection closed for a new one");
        }
    }
    seat.leave();
}

/// Shakes hands where there is TLS.
async fn begin(
    stream: TcpStream,
    desk: &Desk,
    patience: Patience,
    seat: &Arc<Seat>,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(tls) = desk.protection.current().await.tls.clone() else {
        return http1(stream, desk, patience, seat, stopped).await;
    };
    let handshake = timeout(patience.handshake, TlsAcceptor::from(tls).accept(stream));
    let stream = tokio::select! {
        handshake = handshake => match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                desk.protection.count(Refusal::Handshake);
                debug!(%error, "tls handshake failed");
                return;
            }
            Err(_) => {
                desk.protection.count(Refusal::Handshake);
                debug!("tls handshake took too long");
                return;
            }
        },
        () = told(&mut stopped) => return,
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice()) {
        http2(stream, desk, patience, seat, stopped).await;
    } else {
        http1(stream, desk, patience, seat, stopped).await;
    }
}

async fn http1<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    desk: &Desk,
    patience: Patience,
    seat: &Arc<Seat>,
    stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let busy = seat.begin();
        async move { Ok::<_, Infallible>(desk.answer(request, busy).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
        .max_buf_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(
            Unstalled::new(TokioIo::new(stream), patience.stall),
            service,
        );
    watch(
        connection,
        |connection| connection.graceful_shutdown(),
        patience,
        seat,
        stopped,
    )
    .await;
}

async fn http2<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    desk: &Desk,
    patience: Patience,
    seat: &Arc<Seat>,
    stopped: watch::Receiver<bool>,
) {
    let (desk, its_seat) = (desk.clone(), Arc::clone(seat));
    let service = service_fn(move |request| {
        let (desk, busy) = (desk.clone(), its_seat.begin());
        async move { Ok::<_, Infallible>(desk.answer(request, busy).await) }
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
        .serve_connection(
            Unstalled::new(TokioIo::new(stream), patience.stall),
            service,
        );
    watch(
        connection,
        |connection| connection.graceful_shutdown(),
        patience,
        seat,
        stopped,
    )
    .await;
}

/// Waits for the end of a connection, and brings it about where its time is over. `stop` lets it
/// take no further request.
async fn watch<C: Future<Output = Result<(), hyper::Error>>>(
    connection: C,
    stop: impl Fn(Pin<&mut C>),
    patience: Patience,
    seat: &Seat,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connection = pin!(connection);
    let tick = patience.header.min(patience.request) / 4;
    let mut ticks = interval(tick.clamp(Duration::from_millis(1), LONGEST_TICK));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    debug!(%error, "http connection ended early");
                }
                return;
            }
            () = told(&mut stopped), if !is_stopping => {
                is_stopping = true;
                stop(connection.as_mut());
            }
            _ = ticks.tick() => {
                let (doing, limit) = match seat.doing() {
                    doing @ Doing::Nothing { .. } => (doing, patience.header),
                    doing @ Doing::Request { .. } => (doing, patience.request),
                };
                // hyper ends a silent HTTP/1.1 connection by itself, a little earlier.
                if doing.length() > limit + tick {
                    debug!(?doing, "http connection took too long");
                    return;
                }
            }
        }
    }
}

/// Waits until it is time to stop, which includes that nobody is left to say so.
pub(super) async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
