//! How far one partition has been handed out, and up to which moment that is everything. Pure: it
//! is told what was seen and decides.
//!
//! Partition leaders are asked for two ends of a partition. An answer to a question of the moment T
//! is at least the end at T. So once the position has reached
//!
//! * the high watermark of T, every record that was appended before T has been handed out, or was
//!   aborted: the partition is *complete as of T*;
//! * the last stable offset of T, every record that could be read at T has been handed out: it was
//!   *read to its end as of T*, also where an open transaction hides records behind it.
//!
//! Both proofs come under steady traffic as well: the position passes an earlier end while later
//! records arrive. Where the last stable offset of a later question is still below the high
//! watermark of T, a transaction hides records since T.
//!
//! The position passes control records, which end transactions and which no application sees: the
//! client library notes them as they are taken from the queue. What compaction has emptied at the
//! tail is noted by the fetcher alone. Its note is read from the statistics, which are a little old
//! and, after a restart of the fetcher, for a moment those of the earlier time. So two in a row must
//! agree, with the queue seen empty in between, and it never moves the position that is kept.

use std::time::{Duration, Instant};

use super::consumer_callbacks::FetchState;
use super::queue::End;

/// An older proof says nothing about the present end. Leaders are asked twice a second.
const VALIDITY: Duration = Duration::from_secs(5);

/// Ends that wait for their proof: some time of reading a backlog, in full resolution.
const MOST_WAITING: usize = 64;

/// Position and evidence for one assigned partition.
#[derive(Clone, Debug)]
pub(super) struct PartitionProgress {
    /// Offset after the last record handed out and the control records behind it, or the given
    /// start; `None`: the beginning.
    pub(super) next: Option<i64>,
    /// The broker that leads the partition, by the last statistics.
    pub(super) leader: Option<i32>,
    /// Questions from before tell of another time.
    begun: Instant,
    received: bool,
    /// What the client library had as taken when the fetcher was moved: it may still say so.
    outdated: Option<i64>,
    /// Whether the leader answered lately, by the last statistics.
    heard: bool,
    /// The brokers do not let us read it.
    refused: bool,
    stable: ReportedEnds,
    high: ReportedEnds,
    /// When the last question was asked, and where the position was.
    asked: Option<(Instant, i64)>,
    tail: FetcherEnd,
}

/// What is known of the end of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndStatus {
    /// Every record appended before this moment was handed out, or was aborted.
    pub complete_as_of: Option<Instant>,
    /// Every record that could be read some seconds ago at the most was handed out.
    pub read_to_end: bool,
    /// The leader has told of an end that is not reached.
    pub has_backlog: bool,
    /// Records that wait for the end of a transaction.
    pub open_transaction: Option<OpenTransaction>,
}

/// Records that an open transaction hides from readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The last stable offset: where the transaction begins.
    pub offset: i64,
    /// Records from there to the high watermark, those of the transaction included.
    pub records: i64,
    /// How long the transaction has been open at least.
    pub open_for: Duration,
}

/// Ends of one kind that leaders told, each with the moment of its question.
#[derive(Clone, Debug, Default)]
struct ReportedEnds {
    /// Those that the position has not reached, oldest first.
    waiting: Vec<(Instant, i64)>,
    /// The latest that it has.
    reached: Option<Instant>,
    latest: Option<(Instant, i64)>,
}

/// The end as the fetcher saw it, which passes what compaction has emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FetcherEnd {
    #[default]
    Unknown,
    /// Said by one statistics report; what was fetched until then may still be queued.
    Said(i64),
    /// The queue was seen empty after it was said.
    Drained(i64),
    /// Said again after that.
    Confirmed(i64),
}

impl ReportedEnds {
    fn add(&mut self, asked: Instant, offset: i64) {
        self.latest = Some((asked, offset));
        if self.waiting.len() == MOST_WAITING {
            // The oldest stays: it tells how long a transaction has been open.
            let mut place = 0;
            self.waiting.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
        self.waiting.push((asked, offset));
    }

    fn reach(&mut self, position: i64) {
        let reached = &mut self.reached;
        self.waiting.retain(|&(asked, offset)| {
            if offset <= position {
                *reached = (*reached).max(Some(asked));
            }
            offset > position
        });
    }
}

impl PartitionProgress {
    /// A partition about to be read from `next`, or from its beginning. `taken` is what the client
    /// library has as taken from it, see [`Self::pass_control_records`].
    pub(super) fn begin(next: Option<i64>, taken: Option<i64>, now: Instant) -> Self {
        Self {
            next,
            leader: None,
            begun: now,
            received: false,
            outdated: taken,
            heard: false,
            refused: false,
            stable: ReportedEnds::default(),
            high: ReportedEnds::default(),
            asked: None,
            tail: FetcherEnd::Unknown,
        }
    }

    /// Takes a record's offset; `false` where it was handed out before.
    pub(super) fn accept(&mut self, offset: i64) -> bool {
        if self.next.is_some_and(|next| offset < next) {
            return false;
        }
        self.next = Some(offset + 1);
        self.received = true;
        self.refused = false;
        true
    }

    /// Moves the position behind the control records that the client library has taken with the
    /// records. What it had as taken before its fetcher was moved does not count.
    pub(super) fn pass_control_records(&mut self, taken: Option<i64>) {
        if !self.received && taken == self.outdated {
            return;
        }
        self.outdated = None;
        self.next = self.next.max(taken);
    }

    /// Reads from an earlier offset once more. Nothing is known of the end until that is done.
    pub(super) fn read_again(&mut self, from: Option<i64>, taken: Option<i64>, now: Instant) {
        *self = Self {
            leader: self.leader,
            heard: self.heard,
            ..Self::begin(from, taken, now)
        };
    }

    /// The brokers do not let us read it: nothing is known of its end from here on. Whether that
    /// is new.
    pub(super) fn refuse(&mut self, taken: Option<i64>, now: Instant) -> bool {
        if self.refused {
            return false;
        }
        self.read_again(self.next, taken, now);
        self.refused = true;
        true
    }

    /// Whether the leader answers, and lets us read.
    pub(super) fn is_admitted(&self) -> bool {
        self.heard && !self.refused
    }

    /// Whether a record came since the assignment.
    pub(super) fn received(&self) -> bool {
        self.received
    }

    /// Notes what the fetcher says of itself.
    pub(super) fn observe(&mut self, state: FetchState) {
        self.heard = state.heard;
        let end = state.end_seen;
        let at_end = state.active && end >= 0 && end == state.last_stable;
        // Only a fetch that was answered sees an end.
        self.refused &= !at_end;
        self.tail = match self.tail {
            _ if !at_end || state.next != end => FetcherEnd::Unknown,
            FetcherEnd::Drained(earlier) | FetcherEnd::Confirmed(earlier) if earlier == end => {
                FetcherEnd::Confirmed(end)
            }
            FetcherEnd::Unknown
            | FetcherEnd::Said(_)
            | FetcherEnd::Drained(_)
            | FetcherEnd::Confirmed(_) => FetcherEnd::Said(end),
        };
    }

    /// The queue was seen empty.
    pub(super) fn drained(&mut self) {
        if let FetcherEnd::Said(end) = self.tail {
            self.tail = FetcherEnd::Drained(end);
        }
    }

    /// Fetching starts over from `next`: what was queued is gone.
    pub(super) fn restarted(&mut self) {
        self.tail = FetcherEnd::Unknown;
    }

    /// The leader is asked for its ends now.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = Some((now, self.next.unwrap_or(0)));
    }

    /// Notes an end that the leader told on a question. One before the position of that moment is a
    /// contradiction: the log has become shorter, which the fetcher tells. It proves nothing.
    pub(super) fn answer(&mut self, end: End, asked: Instant, offset: i64) {
        let position = match self.asked {
            Some((at, position)) if at == asked => position,
            Some(_) | None => 0,
        };
        if asked < self.begun || offset < position {
            return;
        }
        match end {
            End::Stable => self.stable.add(asked, offset),
            End::High => self.high.add(asked, offset),
        }
    }

    /// Compares the position with the ends told so far. To be called once all that was taken from
    /// the queue has been accepted. `low` is the first offset that there is, where known.
    pub(super) fn prove(&mut self, low: Option<i64>) {
        let mut position = self.next.or(low).unwrap_or(0);
        if let FetcherEnd::Confirmed(end) = self.tail {
            position = position.max(end);
        }
        self.stable.reach(position);
        self.high.reach(position);
    }

    /// What is known of the end.
    pub(super) fn reached(&self, now: Instant) -> EndStatus {
        if self.refused {
            return EndStatus::default();
        }
        let is_recent = |asked: Instant| now.saturating_duration_since(asked) < VALIDITY;
        // What could not be read at a moment was not there, or is hidden: a high watermark proves
        // more than a last stable offset.
        let end = self.stable.reached.max(self.high.reached);
        EndStatus {
            complete_as_of: self.high.reached,
            read_to_end: self.heard && end.is_some_and(is_recent),
            has_backlog: !self.high.waiting.is_empty(),
            open_transaction: self.hidden(),
        }
    }

    fn hidden(&self) -> Option<OpenTransaction> {
        let (stable_at, offset) = self.stable.latest?;
        let (_, high) = self.high.latest?;
        let mut waiting = self.high.waiting.iter();
        let (since, _) = waiting.find(|(_, high)| *high > offset)?;
        Some(OpenTransaction {
            offset,
            records: high - offset,
            open_for: stable_at.saturating_duration_since(*since),
        })
    }

    /// Records that could be read and were not; `None` where the end is not known yet. `low` as
    /// for [`Self::prove`].
    pub(super) fn lag(&self, low: Option<i64>) -> Option<i64> {
        let (_, end) = self.stable.latest?;
        if self.stable.waiting.is_empty() {
            return Some(0);
        }
        let position = self.next.unwrap_or(0).max(low.unwrap_or(0));
        Some((end - position).max(0))
    }
}

#[cfg(test)]
mod tests;
