//! Settings of reading: checkpoints and the stream clock.

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
