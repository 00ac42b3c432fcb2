//! The large answers in progress: how many there are, how much memory they use, and which of them
//! end early because a new answer needs their slot or their memory. New answers wait in order of
//! arrival.
//!
//! A client that reads slowly keeps its slot and its memory, even for an old publication that no
//! other client reads, as long as the limits allow. At the limits, clients that read nothing lose
//! their connections, so that a scraper that reads gets its answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout_at};

use super::slots::{NumberedEntries, SharedUse};

/// Large answers in progress, from the request to the last byte. A pair of Prometheus servers needs
/// two.
const MOST_ANSWERS: usize = 64;

/// A client stalls when it takes less than one piece of its answer in this time. At that pace a
/// large exposition would take longer than a request may last.
const STALL: Duration = Duration::from_secs(2);

/// How long a new answer waits for its slot and its memory. This is several times [`STALL`], so that
/// stalled clients cannot block it, and shorter than a scrape timeout.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Time between two clients that lose their connections for the same memory, which is free only when
/// a connection has ended.
const CUT_PACE: Duration = Duration::from_millis(10);

/// All answers together may use this multiple of the memory of the largest answer so far: two
/// publications, one that clients still read and the next one.
const LARGEST_ANSWERS: usize = 2;

/// All answers together may always use this much, so that small expositions never lack memory.
const LEAST_MEMORY: usize = 16 << 20;

/// The limits as one value, so that tests can shorten them.
#[derive(Clone, Copy, Debug)]
struct AnswerLimits {
    answers: usize,
    least_memory: usize,
    stall: Duration,
    longest_wait: Duration,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self {
            answers: MOST_ANSWERS,
            least_memory: LEAST_MEMORY,
            stall: STALL,
            longest_wait: LONGEST_WAIT,
        }
    }
}

/// The large answers in progress.
#[derive(Debug, Default)]
pub(super) struct LargeAnswers {
    limits: AnswerLimits,
    used: SharedUse<AnswersInProgress>,
    /// The answer that gets the next slot holds this lock. The others wait for it in order of arrival.
    slot_turn: Mutex<()>,
    /// The same for memory.
    memory_turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct AnswersInProgress {
    answers: NumberedEntries<AnswerInProgress>,
    /// Reserved bytes.
    memory: usize,
    /// The most bytes that one answer has used.
    largest: usize,
}

#[derive(Debug)]
struct AnswerInProgress {
    /// When the client last took a piece.
    last_progress: Instant,
    /// Ends the connection; `None` until the answer is sent.
    connection: Option<Arc<Notify>>,
}

/// The right to compute and send a large answer, until it is dropped.
#[derive(Debug)]
pub(super) struct AnswerSlot {
    answers: Arc<LargeAnswers>,
    number: u64,
    /// The end of the wait for memory.
    deadline: Instant,
}

/// Memory that an answer may use, until it is dropped.
#[derive(Debug)]
pub(super) struct MemoryReservation {
    answers: Arc<LargeAnswers>,
    bytes: usize,
}

impl LargeAnswers {
    /// A slot for a new answer. `None`: none became free in time.
    pub(super) async fn enter(self: &Arc<Self>) -> Option<AnswerSlot> {
        let limit = self.limits.answers;
        let deadline = Instant::now() + self.limits.longest_wait;
        let enter = |used: &mut AnswersInProgress| {
            (used.answers.len() < limit).then(|| {
                used.answers.insert(AnswerInProgress {
                    last_progress: Instant::now(),
                    connection: None,
                })
            })
        };
        let number = self.wait_for(&self.slot_turn, deadline, enter).await?;
        Some(AnswerSlot {
            answers: Arc::clone(self),
            number,
            deadline,
        })
    }

    /// Waits until it succeeds or the time is over. Ends the connections of stalled clients to make
    /// room.
    async fn wait_for<T>(
        &self,
        turn: &Mutex<()>,
        deadline: Instant,
        mut attempt: impl FnMut(&mut AnswersInProgress) -> Option<T>,
    ) -> Option<T> {
        let _turn = timeout_at(deadline, turn.lock()).await.ok()?;
        let attempt = |used: &mut AnswersInProgress| {
            if let Some(success) = attempt(used) {
                return Ok(Some(success));
            }
            let now = Instant::now();
            let next_attempt = match used.slowest() {
                Some((number, since)) if now >= since + self.limits.stall => {
                    used.end_connection(number);
                    // The slot is free at once, the memory when the connection has ended.
                    if let Some(success) = attempt(used) {
                        return Ok(Some(success));
                    }
                    now + CUT_PACE
                }
                Some((_, since)) => since + self.limits.stall,
                // An answer that is sent from now on stalls later than this.
                None => now + self.limits.stall,
            };
            if now >= deadline {
                return Ok(None);
            }
            Err(Some(next_attempt.min(deadline)))
        };
        self.used.wait_for(attempt).await
    }
}

impl AnswersInProgress {
    /// The answer whose client has taken nothing for the longest time, and since when.
    fn slowest(&self) -> Option<(u64, Instant)> {
        let answers = self.answers.iter();
        answers
            .filter(|(_, answer)| answer.connection.is_some())
            .map(|(number, answer)| (number, answer.last_progress))
            .min_by_key(|(_, last_progress)| *last_progress)
    }

    fn end_connection(&mut self, number: u64) {
        let answer = self.answers.remove(number);
        if let Some(connection) = answer.and_then(|answer| answer.connection) {
            connection.notify_one();
        }
    }
}

impl AnswerSlot {
    /// Reserves memory for an answer of `bytes`. `None`: not enough became free in time. An answer
    /// that is alone gets any amount, because the first answer shows how large answers are.
    pub(super) async fn reserve(&self, bytes: usize) -> Option<MemoryReservation> {
        let answers = &self.answers;
        let least = answers.limits.least_memory;
        let reserve = |used: &mut AnswersInProgress| {
            let largest = used.largest.max(bytes);
            let limit = largest.saturating_mul(LARGEST_ANSWERS).max(least);
            let wanted = used.memory.saturating_add(bytes);
            (used.memory == 0 || wanted <= limit).then(|| used.memory = wanted)
        };
        let turn = &answers.memory_turn;
        answers.wait_for(turn, self.deadline, reserve).await?;
        Some(MemoryReservation {
            answers: Arc::clone(answers),
            bytes,
        })
    }

    /// The answer is sent from now on. A notification of `connection` ends it early.
    pub(super) fn begin_sending(&self, connection: Arc<Notify>) {
        self.update(|answer| answer.connection = Some(connection));
    }

    /// The client takes another piece.
    pub(super) fn record_progress(&self) {
        self.update(|_| {});
    }

    fn update(&self, change: impl FnOnce(&mut AnswerInProgress)) {
        let mut used = self.answers.used.lock();
        if let Some(answer) = used.answers.get_mut(self.number) {
            answer.last_progress = Instant::now();
            change(answer);
        }
    }
}

impl MemoryReservation {
    /// Changes the reservation to the bytes that the answer needs.
    pub(super) fn resize(&mut self, bytes: usize) {
        self.answers.used.free(|used| {
            used.memory = used.memory - self.bytes + bytes;
            used.largest = used.largest.max(bytes);
        });
        self.bytes = bytes;
    }
}

impl Drop for AnswerSlot {
    fn drop(&mut self) {
        self.answers
            .used
            .free(|used| used.answers.remove(self.number));
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.answers.used.free(|used| used.memory -= self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// Short limits.
    fn answers(answers: usize, least_memory: usize) -> Arc<LargeAnswers> {
        Arc::new(LargeAnswers {
            limits: AnswerLimits {
                answers,
                least_memory,
                stall: Duration::from_millis(20),
                longest_wait: Duration::from_millis(100),
            },
            ..LargeAnswers::default()
        })
    }

    /// A client whose answer is being sent, until its connection is ended.
    async fn slow_client(
        answers: &Arc<LargeAnswers>,
        memory: usize,
    ) -> tokio::task::JoinHandle<()> {
        let connection = Arc::new(Notify::new());
        let answer = answers.enter().await.unwrap();
        let mut reservation = answer.reserve(0).await.unwrap();
        reservation.resize(memory);
        answer.begin_sending(Arc::clone(&connection));
        tokio::spawn(async move {
            connection.notified().await;
            drop((answer, reservation));
        })
    }

    #[test]
    fn the_slowest_client_has_taken_nothing_for_the_longest_time() {
        let now = Instant::now();
        let answer = |ago: u64, is_sent: bool| AnswerInProgress {
            last_progress: now - Duration::from_secs(ago),
            connection: is_sent.then(Arc::default),
        };
        let mut used = AnswersInProgress::default();
        assert_eq!(used.slowest(), None);
        used.answers.insert(answer(9, false));
        assert_eq!(used.slowest(), None);
        used.answers.insert(answer(3, true));
        let slowest = used.answers.insert(answer(5, true));
        used.answers.insert(answer(4, true));
        let since = now - Duration::from_secs(5);
        assert_eq!(used.slowest(), Some((slowest, since)));
    }

    #[tokio::test]
    async fn a_new_answer_takes_the_slot_of_a_stalled_client() {
        let answers = answers(2, 0);
        let slow = slow_client(&answers, 0).await;
        let computed = answers.enter().await.unwrap();
        let new = answers.enter().await.unwrap();
        slow.await.unwrap();
        assert_eq!(answers.used.lock().answers.len(), 2);
        // The server still computes these two, and does not end that early.
        assert!(answers.enter().await.is_none());
        drop(computed);
        assert!(answers.enter().await.is_some());
        drop(new);
    }

    #[tokio::test]
    async fn memory_is_for_two_of_the_largest() {
        let answers = answers(9, 10);
        let reserve = async |bytes| answers.enter().await.unwrap().reserve(bytes).await;
        let mut first = reserve(0).await.unwrap();
        first.resize(1_000);
        let second = reserve(900).await.unwrap();
        assert!(reserve(101).await.is_none());
        let third = reserve(100).await.unwrap();
        drop((second, third));
        let larger = reserve(1_001).await;
        assert!(larger.is_some(), "it is the largest now");
        drop((first, larger));
        assert_eq!(answers.used.lock().memory, 0);
        assert!(reserve(usize::MAX).await.is_some(), "it is alone");
    }

    #[tokio::test]
    async fn a_new_answer_takes_the_memory_of_stalled_clients() {
        let answers = answers(9, 10);
        let slow = [
            slow_client(&answers, 12).await,
            slow_client(&answers, 12).await,
        ];
        let answer = answers.enter().await.unwrap();
        let new = answer.reserve(13).await;
        assert!(new.is_some());
        let [first, second] = slow;
        first.await.unwrap();
        assert_eq!(answers.used.lock().memory, 25, "one was enough");
        second.abort();
    }

    #[tokio::test]
    async fn answers_get_memory_in_order_of_arrival() {
        let answers = answers(9, 100);
        let first = answers.enter().await.unwrap().reserve(90).await.unwrap();
        let (large, small) = (answers.enter().await, answers.enter().await);
        let (large, small) = (large.unwrap(), small.unwrap());
        let mut large = std::pin::pin!(large.reserve(20));
        let mut small = std::pin::pin!(small.reserve(10));
        for waiting in [large.as_mut(), small.as_mut()] {
            let waited = timeout(Duration::from_millis(20), waiting).await;
            assert!(waited.is_err(), "there is room for the small one only");
        }
        drop(first);
        let large = large.await.unwrap();
        assert!(small.await.is_some());
        drop(large);
    }
}
