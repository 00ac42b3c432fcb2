//! A clock that does not jump: the wall clock's time, kept by the monotonic clock.
//!
//! A wall clock can be wrong by an hour from one moment to the next: set by hand, corrected by
//! NTP, a virtual machine that slept. Deadlines judged by such a clock breach falsely or too late,
//! and good records look as if they came from the future. So a jump is not followed at once:
//! event times decide whether the world jumped with the clock. It does not tell who was right
//! before it started: the first reading of the wall clock is believed.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use super::wall_clock::{self, Clock};
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND, Timestamp};

/// Differences up to this are followed at once: NTP steps by less, producers differ by less, and
/// the grace of the stream clocks covers it.
const FOLLOWED_AT_ONCE: Milliseconds = 10 * SECOND;
/// A wall clock that no event contradicts so long is believed: an idle desk's deadlines pass too.
const BELIEVED_AFTER: Milliseconds = 10 * MINUTE;
/// How long after a jump forward events may still be from before it: they were waiting in Kafka
/// while the machine slept.
const SETTLING: Milliseconds = MINUTE;

/// See the module. Cheap to read, from any thread.
#[derive(Debug)]
pub struct SteadyClock {
    started: Instant,
    lines: Mutex<TimeLines>,
}

impl SteadyClock {
    /// Starts at the wall clock's time.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            lines: Mutex::new(TimeLines::new(Reading {
                monotonic: 0,
                wall: wall_clock::now(),
            })),
        }
    }

    /// Both clocks, and what to make of them.
    fn with<T>(&self, decide: impl FnOnce(&mut TimeLines, Reading) -> T) -> T {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = Reading {
            monotonic: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            wall: wall_clock::now(),
        };
        if let Some(notice) = lines.read(reading) {
            say(notice);
        }
        decide(&mut lines, reading)
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        self.with(|lines, reading| lines.now(reading))
    }

    fn latest(&self) -> Timestamp {
        self.with(|lines, reading| lines.latest(reading))
    }

    fn witness(&self, at: Timestamp) {
        let notice = self.with(|lines, reading| lines.witness(reading, at));
        if let Some(notice) = notice {
            say(notice);
        }
    }
}

fn say(notice: Notice) {
    match notice {
        Notice::Jumped(by) => warn!(
            milliseconds = by,
            "the wall clock jumped; deadlines keep the time of before until events tell which is \
             right"
        ),
        Notice::Followed(by) => warn!(milliseconds = by, "following the wall clock's jump"),
        Notice::CameBack => info!("the wall clock is back at the time of before"),
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Milliseconds since the start, of a clock that never jumps.
    monotonic: Milliseconds,
    wall: Timestamp,
}

/// What a person should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// Milliseconds between the wall clock and the time that is kept; negative: it went back.
    Jumped(Milliseconds),
    /// The time now jumps by so much.
    Followed(Milliseconds),
    CameBack,
}

/// Time lines, each as its distance from the monotonic clock. Two readings of the wall clock with
/// the same distance are on the same line.
#[derive(Debug)]
struct TimeLines {
    /// The one that [`Clock::now`] tells.
    kept: Milliseconds,
    /// The wall clock's, while it is not believed.
    jump: Option<Jump>,
    /// One left for an earlier one, without any event that told the two apart: events may still
    /// come from there.
    left: Option<Milliseconds>,
}

/// A jump of the wall clock that is not followed yet.
#[derive(Clone, Copy, Debug)]
struct Jump {
    line: Milliseconds,
    /// Monotonic time of the jump.
    since: Milliseconds,
    /// An event spoke for the line that is kept: silence alone decides no more.
    contradicted: bool,
}

impl TimeLines {
    fn new(reading: Reading) -> Self {
        Self {
            kept: line_of(reading),
            jump: None,
            left: None,
        }
    }

    fn now(&self, reading: Reading) -> Timestamp {
        Timestamp(self.kept.saturating_add(reading.monotonic))
    }

    /// The latest instant that may be now.
    fn latest(&self, reading: Reading) -> Timestamp {
        let line = self.left.map_or(self.kept, |left| left.max(self.kept));
        Timestamp(line.saturating_add(reading.monotonic)).max(reading.wall)
    }

    /// Takes note of both clocks; to be called before anything else is asked.
    fn read(&mut self, reading: Reading) -> Option<Notice> {
        let line = line_of(reading);
        if distance(line, self.kept) <= FOLLOWED_AT_ONCE {
            self.kept = line;
            return self.jump.take().map(|_| Notice::CameBack);
        }
        match &mut self.jump {
            Some(jump) if distance(line, jump.line) <= FOLLOWED_AT_ONCE => {
                jump.line = line;
                let silent = reading.monotonic.saturating_sub(jump.since) >= BELIEVED_AFTER;
                (silent && !jump.contradicted).then(|| self.follow(line))
            }
            jump => {
                *jump = Some(Jump {
                    line,
                    since: reading.monotonic,
                    contradicted: false,
                });
                Some(Notice::Jumped(line.saturating_sub(self.kept)))
            }
        }
    }

    /// An event that was just read has the time `at`. It speaks for the later of two lines where
    /// it is nearer to that one: then the time of the earlier one is not there yet.
    fn witness(&mut self, reading: Reading, at: Timestamp) -> Option<Notice> {
        let event = at.0.saturating_sub(reading.monotonic);
        if let Some(left) = self.left
            && speaks_for_later(event, self.kept, left)
        {
            self.jump = None;
            return Some(self.follow(left));
        }
        let jump = self.jump.as_mut()?;
        if jump.line > self.kept {
            if speaks_for_later(event, self.kept, jump.line) {
                let line = jump.line;
                return Some(self.follow(line));
            }
            // Later than the jump as the kept line counts, and not yet there as the wall does.
            let settled = self
                .kept
                .saturating_add(jump.since)
                .saturating_add(SETTLING);
            if at.0 > settled && event <= self.kept.saturating_add(FOLLOWED_AT_ONCE) {
                jump.contradicted = true;
            }
        } else if speaks_for_later(event, jump.line, self.kept) {
            jump.contradicted = true;
        }
        None
    }

    fn follow(&mut self, line: Milliseconds) -> Notice {
        let by = line.saturating_sub(self.kept);
        self.left = (by < 0).then_some(self.kept);
        self.kept = line;
        self.jump = None;
        Notice::Followed(by)
    }
}

fn line_of(reading: Reading) -> Milliseconds {
    reading.wall.0.saturating_sub(reading.monotonic)
}

fn distance(one: Milliseconds, other: Milliseconds) -> Milliseconds {
    one.saturating_sub(other).saturating_abs()
}

/// Whether an event on the line `event` can hardly be from `earlier`: nearer to `later`, and
/// further ahead than the clocks of producers are.
fn speaks_for_later(event: Milliseconds, earlier: Milliseconds, later: Milliseconds) -> bool {
    let ahead = event.saturating_sub(earlier);
    ahead > FOLLOWED_AT_ONCE && ahead > later.saturating_sub(earlier) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::HOUR;

    /// Wall and monotonic clock in a test's hands.
    struct Desk {
        lines: TimeLines,
        at: Reading,
    }

    impl Desk {
        fn new() -> Self {
            let at = Reading {
                monotonic: 0,
                wall: Timestamp(1_000 * HOUR),
            };
            Self {
                lines: TimeLines::new(at),
                at,
            }
        }

        /// Time passes on both clocks, read once a second as the loop does.
        fn pass(&mut self, length: Milliseconds) -> Vec<Notice> {
            let mut notices = Vec::new();
            for _ in 0..length / SECOND {
                self.at.monotonic += SECOND;
                self.at.wall = self.at.wall.plus(SECOND);
                notices.extend(self.lines.read(self.at));
            }
            notices
        }

        fn jump(&mut self, by: Milliseconds) -> Option<Notice> {
            self.at.wall = self.at.wall.plus(by);
            self.lines.read(self.at)
        }

        /// An event stamped so much after the wall clock's time.
        fn event(&mut self, after_wall: Milliseconds) -> Option<Notice> {
            self.lines.witness(self.at, self.at.wall.plus(after_wall))
        }

        /// How far the time told is from the wall clock.
        fn ahead(&self) -> Milliseconds {
            self.lines.now(self.at).0 - self.at.wall.0
        }

        fn latest_ahead(&self) -> Milliseconds {
            self.lines.latest(self.at).0 - self.at.wall.0
        }
    }

    #[test]
    fn small_steps_and_drifts_are_followed() {
        let mut desk = Desk::new();
        assert_eq!(desk.jump(10 * SECOND), None);
        assert_eq!(desk.jump(-9 * SECOND), None);
        for _ in 0..1_000 {
            assert_eq!(desk.jump(50), None);
        }
        assert_eq!(desk.ahead(), 0);
    }

    #[test]
    fn a_wrong_jump_forward_is_never_followed_while_events_contradict_it() {
        let mut desk = Desk::new();
        assert_eq!(desk.jump(HOUR), Some(Notice::Jumped(HOUR)));
        for _ in 0..10 {
            assert_eq!(desk.pass(5 * MINUTE), [], "told once");
            assert_eq!(desk.event(-HOUR - SECOND), None);
            assert_eq!(desk.event(-HOUR + 2 * MINUTE), None, "a fast producer");
        }
        assert_eq!(desk.pass(10 * HOUR), [], "silence decides no more");
        assert_eq!(desk.ahead(), -HOUR);
        assert_eq!(desk.latest_ahead(), 0, "nothing is rejected on either line");
        assert_eq!(desk.jump(-HOUR), Some(Notice::CameBack));
        assert_eq!(desk.ahead(), 0);
    }

    #[test]
    fn events_of_the_new_time_confirm_a_jump_forward_at_once() {
        let mut desk = Desk::new();
        desk.jump(HOUR);
        assert_eq!(
            desk.event(-HOUR + 5 * SECOND),
            None,
            "written before the sleep"
        );
        assert_eq!(desk.event(-10 * SECOND), Some(Notice::Followed(HOUR)));
        assert_eq!(desk.ahead(), 0);
    }

    #[test]
    fn on_an_idle_desk_a_jump_is_believed_after_a_while() {
        for by in [HOUR, -HOUR] {
            let mut desk = Desk::new();
            desk.jump(by);
            desk.event(by.min(0) - 3 * HOUR); // late news tell nothing
            assert_eq!(desk.pass(9 * MINUTE), []);
            assert_eq!(desk.ahead(), -by);
            assert_eq!(desk.pass(2 * MINUTE), [Notice::Followed(by)]);
            assert_eq!(desk.ahead(), 0);
        }
    }

    #[test]
    fn what_waited_while_the_machine_slept_is_no_contradiction() {
        let mut desk = Desk::new();
        desk.jump(HOUR);
        assert_eq!(desk.event(-HOUR + 9 * SECOND), None);
        assert_eq!(desk.pass(11 * MINUTE), [Notice::Followed(HOUR)]);
    }

    #[test]
    fn a_wrong_jump_back_is_not_followed_while_events_are_ahead_of_it() {
        let mut desk = Desk::new();
        assert_eq!(desk.jump(-HOUR), Some(Notice::Jumped(-HOUR)));
        assert_eq!(desk.latest_ahead(), HOUR, "good records are not rejected");
        assert_eq!(desk.pass(5 * MINUTE), []);
        assert_eq!(desk.event(HOUR - 3 * SECOND), None);
        assert_eq!(desk.pass(3 * HOUR), []);
        assert_eq!(desk.ahead(), HOUR);
    }

    #[test]
    fn a_fast_producer_does_not_hold_up_a_right_jump_back() {
        let mut desk = Desk::new();
        desk.jump(-HOUR);
        desk.event(2 * MINUTE);
        assert_eq!(desk.pass(11 * MINUTE), [Notice::Followed(-HOUR)]);
    }

    #[test]
    fn after_a_wrong_jump_back_in_silence_the_first_event_puts_it_right() {
        let mut desk = Desk::new();
        desk.jump(-HOUR);
        desk.pass(30 * MINUTE);
        assert_eq!(desk.ahead(), 0);
        assert_eq!(desk.latest_ahead(), HOUR, "good records are not rejected");
        assert_eq!(desk.event(HOUR), Some(Notice::Followed(HOUR)));
        assert_eq!(desk.pass(SECOND), [Notice::Jumped(-HOUR)]);
        desk.event(HOUR);
        assert_eq!(desk.pass(HOUR), []);
        assert_eq!(desk.ahead(), HOUR);
    }

    #[test]
    fn another_jump_starts_the_wait_anew() {
        let mut desk = Desk::new();
        desk.jump(HOUR);
        desk.pass(9 * MINUTE);
        assert_eq!(desk.jump(HOUR), Some(Notice::Jumped(2 * HOUR)));
        assert_eq!(desk.pass(9 * MINUTE), []);
        assert_eq!(desk.ahead(), -2 * HOUR);
    }

    #[test]
    fn the_real_clock_tells_the_time() {
        let clock = SteadyClock::start();
        let difference = distance(clock.now().0, wall_clock::now().0);
        assert!(difference < 5 * SECOND, "{difference} ms");
        assert!(clock.latest() >= clock.now().minus(SECOND));
    }
}
