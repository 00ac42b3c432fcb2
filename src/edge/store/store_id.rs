//! The identity of a store.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

use crate::domain::timestamp::Timestamp;

/// Sixteen random bytes, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub(super) [u8; 16]);

impl StoreId {
    /// A unique id.
    pub(super) fn new(created: Timestamp) -> Self {
        let both = u128::from(random_bits(created)) << 64 | u128::from(random_bits(created));
        Self(both.to_le_bytes())
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Secret bits. They come from the standard library's hash keys, which the operating
/// system supplies. The time and the process id help on a system that has no randomness yet.
pub fn random_bits(now: Timestamp) -> u64 {
    RandomState::new().hash_one((now, std::process::id()))
}

/// Identifies a store also among stores with the same id, because a recount keeps the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreIdentity {
    pub id: StoreId,
    pub created: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let now = Timestamp(0);
        let one = StoreId::new(now);
        assert_ne!(one, StoreId::new(now));
        assert_eq!(one.to_string().len(), 32);
        assert_eq!(StoreId([0xa0; 16]).to_string(), "a0".repeat(16));
    }
}
