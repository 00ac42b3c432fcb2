//! Where the HTTP server listens, and what the path of the metrics is.

// Addresses as values: nothing of `core` can connect.
use core::net::SocketAddr;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use super::problem::Errors;
use super::view::View;

/// Free in the Prometheus project's list of default ports.
const DEFAULT_PORT: u16 = 10047;
/// Where Prometheus looks.
const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// Paths that are other pages'.
const TAKEN: [&str; 3] = ["/-", "/api", "/tickets"];

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// At least one, each once.
    pub listen: Vec<ListenAddress>,
    pub telemetry_path: TelemetryPath,
    /// Who may connect and how: see [`WebFile`](super::web_file::WebFile). `None`: whoever can, in
    /// plain HTTP.
    pub config_file: Option<PathBuf>,
    /// Whether ticket ids may be shown to whoever can reach the server.
    pub tickets: bool,
    /// Whether the configuration may be loaded again over HTTP.
    pub enable_lifecycle: bool,
}

/// An address to listen on: `:10047`, `0.0.0.0:10047`, `[::1]:10047` or `localhost:10047`.
/// Port 0 is any free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// Every address of the machine, IPv6 and IPv4.
    Every(u16),
    Socket(SocketAddr),
    Host(String, u16),
}

/// The path of the metrics: starts with `/`, is none of the other pages' nor below `/-/` or
/// `/api/`, and needs no escapes anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryPath(String);

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::Every(DEFAULT_PORT)],
            telemetry_path: TelemetryPath::default(),
            config_file: None,
            tickets: false,          // ids can be personal data
            enable_lifecycle: false, // errors tell of the configuration
        }
    }
}

impl Web {
    /// Files lie relative to `directory`.
    pub(super) fn read(view: &View<'_>, directory: &Path, errors: &mut Errors) -> Self {
        let defaults = Self::default();
        view.entries(errors);
        Self {
            listen: read_listen(&view.key("listen"), errors).unwrap_or(defaults.listen),
            telemetry_path: read_telemetry_path(&view.key("telemetry_path"), errors)
                .unwrap_or(defaults.telemetry_path),
            config_file: view
                .key("config_file")
                .text(errors)
                .map(|file| directory.join(file)),
            tickets: view
                .key("tickets")
                .boolean(errors)
                .unwrap_or(defaults.tickets),
            enable_lifecycle: view
                .key("enable_lifecycle")
                .boolean(errors)
                .unwrap_or(defaults.enable_lifecycle),
        }
    }

    /// Whether pages and answers may carry ticket ids: the one place that decides it.
    pub fn shows_tickets(&self) -> bool {
        self.tickets
    }
}

impl ListenAddress {
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(socket) = text.parse() {
            return Some(Self::Socket(socket));
        }
        let (host, port) = text.rsplit_once(':')?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number)?;
        if host.is_empty() {
            return Some(Self::Every(port));
        }
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        // The last label of a name is no number, that of a mistyped IP address is (RFC 1123,
        // section 2.1).
        let is_name = host.split('.').next_back().is_some_and(|label| {
            !label.is_empty() && !label.bytes().all(|byte| byte.is_ascii_digit())
        });
        (host.bytes().all(is_legal) && is_name).then(|| Self::Host(host.to_owned(), port))
    }
}

impl Display for ListenAddress {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(formatter, ":{port}"),
            Self::Socket(socket) => socket.fmt(formatter),
            Self::Host(host, port) => write!(formatter, "{host}:{port}"),
        }
    }
}

impl Default for TelemetryPath {
    fn default() -> Self {
        Self(DEFAULT_TELEMETRY_PATH.to_owned())
    }
}

impl TelemetryPath {
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        let is_taken = |path: &str| {
            text.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_free = text.starts_with('/') && !TAKEN.iter().any(|path| is_taken(path));
        (is_free && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
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

fn read_listen(view: &View<'_>, errors: &mut Errors) -> Option<Vec<ListenAddress>> {
    let texts = view.checked_texts(errors, |item, text, errors| {
        if ListenAddress::parse(text).is_none() {
            item.error(
                errors,
                format!("must be an address like :10047 or 127.0.0.1:10047, not \"{text}\""),
            );
        }
    })?;
    let addresses = texts.iter().filter_map(|text| ListenAddress::parse(text));
    Some(addresses.collect())
}

fn read_telemetry_path(view: &View<'_>, errors: &mut Errors) -> Option<TelemetryPath> {
    let path = TelemetryPath::parse(&view.text(errors)?);
    if path.is_none() {
        view.error(
            errors,
            "must be a path like /metrics of letters, digits and - _ . ~, not below /-/ or /api/ \
             and not /tickets",
        );
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses() {
        for text in [
            ":10047",
            "0.0.0.0:10047",
            "[::1]:0",
            "localhost:80",
            "my-host.example:80",
            "node1:80",
        ] {
            let address = ListenAddress::parse(text).unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(ListenAddress::parse(":7"), Some(ListenAddress::Every(7)));
        for wrong in [
            "",
            "10047",
            "localhost",
            ":",
            ":http",
            ":+80",
            "1.2.3:80",
            "1.2.3.400:80",
            "1.2.3.4.:80",
            "::1:80",
            "[x]:80",
            "[::1:80",
            ":65536",
            "http://localhost:80",
            "a b:80",
        ] {
            assert_eq!(ListenAddress::parse(wrong), None, "{wrong}");
        }
    }

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
}
