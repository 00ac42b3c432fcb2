//! Numbers as text.

use crate::domain::duration;

#[allow(
    clippy::cast_possible_truncation,
    reason = "shown to a reader; years fit"
)]
pub(super) fn brief(seconds: f64) -> String {
    duration::brief((seconds * 1_000.0) as i64)
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
