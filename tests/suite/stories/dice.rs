//! Random choices that depend on a seed only.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 … count - 1; 0 if `count` is 0.
    pub fn below(&mut self, count: i64) -> i64 {
        (self.0.next_u64() % (count.max(1) as u64)) as i64
    }

    pub fn chance(&mut self, per_cent: i64) -> bool {
        self.below(100) < per_cent
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as i64) as usize]
    }
}
