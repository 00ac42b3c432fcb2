//! The instants and labels to write.

use super::objectives::Objectives;
use crate::domain::timestamp::{MINUTE, Milliseconds, Timestamp};

/// Prometheus looks five minutes back for the value of a series, so a longer step leaves gaps. A shorter
/// one needs more space and shows little more.
pub const DEFAULT_STEP: Milliseconds = 5 * MINUTE;

#[derive(Clone, Debug)]
pub struct BackfillPlan {
    /// Instants are its multiples since 1970.
    pub step: Milliseconds,
    /// The earliest instant; `None`: the first event.
    pub from: Option<Timestamp>,
    /// The latest instant and event time; `None`: the greatest event time.
    pub until: Option<Timestamp>,
    /// Added to every series.
    pub labels: Vec<(String, String)>,
    /// The same at every instant.
    pub objectives: Objectives,
}
