//! Reads the sections `checkpoint` and `stream`.

use std::path::PathBuf;

use super::problem::ConfigErrors;
use super::view::YamlView;
use crate::domain::named::named_enum;
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds, SECOND};
use crate::engine::Rules;

/// In the working directory, so that a trial run needs no other permissions.
const DEFAULT_DIRECTORY: &str = "data";
/// Metrics lag the records by at most this time, which is below any scrape interval.
const DEFAULT_INTERVAL: Milliseconds = SECOND;
/// Below this, the exporter would spend its time on syncing the disk.
const SHORTEST_INTERVAL: Milliseconds = 10;
/// Above this, the exporter would appear to hang.
const LONGEST_INTERVAL: Milliseconds = HOUR;
/// Longer than a record normally takes from the producer to the exporter.
const DEFAULT_GRACE: Milliseconds = 30 * SECOND;
/// Above the error of any synchronized clock, and below the offset of a time zone.
const DEFAULT_MAX_FUTURE: Milliseconds = 5 * MINUTE;

named_enum! {
    /// The reaction if the exporter cannot continue from the stored state.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum FailOrRebuild {
        /// Fail, because a rebuild loses the numbers from records that the topic no longer contains.
        #[default]
        Fail = "fail",
        /// Move the stored state away and recalculate from the earliest records.
        Rebuild = "rebuild",
    }
}

impl FailOrRebuild {
    fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Self {
        let choices = Self::ALL.map(|one| (one.name(), one));
        choose(view, &choices, errors)
    }
}

named_enum! {
    /// The reaction if a changed configuration counts the same records differently.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnChangedRules {
        /// Fail, because a rebuild loses the numbers from records that the topic no longer contains.
        #[default]
        Fail = "fail",
        /// Move the stored state away and recalculate from the earliest records.
        Rebuild = "rebuild",
        /// Keep the numbers and use the new rules for new records. Fail if that is impossible, as with other
        /// buckets.
        Continue = "continue",
    }
}

impl OnChangedRules {
    fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Self {
        let choices = Self::ALL.map(|one| (one.name(), one));
        choose(view, &choices, errors)
    }
}

/// Reads one of several words.
fn choose<T: Copy + Default>(
    view: &YamlView<'_>,
    choices: &[(&str, T)],
    errors: &mut ConfigErrors,
) -> T {
    let Some(text) = view.text(errors) else {
        return T::default();
    };
    let chosen = choices.iter().find(|(name, _)| *name == text);
    if chosen.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let words = names.join(" or ");
        view.error(errors, format!("must be {words}, not \"{text}\""));
    }
    chosen.map(|(_, choice)| *choice).unwrap_or_default()
}

/// The section `checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Relative to the working directory.
    pub directory: PathBuf,
    pub interval: Milliseconds,
    /// Applies if the records after the stored offsets are gone, or the topic was created again.
    pub on_lost_records: FailOrRebuild,
    pub on_changed_rules: OnChangedRules,
    /// Applies if the stored state cannot be read.
    pub on_damage: FailOrRebuild,
}

/// The section `stream`: how event time advances (KPI contract, section 2).
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
            on_lost_records: FailOrRebuild::default(),
            on_changed_rules: OnChangedRules::default(),
            on_damage: FailOrRebuild::default(),
        }
    }
}

impl Checkpoint {
    pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Self {
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
            on_lost_records: FailOrRebuild::read(&view.key("on_lost_records"), errors),
            on_changed_rules: OnChangedRules::read(&view.key("on_changed_rules"), errors),
            on_damage: FailOrRebuild::read(&view.key("on_damage"), errors),
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
    pub(super) fn read(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Self {
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
