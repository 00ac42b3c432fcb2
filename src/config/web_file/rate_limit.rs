//! Reads `rate_limit`: the limit of requests of all clients together.

use std::time::Duration;

use super::super::problem::ConfigErrors;
use super::super::view::YamlView;
use super::reading::{only, word};

/// The units of Go's durations, in nanoseconds.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
];
/// A longer interval between two requests is probably a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// A token bucket: `burst` requests at once, and one more every `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Above zero.
    pub interval: Duration,
    /// At least one.
    pub burst: u32,
}

impl RateLimit {
    /// Returns `None` if there is no limit.
    pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Self> {
        only(view, &["interval", "burst"], errors);
        let key = view.key("interval");
        let text = word(&key, errors)?;
        let Some(interval) = duration(&text).filter(|interval| *interval <= LONGEST) else {
            key.error(errors, "must be a duration like 1s or 100ms, up to 24h");
            return None;
        };
        if interval.is_zero() {
            return None;
        }
        let key = view.key("burst");
        if !key.is_set() {
            key.error(
                errors,
                "is missing; with interval alone, the server would reject every request",
            );
            return None;
        }
        let burst = key.count(1, 1_000_000, errors)?;
        Some(Self {
            interval,
            burst: u32::try_from(burst).ok()?,
        })
    }
}

/// Parses durations like Go's `time.ParseDuration`, except negative ones. A plain number means
/// nanoseconds.
fn duration(text: &str) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_nanos);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?;
        let amount: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|sign: char| sign.is_ascii_digit() || sign == '.')
            .unwrap_or(rest.len());
        let unit = &rest[..end];
        nanoseconds += amount * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = &rest[end..];
    }
    Duration::try_from_secs_f64(nanoseconds / 1e9).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("1s", 1_000),
            ("1.5s", 1_500),
            ("1m30s", 90_000),
            ("100ms", 100),
            ("1000000", 1),
            ("+2h", 7_200_000),
            ("2000\u{b5}s", 2),
        ] {
            let read = duration(text);
            assert_eq!(read, Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["-1s", "1", "s", "1 s", "1.1.1s", "1d", "9e9s"] {
            let nanosecond = (wrong == "1").then_some(Duration::from_nanos(1));
            assert_eq!(duration(wrong), nanosecond, "{wrong}");
        }
    }
}
