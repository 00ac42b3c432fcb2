//! Windows and thresholds of burn-rate alerts, derived from the objective.
//!
//! The error budget is the share of goals that may be breached: 1 - objective. A *burn rate* of 1 uses
//! it up in exactly its period. The burn rates usual for requests (14.4 in an hour, from Google's SRE
//! workbook) need a share of breaches of 14.4 times the budget. A helpdesk with an objective below
//! 93 % can never reach that, and few helpdesks decide enough goals in an hour.
//!
//! So the calculation starts from the part of the budget that may be spent, [`BurnPace::spent`]. A window
//! W spends it at the rate spent x period / W. The chosen window is the shortest one in which a share of
//! breaches of at most [`BurnPace::ceiling`] reaches that rate.

use crate::domain::timestamp::{DAY, HOUR, Milliseconds};

/// The period of an objective: a month, as in most contracts.
pub const PERIOD: Milliseconds = 30 * DAY;

/// How soon an alert fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnPace {
    /// Share of the period's budget that one window spends if goals come evenly.
    spent: f64,
    /// Largest share of breaches that the alert may require.
    ceiling: f64,
    /// Windows to choose from, ascending.
    windows: [Milliseconds; 4],
}

impl BurnPace {
    /// Critical: a twentieth of the month's budget is gone within about a shift. Half of the goals
    /// breached is always enough.
    pub const FAST: Self = Self {
        spent: 0.05,
        ceiling: 0.5,
        windows: [4 * HOUR, 8 * HOUR, 16 * HOUR, DAY],
    };
    /// Warning: a fifth of the month's budget is gone within days. A third of the goals breached is
    /// always enough.
    pub const SLOW: Self = Self {
        spent: 0.2,
        ceiling: 1.0 / 3.0,
        windows: [DAY, 2 * DAY, 3 * DAY, 4 * DAY],
    };
}

/// The short window is the long one divided by this, so that an alert ends soon after its cause.
const SHORT_PART: Milliseconds = 4;

/// The windows and the threshold of one alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burn {
    /// The window in which the budget was spent.
    pub long: Milliseconds,
    /// The recent window: the budget is still being spent.
    pub short: Milliseconds,
    /// Share of breaches that both windows have to exceed.
    pub threshold: f64,
}

impl Burn {
    /// `objective` is between 0 and 1.
    pub fn new(objective: f64, pace: BurnPace) -> Self {
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
            // No window fits a very large budget: take the middle between the budget and 1.
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
            let burn = Burn::new(objective, BurnPace::FAST);
            assert_eq!(burn.long, fast * HOUR, "{objective}");
            assert_eq!(burn.short, fast * HOUR / 4, "{objective}");
            assert!(close(burn.threshold, fast_share), "{objective} {burn:?}");
            let burn = Burn::new(objective, BurnPace::SLOW);
            assert_eq!(burn.long, slow * HOUR, "{objective}");
            assert!(close(burn.threshold, slow_share), "{objective} {burn:?}");
        }
    }

    #[test]
    fn every_objective_can_be_missed_and_met() {
        for thousandth in 1..1_000 {
            let objective = f64::from(thousandth) / 1_000.0;
            for pace in [BurnPace::FAST, BurnPace::SLOW] {
                let burn = Burn::new(objective, pace);
                assert!(burn.threshold > 1.0 - objective, "{objective} {burn:?}");
                assert!(burn.threshold < 1.0, "{objective} {burn:?}");
            }
            let [fast, slow] =
                [BurnPace::FAST, BurnPace::SLOW].map(|pace| Burn::new(objective, pace));
            assert!(fast.threshold >= slow.threshold, "{objective}");
        }
    }
}
