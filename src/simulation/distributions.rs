//! Reproducible random numbers: a few distributions from one seeded stream.
//!
//! They are written here and not taken from a library, because the bytes of a seed must not change when a
//! library changes its sampling.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::domain::timestamp::Milliseconds;

/// 2^-53: the step of the uniform grid below.
const GRID: f64 = 1.0 / 9_007_199_254_740_992.0;

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    generator: ChaCha8Rng,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Uniform in `[0, 1)`.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(super) fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * GRID
    }

    /// True with probability `share`; NaN counts as 0.
    pub(super) fn happens(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// A whole number in `0..bound`; 0 if the bound is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.generator.next_u32()) * u64::from(bound);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// The wait for the next of independent events that are `mean` apart on average.
    pub(super) fn exponential(&mut self, mean: f64) -> Milliseconds {
        whole(-(1.0 - self.uniform()).ln() * mean)
    }

    /// A human delay: mostly near the median, sometimes several times as long. `spread` is the standard
    /// deviation of the logarithm.
    #[allow(clippy::cast_precision_loss, reason = "delays are far below 2^53 ms")]
    pub(super) fn log_normal(&mut self, median: Milliseconds, spread: f64) -> Milliseconds {
        whole(median as f64 * (spread * self.normal()).exp())
    }

    /// Standard normal, by the Box-Muller transform (1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Picks the index of a weight with a probability proportional to it; `None` if no weight is above
    /// 0.
    pub(super) fn pick(&mut self, weights: impl Iterator<Item = f64> + Clone) -> Option<u16> {
        let total: f64 = weights.clone().filter(|weight| *weight > 0.0).sum();
        let mut left = self.uniform() * total;
        let mut picked = None;
        for (index, weight) in weights.enumerate() {
            if weight > 0.0 {
                picked = u16::try_from(index).ok();
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        picked
    }
}

/// A number for a position on the time line, independent of earlier draws: uniform in `[0, 1)`. (The
/// finalizer of SplitMix64: Steele, Lea, Flood, 2014.)
#[allow(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
pub(super) fn uniform_at(seed: u64, position: i64) -> f64 {
    (mixed(seed ^ mixed(position.cast_unsigned())) >> 11) as f64 * GRID
}

/// Mixes the bits of a number; distinct numbers stay distinct.
pub(super) const fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Rounds to whole milliseconds.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a float converts to the nearest integer there is"
)]
fn whole(length: f64) -> Milliseconds {
    length.round() as Milliseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 20_000;

    #[test]
    fn exponential_has_its_mean() {
        let mut chance = Chance::new(1);
        let sum: i64 = (0..DRAWS).map(|_| chance.exponential(1_000.0)).sum();
        let mean = sum / i64::try_from(DRAWS).unwrap();
        assert!((970..1_030).contains(&mean), "{mean}");
    }

    #[test]
    fn log_normal_has_its_median_and_tail() {
        let mut chance = Chance::new(2);
        let mut draws: Vec<i64> = (0..DRAWS).map(|_| chance.log_normal(1_000, 0.9)).collect();
        draws.sort_unstable();
        assert!((950..1_050).contains(&draws[DRAWS / 2]));
        // exp(1.2816 * 0.9) = 3.17
        assert!((2_950..3_400).contains(&draws[DRAWS * 9 / 10]));
    }

    #[test]
    fn picks_by_weight_and_never_a_zero() {
        let mut chance = Chance::new(3);
        let mut counts = [0_u32; 3];
        for _ in 0..DRAWS {
            let index = chance.pick([1.0, 0.0, 3.0].into_iter()).unwrap();
            counts[usize::from(index)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((14_600..15_400).contains(&counts[2]), "{counts:?}");
        assert_eq!(chance.pick([0.0].into_iter()), None);
        assert_eq!(chance.pick(std::iter::empty()), None);
    }

    #[test]
    fn below_reaches_every_value() {
        let mut chance = Chance::new(4);
        let seen: std::collections::BTreeSet<u32> = (0..200).map(|_| chance.below(5)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn a_position_has_one_draw() {
        assert_eq!(uniform_at(7, 100).to_bits(), uniform_at(7, 100).to_bits());
        assert_ne!(uniform_at(7, 100).to_bits(), uniform_at(7, 101).to_bits());
        assert_ne!(uniform_at(7, 100).to_bits(), uniform_at(8, 100).to_bits());
    }
}
