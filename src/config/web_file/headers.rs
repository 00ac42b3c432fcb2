//! Reads `http_server_config`: HTTP/2, and the headers of every response.

use super::super::problem::ConfigErrors;
use super::super::view::YamlView;
use super::reading::{boolean, only};

/// Headers that users can set, with their valid values. An empty list means any value.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpServerSettings {
    /// Whether to offer HTTP/2 over TLS.
    pub http2: bool,
    /// Names and values, which replace our own. Values are printable ASCII and not empty.
    pub headers: Vec<(&'static str, String)>,
}

impl Default for HttpServerSettings {
    fn default() -> Self {
        Self {
            http2: true,
            headers: Vec::new(),
        }
    }
}

impl HttpServerSettings {
    pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Self {
        only(view, &["http2", "headers"], errors);
        let headers = view.key("headers");
        Self {
            http2: boolean(&view.key("http2"), errors).unwrap_or(true),
            headers: headers
                .entries(errors)
                .into_iter()
                .filter_map(|(name, value)| header(name, &value, errors))
                .collect(),
        }
    }
}

fn header(
    name: &str,
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<(&'static str, String)> {
    let Some((known, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let names = HEADERS.map(|(known, _)| known).join(", ");
        view.error(
            errors,
            format!("cannot set this header; use one of: {names}"),
        );
        return None;
    };
    let value = if view.is_set() {
        view.raw(errors)?
    } else {
        String::new()
    };
    if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
        view.error(errors, format!("must be {}", allowed.join(" or ")));
        return None;
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        view.error(errors, "must consist of printable ASCII characters");
        return None;
    }
    // An empty value means that the header is not set.
    (!value.trim().is_empty()).then(|| (*known, value.trim().to_owned()))
}
