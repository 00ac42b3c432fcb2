//! When partition leaders are asked for the ends of their partitions, and which answer belongs to
//! which question. Each leader is asked by itself: one that does not answer delays only what is
//! known of its own partitions.

use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::TopicPartition;
use super::queue::{End, EndOffsets};

/// Time between two questions to a leader: stream clocks are behind the wall clock by about as much
/// more than the grace. Two small requests, however many partitions it leads.
const INTERVAL: Duration = Duration::from_millis(500);

/// Questions on their way.
pub(super) struct EndOffsetRequests {
    ends: EndOffsets,
    open: HashMap<usize, PendingRequest>,
    asked: HashMap<Option<i32>, Instant>,
    last: usize,
}

#[derive(Clone, Copy, Debug)]
struct PendingRequest {
    /// `None`: the client finds the leaders; the statistics have not named them yet.
    leader: Option<i32>,
    end: End,
    asked: Instant,
}

/// Ends that a leader told.
pub(super) struct EndOffsetAnswer {
    pub(super) end: End,
    /// The moment of the question.
    pub(super) asked: Instant,
    pub(super) offsets: Vec<(TopicPartition, i64)>,
}

impl EndOffsetRequests {
    pub(super) fn new(ends: EndOffsets) -> Self {
        Self {
            ends,
            open: HashMap::new(),
            asked: HashMap::new(),
            last: 0,
        }
    }

    /// Whether it is time to ask a leader: not while it owes an answer.
    pub(super) fn is_due(&self, leader: Option<i32>, now: Instant) -> bool {
        let asked = self.asked.get(&leader);
        asked.is_none_or(|asked| now.saturating_duration_since(*asked) >= INTERVAL)
            && self.open.values().all(|question| question.leader != leader)
    }

    /// Asks a leader for both ends of partitions.
    pub(super) fn ask<'p>(
        &mut self,
        leader: Option<i32>,
        partitions: &(impl Iterator<Item = &'p TopicPartition> + Clone),
        now: Instant,
    ) {
        self.asked.insert(leader, now);
        for end in [End::Stable, End::High] {
            self.last = self.last.wrapping_add(1);
            if self.ends.ask(self.last, end, partitions.clone()) {
                let question = PendingRequest {
                    leader,
                    end,
                    asked: now,
                };
                self.open.insert(self.last, question);
            }
        }
    }

    /// Asks every leader at the next occasion: there are partitions of which nothing is known.
    pub(super) fn hurry(&mut self) {
        self.asked.clear();
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&mut self) -> Option<EndOffsetAnswer> {
        loop {
            let (number, offsets) = self.ends.poll()?;
            if let Some(question) = self.open.remove(&number) {
                return Some(EndOffsetAnswer {
                    end: question.end,
                    asked: question.asked,
                    offsets,
                });
            }
        }
    }
}
