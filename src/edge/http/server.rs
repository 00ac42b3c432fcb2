//! Listening, and the end of it.

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

use super::connection::{Patience, converse, told};
use super::connections::Connections;
use super::desk::Desk;
use super::protection::Protection;
use crate::config::ListenAddress;

/// Connections at the same time, over all addresses.
const MAX_CONNECTIONS: usize = 256;

/// Accepting fails when file descriptors run out: a moment later there may be some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(.source))]
pub struct BindError {
    pub address: ListenAddress,
    pub source: io::Error,
}

/// A server that listens, and answers once it is told to [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    desk: Desk,
    pub(super) patience: Patience,
}

impl Server {
    /// Listens on every one of `addresses`, to answer those with the pages whom `protection` lets
    /// in.
    ///
    /// # Errors
    /// The first address that is in use, not of this machine, or not permitted.
    pub async fn bind(
        addresses: &[ListenAddress],
        router: Router,
        protection: Protection,
    ) -> Result<Self, BindError> {
        let mut server = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
            desk: Desk::new(router, Arc::new(protection)),
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
        let connections = Arc::new(Connections::new(MAX_CONNECTIONS));
        let mut acceptors = JoinSet::new();
        for listener in self.listeners {
            acceptors.spawn(accept(
                listener,
                self.desk.clone(),
                self.patience,
                Arc::clone(&connections),
                stopped.clone(),
            ));
        }
        shutdown.await;
        stop.send_replace(true);
        let drained = async { while acceptors.join_next().await.is_some() {} };
        if timeout(self.patience.drain, drained).await.is_err() {
            let connections = connections.count();
            warn!(connections, "http connections cut off at shutdown");
        }
    }
}

/// Whether an address can be listened on now.
///
/// # Errors
/// Why not.
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

/// Accepts connections until told to stop, then waits for theirs to end.
async fn accept(
    listener: TcpListener,
    desk: Desk,
    patience: Patience,
    places: Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let seat = tokio::select! {
                        (seat, _) = places.enter(client.ip()) => seat,
                        () = told(&mut stopped) => break,
                    };
                    let stopped = stopped.clone();
                    connections.spawn(converse(stream, desk.clone(), patience, seat, stopped));
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "http connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = told(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
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
