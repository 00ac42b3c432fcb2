//! Accounts of persons. The engine stores only a keyed digest of an account, and shows it nowhere.

use std::fmt;
use std::hash::Hasher;

/// The second half of the hash function's key. The first half is the secret.
const SECOND_KEY: u64 = 0x7469_636b_6574_7321;

/// The key of the digests of one store. `SipHash` and not xxh3, the hash of the tables: the seed of xxh3
/// can be computed from one digest of a known account, and then every account can be tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccountKey(pub u64);

impl AccountKey {
    /// For state that is never stored: replays and tests.
    pub const FIXED: Self = Self(0);

    #[allow(
        deprecated,
        reason = "the standard library's other hashers take no key, and stored digests must stay the same"
    )]
    pub fn digest(self, account: &str) -> AccountDigest {
        let mut hasher = std::hash::SipHasher::new_with_keys(self.0, SECOND_KEY);
        hasher.write(account.as_bytes());
        AccountDigest(hasher.finish())
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccountKey")
    }
}

/// Tells accounts apart within one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountDigest(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores keep digests over versions of the compiler.
    #[test]
    fn a_digest_stays_the_same() {
        assert_eq!(
            AccountKey::FIXED.digest("42"),
            AccountDigest(0x36a8_c0e5_3dbd_c22b)
        );
    }

    #[test]
    fn digests_depend_on_the_key() {
        let (one, other) = (AccountKey::FIXED, AccountKey(1));
        assert_eq!(one.digest("42"), one.digest("42"));
        assert_ne!(one.digest("42"), one.digest("43"));
        assert_ne!(one.digest("42"), other.digest("42"));
        assert_eq!(format!("{other:?}"), "AccountKey");
    }
}
