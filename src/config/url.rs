//! Addresses of other servers.

use super::problem::Errors;
use super::view::View;

/// An address of HTTP without a login and a query, and without a slash at its end. `login` says
/// where one belongs. What is wrong is not repeated: a secret may be in it.
pub(super) fn read_url(view: &View<'_>, login: &str, errors: &mut Errors) -> Option<String> {
    let url = view.raw(errors)?;
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        view.error(errors, "must begin with http:// or https:// and a host");
        return None;
    };
    if rest
        .split('/')
        .next()
        .is_some_and(|host| host.contains('@'))
    {
        let message = format!("must not hold a login; {login}");
        view.error(errors, message);
        return None;
    }
    if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
        view.error(errors, "must be an address without a query");
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}
