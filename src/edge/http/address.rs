//! Where to listen and what to call the metrics path, as users write them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The path of the metrics where the user names none: what Prometheus asks for.
pub const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// An address to listen on: `:10047`, `0.0.0.0:10047`, `[::1]:10047` or `localhost:10047`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// Every address of the machine, IPv6 and IPv4.
    Every(u16),
    Socket(SocketAddr),
    Host(String, u16),
}

/// Why a text is no listen address or telemetry path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("\"{0}\" is no listen address: write :10047, 127.0.0.1:10047 or [::1]:10047")]
    Listen(String),
    #[error(
        "\"{0}\" is no telemetry path: write a path like /metrics of letters, digits and - _ . ~, outside /-/"
    )]
    Path(String),
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Listen(text.to_owned());
        if let Ok(socket) = text.parse() {
            return Ok(Self::Socket(socket));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        if host.is_empty() {
            return Ok(Self::Every(port));
        }
        let name = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        if !host.chars().all(name) || host.ends_with(|last: char| last.is_ascii_digit()) {
            return Err(wrong()); // also a mistyped IP address, which is no host name
        }
        Ok(Self::Host(host.to_owned(), port))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(formatter, ":{port}"),
            Self::Socket(socket) => socket.fmt(formatter),
            Self::Host(host, port) => write!(formatter, "{host}:{port}"),
        }
    }
}

impl ListenAddress {
    /// What to bind for [`Self::Every`]: the IPv6 wildcard takes IPv4 connections too, where
    /// the machine has IPv6 at all.
    pub(super) fn wildcards(port: u16) -> [SocketAddr; 2] {
        [
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        ]
    }
}

/// The path of the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryPath(String);

impl TelemetryPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TelemetryPath {
    fn default() -> Self {
        Self(DEFAULT_TELEMETRY_PATH.to_owned())
    }
}

impl FromStr for TelemetryPath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "/-_.~".contains(character);
        let free = text.starts_with('/') && text != "/-" && !text.starts_with("/-/");
        if free && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::Path(text.to_owned()))
        }
    }
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
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(":7".parse(), Ok(ListenAddress::Every(7)));
        for wrong in [
            "",
            "10047",
            "localhost",
            ":",
            ":http",
            ":+80",
            "1.2.3:80",
            "1.2.3.400:80",
            "::1:80",
            ":65536",
            "http://localhost:80",
            "a b:80",
        ] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn telemetry_paths() {
        for text in ["/metrics", "/", "/a/b-c.d", "/metrics/"] {
            assert_eq!(text.parse::<TelemetryPath>().unwrap().as_str(), text);
        }
        for wrong in [
            "", "metrics", "/-/ready", "/-", "/{x}", "/a b", "/a?b", "/*a",
        ] {
            assert!(wrong.parse::<TelemetryPath>().is_err(), "{wrong}");
        }
    }
}
