//! The limited number of open connections, and which connection is closed for a new one.
//!
//! A new connection never waits for idle ones. At the limit, the client with the most connections
//! loses the one that has been idle for the longest time. A client that opens a thousand
//! connections closes only its own.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::slots::{NumberedEntries, SharedUse};

#[derive(Debug)]
pub(super) struct ConnectionSlots {
    limit: usize,
    open: SharedUse<NumberedEntries<OpenConnection>>,
}

#[derive(Debug)]
struct OpenConnection {
    client: IpAddr,
    /// When it was opened, or when its last request ended.
    idle_since: Instant,
    /// The starts of the requests in progress.
    requests: NumberedEntries<Instant>,
    /// Notified when the connection has to close.
    close: Arc<Notify>,
}

/// The slot of an open connection, until it is freed or dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
    close: Arc<Notify>,
}

/// A request in progress; dropping it ends the request.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    slot: Arc<ConnectionSlot>,
    number: u64,
}

/// How a connection spends its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    IdleSince(Instant),
    /// The start of the oldest request.
    RequestSince(Instant),
}

impl ConnectionSlots {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            open: SharedUse::default(),
        }
    }

    /// A slot for a connection of `client`, and whether another connection is closed for it. Waits
    /// only while every connection has a request in progress.
    pub(super) async fn enter(self: &Arc<Self>, client: IpAddr) -> (Arc<ConnectionSlot>, bool) {
        let client = client.to_canonical();
        let enter = |open: &mut NumberedEntries<OpenConnection>| {
            let is_full = open.len() >= self.limit;
            if is_full {
                let idle = idle_connection(open).ok_or(None)?;
                if let Some(connection) = open.remove(idle) {
                    connection.close.notify_one();
                }
            }
            let close = Arc::new(Notify::new());
            let number = open.insert(OpenConnection {
                client,
                idle_since: Instant::now(),
                requests: NumberedEntries::default(),
                close: Arc::clone(&close),
            });
            Ok((number, close, is_full))
        };
        let (number, close, is_full) = self.open.wait_for(enter).await;
        let slot = ConnectionSlot {
            slots: Arc::clone(self),
            number,
            close,
        };
        (Arc::new(slot), is_full)
    }

    pub(super) fn count(&self) -> usize {
        self.open.lock().len()
    }
}

/// Of the clients with an idle connection, the one with the most connections; of its connections,
/// the one that has been idle for the longest time.
fn idle_connection(open: &NumberedEntries<OpenConnection>) -> Option<u64> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for (_, connection) in open.iter() {
        *counts.entry(connection.client).or_default() += 1;
    }
    let idle = open
        .iter()
        .filter(|(_, connection)| connection.requests.is_empty());
    idle.min_by_key(|(_, connection)| {
        let connections = counts[&connection.client];
        (Reverse(connections), connection.idle_since)
    })
    .map(|(number, _)| number)
}

impl ConnectionSlot {
    /// Waits until the connection has to close for another one.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }

    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        let mut open = self.slots.open.lock();
        let connection = open.get_mut(self.number);
        let number = connection.map(|connection| connection.requests.insert(Instant::now()));
        ActiveRequest {
            slot: Arc::clone(self),
            number: number.unwrap_or_default(),
        }
    }

    /// `None`: the slot has been freed.
    pub(super) fn activity(&self) -> Option<Activity> {
        let mut open = self.slots.open.lock();
        let connection = open.get_mut(self.number)?;
        let oldest = connection.requests.iter().map(|(_, since)| *since).next();
        Some(match oldest {
            Some(since) => Activity::RequestSince(since),
            None => Activity::IdleSince(connection.idle_since),
        })
    }

    /// Frees the slot, even while requests are in progress.
    pub(super) fn free(&self) {
        self.slots.open.free(|open| open.remove(self.number));
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.free();
    }
}

impl ActiveRequest {
    /// Closes the connection when it is notified.
    pub(super) fn connection(&self) -> Arc<Notify> {
        Arc::clone(&self.slot.close)
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.slot.slots.open.free(|open| {
            if let Some(connection) = open.get_mut(self.slot.number) {
                connection.requests.remove(self.number);
                connection.idle_since = Instant::now();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SCRAPER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const CROWD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    async fn is_closed(slot: &ConnectionSlot) -> bool {
        timeout(Duration::ZERO, slot.closed()).await.is_ok()
    }

    #[tokio::test]
    async fn the_client_with_the_most_connections_loses_its_longest_idle_one() {
        let slots = Arc::new(ConnectionSlots::new(4));
        let scraper = slots.enter(SCRAPER).await.0;
        let mut crowd = Vec::new();
        for _ in 0..3 {
            let (slot, closes_another) = slots.enter(CROWD).await;
            assert!(!closes_another);
            crowd.push(slot);
        }
        // The first of the crowd has just been answered, so the second is idle for longest.
        drop(crowd[0].begin_request());
        let (_new, closes_another) = slots.enter(CROWD).await;
        assert!(closes_another && is_closed(&crowd[1]).await);
        for stays in [&scraper, &crowd[0], &crowd[2]] {
            assert!(!is_closed(stays).await);
        }
        assert_eq!(slots.count(), 4);
    }

    #[tokio::test]
    async fn a_connection_with_a_request_stays_and_a_new_one_waits() {
        let slots = Arc::new(ConnectionSlots::new(2));
        let first = slots.enter(CROWD).await.0;
        let second = slots.enter(CROWD).await.0;
        let (request, other) = (first.begin_request(), second.begin_request());
        assert!(matches!(first.activity(), Some(Activity::RequestSince(_))));
        let mut new = std::pin::pin!(slots.enter(SCRAPER));
        assert!(
            timeout(Duration::from_millis(50), new.as_mut())
                .await
                .is_err()
        );
        drop(request);
        assert!(new.await.1 && is_closed(&first).await);
        drop(other);
        assert!(matches!(second.activity(), Some(Activity::IdleSince(_))));
        second.free();
        assert_eq!(second.activity(), None);
        drop((first, second));
        assert_eq!(slots.count(), 0);
    }
}
