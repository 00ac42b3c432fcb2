//! The HTTP server: where it listens, what its paths are, and what it shows.

// Addresses as values: nothing of `core` can connect.
use core::net::SocketAddr;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use super::problem::Errors;
use super::view::View;
use super::web_paths::{
    RoutePrefix, TelemetryPath, read_external_url, read_route_prefix, read_telemetry_path,
};

/// Free in the Prometheus project's list of default ports.
const DEFAULT_PORT: u16 = 10047;
/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// At least one, each once.
    pub listen: Vec<ListenAddress>,
    pub telemetry_path: TelemetryPath,
    /// Where users reach the server, such as through a reverse proxy: without a slash at its end.
    pub external_url: Option<String>,
    /// What the path of every page begins with.
    pub route_prefix: RoutePrefix,
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

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::Every(DEFAULT_PORT)],
            telemetry_path: TelemetryPath::default(),
            external_url: None,
            route_prefix: RoutePrefix::default(),
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
        let external_url = read_external_url(&view.key("external_url"), errors);
        let route_prefix = read_route_prefix(&view.key("route_prefix"), errors);
        Self {
            listen: read_listen(&view.key("listen"), errors).unwrap_or(defaults.listen),
            telemetry_path: read_telemetry_path(&view.key("telemetry_path"), errors)
                .unwrap_or(defaults.telemetry_path),
            route_prefix: route_prefix
                .or_else(|| RoutePrefix::of_url(external_url.as_deref()?))
                .unwrap_or(defaults.route_prefix),
            external_url,
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

    /// The path of a page, such as `/-/healthy`, below the route prefix.
    pub fn path(&self, page: &str) -> String {
        format!("{}{page}", self.route_prefix)
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
}
