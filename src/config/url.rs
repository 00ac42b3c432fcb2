//! URLs of other servers.

use super::problem::ConfigErrors;
use super::view::YamlView;

/// Reads an HTTP URL without user info and query, and removes slashes at its end. `login` is a hint
/// where a login belongs. No message shows the URL, because it may contain a secret.
pub(super) fn read_url(
    view: &YamlView<'_>,
    login: &str,
    errors: &mut ConfigErrors,
) -> Option<String> {
    let url = view.raw(errors)?;
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        view.error(errors, "must start with http:// or https:// and a host");
        return None;
    };
    if rest
        .split('/')
        .next()
        .is_some_and(|host| host.contains('@'))
    {
        let message = format!("must not contain a login; {login}");
        view.error(errors, message);
        return None;
    }
    if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        view.error(errors, "must be a URL without a query");
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}
