//! Listens for connections and accepts them, until the server stops.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::connection::{TimeLimits, serve, stop_signal};
use super::connection_slots::ConnectionSlots;
use super::protection::Protection;
use super::request_handler::RequestHandler;
use crate::config::ListenAddress;

/// Concurrent connections of scrapers and readers, over all addresses.
const MAX_CONNECTIONS: usize = 256;

/// Pause after accepting failed, for example because no file descriptor was free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// The server cannot listen on an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(.source))]
pub struct ListenError {
    pub address: ListenAddress,
    pub source: io::Error,
}

/// A server that listens, and answers in [`serve`](Self::serve).
#[derive(Debug)]
pub struct HttpServer {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    handler: RequestHandler,
    connections: usize,
    pub(super) limits: TimeLimits,
}

impl HttpServer {
    /// Listens on every one of `addresses`.
    pub async fn bind(
        addresses: &[ListenAddress],
        router: Router,
        protection: Protection,
    ) -> Result<Self, ListenError> {
        let mut server = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
            handler: RequestHandler::new(router, Arc::new(protection)),
            connections: MAX_CONNECTIONS,
            limits: TimeLimits::default(),
        };
        for address in addresses {
            let (listener, local) = listen(address).await.map_err(|source| ListenError {
                address: address.clone(),
                source,
            })?;
            server.listeners.push(listener);
            server.addresses.push(local);
        }
        Ok(server)
    }

    /// Lets requests have a body, which the routes have to limit. At the end, the server waits up to
    /// `drain` for the answers in progress.
    #[must_use]
    pub fn with_bodies(mut self, connections: usize, drain: Duration) -> Self {
        self.handler.takes_bodies = true;
        self.connections = connections;
        self.limits.drain = drain;
        self
    }

    /// The addresses, in the order given, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until `shutdown` resolves. Then it accepts no further connection, waits for the
    /// answers in progress, up to its limit, and returns.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let slots = Arc::new(ConnectionSlots::new(self.connections));
        let mut acceptors = JoinSet::new();
        for listener in self.listeners {
            acceptors.spawn(accept(
                listener,
                self.handler.clone(),
                self.limits,
                Arc::clone(&slots),
                stopped.clone(),
            ));
        }
        shutdown.await;
        stop.send_replace(true);
        let drained = async { while acceptors.join_next().await.is_some() {} };
        if timeout(self.limits.drain, drained).await.is_err() {
            let connections = slots.count();
            warn!(
                connections,
                "http connections closed at shutdown with answers in progress"
            );
        }
    }
}

/// Listens on an address for an instant, to find out whether that is possible.
pub fn try_listen(address: &ListenAddress) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(listen(address)).map(drop)
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

/// Accepts connections until the server stops, then waits until they end.
async fn accept(
    listener: TcpListener,
    handler: RequestHandler,
    limits: TimeLimits,
    slots: Arc<ConnectionSlots>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let slot = tokio::select! {
                        (slot, _) = slots.enter(client.ip()) => slot,
                        () = stop_signal(&mut stopped) => break,
                    };
                    let stopped = stopped.clone();
                    connections.spawn(serve(stream, handler.clone(), limits, slot, stopped));
                }
                Err(error) if has_client_given_up(&error) => {}
                Err(error) => {
                    warn!(%error, "http connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = stop_signal(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Whether accepting failed only because the client has closed the connection.
fn has_client_given_up(error: &io::Error) -> bool {
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
