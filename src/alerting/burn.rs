//! When an error budget burns too fast: windows and thresholds that follow from the objective.
//!
//! The budget is the share of goals that may be breached, 1 - objective. A *burn rate* of 1 uses
//! it up in just its period. The rates that are usual for requests (14.4 in an hour, from the
//! workbook of Google's SRE) mean a share of breaches of 14.4 times the budget, which no desk can
//! reach whose objective is below 93 %; and in an hour few desks decide enough goals to judge by.
//!
//! So the other way round. Given is how much of the budget may be gone, [`Pace::spent`]. In a
//! window W that much is gone at the rate spent x period / W. The window is the shortest one in
//! which that rate can show: breaching [`Pace::ceiling`] of the goals must do for an alert.

use crate::domain::timestamp::{DAY, HOUR, Milliseconds};

/// What an objective is promised for: a month, as in most contracts.
pub const PERIOD: Milliseconds = 30 * DAY;

/// How soon an alert wants to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Share of the period's budget that is gone in a window, where goals come evenly.
    spent: f64,
    /// Largest share of breaches that may be asked for.
    ceiling: f64,
    /// Windows to choose from, ascending.
    windows: [Milliseconds; 4],
}

impl Pace {
    /// A page: a twentieth of the month's budget within a shift or so, and half of the goals
    /// breached is reason enough in any case.
    pub const FAST: Self = Self {
        spent: 0.05,
        ceiling: 0.5,
        windows: [4 * HOUR, 8 * HOUR, 16 * HOUR, DAY],
    };
    /// A look today: a fifth of it within days, and a third of the goals.
    pub const SLOW: Self = Self {
        spent: 0.2,
        ceiling: 1.0 / 3.0,
        windows: [DAY, 2 * DAY, 3 * DAY, 4 * DAY],
    };
}

/// The short window is this part of the long one: an alert ends soon after the burning does.
const SHORT_PART: Milliseconds = 4;

/// What one alert asks of its windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burn {
    /// In which the budget was spent.
    pub long: Milliseconds,
    /// In which it still is.
    pub short: Milliseconds,
    /// Share of breaches among the goals that either has to exceed.
    pub threshold: f64,
}

impl Burn {
    /// For an objective between 0 and 1.
    pub fn new(objective: f64, pace: Pace) -> Self {
        let budget = 1.0 - objective;
        let share = |window: Milliseconds| {
            #[allow(
                clippy::cast_precision_loss,
                reason = "a month in milliseconds is exact"
            )]
            let windows = PERIOD as f64 / window as f64;
            pace.spent * windows * budget
        };
        let [.., longest] = pace.windows;
        let fits = pace
            .windows
            .into_iter()
            .find(|one| share(*one) <= pace.ceiling);
        let long = fits.unwrap_or(longest);
        Self {
            long,
            short: long / SHORT_PART,
            // Of a budget so large that no window fits, what lies between it and everything.
            threshold: share(long).min((1.0 + budget) / 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn windows_and_thresholds_follow_from_the_objective() {
        for (objective, fast, fast_share, slow, slow_share) in [
            (0.80, 16, 0.45, 96, 0.3),
            (0.90, 8, 0.45, 48, 0.3),
            (0.95, 4, 0.45, 24, 0.3),
            (0.99, 4, 0.09, 24, 0.06),
        ] {
            let burn = Burn::new(objective, Pace::FAST);
            assert_eq!(burn.long, fast * HOUR, "{objective}");
            assert_eq!(burn.short, fast * HOUR / 4, "{objective}");
            assert!(close(burn.threshold, fast_share), "{objective} {burn:?}");
            let burn = Burn::new(objective, Pace::SLOW);
            assert_eq!(burn.long, slow * HOUR, "{objective}");
            assert!(close(burn.threshold, slow_share), "{objective} {burn:?}");
        }
    }

    #[test]
    fn every_objective_can_be_missed_and_met() {
        for thousandth in 1..1_000 {
            let objective = f64::from(thousandth) / 1_000.0;
            for pace in [Pace::FAST, Pace::SLOW] {
                let burn = Burn::new(objective, pace);
                assert!(burn.threshold > 1.0 - objective, "{objective} {burn:?}");
                assert!(burn.threshold < 1.0, "{objective} {burn:?}");
            }
            let [fast, slow] = [Pace::FAST, Pace::SLOW].map(|pace| Burn::new(objective, pace));
            assert!(fast.threshold >= slow.threshold, "{objective}");
        }
    }
}
