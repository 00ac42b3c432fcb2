//! Reads the section `web`: listen addresses, paths, and what the HTTP server shows.

// From `core`, because this layer does no I/O and `core` has none.
use core::net::SocketAddr;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;
use super::view::YamlView;
use super::web_paths::{
    RoutePrefix, TelemetryPath, read_external_url, read_route_prefix, read_telemetry_path,
};

/// No other exporter in the Prometheus project's list of default ports uses it.
const DEFAULT_PORT: u16 = 10047;

/// The section `web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// At least one; no duplicates.
    pub listen: Vec<ListenAddress>,
    pub telemetry_path: TelemetryPath,
    /// The URL that users open, for example that of a reverse proxy. Does not end with a slash.
    pub external_url: Option<String>,
    pub route_prefix: RoutePrefix,
    /// See [`WebFile`](super::web_file::WebFile). `None` means plain HTTP without a login.
    pub config_file: Option<PathBuf>,
    /// Whether pages show ticket ids to every client.
    pub tickets: bool,
    /// Whether HTTP clients can reload the configuration.
    pub enable_lifecycle: bool,
}

/// An address to listen on: `:10047`, `0.0.0.0:10047`, `[::1]:10047` or `localhost:10047`.
/// Port 0 means any free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// Every IPv6 and IPv4 address of the machine.
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
            enable_lifecycle: false, // error messages show parts of the configuration
        }
    }
}

impl Web {
    /// Paths are relative to `directory`.
    pub(super) fn read(view: &YamlView<'_>, directory: &Path, errors: &mut ConfigErrors) -> Self {
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

    /// Adds the route prefix to the path of a page, such as `/-/healthy`.
    pub fn path(&self, page: &str) -> String {
        format!("{}{page}", self.route_prefix)
    }

    /// Whether any response may contain ticket ids. All code asks this function.
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
        // The last label of a host name is not a number (RFC 1123, section 2.1). In a mistyped IP
        // address it is.
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

pub(super) fn read_listen(
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Option<Vec<ListenAddress>> {
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
