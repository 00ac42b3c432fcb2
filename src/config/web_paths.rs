//! Reads the paths of the HTTP server: the path of the metrics, the route prefix of all pages, and the
//! external URL, as in Prometheus.

use std::fmt::{self, Display, Formatter};

use super::problem::ConfigErrors;
use super::url;
use super::view::YamlView;

/// The default of Prometheus.
const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// Paths of other pages.
const RESERVED: [&str; 3] = ["/-", "/api", "/tickets"];

/// The path of the metrics below the route prefix. It starts with `/`, conflicts with no other page and
/// needs no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryPath(String);

/// The prefix of the path of every page: empty, or like `/tickets`, without a slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePrefix(String);

impl Default for TelemetryPath {
    fn default() -> Self {
        Self(DEFAULT_TELEMETRY_PATH.to_owned())
    }
}

impl TelemetryPath {
    pub fn parse(text: &str) -> Option<Self> {
        let is_reserved = |path: &str| {
            text.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_free = text.starts_with('/') && !RESERVED.iter().any(|path| is_reserved(path));
        (is_free && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoutePrefix {
    /// Ignores slashes at both ends, as Prometheus does.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.trim_matches('/');
        if path.is_empty() {
            return Some(Self::default());
        }
        // Clients remove such segments and request another path.
        let is_segment = |segment: &str| !["", ".", ".."].contains(&segment);
        let is_path = path.bytes().all(is_plain) && path.split('/').all(is_segment);
        is_path.then(|| Self(format!("/{path}")))
    }

    /// The path of an external URL.
    pub fn of_url(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        Self::parse(rest.split_once('/').map_or("", |(_, path)| path))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for TelemetryPath {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Display for RoutePrefix {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether a byte of a path needs no escape.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte)
}

pub(super) fn read_telemetry_path(
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<TelemetryPath> {
    let path = TelemetryPath::parse(&view.text(errors)?);
    if path.is_none() {
        view.error(
            errors,
            "must be a path like /metrics, of letters, digits and - _ . ~; it must not be /tickets or \
             below /-/ or /api/",
        );
    }
    path
}

pub(super) fn read_external_url(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<String> {
    let url = url::read_url(view, "web.config_file has the users", errors)?;
    if RoutePrefix::of_url(&url).is_none() {
        view.error(
            errors,
            "must have no path, or a path like /tickets, of letters, digits and - _ . ~",
        );
        return None;
    }
    Some(url)
}

pub(super) fn read_route_prefix(
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<RoutePrefix> {
    let prefix = RoutePrefix::parse(&view.text(errors)?);
    if prefix.is_none() {
        view.error(
            errors,
            "must be a path like /tickets, of letters, digits and - _ . ~",
        );
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_paths() {
        for text in [
            "/metrics",
            "/",
            "/a/b-c.d",
            "/metrics/",
            "/ticketing",
            "/apis",
        ] {
            assert_eq!(TelemetryPath::parse(text).unwrap().as_str(), text);
        }
        for wrong in [
            "",
            "metrics",
            "/-/ready",
            "/-",
            "/{x}",
            "/a b",
            "/a?b",
            "/*a",
            "/tickets",
            "/api/v1/x",
        ] {
            assert_eq!(TelemetryPath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn route_prefixes() {
        for (text, prefix) in [
            ("/", ""),
            ("//", ""),
            ("/kpi", "/kpi"),
            ("kpi/", "/kpi"),
            ("/a/b-c.d/", "/a/b-c.d"),
        ] {
            let parsed = RoutePrefix::parse(text).unwrap();
            assert_eq!(parsed.as_str(), prefix, "{text}");
        }
        for wrong in ["/a//b", "/a/../b", "/.", "/a b", "/{a}", "/a?b", "/é"] {
            assert_eq!(RoutePrefix::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_prefix_of_an_external_url() {
        for (url, prefix) in [
            ("https://example.com", ""),
            ("https://example.com:8443/kpi", "/kpi"),
            ("http://a/b/c", "/b/c"),
        ] {
            let found = RoutePrefix::of_url(url).unwrap();
            assert_eq!(found.as_str(), prefix, "{url}");
        }
        assert_eq!(RoutePrefix::of_url("https://a/b?c"), None);
    }
}
