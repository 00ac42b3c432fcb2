//! Connections that are open: so many and no more, and who has to leave for a new one.
//!
//! A new connection never waits for idle ones. Where all places are taken, the client with the most
//! connections loses the one of them that has been idle for longest, so that somebody who opens a
//! thousand only drives out himself.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// See the module.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    table: Mutex<Table>,
    /// Somebody left, or has become idle.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    places: BTreeMap<u64, Place>,
}

#[derive(Debug)]
struct Place {
    client: IpAddr,
    /// When it came, or when its last request was over.
    idle_since: Instant,
    /// Requests under way and when they began.
    requests: BTreeMap<u64, Instant>,
    evicted: Arc<Notify>,
}

/// A place of a connection, until it leaves.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    number: u64,
    evicted: Arc<Notify>,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Busy {
    seat: Arc<Seat>,
    number: u64,
}

/// How a connection spends its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing {
        since: Instant,
    },
    /// The oldest of its requests.
    Request {
        since: Instant,
    },
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            table: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// A place for a connection of `client`, and whether another one had to leave for it. Waits
    /// only where every connection has a request under way.
    pub(super) async fn enter(self: &Arc<Self>, client: IpAddr) -> (Arc<Seat>, bool) {
        loop {
            let freed = self.freed.notified();
            if let Some((seat, evicts)) = self.try_enter(client.to_canonical()) {
                return (Arc::new(seat), evicts);
            }
            freed.await;
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.table().places.len()
    }

    fn try_enter(self: &Arc<Self>, client: IpAddr) -> Option<(Seat, bool)> {
        let mut table = self.table();
        let is_full = table.places.len() >= self.limit;
        if is_full {
            let number = table.to_evict()?;
            if let Some(place) = table.places.remove(&number) {
                place.evicted.notify_one();
            }
        }
        let number = table.next;
        table.next += 1;
        let evicted = Arc::new(Notify::new());
        table.places.insert(
            number,
            Place {
                client,
                idle_since: Instant::now(),
                requests: BTreeMap::new(),
                evicted: Arc::clone(&evicted),
            },
        );
        let seat = Seat {
            connections: Arc::clone(self),
            number,
            evicted,
        };
        Some((seat, is_full))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Of the clients that have an idle connection, that with the most connections; of those, the
    /// one idle for longest.
    fn to_evict(&self) -> Option<u64> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for place in self.places.values() {
            *counts.entry(place.client).or_default() += 1;
        }
        let idle = self
            .places
            .iter()
            .filter(|(_, place)| place.requests.is_empty());
        idle.max_by_key(|(_, place)| (counts[&place.client], place.idle_since.elapsed()))
            .map(|(number, _)| *number)
    }
}

impl Seat {
    /// Resolves when the connection has to leave for another one.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// A request begins; it ends when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        let mut table = self.connections.table();
        let number = table.next;
        table.next += 1;
        if let Some(place) = table.places.get_mut(&self.number) {
            place.requests.insert(number, Instant::now());
        }
        Busy {
            seat: Arc::clone(self),
            number,
        }
    }

    pub(super) fn doing(&self) -> Doing {
        let table = self.connections.table();
        let place = table.places.get(&self.number);
        let oldest = place.and_then(|place| place.requests.values().min());
        match (oldest, place) {
            (Some(since), _) => Doing::Request { since: *since },
            (None, Some(place)) => Doing::Nothing {
                since: place.idle_since,
            },
            (None, None) => Doing::Nothing {
                since: Instant::now(),
            },
        }
    }

    /// Gives the place back. What is still under way then, nobody will see.
    pub(super) fn leave(&self) {
        self.connections.table().places.remove(&self.number);
        self.connections.freed.notify_waiters();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Busy {
    /// Ends the connection when it is notified.
    pub(super) fn connection(&self) -> Arc<Notify> {
        Arc::clone(&self.seat.evicted)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut table = self.seat.connections.table();
        if let Some(place) = table.places.get_mut(&self.seat.number) {
            place.requests.remove(&self.number);
            place.idle_since = Instant::now();
        }
        drop(table);
        self.seat.connections.freed.notify_waiters();
    }
}

impl Doing {
    /// For how long.
    pub(super) fn length(self) -> Duration {
        match self {
            Self::Nothing { since } | Self::Request { since } => since.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::timeout;

    use super::*;

    const SCRAPER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const CROWD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    async fn is_evicted(seat: &Seat) -> bool {
        timeout(Duration::ZERO, seat.evicted()).await.is_ok()
    }

    #[tokio::test]
    async fn the_longest_idle_of_the_largest_crowd_leaves() {
        let connections = Arc::new(Connections::new(4));
        let scraper = connections.enter(SCRAPER).await.0;
        let mut crowd = Vec::new();
        for _ in 0..3 {
            let (seat, evicts) = connections.enter(CROWD).await;
            assert!(!evicts);
            crowd.push(seat);
        }
        // The first of the crowd has just been answered, so the second is idle for longest.
        drop(crowd[0].begin());
        let (_new, evicts) = connections.enter(CROWD).await;
        assert!(evicts && is_evicted(&crowd[1]).await);
        for stays in [&scraper, &crowd[0], &crowd[2]] {
            assert!(!is_evicted(stays).await);
        }
        assert_eq!(connections.count(), 4);
    }

    #[tokio::test]
    async fn who_has_a_request_under_way_stays_and_a_new_one_waits() {
        let connections = Arc::new(Connections::new(2));
        let first = connections.enter(CROWD).await.0;
        let second = connections.enter(CROWD).await.0;
        let (busy, other) = (first.begin(), second.begin());
        assert!(matches!(first.doing(), Doing::Request { .. }));
        let mut new = std::pin::pin!(connections.enter(SCRAPER));
        assert!(
            timeout(Duration::from_millis(50), new.as_mut())
                .await
                .is_err()
        );
        drop(busy);
        assert!(new.await.1 && is_evicted(&first).await);
        drop(other);
        assert!(matches!(second.doing(), Doing::Nothing { .. }));
        second.leave();
        drop((first, second));
        assert_eq!(connections.count(), 0);
    }
}
