//! `basic_auth_users`: names and hashes of passwords.

use std::fmt::{self, Formatter};

use super::super::problem::Errors;
use super::super::view::View;

/// The costs that bcrypt has.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
/// From this cost on each first request of a scraper takes seconds.
const SLOW_COST: u32 = 15;
/// Salt and hash in bcrypt's own base 64.
const TAIL: usize = 53;

/// Somebody who may read everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub hash: PasswordHash,
}

/// A bcrypt hash of any common variant. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

impl PasswordHash {
    /// Says what is wrong with it without showing it, since it may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = ["$2a$", "$2b$", "$2x$", "$2y$"]
            .iter()
            .find_map(|start| text.strip_prefix(start))
            .ok_or(
                "must be a bcrypt hash, which begins with $2y$, $2b$ or $2a$; \
                 htpasswd -nBC 10 \"\" makes one",
            )?;
        let (cost, tail) = rest.split_once('$').unwrap_or_default();
        let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| is_number);
        if !cost.is_some_and(|cost| COSTS.contains(&cost)) {
            return Err("is a bcrypt hash whose cost is not from 04 to 31".to_owned());
        }
        let is_coded = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
        if tail.len() != TAIL || !tail.bytes().all(is_coded) {
            return Err(format!(
                "is no whole bcrypt hash: {TAIL} letters and digits belong behind the cost"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Twice the work for each step.
    pub fn cost(&self) -> u32 {
        self.0[4..6].parse().unwrap_or_default()
    }
}

pub(super) fn read(view: &View<'_>, errors: &mut Errors) -> Vec<User> {
    let entries = view.entries(errors).into_iter();
    entries
        .filter_map(|(name, value)| {
            if name.contains(':') {
                value.error(errors, "a name with a colon can never log in");
                return None;
            }
            let text = if value.is_set() {
                value.raw(errors)?
            } else {
                String::new()
            };
            match PasswordHash::parse(&text) {
                Ok(hash) => {
                    if hash.cost() >= SLOW_COST {
                        value.warning(
                            errors,
                            format!("cost {} makes logins take seconds", hash.cost()),
                        );
                    }
                    Some(User {
                        name: name.to_owned(),
                        hash,
                    })
                }
                Err(message) => {
                    value.error(errors, message);
                    None
                }
            }
        })
        .collect()
}
