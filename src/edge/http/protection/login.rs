//! Basic authentication against bcrypt hashes.
//!
//! bcrypt takes tens of milliseconds on purpose. So it runs on a blocking thread, one check at a time,
//! and successful logins are cached: only the first scrape of a scraper waits for it. An unknown name
//! costs as much as a known one, so that the time does not reveal names.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::SHA256_OUTPUT_LEN;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;

use crate::config::web_file::WebUser;

/// Salt and hash that passwords of unknown users are checked against. The result is ignored.
const DECOY_TAIL: &str = "GSL7yBWUFkmCzrBbSWJCHe1kb4tU/2q9ce2zNyiKk2luQEB4NHQWa";
/// Checks that wait; an installation has a handful of scrapers.
const MOST_WAITING: usize = 32;
/// Cached logins; beyond that the cache is emptied.
const MOST_CACHED: usize = 256;

/// Users with the hashes of their passwords.
pub(super) struct Logins {
    users: HashMap<String, String>,
    /// A hash whose check takes as long as the slowest of the users.
    decoy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge::http) enum LoginVerdict {
    Allowed,
    Refused,
    /// Too many checks wait.
    Busy,
}

pub(super) struct LoginCheck {
    /// A random key of this process.
    key: hmac::Key,
    /// Keyed hashes of name, bcrypt hash and password.
    cached: Mutex<HashSet<[u8; SHA256_OUTPUT_LEN]>>,
    waiting: Semaphore,
    turn: Arc<Semaphore>,
    pub(super) checks: Arc<AtomicU64>,
}

impl Logins {
    /// `None` where there are no users.
    pub(super) fn of(users: &[WebUser]) -> Option<Self> {
        let cost = users.iter().map(|user| user.hash.cost()).max()?;
        let users = users.iter();
        Some(Self {
            users: users
                .map(|user| (user.name.clone(), user.hash.as_str().to_owned()))
                .collect(),
            decoy: format!("$2b${cost:02}${DECOY_TAIL}"),
        })
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Logins")
            .field("users", &self.users.len())
            .finish()
    }
}

impl fmt::Debug for LoginCheck {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LoginCheck")
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl LoginCheck {
    pub(super) fn new() -> Self {
        let mut key = [0; SHA256_OUTPUT_LEN];
        // Without randomness TLS fails, too; and the hashes never leave this process.
        let _ = SystemRandom::new().fill(&mut key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            cached: Mutex::default(),
            waiting: Semaphore::new(MOST_WAITING),
            turn: Arc::new(Semaphore::new(1)),
            checks: Arc::default(),
        }
    }

    pub(super) async fn judge(
        &self,
        logins: &Logins,
        authorization: Option<&HeaderValue>,
    ) -> LoginVerdict {
        let Some((name, password)) = authorization.and_then(read_basic) else {
            return LoginVerdict::Refused;
        };
        let known = logins.users.get(&name);
        let hash = known.unwrap_or(&logins.decoy).clone();
        let digest = self.digest(&[name.as_bytes(), hash.as_bytes(), &password]);
        if known.is_some() && self.is_cached(&digest) {
            return LoginVerdict::Allowed;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return LoginVerdict::Busy;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return LoginVerdict::Busy; // the semaphore is never closed
        };
        let checks = Arc::clone(&self.checks);
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn; // held to the end, even if the client has gone
            checks.fetch_add(1, Ordering::Relaxed);
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let is_good = check.await.unwrap_or(false) && known.is_some();
        if !is_good {
            return LoginVerdict::Refused;
        }
        self.cache(digest);
        LoginVerdict::Allowed
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; SHA256_OUTPUT_LEN] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // With the lengths, no two logins give the same bytes.
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        let mut digest = [0; SHA256_OUTPUT_LEN];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    fn is_cached(&self, digest: &[u8; SHA256_OUTPUT_LEN]) -> bool {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.contains(digest)
    }

    fn cache(&self, digest: [u8; SHA256_OUTPUT_LEN]) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MOST_CACHED {
            cached.clear();
        }
        cached.insert(digest);
    }
}

/// Name and password, as RFC 7617 encodes them.
fn read_basic(authorization: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, coded) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = BASE64_STANDARD.decode(coded.trim()).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(&bytes[..colon]).ok()?.to_owned();
    Some((name, bytes[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::web_file::PasswordHash;

    /// Of "secret", with the lowest cost.
    const HASH: &str = "$2y$04$M4CiWlZXU6tGtJz1EqJ5ZOux2bPC5BfUFuySmvQLqVP86B1050w2e";

    fn logins(hash: &str) -> Logins {
        let user = WebUser {
            name: "scraper".to_owned(),
            hash: PasswordHash::parse(hash).unwrap(),
        };
        Logins::of(&[user]).unwrap()
    }

    fn basic(login: &str) -> HeaderValue {
        format!("Basic {}", BASE64_STANDARD.encode(login))
            .parse()
            .unwrap()
    }

    async fn judge(check: &LoginCheck, logins: &Logins, login: &str) -> LoginVerdict {
        check.judge(logins, Some(&basic(login))).await
    }

    fn checks(check: &LoginCheck) -> u64 {
        check.checks.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn good_logins_are_checked_once_and_bad_ones_each_time() {
        let (check, logins) = (LoginCheck::new(), logins(HASH));
        assert_eq!(
            judge(&check, &logins, "scraper:secret").await,
            LoginVerdict::Allowed
        );
        assert_eq!(
            judge(&check, &logins, "scraper:secret").await,
            LoginVerdict::Allowed
        );
        assert_eq!(checks(&check), 1);
        for wrong in [
            "scraper:wrong",
            "unknown:secret",
            "scraper:",
            ":",
            "scraper:secret:",
        ] {
            let before = checks(&check);
            for _ in 0..2 {
                assert_eq!(
                    judge(&check, &logins, wrong).await,
                    LoginVerdict::Refused,
                    "{wrong}"
                );
            }
            // An unknown user costs the same check.
            assert_eq!(checks(&check), before + 2, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_changed_hash_is_checked_again() {
        let check = LoginCheck::new();
        assert_eq!(
            judge(&check, &logins(HASH), "scraper:secret").await,
            LoginVerdict::Allowed
        );
        let changed = format!("{}B{}", &HASH[..29], &HASH[30..]);
        assert_eq!(
            judge(&check, &logins(&changed), "scraper:secret").await,
            LoginVerdict::Refused
        );
    }

    #[tokio::test]
    async fn a_header_without_a_login_costs_nothing() {
        let (check, logins) = (LoginCheck::new(), logins(HASH));
        assert_eq!(check.judge(&logins, None).await, LoginVerdict::Refused);
        for header in [
            "Basic",
            "Basic !",
            "Bearer c2NyYXBlcjpzZWNyZXQ=",
            "Basic c2NyYXBlcg==",
        ] {
            let header = HeaderValue::from_static(header);
            assert_eq!(
                check.judge(&logins, Some(&header)).await,
                LoginVerdict::Refused
            );
        }
        assert_eq!(checks(&check), 0);
        let lower = basic("scraper:secret")
            .to_str()
            .unwrap()
            .replace("Basic", "bAsIc");
        let lower = HeaderValue::from_str(&lower).unwrap();
        assert_eq!(
            check.judge(&logins, Some(&lower)).await,
            LoginVerdict::Allowed
        );
    }

    #[tokio::test]
    async fn too_many_waiting_checks_are_refused() {
        let (check, logins) = (LoginCheck::new(), logins(HASH));
        let turn = Arc::clone(&check.turn).acquire_owned().await.unwrap();
        let all = check
            .waiting
            .try_acquire_many(u32::try_from(MOST_WAITING).unwrap());
        assert_eq!(
            judge(&check, &logins, "scraper:secret").await,
            LoginVerdict::Busy
        );
        drop((all, turn));
        assert_eq!(
            judge(&check, &logins, "scraper:secret").await,
            LoginVerdict::Allowed
        );
    }

    #[test]
    fn the_decoy_is_a_hash_of_the_highest_cost() {
        let decoy = logins(&HASH.replace("$04$", "$11$")).decoy;
        assert_eq!(PasswordHash::parse(&decoy).unwrap().cost(), 11);
        let cheap = decoy.replace("$11$", "$04$");
        assert_eq!(
            bcrypt::verify("x", &cheap).ok(),
            Some(false),
            "a check is made of it"
        );
    }

    #[test]
    fn the_cache_is_limited() {
        let check = LoginCheck::new();
        for number in 0..1_000_u32 {
            check.cache(check.digest(&[&number.to_le_bytes()]));
        }
        assert!(check.cached.lock().unwrap().len() <= MOST_CACHED);
    }
}
