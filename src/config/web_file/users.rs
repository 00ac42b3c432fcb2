//! Reads `basic_auth_users`: names and password hashes.

use std::fmt::{self, Formatter};

use super::super::problem::ConfigErrors;
use super::super::view::YamlView;

/// The valid costs of bcrypt.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
/// From this cost on, the first request of each client takes seconds.
const SLOW_COST: u32 = 15;
/// Length of salt and hash in bcrypt's base64.
const TAIL: usize = 53;

/// A user who may read all pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUser {
    pub name: String,
    pub hash: PasswordHash,
}

/// A bcrypt hash. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Why a text is not a bcrypt hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    #[error(
        "must be a bcrypt hash, which starts with $2y$, $2b$ or $2a$; create one with \
         htpasswd -nBC 10 \"\""
    )]
    NotBcrypt,
    #[error("has an invalid cost; a bcrypt hash has a cost from 04 to 31")]
    Cost,
    #[error(
        "is incomplete; a bcrypt hash has {} letters and digits after the cost",
        TAIL
    )]
    Length,
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

impl PasswordHash {
    /// # Errors
    /// The text is not a hash. The message does not show it, because it may be a password.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let rest = ["$2a$", "$2b$", "$2x$", "$2y$"]
            .iter()
            .find_map(|start| text.strip_prefix(start))
            .ok_or(PasswordHashError::NotBcrypt)?;
        let (cost, tail) = rest.split_once('$').unwrap_or_default();
        let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| is_number);
        if !cost.is_some_and(|cost| COSTS.contains(&cost)) {
            return Err(PasswordHashError::Cost);
        }
        let is_coded = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
        if tail.len() != TAIL || !tail.bytes().all(is_coded) {
            return Err(PasswordHashError::Length);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each step doubles the work.
    pub fn cost(&self) -> u32 {
        self.0[4..6].parse().unwrap_or_default()
    }
}

pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Vec<WebUser> {
    let entries = view.entries(errors).into_iter();
    entries
        .filter_map(|(name, value)| {
            if name.contains(':') {
                value.error(
                    errors,
                    "must not contain a colon; such a user could never log in",
                );
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
                            format!(
                                "each first login takes seconds with the cost {}; use at most 14",
                                hash.cost()
                            ),
                        );
                    }
                    Some(WebUser {
                        name: name.to_owned(),
                        hash,
                    })
                }
                Err(error) => {
                    value.error(errors, error.to_string());
                    None
                }
            }
        })
        .collect()
}
