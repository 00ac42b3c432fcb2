//! Basic authentication against bcrypt hashes.
//!
//! bcrypt takes tens of milliseconds on purpose. So it runs off the event loop, one at a time, and
//! logins that were good are remembered: a scraper pays for its first scrape only. A name that
//! nobody has costs as much as one that somebody has, so that names cannot be found out by time.

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

/// Salt and hash of nothing in particular: no password is compared with it for its result.
const DECOY_TAIL: &str = "GSL7yBWUFkmCzrBbSWJCHe1kb4tU/2q9ce2zNyiKk2luQEB4NHQWa";
/// Checks that wait for their turn; a desk has a handful of scrapers.
const MOST_WAITING: usize = 32;
/// Good logins remembered: users, and their earlier passwords until they are pushed out.
const MOST_REMEMBERED: usize = 256;

/// Users with the hashes of their passwords.
pub(super) struct Logins {
    users: HashMap<String, String>,
    /// A hash that takes as long as the slowest of them.
    decoy: String,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge::http) enum Verdict {
    Allowed,
    Refused,
    /// Too many logins are being checked.
    Busy,
}

/// See the module.
pub(super) struct Gate {
    /// Of this process: what is remembered is of no use elsewhere.
    key: hmac::Key,
    /// Keyed hashes of name, bcrypt hash and password: a changed password is not remembered.
    good: Mutex<HashSet<[u8; SHA256_OUTPUT_LEN]>>,
    waiting: Semaphore,
    turn: Arc<Semaphore>,
    /// Passwords compared so far.
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

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl Gate {
    pub(super) fn new() -> Self {
        let mut key = [0; SHA256_OUTPUT_LEN];
        // Without randomness TLS would not work either; the hashes stay in this process anyway.
        let _ = SystemRandom::new().fill(&mut key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            good: Mutex::default(),
            waiting: Semaphore::new(MOST_WAITING),
            turn: Arc::new(Semaphore::new(1)),
            checks: Arc::default(),
        }
    }

    pub(super) async fn judge(
        &self,
        logins: &Logins,
        authorization: Option<&HeaderValue>,
    ) -> Verdict {
        let Some((name, password)) = authorization.and_then(read_basic) else {
            return Verdict::Refused;
        };
        let known = logins.users.get(&name);
        let hash = known.unwrap_or(&logins.decoy).clone();
        let memory = self.memory(&[name.as_bytes(), hash.as_bytes(), &password]);
        if known.is_some() && self.remembers(&memory) {
            return Verdict::Allowed;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Verdict::Busy;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return Verdict::Busy; // only where the semaphore is closed, which nobody does
        };
        let checks = Arc::clone(&self.checks);
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn; // held to the end, also where the asker has left
            checks.fetch_add(1, Ordering::Relaxed);
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let is_good = check.await.unwrap_or(false) && known.is_some();
        if !is_good {
            return Verdict::Refused;
        }
        self.remember(memory);
        Verdict::Allowed
    }

    fn memory(&self, parts: &[&[u8]]) -> [u8; SHA256_OUTPUT_LEN] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // Their lengths, so that no two logins are the same bytes.
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        let mut memory = [0; SHA256_OUTPUT_LEN];
        memory.copy_from_slice(context.sign().as_ref());
        memory
    }

    fn remembers(&self, memory: &[u8; SHA256_OUTPUT_LEN]) -> bool {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.contains(memory)
    }

    fn remember(&self, memory: [u8; SHA256_OUTPUT_LEN]) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MOST_REMEMBERED {
            good.clear();
        }
        good.insert(memory);
    }
}

/// Name and password of RFC 7617.
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

    /// Of "secret", at the lowest cost.
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

    async fn judge(gate: &Gate, logins: &Logins, login: &str) -> Verdict {
        gate.judge(logins, Some(&basic(login))).await
    }

    fn checks(gate: &Gate) -> u64 {
        gate.checks.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn good_logins_are_checked_once_and_others_each_time() {
        let (gate, logins) = (Gate::new(), logins(HASH));
        assert_eq!(
            judge(&gate, &logins, "scraper:secret").await,
            Verdict::Allowed
        );
        assert_eq!(
            judge(&gate, &logins, "scraper:secret").await,
            Verdict::Allowed
        );
        assert_eq!(checks(&gate), 1);
        for wrong in [
            "scraper:wrong",
            "nobody:secret",
            "scraper:",
            ":",
            "scraper:secret:",
        ] {
            let before = checks(&gate);
            for _ in 0..2 {
                assert_eq!(
                    judge(&gate, &logins, wrong).await,
                    Verdict::Refused,
                    "{wrong}"
                );
            }
            // Nobody's password takes the same check as somebody's.
            assert_eq!(checks(&gate), before + 2, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_changed_hash_forgets() {
        let gate = Gate::new();
        assert_eq!(
            judge(&gate, &logins(HASH), "scraper:secret").await,
            Verdict::Allowed
        );
        let changed = format!("{}B{}", &HASH[..29], &HASH[30..]);
        assert_eq!(
            judge(&gate, &logins(&changed), "scraper:secret").await,
            Verdict::Refused
        );
    }

    #[tokio::test]
    async fn what_is_no_login_costs_nothing() {
        let (gate, logins) = (Gate::new(), logins(HASH));
        assert_eq!(gate.judge(&logins, None).await, Verdict::Refused);
        for header in [
            "Basic",
            "Basic !",
            "Bearer c2NyYXBlcjpzZWNyZXQ=",
            "Basic c2NyYXBlcg==",
        ] {
            let header = HeaderValue::from_static(header);
            assert_eq!(gate.judge(&logins, Some(&header)).await, Verdict::Refused);
        }
        assert_eq!(checks(&gate), 0);
        let lower = basic("scraper:secret")
            .to_str()
            .unwrap()
            .replace("Basic", "bAsIc");
        let lower = HeaderValue::from_str(&lower).unwrap();
        assert_eq!(gate.judge(&logins, Some(&lower)).await, Verdict::Allowed);
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let (gate, logins) = (Gate::new(), logins(HASH));
        let turn = Arc::clone(&gate.turn).acquire_owned().await.unwrap();
        let all = gate
            .waiting
            .try_acquire_many(u32::try_from(MOST_WAITING).unwrap());
        assert_eq!(judge(&gate, &logins, "scraper:secret").await, Verdict::Busy);
        drop((all, turn));
        assert_eq!(
            judge(&gate, &logins, "scraper:secret").await,
            Verdict::Allowed
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
    fn not_everything_is_remembered() {
        let gate = Gate::new();
        for number in 0..1_000_u32 {
            gate.remember(gate.memory(&[&number.to_le_bytes()]));
        }
        assert!(gate.good.lock().unwrap().len() <= MOST_REMEMBERED);
    }
}
