//! A clock that does not follow a jump of the wall clock at once.
//!
//! A wall clock can jump by an hour: an administrator sets it, NTP corrects it, or a virtual machine was
//! paused. After a wrong jump, deadlines would breach falsely or too late, and good records would seem
//! to come from the future. So this clock goes on with the monotonic clock, until event times show
//! whether the jump was right. It trusts the wall clock at its start.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use super::wall_clock::{self, TimeSource};
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND, Timestamp};

/// The clock follows smaller differences at once. NTP steps and the clocks of producers differ by
/// less, and the grace of the stream clocks covers it.
const FOLLOWED_AT_ONCE: Milliseconds = 10 * SECOND;
/// The clock follows a jump that no event has contradicted for this long, because deadlines must pass
/// without events, too.
const FOLLOWED_AFTER: Milliseconds = 10 * MINUTE;
/// For this long after a jump forward, events may be from before it: they waited in Kafka while the
/// machine was paused.
const SETTLING: Milliseconds = MINUTE;

/// Any thread can read it at little cost.
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
            lines: Mutex::new(TimeLines::new(ClockReading {
                monotonic: 0,
                wall: wall_clock::now(),
            })),
        }
    }

    /// Reads both clocks and decides something by them.
    fn with<T>(&self, decide: impl FnOnce(&mut TimeLines, ClockReading) -> T) -> T {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = ClockReading {
            monotonic: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            wall: wall_clock::now(),
        };
        if let Some(notice) = lines.read(reading) {
            log(notice);
        }
        decide(&mut lines, reading)
    }
}

impl TimeSource for SteadyClock {
    fn now(&self) -> Timestamp {
        self.with(|lines, reading| lines.now(reading))
    }

    fn latest(&self) -> Timestamp {
        self.with(|lines, reading| lines.latest(reading))
    }

    fn observe_event(&self, at: Timestamp) {
        let notice = self.with(|lines, reading| lines.observe_event(reading, at));
        if let Some(notice) = notice {
            log(notice);
        }
    }
}

fn log(notice: ClockNotice) {
    match notice {
        ClockNotice::Jumped(by) => warn!(
            milliseconds = by,
            "wall clock jumped; deadlines use the earlier time until events show which is right"
        ),
        ClockNotice::Followed(by) => warn!(
            milliseconds = by,
            "clock follows the jump of the wall clock"
        ),
        ClockNotice::CameBack => info!("wall clock is back at the earlier time"),
    }
}

/// Both clocks at one instant.
#[derive(Clone, Copy, Debug)]
struct ClockReading {
    /// Milliseconds since the start.
    monotonic: Milliseconds,
    wall: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClockNotice {
    /// The difference of the wall clock; negative after a jump back.
    Jumped(Milliseconds),
    /// The jump of this clock.
    Followed(Milliseconds),
    CameBack,
}

/// Time lines. Each is a distance from the monotonic clock: readings of the wall clock with the same
/// distance are on the same line.
#[derive(Debug)]
struct TimeLines {
    /// The line of [`TimeSource::now`].
    current: Milliseconds,
    /// The line of the wall clock, while this clock does not follow it.
    jump: Option<ClockJump>,
    /// A later line that this clock has left without an event that decided between the two. Events
    /// may still be on it.
    abandoned: Option<Milliseconds>,
}

/// A jump of the wall clock that this clock does not follow yet.
#[derive(Clone, Copy, Debug)]
struct ClockJump {
    line: Milliseconds,
    /// Monotonic time of the jump.
    since: Milliseconds,
    /// An event was on the current line, so the absence of events no longer decides.
    contradicted: bool,
}

impl TimeLines {
    fn new(reading: ClockReading) -> Self {
        Self {
            current: line_of(reading),
            jump: None,
            abandoned: None,
        }
    }

    fn now(&self, reading: ClockReading) -> Timestamp {
        Timestamp(self.current.saturating_add(reading.monotonic))
    }

    fn latest(&self, reading: ClockReading) -> Timestamp {
        let line = self
            .abandoned
            .map_or(self.current, |line| line.max(self.current));
        Timestamp(line.saturating_add(reading.monotonic)).max(reading.wall)
    }

    /// Takes a reading. Call it before the other methods.
    fn read(&mut self, reading: ClockReading) -> Option<ClockNotice> {
        let line = line_of(reading);
        if distance(line, self.current) <= FOLLOWED_AT_ONCE {
            self.current = line;
            return self.jump.take().map(|_| ClockNotice::CameBack);
        }
        match &mut self.jump {
            Some(jump) if distance(line, jump.line) <= FOLLOWED_AT_ONCE => {
                jump.line = line;
                let silent = reading.monotonic.saturating_sub(jump.since) >= FOLLOWED_AFTER;
                (silent && !jump.contradicted).then(|| self.follow(line))
            }
            jump => {
                *jump = Some(ClockJump {
                    line,
                    since: reading.monotonic,
                    contradicted: false,
                });
                Some(ClockNotice::Jumped(line.saturating_sub(self.current)))
            }
        }
    }

    /// Takes the time of an event that was just read. It supports the later of two lines if it is
    /// nearer to that one, because on the earlier line it would lie in the future.
    fn observe_event(&mut self, reading: ClockReading, at: Timestamp) -> Option<ClockNotice> {
        let event = at.0.saturating_sub(reading.monotonic);
        if let Some(abandoned) = self.abandoned
            && supports_later(event, self.current, abandoned)
        {
            self.jump = None;
            return Some(self.follow(abandoned));
        }
        let jump = self.jump.as_mut()?;
        if jump.line > self.current {
            if supports_later(event, self.current, jump.line) {
                let line = jump.line;
                return Some(self.follow(line));
            }
            // On the current line, the event is later than the jump; on the wall clock's it is not.
            let settled = self
                .current
                .saturating_add(jump.since)
                .saturating_add(SETTLING);
            if at.0 > settled && event <= self.current.saturating_add(FOLLOWED_AT_ONCE) {
                jump.contradicted = true;
            }
        } else if supports_later(event, jump.line, self.current) {
            jump.contradicted = true;
        }
        None
    }

    fn follow(&mut self, line: Milliseconds) -> ClockNotice {
        let by = line.saturating_sub(self.current);
        self.abandoned = (by < 0).then_some(self.current);
        self.current = line;
        self.jump = None;
        ClockNotice::Followed(by)
    }
}

fn line_of(reading: ClockReading) -> Milliseconds {
    reading.wall.0.saturating_sub(reading.monotonic)
}

fn distance(one: Milliseconds, other: Milliseconds) -> Milliseconds {
    one.saturating_sub(other).saturating_abs()
}

/// Whether an event on the line `event` is nearer to `later` than to `earlier`, and further ahead than
/// the clocks of producers differ.
fn supports_later(event: Milliseconds, earlier: Milliseconds, later: Milliseconds) -> bool {
    let ahead = event.saturating_sub(earlier);
    ahead > FOLLOWED_AT_ONCE && ahead > later.saturating_sub(earlier) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::HOUR;

    struct SimulatedClocks {
        lines: TimeLines,
        at: ClockReading,
    }

    impl SimulatedClocks {
        fn new() -> Self {
            let at = ClockReading {
                monotonic: 0,
                wall: Timestamp(1_000 * HOUR),
            };
            Self {
                lines: TimeLines::new(at),
                at,
            }
        }

        /// Time passes on both clocks, which are read once a second.
        fn pass(&mut self, length: Milliseconds) -> Vec<ClockNotice> {
            let mut notices = Vec::new();
            for _ in 0..length / SECOND {
                self.at.monotonic += SECOND;
                self.at.wall = self.at.wall.plus(SECOND);
                notices.extend(self.lines.read(self.at));
            }
            notices
        }

        fn jump(&mut self, by: Milliseconds) -> Option<ClockNotice> {
            self.at.wall = self.at.wall.plus(by);
            self.lines.read(self.at)
        }

        /// An event that is later than the wall clock by this much.
        fn event(&mut self, after_wall: Milliseconds) -> Option<ClockNotice> {
            self.lines
                .observe_event(self.at, self.at.wall.plus(after_wall))
        }

        /// The difference from the wall clock.
        fn ahead(&self) -> Milliseconds {
            self.lines.now(self.at).0 - self.at.wall.0
        }

        fn latest_ahead(&self) -> Milliseconds {
            self.lines.latest(self.at).0 - self.at.wall.0
        }
    }

    #[test]
    fn small_steps_and_drifts_are_followed() {
        let mut clocks = SimulatedClocks::new();
        assert_eq!(clocks.jump(10 * SECOND), None);
        assert_eq!(clocks.jump(-9 * SECOND), None);
        for _ in 0..1_000 {
            assert_eq!(clocks.jump(50), None);
        }
        assert_eq!(clocks.ahead(), 0);
    }

    #[test]
    fn a_wrong_jump_forward_is_never_followed_while_events_contradict_it() {
        let mut clocks = SimulatedClocks::new();
        assert_eq!(clocks.jump(HOUR), Some(ClockNotice::Jumped(HOUR)));
        for _ in 0..10 {
            assert_eq!(clocks.pass(5 * MINUTE), [], "one notice only");
            assert_eq!(clocks.event(-HOUR - SECOND), None);
            assert_eq!(clocks.event(-HOUR + 2 * MINUTE), None, "a fast producer");
        }
        assert_eq!(
            clocks.pass(10 * HOUR),
            [],
            "the absence of events no longer decides"
        );
        assert_eq!(clocks.ahead(), -HOUR);
        assert_eq!(
            clocks.latest_ahead(),
            0,
            "nothing is rejected on either line"
        );
        assert_eq!(clocks.jump(-HOUR), Some(ClockNotice::CameBack));
        assert_eq!(clocks.ahead(), 0);
    }

    #[test]
    fn events_of_the_new_time_confirm_a_jump_forward_at_once() {
        let mut clocks = SimulatedClocks::new();
        clocks.jump(HOUR);
        assert_eq!(
            clocks.event(-HOUR + 5 * SECOND),
            None,
            "written before the sleep"
        );
        assert_eq!(
            clocks.event(-10 * SECOND),
            Some(ClockNotice::Followed(HOUR))
        );
        assert_eq!(clocks.ahead(), 0);
    }

    #[test]
    fn without_events_a_jump_is_followed_after_a_while() {
        for by in [HOUR, -HOUR] {
            let mut clocks = SimulatedClocks::new();
            clocks.jump(by);
            clocks.event(by.min(0) - 3 * HOUR); // a late event proves nothing
            assert_eq!(clocks.pass(9 * MINUTE), []);
            assert_eq!(clocks.ahead(), -by);
            assert_eq!(clocks.pass(2 * MINUTE), [ClockNotice::Followed(by)]);
            assert_eq!(clocks.ahead(), 0);
        }
    }

    #[test]
    fn events_from_before_the_jump_do_not_contradict_it() {
        let mut clocks = SimulatedClocks::new();
        clocks.jump(HOUR);
        assert_eq!(clocks.event(-HOUR + 9 * SECOND), None);
        assert_eq!(clocks.pass(11 * MINUTE), [ClockNotice::Followed(HOUR)]);
    }

    #[test]
    fn a_wrong_jump_back_is_not_followed_while_events_are_ahead_of_it() {
        let mut clocks = SimulatedClocks::new();
        assert_eq!(clocks.jump(-HOUR), Some(ClockNotice::Jumped(-HOUR)));
        assert_eq!(clocks.latest_ahead(), HOUR, "good records are not rejected");
        assert_eq!(clocks.pass(5 * MINUTE), []);
        assert_eq!(clocks.event(HOUR - 3 * SECOND), None);
        assert_eq!(clocks.pass(3 * HOUR), []);
        assert_eq!(clocks.ahead(), HOUR);
    }

    #[test]
    fn a_fast_producer_does_not_prevent_a_right_jump_back() {
        let mut clocks = SimulatedClocks::new();
        clocks.jump(-HOUR);
        clocks.event(2 * MINUTE);
        assert_eq!(clocks.pass(11 * MINUTE), [ClockNotice::Followed(-HOUR)]);
    }

    #[test]
    fn the_first_event_corrects_a_wrong_jump_back() {
        let mut clocks = SimulatedClocks::new();
        clocks.jump(-HOUR);
        clocks.pass(30 * MINUTE);
        assert_eq!(clocks.ahead(), 0);
        assert_eq!(clocks.latest_ahead(), HOUR, "good records are not rejected");
        assert_eq!(clocks.event(HOUR), Some(ClockNotice::Followed(HOUR)));
        assert_eq!(clocks.pass(SECOND), [ClockNotice::Jumped(-HOUR)]);
        clocks.event(HOUR);
        assert_eq!(clocks.pass(HOUR), []);
        assert_eq!(clocks.ahead(), HOUR);
    }

    #[test]
    fn another_jump_restarts_the_wait() {
        let mut clocks = SimulatedClocks::new();
        clocks.jump(HOUR);
        clocks.pass(9 * MINUTE);
        assert_eq!(clocks.jump(HOUR), Some(ClockNotice::Jumped(2 * HOUR)));
        assert_eq!(clocks.pass(9 * MINUTE), []);
        assert_eq!(clocks.ahead(), -2 * HOUR);
    }

    #[test]
    fn the_real_clock_follows_the_wall_clock() {
        let clock = SteadyClock::start();
        let difference = distance(clock.now().0, wall_clock::now().0);
        assert!(difference < 5 * SECOND, "{difference} ms");
        assert!(clock.latest() >= clock.now().minus(SECOND));
    }
}
