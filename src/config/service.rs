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

/// What to do where the numbers cannot go on from the stored ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// Say so and wait for a person: a rebuild loses what the topic no longer holds.
    #[default]
    Fail,
    /// Set the stored state aside and count anew from the earliest records.
    Rebuild,
}

impl Otherwise {
    const ALL: [Self; 2] = [Self::Fail, Self::Rebuild];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Rebuild => "rebuild",
        }
    }

    fn read(view: &View<'_>, errors: &mut Errors) -> Self {
        let choices = Self::ALL.map(|one| (one.name(), one));
        choose(view, &choices, errors)
    }
}

/// What to do where the configuration counts the same records in another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChangedRules {
    /// Say so and wait for a person: a rebuild loses what the topic no longer holds.
    #[default]
    Fail,
    /// Set the stored state aside and count again from the earliest records.
    Rebuild,
    /// Keep the numbers and count by the new rules from now on. Numbers that cannot follow, such as
    /// those of other buckets, fail all the same.
    Continue,
}

impl OnChangedRules {
    const ALL: [Self; 3] = [Self::Fail, Self::Rebuild, Self::Continue];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Rebuild => "rebuild",
            Self::Continue => "continue",
        }
    }

    fn read(view: &View<'_>, errors: &mut Errors) -> Self {
        let choices = Self::ALL.map(|one| (one.name(), one));
        choose(view, &choices, errors)
    }
}

/// One of some words.
fn choose<T: Copy + Default>(view: &View<'_>, choices: &[(&str, T)], errors: &mut Errors) -> T {
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

/// Where and how often the state is kept, and what happens where it does not fit any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Relative to the working directory.
    pub directory: PathBuf,
    pub interval: Milliseconds,
    /// The records after the stored offsets are gone, or the topic is another one.
    pub on_lost_records: Otherwise,
    /// The configuration changed in a way that the stored numbers cannot follow, or that counts the
    /// same records in another way.
    pub on_changed_rules: OnChangedRules,
    /// The stored state cannot be read.
    pub on_damage: Otherwise,
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
            on_lost_records: Otherwise::default(),
            on_changed_rules: OnChangedRules::default(),
            on_damage: Otherwise::default(),
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
            on_lost_records: Otherwise::read(&view.key("on_lost_records"), errors),
            on_changed_rules: OnChangedRules::read(&view.key("on_changed_rules"), errors),
            on_damage: Otherwise::read(&view.key("on_damage"), errors),
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
