//! Listening, connections and their end.
//!
//! Connections are served by hyper itself, since `axum::serve` sets no time limit on slow or
//! silent clients.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::stall::Unstalled;
use crate::config::ListenAddress;

/// From a connection's start, or its last answer, to the end of the next request's head. More
/// than the usual scrape intervals of 15 s and 30 s, so that their connections stay open.
const HEADER_TIMEOUT: Duration = Duration::from_secs(45);

/// Request heads and write buffers; scrapers send less than 1 KiB.
const MAX_BUFFER: usize = 64 * 1024;

/// Connections at the same time, over all addresses; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// What answers under way may still take at shutdown: the default scrape timeout.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepting fails when file descriptors run out: a moment later there may be some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// A client that takes nothing of its answer for this long has given up: scrapes last 10 s.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(.source))]
pub struct BindError {
    pub address: ListenAddress,
    pub source: io::Error,
}

/// The time limits, as one value so that tests need not wait for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) stall: Duration,
    pub(super) drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            header: HEADER_TIMEOUT,
            stall: STALL_TIMEOUT,
            drain: DRAIN_TIMEOUT,
        }
    }
}

/// A server that listens, and answers once it is told to [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    router: Router,
    pub(super) patience: Patience,
}

impl Server {
    /// Listens on every one of `addresses`.
    ///
    /// # Errors
    /// The first address that is in use, not of this machine, or not permitted.
    pub async fn bind(addresses: &[ListenAddress], router: Router) -> Result<Self, BindError> {
        let mut server = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
            router,
            patience: Patience::default(),
        };
        for address in addresses {
            let (listener, local) = listen(address).await.map_err(|source| BindError {
                address: address.clone(),
                source,
            })?;
            server.listeners.push(listener);
            server.addresses.push(local);
        }
        Ok(server)
    }

    /// The addresses listened on, in the order given, with the ports chosen for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until `shutdown` resolves; then takes no further connection, finishes the answers
    /// under way for at most ten seconds, and returns.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut acceptors = JoinSet::new();
        for listener in self.listeners {
            acceptors.spawn(accept(
                listener,
                self.router.clone(),
                self.patience,
                Arc::clone(&places),
                stopped.clone(),
            ));
        }
        shutdown.await;
        stop.send_replace(true);
        let drained = async { while acceptors.join_next().await.is_some() {} };
        if timeout(self.patience.drain, drained).await.is_err() {
            let connections = MAX_CONNECTIONS - places.available_permits();
            warn!(connections, "http connections cut off at shutdown");
        }
    }
}

async fn listen(address: &ListenAddress) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match address {
        ListenAddress::Socket(socket) => TcpListener::bind(socket).await?,
        ListenAddress::Host(host, port) => TcpListener::bind((host.as_str(), *port)).await?,
        ListenAddress::Every(port) => {
            // The IPv6 wildcard takes IPv4 connections too, where the machine has IPv6 at all.
            match TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).await {
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                    TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).await?
                }
                other => other?,
            }
        }
    };
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Accepts connections until told to stop, then waits for theirs to end.
async fn accept(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    places: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = next => match (place, accepted) {
                (Ok(place), Ok((stream, _))) => {
                    connections.spawn(converse(
                        stream,
                        router.clone(),
                        patience,
                        place,
                        stopped.clone(),
                    ));
                }
                (_, Err(error)) if is_of_the_connection(&error) => {}
                (_, Err(error)) => {
                    warn!(%error, "http connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
                (Err(_), Ok(_)) => break, // the semaphore is closed, which nobody does
            },
            () = told(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection to its end, or to the end of its answer once told to stop.
async fn converse(
    stream: TcpStream,
    router: Router,
    patience: Patience,
    _place: OwnedSemaphorePermit,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill packets would only delay their ends.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(
            Unstalled::new(TokioIo::new(stream), patience.stall),
            TowerToHyperService::new(router),
        );
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "http connection ended early");
    }
}

/// Waits until it is time to stop, which includes that nobody is left to say so.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Whether accepting failed for the one connection only, which its client has given up.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another process".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no interface has this address".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege".to_owned(),
        _ => error.to_string(),
    }
}
