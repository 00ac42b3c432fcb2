//! A limited resource: what is in use, and waiting until something of it is freed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Entries by number, the oldest first.
#[derive(Debug)]
pub(super) struct NumberedEntries<T> {
    next: u64,
    entries: BTreeMap<u64, T>,
}

impl<T> Default for NumberedEntries<T> {
    fn default() -> Self {
        Self {
            next: 0,
            entries: BTreeMap::new(),
        }
    }
}

impl<T> NumberedEntries<T> {
    pub(super) fn insert(&mut self, entry: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.entries.insert(number, entry);
        number
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        self.entries.remove(&number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.entries.get_mut(&number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The part of a resource that is in use. Users and waiters share it.
#[derive(Debug, Default)]
pub(super) struct SharedUse<T> {
    used: Mutex<T>,
    freed: Notify,
}

impl<T> SharedUse<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees something, and wakes everyone who waits.
    pub(super) fn free<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.freed.notify_waiters();
        result
    }

    /// Tries until `attempt` gives a result: whenever something is freed, and at the time that a
    /// failed attempt names.
    pub(super) async fn wait_for<R>(
        &self,
        mut attempt: impl FnMut(&mut T) -> Result<R, Option<Instant>>,
    ) -> R {
        loop {
            let freed = self.freed.notified();
            let next_attempt = match attempt(&mut self.lock()) {
                Ok(result) => return result,
                Err(next_attempt) => next_attempt,
            };
            match next_attempt {
                None => freed.await,
                Some(time) => tokio::select! {
                    () = freed => {}
                    () = sleep_until(time) => {}
                },
            }
        }
    }
}
