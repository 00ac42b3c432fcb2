//! When an event is due on the wall clock. The sender does the waiting.

use std::str::FromStr;

use thiserror::Error;

use crate::domain::timestamp::{Milliseconds, Timestamp};

/// The speed of a simulation, written as `1x`, `60x`, `500/s` or `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SimulationPace {
    /// A multiple of the wall clock's speed.
    SpeedUp(f64),
    /// Events per second, whatever their times.
    Rate(f64),
    /// Without waiting.
    AsFastAsPossible,
}

/// A text that is no pace.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is no pace: write a factor (60x), a rate (500/s) or max")]
pub struct PaceError {
    text: String,
}

/// The start of a run, from which due times count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceStart {
    pub wall: Timestamp,
    /// The event time that is due at `wall`. Earlier events are due at once: first the history, then
    /// new events.
    pub event: Timestamp,
}

impl SimulationPace {
    /// When event number `sequence` (from 0), with event time `at`, is due on the wall clock; `None`:
    /// at once.
    pub fn due(self, start: PaceStart, at: Timestamp, sequence: u64) -> Option<Timestamp> {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53 in any run")]
        let passed = match self {
            Self::SpeedUp(factor) => at.since(start.event) as f64 / factor,
            Self::Rate(rate) => sequence as f64 * 1_000.0 / rate,
            Self::AsFastAsPossible => return None,
        };
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a float converts to the nearest"
        )]
        let passed = passed as Milliseconds;
        Some(start.wall.plus(passed))
    }

    /// Milliseconds to wait at `now` before sending the event; 0 if it is due.
    pub fn wait(
        self,
        start: PaceStart,
        at: Timestamp,
        sequence: u64,
        now: Timestamp,
    ) -> Milliseconds {
        self.due(start, at, sequence)
            .map_or(0, |due| due.since(now))
    }
}

impl FromStr for SimulationPace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let positive = |number: &str| {
            let number = number.trim().parse::<f64>().ok()?;
            (number.is_finite() && number > 0.0).then_some(number)
        };
        let trimmed = text.trim();
        let read = if trimmed == "max" {
            Some(Self::AsFastAsPossible)
        } else if let Some(factor) = trimmed.strip_suffix('x') {
            positive(factor).map(Self::SpeedUp)
        } else if let Some(rate) = trimmed.strip_suffix("/s") {
            positive(rate).map(Self::Rate)
        } else {
            None
        };
        read.ok_or_else(|| PaceError {
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::{HOUR, MINUTE, SECOND};

    const START: PaceStart = PaceStart {
        wall: Timestamp(1_000_000),
        event: Timestamp(50_000_000),
    };

    #[test]
    fn a_factor_shrinks_the_distance_of_events() {
        let at = START.event.plus(HOUR);
        let pace = SimulationPace::SpeedUp(60.0);
        assert_eq!(pace.due(START, at, 0), Some(START.wall.plus(MINUTE)));
        let now = START.wall.plus(50 * SECOND);
        assert_eq!(pace.wait(START, at, 0, now), 10 * SECOND);
        assert_eq!(pace.wait(START, at, 0, START.wall.plus(HOUR)), 0);
    }

    #[test]
    fn history_is_due_at_once() {
        let at = START.event.minus(HOUR);
        assert_eq!(
            SimulationPace::SpeedUp(1.0).wait(START, at, 9, START.wall),
            0
        );
    }

    #[test]
    fn a_rate_counts_events() {
        let pace = SimulationPace::Rate(4.0);
        assert_eq!(pace.due(START, Timestamp(0), 0), Some(START.wall));
        assert_eq!(
            pace.due(START, Timestamp(0), 6),
            Some(START.wall.plus(1_500))
        );
    }

    #[test]
    fn the_fastest_never_waits() {
        let pace = SimulationPace::AsFastAsPossible;
        assert_eq!(pace.due(START, Timestamp::LATEST, 7), None);
        assert_eq!(pace.wait(START, Timestamp::LATEST, 7, Timestamp(0)), 0);
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!("60x".parse(), Ok(SimulationPace::SpeedUp(60.0)));
        assert_eq!("0.5x".parse(), Ok(SimulationPace::SpeedUp(0.5)));
        assert_eq!("500/s".parse(), Ok(SimulationPace::Rate(500.0)));
        assert_eq!("max".parse(), Ok(SimulationPace::AsFastAsPossible));
        for wrong in ["", "x", "0x", "-1x", "NaNx", "infx", "/s", "500", "fast"] {
            assert!(wrong.parse::<SimulationPace>().is_err(), "{wrong}");
        }
    }
}
