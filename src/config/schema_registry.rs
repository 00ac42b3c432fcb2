//! The registry that knows the schemas of records.

use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use super::problem::Errors;
use super::secret::Secret;
use super::url::read_url;
use super::view::View;
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND};

/// A registry answers within milliseconds; one that needs longer than this is as good as away.
const DEFAULT_TIMEOUT: Milliseconds = 5 * SECOND;
/// Shorter ones would be over before a connection is there.
const SHORTEST_TIMEOUT: Milliseconds = 10;
/// A longer one would tell too late that the registry is away.
const LONGEST_TIMEOUT: Milliseconds = MINUTE;

/// See the module. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SchemaRegistry {
    /// Without a slash at its end.
    pub url: String,
    pub login: Option<Login>,
    /// Certificates (PEM) to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// For one question.
    pub timeout: Milliseconds,
}

/// For HTTP basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    /// A file is read for each question: it may change.
    pub password: Secret,
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SchemaRegistry")
            .field("url", &self.url)
            .field("login", &self.login)
            .field("ca_file", &self.ca_file)
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl SchemaRegistry {
    /// `None` without a `url`. Files lie relative to `directory`.
    pub(super) fn read(view: &View<'_>, directory: &Path, errors: &mut Errors) -> Option<Self> {
        view.entries(errors);
        let url = read_url(
            &view.key("url"),
            "there are username and password_file",
            errors,
        );
        let login = read_login(view, directory, errors);
        let ca_file = view.key("ca_file").text(errors);
        let key = view.key("timeout");
        let timeout = key.duration(errors).unwrap_or(DEFAULT_TIMEOUT);
        if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&timeout) {
            key.error(errors, "must be from 10ms to 1m");
        }
        Some(Self {
            url: url?,
            login,
            ca_file: ca_file.map(|file| directory.join(file)),
            timeout,
        })
    }
}

fn read_login(view: &View<'_>, directory: &Path, errors: &mut Errors) -> Option<Login> {
    let username = view.key("username").raw(errors);
    let password = Secret::read(view, "password", directory, errors);
    match (username, password) {
        (Some(username), Some(password)) => Some(Login { username, password }),
        (Some(_), None) if !Secret::is_set(view, "password") => {
            let key = view.key("username");
            key.error(errors, "needs a password or a password_file");
            None
        }
        (None, Some(_)) => {
            view.error(errors, "a password needs a username");
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn read(yaml: &str) -> Result<Option<SchemaRegistry>, String> {
        let file = Path::new("/etc/desk.yaml");
        let text = format!("schema_registry: {yaml}");
        load(Some(file), [], &[], &mut |_| Ok(text.clone()))
            .map(|loaded| loaded.config.schema_registry)
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn what_is_set_is_read() {
        assert_eq!(read("{}"), Ok(None));
        let read = read(
            "{url: \"https://r:8081/base/\", username: me, password_file: secret, ca_file: /ca.pem, \
             timeout: 2s}",
        );
        let expected = SchemaRegistry {
            url: "https://r:8081/base".to_owned(),
            login: Some(Login {
                username: "me".to_owned(),
                password: Secret::File("/etc/secret".into()),
            }),
            ca_file: Some("/ca.pem".into()),
            timeout: 2 * SECOND,
        };
        assert_eq!(read, Ok(Some(expected)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (yaml, said) in [
            ("{url: \"r:8081\"}", "must begin with http"),
            ("{url: \"https:///a\"}", "and a host"),
            ("{url: \"http://me:hunter2@r\"}", "must not hold a login"),
            ("{url: \"http://r/?a=b\"}", "without a query"),
            ("{url: \"http://r\", username: me}", "needs a password"),
            ("{url: \"http://r\", password: hunter2}", "needs a username"),
            (
                "{url: \"http://r\", username: me, password: hunter2, password_file: a}",
                "must not stand beside password",
            ),
            ("{url: \"http://r\", timeout: 1ms}", "from 10ms to 1m"),
            ("{urls: [a]}", "unknown key"),
        ] {
            let errors = read(yaml).unwrap_err();
            assert!(errors.contains(said), "{yaml}: {errors}");
            assert!(!errors.contains("hunter2"), "{errors}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let read = read("{url: \"http://r\", username: me, password: hunter2}").unwrap();
        let shown = format!("{read:?}");
        assert!(
            shown.contains("me") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
