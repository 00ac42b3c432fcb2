//! How long the goals of one kind ran, and the share of them that a target would have met.

use std::collections::BTreeMap;

use crate::domain::policy::Target;
use crate::domain::timestamp::{DAY, HOUR, MINUTE, Milliseconds};
use crate::engine::DimensionValues;

/// Usual SLA targets; beyond the last one, whole years.
const STEPS: [Milliseconds; 29] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    45 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    16 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    4 * DAY,
    5 * DAY,
    7 * DAY,
    10 * DAY,
    14 * DAY,
    21 * DAY,
    30 * DAY,
    45 * DAY,
    60 * DAY,
    90 * DAY,
    180 * DAY,
];
const YEAR: Milliseconds = 365 * DAY;

/// Goals with the same label values and target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoalGroup {
    pub tickets: DimensionValues,
    pub target: Target,
}

pub type Distributions = BTreeMap<GoalGroup, Distribution>;

/// The running times of goals. An undecided goal has missed every target shorter than its running time. It
/// may still meet a longer one, so it does not count there. An exporter would have counted the same by
/// then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Number of ended goals by running time.
    ended: BTreeMap<Milliseconds, u64>,
    /// Number of undecided goals by running time so far.
    undecided: BTreeMap<Milliseconds, u64>,
}

impl Distribution {
    pub fn add_ended(&mut self, running: Milliseconds, goals: u64) {
        *self.ended.entry(running).or_default() += goals;
    }

    pub fn add_undecided(&mut self, running: Milliseconds) {
        *self.undecided.entry(running).or_default() += 1;
    }

    pub fn ended(&self) -> u64 {
        self.ended.values().sum()
    }

    pub fn undecided(&self) -> u64 {
        self.undecided.values().sum()
    }

    /// The share of goals that would have met a target; `None` if none would be decided.
    #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn met(&self, target: Milliseconds) -> Option<f64> {
        let within = |goals: &BTreeMap<Milliseconds, u64>| -> u64 {
            goals.range(..=target).map(|(_, count)| count).sum()
        };
        let met = within(&self.ended);
        let decided = self.ended() + self.undecided() - within(&self.undecided);
        (decided > 0).then(|| met as f64 / decided as f64)
    }

    /// The shortest target that at least that share would have met.
    pub fn target(&self, share: f64) -> Option<Milliseconds> {
        let mut candidates: Vec<Milliseconds> = self.ended.keys().copied().collect();
        candidates.extend(self.undecided.keys());
        candidates.sort_unstable();
        // A longer target is never met by a smaller share.
        let first =
            candidates.partition_point(|target| self.met(*target).is_none_or(|met| met < share));
        candidates.get(first).copied()
    }
}

/// The shortest usual target that is not shorter.
pub fn round_up(target: Milliseconds) -> Milliseconds {
    let step = STEPS.into_iter().find(|step| *step >= target);
    step.unwrap_or_else(|| (target + YEAR - 1).div_euclid(YEAR) * YEAR)
}

/// The next longer usual target.
pub fn next_step(target: Milliseconds) -> Milliseconds {
    round_up(target + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(ended: &[i64], undecided: &[i64]) -> Distribution {
        let mut distribution = Distribution::default();
        for running in ended {
            distribution.add_ended(*running, 1);
        }
        for running in undecided {
            distribution.add_undecided(*running);
        }
        distribution
    }

    #[test]
    fn a_target_is_met_by_what_ends_with_it() {
        let ten = distribution(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[]);
        assert_eq!(ten.met(9), Some(0.9));
        assert_eq!(ten.met(0), Some(0.0));
        assert_eq!(ten.target(0.9), Some(9));
        assert_eq!(ten.target(0.85), Some(9));
        assert_eq!(ten.target(1.0), Some(10));
        assert_eq!(Distribution::default().target(0.5), None);
        assert_eq!(Distribution::default().met(5), None);
    }

    #[test]
    fn what_runs_still_has_missed_shorter_targets_only() {
        let censored = distribution(&[1, 1, 1, 1], &[5]);
        assert_eq!(censored.met(1), Some(0.8));
        assert_eq!(censored.met(4), Some(0.8));
        assert_eq!(censored.met(5), Some(1.0), "not decided by then");
        assert_eq!(censored.target(0.9), Some(5));
        assert_eq!((censored.ended(), censored.undecided()), (4, 1));
        // Nothing has ended, so no target is known to be met.
        assert_eq!(distribution(&[], &[5]).target(0.5), None);
    }

    #[test]
    fn promises_are_round() {
        for (target, rounded) in [
            (0, MINUTE),
            (15 * MINUTE, 15 * MINUTE),
            (15 * MINUTE + 1, 30 * MINUTE),
            (5 * HOUR, 6 * HOUR),
            (25 * HOUR, 2 * DAY),
            (200 * DAY, YEAR),
            (YEAR + 1, 2 * YEAR),
        ] {
            assert_eq!(round_up(target), rounded, "{target}");
        }
        assert_eq!(next_step(HOUR), 2 * HOUR);
        assert!(STEPS.is_sorted());
    }
}
