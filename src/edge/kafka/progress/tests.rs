use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn fetching(next: i64, end_seen: i64, last_stable: i64) -> FetchState {
    FetchState {
        active: true,
        heard: true,
        next,
        end_seen,
        last_stable,
    }
}

/// A partition whose leader is heard.
fn begin(next: Option<i64>, now: Instant) -> PartitionProgress {
    let mut progress = PartitionProgress::begin(next, None, now);
    progress.observe(fetching(0, -1001, -1001));
    progress
}

/// The leader answers a question at once.
fn tell(progress: &mut PartitionProgress, asked: Instant, stable: i64, high: i64) {
    progress.ask(asked);
    progress.answer(End::Stable, asked, stable);
    progress.answer(End::High, asked, high);
    progress.prove(Some(0));
}

#[test]
fn refuses_what_was_handed_out() {
    let mut progress = begin(Some(5), Instant::now());
    assert!(!progress.accept(4));
    assert!(progress.accept(5));
    assert!(!progress.accept(5));
    assert!(progress.accept(9));
    assert_eq!(progress.next, Some(10));
}

#[test]
fn nothing_is_known_before_the_leader_has_answered() {
    let now = Instant::now();
    let mut progress = begin(Some(5), now);
    progress.prove(Some(0));
    assert_eq!(progress.reached(now), EndStatus::default());
    assert_eq!(progress.lag(Some(0)), None);
}

#[test]
fn an_answer_to_a_question_from_before_the_assignment_does_not_count() {
    let asked = Instant::now();
    let mut progress = begin(Some(10), asked + SECOND);
    progress.answer(End::High, asked, 10);
    progress.answer(End::Stable, asked, 10);
    progress.prove(Some(0));
    assert_eq!(progress.reached(asked + SECOND), EndStatus::default());
    assert_eq!(progress.lag(Some(0)), None);
}

#[test]
fn an_empty_partition_is_at_its_end() {
    let now = Instant::now();
    let mut progress = begin(None, now);
    tell(&mut progress, now, 0, 0);
    assert!(progress.reached(now).read_to_end);
    // Retention took everything.
    let mut progress = begin(None, now);
    progress.answer(End::High, now, 7);
    progress.answer(End::Stable, now, 7);
    progress.prove(None);
    assert!(
        !progress.reached(now).read_to_end,
        "where it begins is not known"
    );
    progress.prove(Some(7));
    assert!(progress.reached(now).read_to_end);
    assert_eq!(progress.lag(Some(7)), Some(0));
}

#[test]
fn an_earlier_end_is_proven_while_records_go_on_coming() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..20 {
        let now = start + SECOND * second;
        let end = i64::from(second) * 10 + 10;
        // Each time the leader has ten records more than were handed out.
        tell(&mut progress, now, end - 2, end);
        assert!(progress.lag(None) > Some(0));
        let expected = (second > 0).then(|| now - SECOND);
        assert_eq!(progress.reached(now).complete_as_of, expected);
        assert_eq!(progress.reached(now).read_to_end, second > 0);
        for offset in end - 10..end {
            progress.accept(offset);
        }
    }
}

#[test]
fn control_records_are_passed() {
    let now = Instant::now();
    let mut progress = begin(Some(0), now);
    progress.accept(0);
    progress.accept(1);
    tell(&mut progress, now, 3, 3);
    assert!(!progress.reached(now).read_to_end);
    assert_eq!(progress.lag(None), Some(1));
    progress.pass_control_records(Some(3));
    progress.prove(None);
    assert!(progress.reached(now).read_to_end);
    assert_eq!(progress.next, Some(3));
    assert_eq!(progress.lag(None), Some(0));
}

#[test]
fn what_was_taken_before_the_fetcher_moved_does_not_count() {
    let now = Instant::now();
    let mut progress = PartitionProgress::begin(Some(5), Some(9), now);
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(5), "of the earlier time");
    progress.pass_control_records(None);
    progress.pass_control_records(Some(6));
    assert_eq!(progress.next, Some(6));
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(9));

    let mut progress = PartitionProgress::begin(Some(5), Some(9), now);
    assert!(progress.accept(8));
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(9), "a record came since");

    progress.read_again(Some(5), Some(9), now);
    progress.pass_control_records(Some(9));
    assert_eq!(progress.next, Some(5));
    assert!(progress.accept(5), "handed out once more");
}

#[test]
fn an_open_transaction_hides_what_follows() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    progress.accept(4);
    tell(&mut progress, start, 5, 5);
    assert_eq!(progress.reached(start).open_transaction, None);
    let opened = start + SECOND;
    for second in 0..100 {
        let now = opened + SECOND * second;
        tell(&mut progress, now, 5, 9);
        let reached = progress.reached(now);
        assert_eq!(reached.complete_as_of, Some(start), "second {second}");
        assert!(reached.read_to_end, "all that can be read");
        let hidden = OpenTransaction {
            offset: 5,
            records: 4,
            open_for: SECOND * second,
        };
        assert_eq!(reached.open_transaction, Some(hidden));
        assert_eq!(progress.lag(None), Some(0));
    }
    // It is aborted.
    let now = opened + SECOND * 100;
    tell(&mut progress, now, 10, 10);
    assert_eq!(progress.reached(now).open_transaction, None);
    assert_eq!(progress.lag(None), Some(5));
    progress.pass_control_records(Some(10));
    progress.prove(None);
    assert_eq!(progress.reached(now).complete_as_of, Some(now));
}

#[test]
fn short_transactions_one_after_the_other_are_none_that_stays_open() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..100 {
        let now = start + SECOND * second;
        let stable = i64::from(second) * 10;
        tell(&mut progress, now, stable, stable + 5);
        let hidden = progress.reached(now).open_transaction.unwrap();
        assert_eq!(hidden.open_for, Duration::ZERO);
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
    // What came between question and answer is no contradiction.
    progress.accept(100);
    progress.answer(End::High, now, 100);
    let later = now + SECOND;
    progress.ask(later);
    progress.answer(End::High, later, 30);
    progress.answer(End::Stable, later, 30);
    progress.prove(None);
    assert_eq!(progress.reached(later).complete_as_of, Some(now));
    assert_eq!(progress.lag(None), None);
}

#[test]
fn a_proof_grows_old_and_a_silent_leader_proves_nothing() {
    let now = Instant::now();
    let mut progress = begin(Some(3), now);
    tell(&mut progress, now, 3, 3);
    assert!(progress.reached(now).read_to_end);
    assert!(!progress.reached(now + VALIDITY).read_to_end);
    progress.observe(FetchState {
        heard: false,
        ..fetching(3, 3, 3)
    });
    assert!(!progress.reached(now).read_to_end);
    assert_eq!(
        progress.reached(now).complete_as_of,
        Some(now),
        "stays true"
    );
}

#[test]
fn nothing_is_known_of_a_partition_that_may_not_be_read() {
    let now = Instant::now();
    let mut progress = begin(Some(3), now);
    tell(&mut progress, now, 3, 3);
    assert!(progress.refuse(None, now));
    assert!(!progress.refuse(None, now), "known already");
    tell(&mut progress, now, 3, 3);
    assert_eq!(progress.reached(now), EndStatus::default());
    assert!(!progress.is_admitted());
    progress.observe(fetching(3, 3, 3));
    assert!(progress.is_admitted());
    assert!(progress.reached(now).read_to_end);
}

#[test]
fn a_tail_that_compaction_emptied_needs_two_reports_and_an_empty_queue() {
    let now = Instant::now();
    let mut progress = begin(Some(8), now);
    tell(&mut progress, now, 10, 10);
    let said = fetching(10, 10, 10);
    let reached = |progress: &mut PartitionProgress| {
        progress.prove(None);
        progress.reached(now).read_to_end
    };
    progress.observe(said);
    progress.observe(said);
    assert!(!reached(&mut progress), "not drained");
    progress.drained();
    assert!(!reached(&mut progress), "not said again");
    progress.restarted();
    progress.observe(said);
    assert!(!reached(&mut progress), "of before the restart, perhaps");
    progress.drained();
    progress.observe(said);
    assert!(reached(&mut progress));
    assert_eq!(progress.next, Some(8), "nothing was handed out");
    assert_eq!(progress.lag(None), Some(0));
}

#[test]
fn what_waits_for_its_proof_is_bounded() {
    let start = Instant::now();
    let mut progress = begin(Some(0), start);
    for second in 0..100_000 {
        tell(
            &mut progress,
            start + SECOND * second,
            5,
            i64::from(second) + 9,
        );
    }
    assert!(progress.high.waiting.len() <= MOST_WAITING);
    let now = start + SECOND * 99_999;
    let hidden = progress.reached(now).open_transaction.unwrap();
    assert_eq!(hidden.open_for, now - start, "the oldest is kept");
}

mod simulated {
    //! A partition with transactions, a fetcher and a leader that answers late: nothing is claimed
    //! that is not so, and what is so is claimed within bounded time.

    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_millis(100);
    /// Ticks between two questions.
    const PACE: u32 = 5;

    #[derive(Clone, Copy, Debug)]
    enum LogAction {
        /// A record of no transaction.
        Append,
        /// A record of a transaction, which this may open.
        AppendIn(usize),
        Commit(usize),
        Abort(usize),
        /// The fetcher takes this many offsets at most.
        Fetch(usize),
        /// The leader answers its oldest question.
        Answer,
        /// The fetcher starts over from the position, as in a rebalance.
        Restart,
        /// Nothing.
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

    /// What is in the log, since when, and what became of it.
    #[derive(Default)]
    struct SimulatedLog(Vec<(Instant, RecordOutcome)>);

    impl SimulatedLog {
        fn end_transaction(&mut self, transaction: usize, fate: RecordOutcome, now: Instant) {
            let mut ended = false;
            for (_, one) in &mut self.0 {
                if *one == RecordOutcome::Open(transaction) {
                    *one = fate;
                    ended = true;
                }
            }
            if ended {
                self.0.push((now, RecordOutcome::Marker));
            }
        }

        fn stable(&self) -> usize {
            let open =
                |(_, fate): &(Instant, RecordOutcome)| matches!(fate, RecordOutcome::Open(_));
            self.0.iter().position(open).unwrap_or(self.0.len())
        }
    }

    fn happening() -> impl Strategy<Value = LogAction> {
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
        /// Offset that the fetcher takes next, and the control record that it took last.
        fetched: usize,
        taken: Option<i64>,
        handed_out: BTreeSet<usize>,
        questions: VecDeque<(Instant, i64, i64)>,
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
                taken: None,
                handed_out: BTreeSet::new(),
                questions: VecDeque::new(),
                now,
                tick: 0,
            }
        }

        fn happens(&mut self, happening: LogAction) {
            let now = self.now;
            match happening {
                LogAction::Append => self.log.0.push((now, RecordOutcome::Plain)),
                LogAction::AppendIn(transaction) => {
                    self.log.0.push((now, RecordOutcome::Open(transaction)));
                }
                LogAction::Commit(one) => {
                    self.log.end_transaction(one, RecordOutcome::Committed, now)
                }
                LogAction::Abort(one) => self.log.end_transaction(one, RecordOutcome::Aborted, now),
                LogAction::Fetch(most) => self.fetch(most),
                LogAction::Answer => self.answer(),
                LogAction::Restart => {
                    self.fetched = usize::try_from(self.progress.next.unwrap_or(0)).unwrap();
                    self.progress.restarted();
                }
                LogAction::Wait => {}
            }
            self.now += TICK;
            self.tick += 1;
            if self.tick.is_multiple_of(PACE) {
                let ends = (self.log.stable(), self.log.0.len());
                let ends = (
                    i64::try_from(ends.0).unwrap(),
                    i64::try_from(ends.1).unwrap(),
                );
                self.progress.ask(self.now);
                // A leader's answer is the end of some moment after the question.
                self.questions.push_back((self.now, ends.0, ends.1));
            }
            self.progress.pass_control_records(self.taken);
            self.progress.prove(Some(0));
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
                        self.taken = Some(number + 1);
                    }
                    RecordOutcome::Marker => self.taken = Some(number + 1),
                    RecordOutcome::Aborted => {}
                    RecordOutcome::Open(_) => unreachable!("behind the last stable offset"),
                }
            }
            self.fetched = end;
        }

        fn answer(&mut self) {
            if let Some((asked, stable, high)) = self.questions.pop_front() {
                self.progress.answer(End::Stable, asked, stable);
                self.progress.answer(End::High, asked, high);
            }
        }

        /// Every claim is so.
        fn check(&self) {
            let reached = self.progress.reached(self.now);
            let position = usize::try_from(self.progress.next.unwrap_or(0)).unwrap();
            for (offset, (at, fate)) in self.log.0.iter().enumerate() {
                let unread = matches!(fate, RecordOutcome::Plain | RecordOutcome::Committed)
                    && !self.handed_out.contains(&offset);
                let open = matches!(fate, RecordOutcome::Open(_));
                if let Some(complete) = reached.complete_as_of {
                    assert!(*at >= complete || !(unread || open), "{offset} {fate:?}");
                }
                assert!(
                    offset >= position || !(unread || open),
                    "passed {offset} {fate:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_claimed_that_is_not_so(
            happenings in proptest::collection::vec(happening(), 1..300),
        ) {
            let mut world = World::new();
            for happening in happenings {
                world.happens(happening);
                world.check();
            }
            // From here on the leader answers, the fetcher reads, transactions end in time, and
            // records go on coming.
            for round in 0..60 {
                world.happens(LogAction::AppendIn(round % 3));
                world.happens(LogAction::Commit((round + 1) % 3));
                world.happens(LogAction::Fetch(100));
                while !world.questions.is_empty() {
                    world.answer();
                }
                world.happens(LogAction::Wait);
                world.check();
            }
            let reached = world.progress.reached(world.now);
            let complete = reached.complete_as_of.unwrap();
            prop_assert!(world.now - complete < 3 * SECOND, "{:?}", world.now - complete);
            prop_assert!(reached.read_to_end);
            prop_assert!(reached.open_transaction.is_none_or(|hidden| hidden.open_for < 3 * SECOND));
        }
    }
}
