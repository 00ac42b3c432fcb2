//! Reads the section `schema_registry`.

use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;
use super::secret::Secret;
use super::url::read_url;
use super::view::YamlView;
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND};

/// A working registry responds within milliseconds.
const DEFAULT_TIMEOUT: Milliseconds = 5 * SECOND;
/// Below this, the timeout would end before the connection is established.
const SHORTEST_TIMEOUT: Milliseconds = 10;
/// Above this, the exporter would report an unavailable registry too late.
const LONGEST_TIMEOUT: Milliseconds = MINUTE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaRegistry {
    /// Does not end with a slash.
    pub url: String,
    pub login: Option<RegistryLogin>,
    /// CA certificates (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// For one request.
    pub timeout: Milliseconds,
}

/// For HTTP basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryLogin {
    pub username: String,
    /// A file is read for each request, because it may change.
    pub password: Secret,
}

impl SchemaRegistry {
    /// Returns `None` without a `url`. Paths are relative to `directory`.
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        view.entries(errors);
        let url = read_url(&view.key("url"), "use username and password_file", errors);
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

fn read_login(
    view: &YamlView<'_>,
    directory: &Path,
    errors: &mut ConfigErrors,
) -> Option<RegistryLogin> {
    let username = view.key("username").raw(errors);
    let password = Secret::read(view, "password", directory, errors);
    match (username, password) {
        (Some(username), Some(password)) => Some(RegistryLogin { username, password }),
        (Some(_), None) if !Secret::is_set(view, "password") => {
            let key = view.key("username");
            key.error(errors, "needs password or password_file");
            None
        }
        (None, Some(_)) => {
            view.error(errors, "has a password but no username; add username");
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
        let file = Path::new("/etc/helpdesk.yaml");
        let text = format!("schema_registry: {yaml}");
        load(Some(file), [], &[], &mut |_| Ok(text.clone()))
            .map(|loaded| loaded.config.schema_registry)
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn valid_settings_are_read() {
        assert_eq!(read("{}"), Ok(None));
        let read = read(
            "{url: \"https://r:8081/base/\", username: me, password_file: secret, ca_file: /ca.pem, \
             timeout: 2s}",
        );
        let expected = SchemaRegistry {
            url: "https://r:8081/base".to_owned(),
            login: Some(RegistryLogin {
                username: "me".to_owned(),
                password: Secret::File("/etc/secret".into()),
            }),
            ca_file: Some("/ca.pem".into()),
            timeout: 2 * SECOND,
        };
        assert_eq!(read, Ok(Some(expected)));
    }

    #[test]
    fn mistakes_are_reported() {
        for (yaml, expected) in [
            ("{url: \"r:8081\"}", "must start with http"),
            ("{url: \"https:///a\"}", "and a host"),
            ("{url: \"http://me:hunter2@r\"}", "must not contain a login"),
            ("{url: \"http://r/?a=b\"}", "without a query"),
            ("{url: \"http://r\", username: me}", "needs password"),
            ("{url: \"http://r\", password: hunter2}", "add username"),
            (
                "{url: \"http://r\", username: me, password: hunter2, password_file: a}",
                "conflicts with password",
            ),
            ("{url: \"http://r\", timeout: 1ms}", "from 10ms to 1m"),
            ("{urls: [a]}", "unknown key"),
        ] {
            let errors = read(yaml).unwrap_err();
            assert!(errors.contains(expected), "{yaml}: {errors}");
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
