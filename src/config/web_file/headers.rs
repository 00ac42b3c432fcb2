//! `http_server_config`: HTTP/2, and headers of every answer.

use super::super::problem::Errors;
use super::super::view::View;
use super::reading::{boolean, only};

/// Headers that may be set, and their values where not every one goes.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpServer {
    /// Offered over TLS.
    pub http2: bool,
    /// Names and values, in place of our own: printable ASCII, not empty.
    pub headers: Vec<(&'static str, String)>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            http2: true,
            headers: Vec::new(),
        }
    }
}

impl HttpServer {
    pub(super) fn read(view: &View<'_>, errors: &mut Errors) -> Self {
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

fn header(name: &str, view: &View<'_>, errors: &mut Errors) -> Option<(&'static str, String)> {
    let Some((known, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let names = HEADERS.map(|(known, _)| known).join(", ");
        view.error(
            errors,
            format!("this header cannot be set; those that can are {names}"),
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
        view.error(errors, "must be printable ASCII on one line");
        return None;
    }
    // An empty one is not set.
    (!value.trim().is_empty()).then(|| (*known, value.trim().to_owned()))
}
