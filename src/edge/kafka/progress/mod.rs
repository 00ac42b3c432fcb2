//! How far the consumer has handed out the records of one partition, and what that proves. Pure: it
//! gets observations as arguments and decides.
//!
//! The consumer asks partition leaders for the two ends of a partition. The end in the answer to a
//! request of time T is at least the end at T. So once the position has reached
//!
//! * the high watermark of T, every record that was appended before T was handed out or was aborted: the
//!   partition is *complete as of T*;
//! * the last stable offset of T, every record that could be read at T was handed out: the partition was
//!   *read to its end as of T*, even if an open transaction hides records behind it.
//!
//! Both proofs also work under steady traffic: the position passes an earlier end while later records
//! arrive. If the last stable offset of a later request is still below the high watermark of T, a
//! transaction has been hiding records since T.
//!
//! The position also passes control records, which end transactions and which an application never
//! receives: the client library notes them when they are consumed from the queue. If compaction has
//! emptied the tail of a partition, only the fetcher notes that. Its note comes from the statistics,
//! which are a little old and, right after a restart of the fetcher, may be those from before. So two
//! reports in a row must agree, with an empty queue in between, and the note never changes the stored
//! position.

use std::time::{Duration, Instant};

use super::client_statistics::FetchState;
use super::queue::PartitionEnd;

/// An older proof says nothing about the current end. Leaders are asked twice a second.
const VALIDITY: Duration = Duration::from_secs(5);

/// The most ends that the position has not reached. A backlog needs some.
const MOST_WAITING: usize = 64;

/// Position and evidence for one assigned partition.
#[derive(Clone, Debug)]
pub(super) struct PartitionProgress {
    /// Offset after the last record handed out and the control records behind it, or the start offset;
    /// `None`: the beginning of the partition.
    pub(super) next: Option<i64>,
    /// The broker that leads the partition, from the last statistics.
    pub(super) leader: Option<i32>,
    /// Answers to requests from before are ignored.
    begun: Instant,
    received: bool,
    /// The client library's consumed offset from before the fetcher was moved. The library may still
    /// return it.
    outdated: Option<i64>,
    /// Whether the leader answered lately, from the last statistics.
    leader_responds: bool,
    /// Whether the brokers deny read access.
    refused: bool,
    stable: ReportedEnds,
    high: ReportedEnds,
    /// Time of the last request, and the position then.
    asked: Option<(Instant, i64)>,
    fetcher_end: FetcherEnd,
}

/// The known facts about the end of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndStatus {
    /// Every record appended before this time was handed out or was aborted.
    pub complete_as_of: Option<Instant>,
    /// Every record that could be read a few seconds ago was handed out.
    pub read_to_end: bool,
    /// The position has not reached an end that the leader gave.
    pub has_backlog: bool,
    pub open_transaction: Option<OpenTransaction>,
}

/// A transaction that hides records from readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The last stable offset, where the transaction begins.
    pub offset: i64,
    /// Number of records from there to the high watermark, those of the transaction included.
    pub records: i64,
    /// The transaction has been open for at least this time.
    pub open_for: Duration,
}

/// Ends of one kind from leaders, each with the time of its request.
#[derive(Clone, Debug, Default)]
struct ReportedEnds {
    /// Ends that the position has not reached, oldest first.
    waiting: Vec<(Instant, i64)>,
    /// The time of the latest end that the position has reached.
    reached: Option<Instant>,
    latest: Option<(Instant, i64)>,
}

/// The end that the fetcher found, which may lie behind a gap from compaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FetcherEnd {
    #[default]
    Unknown,
    /// In one statistics report. Records fetched before may still be queued.
    Reported(i64),
    /// The queue was empty after the report.
    Drained(i64),
    /// In another report after that.
    Confirmed(i64),
}

impl ReportedEnds {
    fn add(&mut self, asked: Instant, offset: i64) {
        self.latest = Some((asked, offset));
        if self.waiting.len() == MOST_WAITING {
            // The oldest stays: it shows how long a transaction has been open.
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
    /// A partition that will be read from `next`, or from its beginning. `consumed` is the client
    /// library's consumed offset, see [`Self::pass_control_records`].
    pub(super) fn begin(next: Option<i64>, consumed: Option<i64>, now: Instant) -> Self {
        Self {
            next,
            leader: None,
            begun: now,
            received: false,
            outdated: consumed,
            leader_responds: false,
            refused: false,
            stable: ReportedEnds::default(),
            high: ReportedEnds::default(),
            asked: None,
            fetcher_end: FetcherEnd::Unknown,
        }
    }

    /// Takes the offset of a record; `false` if it was handed out before.
    pub(super) fn accept(&mut self, offset: i64) -> bool {
        if self.next.is_some_and(|next| offset < next) {
            return false;
        }
        self.next = Some(offset + 1);
        self.received = true;
        self.refused = false;
        true
    }

    /// Moves the position behind the control records that were taken from the queue together with
    /// records. A consumed offset from before the fetcher was moved does not count.
    pub(super) fn pass_control_records(&mut self, consumed: Option<i64>) {
        if !self.received && consumed == self.outdated {
            return;
        }
        self.outdated = None;
        self.next = self.next.max(consumed);
    }

    /// Moves the position to an earlier offset. Nothing is known about the end after that.
    pub(super) fn restart_at(&mut self, from: Option<i64>, consumed: Option<i64>, now: Instant) {
        *self = Self {
            leader: self.leader,
            leader_responds: self.leader_responds,
            ..Self::begin(from, consumed, now)
        };
    }

    /// The brokers deny read access, so the end is no longer known. Returns whether that is new.
    pub(super) fn refuse(&mut self, consumed: Option<i64>, now: Instant) -> bool {
        if self.refused {
            return false;
        }
        self.restart_at(self.next, consumed, now);
        self.refused = true;
        true
    }

    /// Whether the leader answers and allows reading.
    pub(super) fn is_readable(&self) -> bool {
        self.leader_responds && !self.refused
    }

    /// Whether a record arrived since the assignment.
    pub(super) fn received(&self) -> bool {
        self.received
    }

    /// Takes the state of the fetcher.
    pub(super) fn observe(&mut self, state: FetchState) {
        self.leader_responds = state.leader_responds;
        let end = state.end_seen;
        let at_end = state.active && end >= 0 && end == state.last_stable;
        // The fetcher finds an end only when a fetch was answered.
        self.refused &= !at_end;
        self.fetcher_end = match self.fetcher_end {
            _ if !at_end || state.next != end => FetcherEnd::Unknown,
            FetcherEnd::Drained(earlier) | FetcherEnd::Confirmed(earlier) if earlier == end => {
                FetcherEnd::Confirmed(end)
            }
            FetcherEnd::Unknown
            | FetcherEnd::Reported(_)
            | FetcherEnd::Drained(_)
            | FetcherEnd::Confirmed(_) => FetcherEnd::Reported(end),
        };
    }

    /// The queue was empty.
    pub(super) fn drained(&mut self) {
        if let FetcherEnd::Reported(end) = self.fetcher_end {
            self.fetcher_end = FetcherEnd::Drained(end);
        }
    }

    /// The fetcher starts again at `next`; the queued records are dropped.
    pub(super) fn fetcher_restarted(&mut self) {
        self.fetcher_end = FetcherEnd::Unknown;
    }

    /// The leader is asked for the ends now.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = Some((now, self.next.unwrap_or(0)));
    }

    /// Takes an end from an answer of the leader. An end before the position at the time of the request
    /// is a contradiction and proves nothing: the log became shorter, which the fetcher reports.
    pub(super) fn answer(&mut self, end: PartitionEnd, asked: Instant, offset: i64) {
        let position = match self.asked {
            Some((at, position)) if at == asked => position,
            Some(_) | None => 0,
        };
        if asked < self.begun || offset < position {
            return;
        }
        match end {
            PartitionEnd::LastStableOffset => self.stable.add(asked, offset),
            PartitionEnd::HighWatermark => self.high.add(asked, offset),
        }
    }

    /// Compares the position with the ends known so far. Call it after all messages taken from the
    /// queue were accepted. `low` is the first offset of the partition, if known.
    pub(super) fn compare(&mut self, low: Option<i64>) {
        let mut position = self.next.or(low).unwrap_or(0);
        if let FetcherEnd::Confirmed(end) = self.fetcher_end {
            position = position.max(end);
        }
        self.stable.reach(position);
        self.high.reach(position);
    }

    pub(super) fn end_status(&self, now: Instant) -> EndStatus {
        if self.refused {
            return EndStatus::default();
        }
        let is_recent = |asked: Instant| now.saturating_duration_since(asked) < VALIDITY;
        // A record that could not be read at a time did not exist or was hidden. So reaching the high
        // watermark proves more than reaching the last stable offset.
        let end = self.stable.reached.max(self.high.reached);
        EndStatus {
            complete_as_of: self.high.reached,
            read_to_end: self.leader_responds && end.is_some_and(is_recent),
            has_backlog: !self.high.waiting.is_empty(),
            open_transaction: self.open_transaction(),
        }
    }

    fn open_transaction(&self) -> Option<OpenTransaction> {
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

    /// Number of records that could be read and were not; `None` while the end is unknown. `low` as for
    /// [`Self::compare`].
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
