use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn fetching(next: i64, end_seen: i64, last_stable: i64) -> FetchState {
    FetchState {
        active: true,
        leader_responds: true,
        next,
        end_seen,
        last_stable,
    }
}

/// A partition whose leader responds.
fn begin(next: Option<i64>, now: Instant) -> PartitionProgress {
    let mut progress = PartitionProgress::begin(next, None, now);
    progress.observe(fetching(0, -1001, -1001));
    progress
}

/// The leader answers a request at once.
fn answer_both(progress: &mut PartitionProgress, asked: Instant, stable: i64, high: i64) {
    progress.ask(asked);
    progress.answer(PartitionEnd::LastStableOffset, asked, stable);
    progress.answer(PartitionEnd::HighWatermark, asked, high);
    progress.compare(Some(0));
}

#[test]
fn a_record_is_handed_out_once() {
    let mut progress = begin(Some(5), Instant::now());
    assert!(!progress.accept(4));
    assert!(progress.accept(5));
    assert!(!progress.accept(5));
    assert!(progress.accept(9));
    assert_eq!(progress.next, Some(10));
}

#[test]
fn nothing_is_known_before_the_leader_answers() {
    let now = Instant::now();
    let mut progress = begin(Some(5), now);
    progress.compare(Some(0));
    assert_eq!(progress.end_status(now), EndStatus::default());
    assert_eq!(progress.lag(Some(0)), None);
}

#[test]
fn an_answer_to_a_request_from_before_the_assignment_does_not_count() {
    let asked = Instant::now();
    let mut progress = begin(Some(10), asked + SECOND);
    progress.answer(PartitionEnd::HighWatermark, asked, 10);
    progress.answer(PartitionEnd::LastStableOffset, asked, 10);
    progress.compare(Some(0));
    assert_eq!(progress.end_status(asked + SECOND), EndStatus::default());
    assert_eq!(progress.lag(Some(0)), None);
}

#[test]
fn an_empty_partition_is_at_its_end() {
    let now = Instant::now();
    let mut progress = begin(None, now);
    answer_both(&mut progress, now, 0, 0);
    assert!(progress.end_status(now).read_to_end);
    // Retention took everything.
    let mut progress = begin(None, now);
    progress.answer(PartitionEnd::HighWatermark, now, 7);
    progress.answer(PartitionEnd::LastStableOffset, now, 7);
    progress.compare(None);
    assert!(
        !progress.end_status(now).read_to_end,
        "its beginning is not known"
    );
    progress.compare(Some(7));
    assert!(progress.end_status(now).read_to_end);
    assert_eq!(progress.lag(Some(7)), Some(0));
}

#[test]
fn an_earlier_end_is_proven_while_records_keep_arriving() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..20 {
        let now = start + SECOND * second;
        let end = i64::from(second) * 10 + 10;
        // Each time the leader has ten records more than were handed out.
        answer_both(&mut progress, now, end - 2, end);
        assert!(progress.lag(None) > Some(0));
        let expected = (second > 0).then(|| now - SECOND);
        assert_eq!(progress.end_status(now).complete_as_of, expected);
        assert_eq!(progress.end_status(now).read_to_end, second > 0);
        for offset in end - 10..end {
            progress.accept(offset);
        }
    }
}

#[test]
fn the_position_passes_control_records() {
    let now = Instant::now();
    let mut progress = begin(Some(0), now);
    progress.accept(0);
    progress.accept(1);
    answer_both(&mut progress, now, 3, 3);
    assert!(!progress.end_status(now).read_to_end);
    assert_eq!(progress.lag(None), Some(1));
    progress.pass_control_records(Some(3));
    progress.compare(None);
    assert!(progress.end_status(now).read_to_end);
    assert_eq!(progress.next, Some(3));
    assert_eq!(progress.lag(None), Some(0));
}

#[test]
fn a_consumed_offset_from_before_the_fetcher_moved_does_not_count() {
    let now = Instant::now();
    let mut progress = PartitionProgress::begin(Some(5), Some(9), now);
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(5), "the offset is outdated");
    progress.pass_control_records(None);
    progress.pass_control_records(Some(6));
    assert_eq!(progress.next, Some(6));
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(9));

    let mut progress = PartitionProgress::begin(Some(5), Some(9), now);
    assert!(progress.accept(8));
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(9), "a record arrived since");

    progress.restart_at(Some(5), Some(9), now);
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(5));
    assert!(progress.accept(5), "the record is handed out again");
}

#[test]
fn an_open_transaction_hides_later_records() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    progress.accept(4);
    answer_both(&mut progress, start, 5, 5);
    assert_eq!(progress.end_status(start).open_transaction, None);
    let opened = start + SECOND;
    for second in 0..100 {
        let now = opened + SECOND * second;
        answer_both(&mut progress, now, 5, 9);
        let status = progress.end_status(now);
        assert_eq!(status.complete_as_of, Some(start), "second {second}");
        assert!(status.read_to_end, "all readable records were read");
        let transaction = OpenTransaction {
            offset: 5,
            records: 4,
            open_for: SECOND * second,
        };
        assert_eq!(status.open_transaction, Some(transaction));
        assert_eq!(progress.lag(None), Some(0));
    }
    // The transaction is aborted.
    let now = opened + SECOND * 100;
    answer_both(&mut progress, now, 10, 10);
    assert_eq!(progress.end_status(now).open_transaction, None);
    assert_eq!(progress.lag(None), Some(5));
    progress.pass_control_records(Some(10));
    progress.compare(None);
    assert_eq!(progress.end_status(now).complete_as_of, Some(now));
}

#[test]
fn a_series_of_short_transactions_is_not_one_long_transaction() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..100 {
        let now = start + SECOND * second;
        let stable = i64::from(second) * 10;
        answer_both(&mut progress, now, stable, stable + 5);
        let transaction = progress.end_status(now).open_transaction.unwrap();
        assert_eq!(transaction.open_for, Duration::ZERO);
        for offset in stable..stable + 10 {
            progress.accept(offset);
        }
    }
}

#[test]
fn an_end_before_the_position_proves_nothing() {
    let now = Instant::now();
    let mut progress = begin(Some(100), now);
    progress.ask(now);
    // A record that arrives between request and answer is no contradiction.
    progress.accept(100);
    progress.answer(PartitionEnd::HighWatermark, now, 100);
    let later = now + SECOND;
    progress.ask(later);
    progress.answer(PartitionEnd::HighWatermark, later, 30);
    progress.answer(PartitionEnd::LastStableOffset, later, 30);
    progress.compare(None);
    assert_eq!(progress.end_status(later).complete_as_of, Some(now));
    assert_eq!(progress.lag(None), None);
}

#[test]
fn a_proof_expires_and_a_silent_leader_proves_nothing() {
    let now = Instant::now();
    let mut progress = begin(Some(3), now);
    answer_both(&mut progress, now, 3, 3);
    assert!(progress.end_status(now).read_to_end);
    assert!(!progress.end_status(now + VALIDITY).read_to_end);
    progress.observe(FetchState {
        leader_responds: false,
        ..fetching(3, 3, 3)
    });
    assert!(!progress.end_status(now).read_to_end);
    assert_eq!(
        progress.end_status(now).complete_as_of,
        Some(now),
        "stays true"
    );
}

#[test]
fn nothing_is_known_about_a_partition_without_read_access() {
    let now = Instant::now();
    let mut progress = begin(Some(3), now);
    answer_both(&mut progress, now, 3, 3);
    assert!(progress.refuse(None, now));
    assert!(!progress.refuse(None, now), "known already");
    answer_both(&mut progress, now, 3, 3);
    assert_eq!(progress.end_status(now), EndStatus::default());
    assert!(!progress.is_readable());
    progress.observe(fetching(3, 3, 3));
    assert!(progress.is_readable());
    assert!(progress.end_status(now).read_to_end);
}

#[test]
fn a_compacted_tail_needs_two_reports_and_an_empty_queue() {
    let now = Instant::now();
    let mut progress = begin(Some(8), now);
    answer_both(&mut progress, now, 10, 10);
    let report = fetching(10, 10, 10);
    let is_at_end = |progress: &mut PartitionProgress| {
        progress.compare(None);
        progress.end_status(now).read_to_end
    };
    progress.observe(report);
    progress.observe(report);
    assert!(!is_at_end(&mut progress), "not drained");
    progress.drained();
    assert!(!is_at_end(&mut progress), "not reported again");
    progress.fetcher_restarted();
    progress.observe(report);
    assert!(
        !is_at_end(&mut progress),
        "the report may be from before the restart"
    );
    progress.drained();
    progress.observe(report);
    assert!(is_at_end(&mut progress));
    assert_eq!(progress.next, Some(8), "nothing was handed out");
    assert_eq!(progress.lag(None), Some(0));
}

#[test]
fn the_number_of_open_ends_is_limited() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..100_000 {
        answer_both(
            &mut progress,
            start + SECOND * second,
            5,
            i64::from(second) + 9,
        );
    }
    assert!(progress.high.waiting.len() <= MOST_WAITING);
    let now = start + SECOND * 99_999;
    let transaction = progress.end_status(now).open_transaction.unwrap();
    assert_eq!(transaction.open_for, now - start, "the oldest end is kept");
}

mod simulated {
    //! A partition with transactions, a fetcher and a leader that answers late. Every status is true,
    //! and a true status is reached within limited time.

    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_millis(100);
    /// Ticks between two requests.
    const REQUEST_INTERVAL: u32 = 5;

    #[derive(Clone, Copy, Debug)]
    enum LogAction {
        /// Appends a record outside a transaction.
        Append,
        /// Appends a record of a transaction and opens the transaction if necessary.
        AppendIn(usize),
        Commit(usize),
        Abort(usize),
        /// The fetcher takes at most this number of offsets.
        Fetch(usize),
        /// The leader answers its oldest request.
        Answer,
        /// The fetcher starts again at the position, as in a rebalance.
        Restart,
        Wait,
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum RecordOutcome {
        Plain,
        Open(usize),
        Committed,
        Aborted,
        Marker,
    }

    /// The records of the log, each with its time.
    #[derive(Default)]
    struct SimulatedLog(Vec<(Instant, RecordOutcome)>);

    impl SimulatedLog {
        fn end_transaction(&mut self, transaction: usize, outcome: RecordOutcome, now: Instant) {
            let mut ended = false;
            for (_, one) in &mut self.0 {
                if *one == RecordOutcome::Open(transaction) {
                    *one = outcome;
                    ended = true;
                }
            }
            if ended {
                self.0.push((now, RecordOutcome::Marker));
            }
        }

        fn stable(&self) -> usize {
            let open =
                |(_, outcome): &(Instant, RecordOutcome)| matches!(outcome, RecordOutcome::Open(_));
            self.0.iter().position(open).unwrap_or(self.0.len())
        }
    }

    fn log_action() -> impl Strategy<Value = LogAction> {
        prop_oneof![
            3 => Just(LogAction::Append),
            3 => (0..3_usize).prop_map(LogAction::AppendIn),
            1 => (0..3_usize).prop_map(LogAction::Commit),
            1 => (0..3_usize).prop_map(LogAction::Abort),
            5 => (1..6_usize).prop_map(LogAction::Fetch),
            4 => Just(LogAction::Answer),
            1 => Just(LogAction::Restart),
            2 => Just(LogAction::Wait),
        ]
    }

    struct World {
        log: SimulatedLog,
        progress: PartitionProgress,
        /// The offset that the fetcher takes next.
        fetched: usize,
        consumed: Option<i64>,
        handed_out: BTreeSet<usize>,
        requests: VecDeque<(Instant, i64, i64)>,
        now: Instant,
        tick: u32,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                log: SimulatedLog::default(),
                progress: begin(None, now),
                fetched: 0,
                consumed: None,
                handed_out: BTreeSet::new(),
                requests: VecDeque::new(),
                now,
                tick: 0,
            }
        }

        fn perform(&mut self, action: LogAction) {
            let now = self.now;
            match action {
                LogAction::Append => self.log.0.push((now, RecordOutcome::Plain)),
                LogAction::AppendIn(transaction) => {
                    self.log.0.push((now, RecordOutcome::Open(transaction)));
                }
                LogAction::Commit(one) => {
                    self.log.end_transaction(one, RecordOutcome::Committed, now);
                }
                LogAction::Abort(one) => self.log.end_transaction(one, RecordOutcome::Aborted, now),
                LogAction::Fetch(most) => self.fetch(most),
                LogAction::Answer => self.answer(),
                LogAction::Restart => {
                    self.fetched = usize::try_from(self.progress.next.unwrap_or(0)).unwrap();
                    self.progress.fetcher_restarted();
                }
                LogAction::Wait => {}
            }
            self.now += TICK;
            self.tick += 1;
            if self.tick.is_multiple_of(REQUEST_INTERVAL) {
                let ends = (self.log.stable(), self.log.0.len());
                let ends = (
                    i64::try_from(ends.0).unwrap(),
                    i64::try_from(ends.1).unwrap(),
                );
                self.progress.ask(self.now);
                // A leader answers with the end at some time after the request.
                self.requests.push_back((self.now, ends.0, ends.1));
            }
            self.progress.pass_control_records(self.consumed);
            self.progress.compare(Some(0));
        }

        fn fetch(&mut self, most: usize) {
            let end = self.log.stable().min(self.fetched + most);
            for offset in self.fetched..end {
                let number = i64::try_from(offset).unwrap();
                match self.log.0[offset].1 {
                    RecordOutcome::Plain | RecordOutcome::Committed => {
                        if self.progress.accept(number) {
                            self.handed_out.insert(offset);
                        }
                        self.consumed = Some(number + 1);
                    }
                    RecordOutcome::Marker => self.consumed = Some(number + 1),
                    RecordOutcome::Aborted => {}
                    RecordOutcome::Open(_) => {
                        unreachable!("the fetcher stops at the last stable offset")
                    }
                }
            }
            self.fetched = end;
        }

        fn answer(&mut self) {
            if let Some((asked, stable, high)) = self.requests.pop_front() {
                self.progress
                    .answer(PartitionEnd::LastStableOffset, asked, stable);
                self.progress
                    .answer(PartitionEnd::HighWatermark, asked, high);
            }
        }

        /// Checks that the status is true.
        fn check(&self) {
            let status = self.progress.end_status(self.now);
            let position = usize::try_from(self.progress.next.unwrap_or(0)).unwrap();
            for (offset, (at, outcome)) in self.log.0.iter().enumerate() {
                let unread = matches!(outcome, RecordOutcome::Plain | RecordOutcome::Committed)
                    && !self.handed_out.contains(&offset);
                let open = matches!(outcome, RecordOutcome::Open(_));
                if let Some(complete) = status.complete_as_of {
                    assert!(*at >= complete || !(unread || open), "{offset} {outcome:?}");
                }
                assert!(
                    offset >= position || !(unread || open),
                    "passed {offset} {outcome:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_status_is_true(
            actions in proptest::collection::vec(log_action(), 1..300),
        ) {
            let mut world = World::new();
            for action in actions {
                world.perform(action);
                world.check();
            }
            // Then the leader answers, the fetcher reads, transactions end in time, and records keep
            // arriving.
            for round in 0..60 {
                world.perform(LogAction::AppendIn(round % 3));
                world.perform(LogAction::Commit((round + 1) % 3));
                world.perform(LogAction::Fetch(100));
                while !world.requests.is_empty() {
                    world.answer();
                }
                world.perform(LogAction::Wait);
                world.check();
            }
            let status = world.progress.end_status(world.now);
            let complete = status.complete_as_of.unwrap();
            prop_assert!(world.now - complete < 3 * SECOND, "{:?}", world.now - complete);
            prop_assert!(status.read_to_end);
            prop_assert!(status.open_transaction.is_none_or(|one| one.open_for < 3 * SECOND));
        }
    }
}
