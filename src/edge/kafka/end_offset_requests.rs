//! Decides when to ask which leader for the ends of its partitions, and matches answers to requests.
//! Each leader gets its own requests, so a silent leader delays only its own partitions.

use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::queue::{EndOffsets, PartitionEnd};
use super::topic_partition::TopicPartition;

/// Time between two rounds of requests to a leader. Stream clocks lag behind the wall clock by about
/// this time in addition to the grace. A round is two small requests, however many partitions there
/// are.
const INTERVAL: Duration = Duration::from_millis(500);

pub(super) struct EndOffsetRequests {
    ends: EndOffsets,
    /// Requests without an answer, by number.
    open: HashMap<usize, PendingRequest>,
    /// The time of the last requests, by leader.
    asked: HashMap<Option<i32>, Instant>,
    last_number: usize,
}

#[derive(Clone, Copy, Debug)]
struct PendingRequest {
    /// `None`: the statistics have not named the leader yet; the client finds it.
    leader: Option<i32>,
    end: PartitionEnd,
    asked: Instant,
}

pub(super) struct EndOffsetAnswer {
    pub(super) end: PartitionEnd,
    /// The time of the request.
    pub(super) asked: Instant,
    pub(super) offsets: Vec<(TopicPartition, i64)>,
}

impl EndOffsetRequests {
    pub(super) fn new(ends: EndOffsets) -> Self {
        Self {
            ends,
            open: HashMap::new(),
            asked: HashMap::new(),
            last_number: 0,
        }
    }

    /// Whether it is time to ask a leader. A leader with an open request is not asked.
    pub(super) fn is_due(&self, leader: Option<i32>, now: Instant) -> bool {
        let asked = self.asked.get(&leader);
        asked.is_none_or(|asked| now.saturating_duration_since(*asked) >= INTERVAL)
            && self.open.values().all(|request| request.leader != leader)
    }

    /// Asks a leader for both ends of its partitions.
    pub(super) fn ask<'p>(
        &mut self,
        leader: Option<i32>,
        partitions: &(impl Iterator<Item = &'p TopicPartition> + Clone),
        now: Instant,
    ) {
        self.asked.insert(leader, now);
        for end in [PartitionEnd::LastStableOffset, PartitionEnd::HighWatermark] {
            self.last_number = self.last_number.wrapping_add(1);
            if self.ends.ask(self.last_number, end, partitions.clone()) {
                let request = PendingRequest {
                    leader,
                    end,
                    asked: now,
                };
                self.open.insert(self.last_number, request);
            }
        }
    }

    /// Makes every leader due, because there are new partitions.
    pub(super) fn ask_all_soon(&mut self) {
        self.asked.clear();
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&mut self) -> Option<EndOffsetAnswer> {
        loop {
            let (number, offsets) = self.ends.poll()?;
            if let Some(request) = self.open.remove(&number) {
                return Some(EndOffsetAnswer {
                    end: request.end,
                    asked: request.asked,
                    offsets,
                });
            }
        }
    }
}
