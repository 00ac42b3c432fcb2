//! Settings of the running service: checkpoints, the stream clock, HTTP.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::problem::Errors;
use super::view::View;
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds, SECOND};
use crate::engine::Rules;

/// In the working directory: a trial run needs no rights elsewhere.
const DEFAULT_DIRECTORY: &str = "data";
/// Metrics are at most this much older than the records: below any scrape interval.
const DEFAULT_INTERVAL: Milliseconds = SECOND;
/// More often would do nothing but sync the disk.
const SHORTEST_INTERVAL: Milliseconds = 10;
/// Rarer checkpoints would look like an exporter that hangs.
const LONGEST_INTERVAL: Milliseconds = HOUR;
/// Longer than a record takes from a producer to the exporter in ordinary times.
const DEFAULT_GRACE: Milliseconds = 30 * SECOND;
/// More than any clock that is synchronised is wrong; less than a time zone.
const DEFAULT_MAX_FUTURE: Milliseconds = 5 * MINUTE;
/// Free in the Prometheus project's list of default ports.
const DEFAULT_PORT: u16 = 10047;
/// Where Prometheus looks.
const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// Where and how often the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Relative to the working directory.
    pub directory: PathBuf,
    pub interval: Milliseconds,
}

/// How time passes (contract, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub lateness: Milliseconds,
    pub grace: Milliseconds,
    pub max_future: Milliseconds,
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// At least one.
    pub listen: Vec<Listen>,
    /// Starts with `/`; neither `/` nor below `/-/`.
    pub telemetry_path: String,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name or an address, IPv6 without brackets; `None`: every interface.
    pub host: Option<String>,
    /// 0: any free port.
    pub port: u16,
}

impl Display for Listen {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) if host.contains(':') => write!(formatter, "[{host}]:{}", self.port),
            Some(host) => write!(formatter, "{host}:{}", self.port),
            None => write!(formatter, ":{}", self.port),
        }
    }
}

impl Listen {
    /// Reads `host:port`, `:port` or `[IPv6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let host = match host.strip_prefix('[') {
            Some(address) => address
                .strip_suffix(']')
                .filter(|address| address.parse::<std::net::Ipv6Addr>().is_ok())?,
            None if host.contains([':', ' ', '/', ']']) => return None,
            None => host,
        };
        Some(Self {
            host: (!host.is_empty()).then(|| host.to_owned()),
            port,
        })
    }
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            directory: DEFAULT_DIRECTORY.into(),
            interval: DEFAULT_INTERVAL,
        }
    }
}

impl Checkpoint {
    pub(super) fn read(view: &View<'_>, errors: &mut Errors) -> Self {
        let defaults = Self::default();
        view.entries(errors);
        let key = view.key("interval");
        let interval = key.duration(errors).unwrap_or(defaults.interval);
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
            key.error(errors, "must be from 10ms to 1h");
        }
        Self {
            directory: view
                .key("directory")
                .text(errors)
                .map_or(defaults.directory, PathBuf::from),
            interval,
        }
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            lateness: Rules::DEFAULT_LATENESS,
            grace: DEFAULT_GRACE,
            max_future: DEFAULT_MAX_FUTURE,
        }
    }
}

impl Stream {
    pub(super) fn read(view: &View<'_>, errors: &mut Errors) -> Self {
        let defaults = Self::default();
        view.entries(errors);
        let mut read = |key: &str, default| view.key(key).duration(errors).unwrap_or(default);
        Self {
            lateness: read("lateness", defaults.lateness),
            grace: read("grace", defaults.grace),
            max_future: read("max_future", defaults.max_future),
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![Listen {
                host: None,
                port: DEFAULT_PORT,
            }],
            telemetry_path: DEFAULT_TELEMETRY_PATH.to_owned(),
        }
    }
}

impl Web {
    pub(super) fn read(view: &View<'_>, errors: &mut Errors) -> Self {
        let defaults = Self::default();
        view.entries(errors);
        let key = view.key("listen");
        let mut listen = Vec::new();
        for item in key.items(errors) {
            if let Some(text) = item.text(errors) {
                match Listen::parse(&text) {
                    Some(address) if listen.contains(&address) => {
                        item.error(errors, format!("\"{text}\" was already given"));
                    }
                    Some(address) => listen.push(address),
                    None => item.error(
                        errors,
                        format!(
                            "must be an address like :10047 or 127.0.0.1:10047, not \"{text}\""
                        ),
                    ),
                }
            }
        }
        if !key.is_set() {
            listen = defaults.listen;
        } else if key.is_empty_list() {
            key.error(errors, "must name at least one");
        }
        let key = view.key("telemetry_path");
        let telemetry_path = key.text(errors).unwrap_or(defaults.telemetry_path);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
        if !telemetry_path.starts_with('/')
            || telemetry_path == "/"
            || telemetry_path.starts_with("/-/")
            || !telemetry_path.bytes().all(is_plain)
        {
            key.error(
                errors,
                "must be a path like /metrics, neither / nor below /-/",
            );
        }
        Self {
            listen,
            telemetry_path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [":10047", "0.0.0.0:1", "[::1]:10047", "localhost:0"] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "10047",
            "a:b",
            ":65536",
            "::1:80",
            "[x]:80",
            "http://a:80",
            "[::1:80",
        ] {
            assert_eq!(Listen::parse(text), None, "{text}");
        }
    }
}
