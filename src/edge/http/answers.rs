//! The large answers in progress: how many there are, how much memory they hold, and which of them
//! are cut off when a new scrape needs their place or their memory.
//!
//! A client that reads slowly keeps its place and its part of the memory, also for an old
//! publication that no other client reads. It may do so while there is room. Where there is none, the
//! clients that stand still lose their connections, and a scraper that reads gets its answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Large answers in progress, from the question to the last byte. A pair of Prometheus servers needs
/// two; more than this are a mistake.
const MOST_ANSWERS: usize = 64;

/// A client stands still when it takes less than one piece of its answer in this time. At that pace
/// a large exposition would take longer than a request may last.
const STANDSTILL: Duration = Duration::from_secs(2);

/// How long a new answer waits for a place or for memory. It is longer than [`STANDSTILL`], so that
/// clients that stand still cannot keep it from either, and shorter than a scrape timeout.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Time between two clients that are cut off for the same memory: their connections end meanwhile.
const CUT_PACE: Duration = Duration::from_millis(10);

/// All answers together may hold as many times the memory of the largest one so far: the texts of
/// two publications, one that is being read and the next one.
const LARGEST_ANSWERS: usize = 2;

/// And at least this much, so that small expositions are never short of memory.
const LEAST_MEMORY: usize = 16 << 20;

/// The limits, as one value so that tests need not wait for them.
#[derive(Clone, Copy, Debug)]
struct AnswerLimits {
    answers: usize,
    least_memory: usize,
    standstill: Duration,
    longest_wait: Duration,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self {
            answers: MOST_ANSWERS,
            least_memory: LEAST_MEMORY,
            standstill: STANDSTILL,
            longest_wait: LONGEST_WAIT,
        }
    }
}

/// The large answers in progress.
#[derive(Debug, Default)]
pub(super) struct Answers {
    limits: AnswerLimits,
    table: Mutex<Table>,
    /// An answer has ended, or memory was given back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    places: BTreeMap<u64, Place>,
    /// Bytes that are reserved.
    memory: usize,
    /// The most bytes that one answer has had.
    largest: usize,
}

#[derive(Debug)]
struct Place {
    /// When the client last took a piece.
    moved: Instant,
    /// Ends the connection; `None` while the answer is computed.
    connection: Option<Arc<Notify>>,
}

/// One of the answers that there may be, until it is dropped.
#[derive(Debug)]
pub(super) struct Answer {
    answers: Arc<Answers>,
    number: u64,
}

/// Memory that an answer may use, until it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    answers: Arc<Answers>,
    bytes: usize,
}

impl Answers {
    /// A place for a new answer. `None`: there is none, also after some waiting.
    pub(super) async fn enter(self: &Arc<Self>) -> Option<Answer> {
        let limit = self.limits.answers;
        let enter = |table: &mut Table| {
            if table.places.len() >= limit {
                return None;
            }
            let number = table.next;
            table.next += 1;
            let place = Place {
                moved: Instant::now(),
                connection: None,
            };
            table.places.insert(number, place);
            Some(number)
        };
        let number = self.wait_for(enter).await?;
        Some(Answer {
            answers: Arc::clone(self),
            number,
        })
    }

    /// Reserves memory for an answer of `bytes`. `None`: there was none within the waiting time. An
    /// answer that is alone gets any amount, since the first one shows how large answers are.
    pub(super) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let least = self.limits.least_memory;
        let reserve = |table: &mut Table| {
            let largest = table.largest.max(bytes);
            let limit = largest.saturating_mul(LARGEST_ANSWERS).max(least);
            let wanted = table.memory.saturating_add(bytes);
            (table.memory == 0 || wanted <= limit).then(|| table.memory = wanted)
        };
        self.wait_for(reserve).await?;
        Some(Reservation {
            answers: Arc::clone(self),
            bytes,
        })
    }

    /// Tries until it succeeds, and makes room by cutting off clients that stand still.
    async fn wait_for<T>(&self, mut attempt: impl FnMut(&mut Table) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + self.limits.longest_wait;
        loop {
            let freed = self.freed.notified();
            let next_look = {
                let mut table = self.table();
                if let Some(success) = attempt(&mut table) {
                    return Some(success);
                }
                let now = Instant::now();
                match table.slowest() {
                    Some((number, since)) if now >= since + self.limits.standstill => {
                        table.cut_off(number);
                        // Its place is free at once, its memory when its connection has ended.
                        if let Some(success) = attempt(&mut table) {
                            return Some(success);
                        }
                        now + CUT_PACE
                    }
                    Some((_, since)) => since + self.limits.standstill,
                    None => deadline,
                }
            };
            if Instant::now() >= deadline {
                return None;
            }
            tokio::select! {
                () = freed => {}
                () = sleep_until(next_look.min(deadline)) => {}
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The answer whose client has taken nothing for the longest time, and since when.
    fn slowest(&self) -> Option<(u64, Instant)> {
        let sent = self.places.iter();
        sent.filter(|(_, place)| place.connection.is_some())
            .map(|(number, place)| (*number, place.moved))
            .min_by_key(|(_, moved)| *moved)
    }

    fn cut_off(&mut self, number: u64) {
        let place = self.places.remove(&number);
        if let Some(connection) = place.and_then(|place| place.connection) {
            connection.notify_one();
        }
    }
}

impl Answer {
    /// The answer is being sent from now on; `connection` is notified when it has to end.
    pub(super) fn sent_over(&self, connection: Arc<Notify>) {
        self.update(|place| place.connection = Some(connection));
    }

    /// The client takes another piece.
    pub(super) fn moves(&self) {
        self.update(|_| {});
    }

    fn update(&self, change: impl FnOnce(&mut Place)) {
        let mut table = self.answers.table();
        if let Some(place) = table.places.get_mut(&self.number) {
            place.moved = Instant::now();
            change(place);
        }
    }
}

impl Reservation {
    /// Changes the reservation to what the answer turned out to need.
    pub(super) fn resize(&mut self, bytes: usize) {
        let mut table = self.answers.table();
        table.memory = table.memory - self.bytes + bytes;
        table.largest = table.largest.max(bytes);
        self.bytes = bytes;
        drop(table);
        self.answers.freed.notify_waiters();
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.answers.table().places.remove(&self.number);
        self.answers.freed.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.answers.table().memory -= self.bytes;
        self.answers.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits that a test need not wait long for.
    fn answers(answers: usize, least_memory: usize) -> Arc<Answers> {
        Arc::new(Answers {
            limits: AnswerLimits {
                answers,
                least_memory,
                standstill: Duration::from_millis(20),
                longest_wait: Duration::from_millis(100),
            },
            ..Answers::default()
        })
    }

    /// A client that its answer is sent to; its connection ends when it is told to.
    async fn slow_client(answers: &Arc<Answers>, memory: usize) -> tokio::task::JoinHandle<()> {
        let connection = Arc::new(Notify::new());
        let answer = answers.enter().await.unwrap();
        let mut reservation = answers.reserve(0).await.unwrap();
        reservation.resize(memory);
        answer.sent_over(Arc::clone(&connection));
        tokio::spawn(async move {
            connection.notified().await;
            drop((answer, reservation));
        })
    }

    #[test]
    fn the_slowest_client_took_nothing_for_longest_and_answers_being_computed_have_none() {
        let now = Instant::now();
        let place = |ago: u64, is_sent: bool| Place {
            moved: now - Duration::from_secs(ago),
            connection: is_sent.then(Arc::default),
        };
        let mut table = Table::default();
        assert_eq!(table.slowest(), None);
        table.places.insert(1, place(9, false));
        assert_eq!(table.slowest(), None);
        table.places.insert(2, place(3, true));
        table.places.insert(3, place(5, true));
        table.places.insert(4, place(4, true));
        assert_eq!(table.slowest(), Some((3, now - Duration::from_secs(5))));
    }

    #[tokio::test]
    async fn a_client_that_stands_still_gives_its_place_to_a_new_one() {
        let answers = answers(2, 0);
        let slow = slow_client(&answers, 0).await;
        let computed = answers.enter().await.unwrap();
        let new = answers.enter().await.unwrap();
        slow.await.unwrap();
        assert_eq!(answers.table().places.len(), 2);
        // These two are computed, which ends by itself.
        assert!(answers.enter().await.is_none());
        drop(computed);
        assert!(answers.enter().await.is_some());
        drop(new);
    }

    #[tokio::test]
    async fn memory_is_for_two_of_the_largest() {
        let answers = answers(9, 10);
        let mut first = answers.reserve(0).await.unwrap();
        first.resize(1_000);
        let second = answers.reserve(900).await.unwrap();
        assert!(answers.reserve(101).await.is_none());
        let third = answers.reserve(100).await.unwrap();
        drop((second, third));
        let larger = answers.reserve(1_001).await;
        assert!(larger.is_some(), "it is the largest now");
        drop((first, larger));
        assert_eq!(answers.table().memory, 0);
        assert!(answers.reserve(usize::MAX).await.is_some(), "it is alone");
    }

    #[tokio::test]
    async fn clients_that_stand_still_give_their_memory_to_a_new_one() {
        let answers = answers(9, 10);
        let slow = [
            slow_client(&answers, 12).await,
            slow_client(&answers, 12).await,
        ];
        let new = answers.reserve(13).await;
        assert!(new.is_some());
        let [first, second] = slow;
        first.await.unwrap();
        assert_eq!(answers.table().memory, 25, "one was enough");
        second.abort();
    }
}
