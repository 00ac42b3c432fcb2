//! Who a store is.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

use crate::domain::timestamp::Timestamp;

/// Sixteen bytes made with the store; shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub(super) [u8; 16]);

impl StoreId {
    /// One that no other store has. The standard library's hash keys come from the operating
    /// system's randomness; the time and the process are added for a system that has none yet.
    pub(super) fn new(created: Timestamp) -> Self {
        let half = || RandomState::new().hash_one((created, std::process::id()));
        let both = u128::from(half()) << 64 | u128::from(half());
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

/// A store among those that have the same id: one that was made anew keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreIdentity {
    pub id: StoreId,
    pub created: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let now = Timestamp(0);
        let one = StoreId::new(now);
        assert_ne!(one, StoreId::new(now));
        assert_eq!(one.to_string().len(), 32);
        assert_eq!(StoreId([0xa0; 16]).to_string(), "a0".repeat(16));
    }
}
