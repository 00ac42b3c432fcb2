//! The request and the suggested targets.

use serde::Serialize;

use crate::app::event_files::ReadCounts;
use crate::domain::policy::{Clock, Policy};
use crate::domain::timestamp::{Milliseconds, Timestamp, seconds};
use crate::engine::{DimensionValues, TableDimensions};

/// The shares for which targets are shown.
pub const SHARES: [f64; 3] = [0.8, 0.9, 0.95];

#[derive(Clone, Debug, PartialEq)]
pub struct TargetRequest {
    pub by: TableDimensions,
    pub clock: Clock,
    /// The share of goals to be met, between 0 and 1.
    pub objective: f64,
    /// With fewer goals nothing is suggested.
    pub minimum: u64,
    /// Partition clocks advance to this time at the end. `None`: they stay at their greatest event.
    pub until: Option<Timestamp>,
}

/// A target that a share of the goals would have met.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TargetLevel {
    /// The required share.
    pub share: f64,
    #[serde(rename = "exact_seconds", serialize_with = "as_seconds")]
    pub exact: Milliseconds,
    /// Rounded up.
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub target: Milliseconds,
    /// The share that would have met the rounded target.
    pub met: f64,
}

/// The counts under the suggested policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Suggested {
    #[serde(rename = "target_seconds", serialize_with = "as_seconds")]
    pub target: Milliseconds,
    /// `None`: there are no events to count.
    pub goals: Option<u64>,
    pub breaches: Option<u64>,
    /// The share met.
    pub met: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuggestionRow {
    #[serde(flatten)]
    pub tickets: DimensionValues,
    pub target: &'static str,
    /// Goals that have ended.
    pub goals: u64,
    /// Undecided goals: they have missed every target shorter than their running time.
    pub undecided: u64,
    /// One for each of [`SHARES`]; empty if there are too few goals.
    pub levels: Vec<TargetLevel>,
    /// `None`: there are too few goals.
    pub suggested: Option<Suggested>,
}

/// Suggested targets for each group of goals.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    pub rows: Vec<SuggestionRow>,
    /// The policies to configure.
    pub policies: Vec<Policy>,
    /// `None`: there were no events to read.
    pub tally: Option<ReadCounts>,
}

fn as_seconds<S: serde::Serializer>(
    value: &Milliseconds,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(seconds(*value))
}
