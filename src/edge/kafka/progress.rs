//! How far one partition has been handed out, and whether that is its end. Pure: it is told what
//! was seen and decides.
//!
//! The high watermark alone does not say it. A transaction ends with a control record that no
//! application sees, and compaction or retention may have emptied the tail, so the last record
//! handed out can lie anywhere below it; an open transaction hides what follows. The fetcher
//! knows better: it notes the end offset at which it found nothing more, also with partition EOF
//! events off. That note is only read from the statistics, which are a little old and, after a
//! partition comes back, for a moment those of the earlier time. So two in a row must agree,
//! with the queue seen empty in between, and any rebalance starts over.
//!
//! An end is that of the last answer. While the leader does not answer, records may pile up
//! there, so nothing is said to be at its end.

use super::context::FetchState;

/// Position and evidence for one assigned partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Offset after the last record handed out, or the given start; `None`: the beginning.
    pub(super) next: Option<i64>,
    received: bool,
    /// Whether the leader answered lately, by the last statistics.
    heard: bool,
    /// The cached end offset when the partition was assigned: left over from an earlier time.
    stale_high: Option<i64>,
    evidence: Evidence,
    /// The brokers do not let us read it.
    refused: bool,
}

/// End of partition as the fetcher saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Evidence {
    #[default]
    None,
    /// Said by one statistics report; what was fetched until then may still be queued.
    Said(End),
    /// The queue was seen empty after it was said.
    Drained(End),
    /// Said again after that.
    Confirmed(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    offset: i64,
    high: i64,
}

impl Progress {
    /// A partition about to be read from `next`, or from its beginning. `cached` is the
    /// (low, high) that the client still remembers.
    pub(super) fn begin(next: Option<i64>, cached: Option<(i64, i64)>) -> Self {
        Self {
            next,
            stale_high: cached.map(|(_, high)| high),
            ..Self::default()
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

    /// The brokers do not let us read it: nothing is known of its end from here on, which the
    /// client has as `cached`. Whether that is new.
    pub(super) fn refuse(&mut self, cached: Option<(i64, i64)>) -> bool {
        if self.refused {
            return false;
        }
        let heard = self.heard;
        *self = Self::begin(self.next, cached);
        self.heard = heard;
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
        let at_end = state.active && state.end_seen >= 0 && state.end_seen == state.last_stable;
        // Only a fetch that was answered sees an end.
        self.refused &= !at_end;
        if !at_end || state.next != state.end_seen {
            self.evidence = Evidence::None;
            return;
        }
        let end = End {
            offset: state.end_seen,
            high: state.high,
        };
        self.evidence = match self.evidence {
            Evidence::Drained(earlier) | Evidence::Confirmed(earlier)
                if earlier.offset == end.offset =>
            {
                Evidence::Confirmed(end)
            }
            Evidence::None | Evidence::Said(_) | Evidence::Drained(_) | Evidence::Confirmed(_) => {
                Evidence::Said(end)
            }
        };
    }

    /// The queue was seen empty.
    pub(super) fn drained(&mut self) {
        if let Evidence::Said(end) = self.evidence {
            self.evidence = Evidence::Drained(end);
        }
    }

    /// Fetching starts over from `next`: what was queued is gone.
    pub(super) fn restarted(&mut self) {
        self.evidence = Evidence::None;
    }

    /// Whether everything up to the known end has been handed out. `cached` is (low, high).
    pub(super) fn at_end(&self, cached: Option<(i64, i64)>) -> bool {
        let Some((low, high)) = cached.filter(|_| self.heard) else {
            return false;
        };
        if let Evidence::Confirmed(end) = self.evidence
            && end.high == high
        {
            return true;
        }
        // A position beyond the end is none: the topic was created anew.
        self.is_fresh(high) && self.next.map_or(low >= high, |next| next == high)
    }

    /// Records between the position and the end; `None` where the end is not known yet.
    pub(super) fn lag(&self, cached: Option<(i64, i64)>) -> Option<i64> {
        if self.at_end(cached) {
            return Some(0);
        }
        // While the leader is silent this is what is known, and not certain to be all.
        let (low, high) = cached.filter(|&(_, high)| self.is_fresh(high))?;
        Some((high - self.next.unwrap_or(0).max(low)).max(0))
    }

    /// Whether the cached end was fetched since the assignment.
    fn is_fresh(&self, high: i64) -> bool {
        self.received || self.stale_high != Some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(next: i64, end_seen: i64, last_stable: i64, high: i64) -> FetchState {
        FetchState {
            next,
            end_seen,
            last_stable,
            high,
            active: true,
            heard: true,
        }
    }

    /// A partition whose leader was heard and said nothing of its end.
    fn begin(next: Option<i64>, cached: Option<(i64, i64)>) -> Progress {
        let mut progress = Progress::begin(next, cached);
        progress.observe(state(0, -1001, -1001, -1001));
        progress
    }

    #[test]
    fn refuses_what_was_handed_out() {
        let mut progress = begin(Some(5), None);
        assert!(!progress.accept(4));
        assert!(progress.accept(5));
        assert!(!progress.accept(5));
        assert!(progress.accept(9));
        assert_eq!(progress.next, Some(10));
    }

    #[test]
    fn the_end_is_unknown_before_the_first_fetch() {
        let progress = begin(Some(5), None);
        assert!(!progress.at_end(None));
        assert_eq!(progress.lag(None), None);
    }

    #[test]
    fn a_watermark_of_an_earlier_assignment_does_not_count() {
        let mut progress = begin(Some(10), Some((0, 10)));
        assert!(!progress.at_end(Some((0, 10))));
        assert_eq!(progress.lag(Some((0, 10))), None);
        assert_eq!(progress.lag(Some((0, 30))), Some(20));
        assert!(progress.accept(10));
        assert!(progress.at_end(Some((0, 11))));
    }

    #[test]
    fn an_empty_partition_is_at_its_end() {
        assert!(begin(None, None).at_end(Some((0, 0))));
        assert!(begin(None, None).at_end(Some((7, 7))));
        assert_eq!(begin(None, None).lag(Some((7, 9))), Some(2));
        assert!(!begin(Some(99), None).at_end(Some((7, 9))));
    }

    #[test]
    fn a_control_record_at_the_tail_needs_two_reports_and_an_empty_queue() {
        let mut progress = begin(None, None);
        progress.accept(8);
        let cached = Some((0, 10));
        assert!(!progress.at_end(cached));
        assert_eq!(progress.lag(cached), Some(1));
        progress.observe(state(10, 10, 10, 10));
        progress.observe(state(10, 10, 10, 10));
        assert!(!progress.at_end(cached), "not drained");
        progress.drained();
        assert!(!progress.at_end(cached), "not said again");
        progress.observe(state(10, 10, 10, 10));
        assert!(progress.at_end(cached));
        assert_eq!(progress.lag(cached), Some(0));
        assert!(!progress.at_end(Some((0, 12))), "more has come");
        progress.restarted();
        assert!(!progress.at_end(cached));
    }

    #[test]
    fn an_open_transaction_hides_what_follows() {
        let mut progress = begin(None, None);
        progress.accept(4);
        progress.observe(state(5, 5, 5, 9));
        progress.drained();
        progress.observe(state(5, 5, 5, 9));
        assert!(progress.at_end(Some((0, 9))));
        progress.observe(state(9, 5, 9, 9));
        assert!(!progress.at_end(Some((0, 9))), "the fetcher has moved on");
    }

    #[test]
    fn a_silent_leader_may_have_more() {
        let mut progress = begin(Some(3), None);
        assert!(progress.at_end(Some((0, 3))));
        progress.observe(FetchState {
            heard: false,
            ..state(3, 3, 3, 3)
        });
        assert!(!progress.at_end(Some((0, 3))));
        progress.observe(state(3, 3, 3, 3));
        assert!(progress.at_end(Some((0, 3))));
    }
}
