//! `check-config --connect`: checks whether everything that a configuration names exists and may be used.
//!
//! Each check has a deadline and reports one line with advice. It commits nothing, takes no partition away
//! from a running exporter, and shows nothing of a record.

mod check;
mod kafka;
mod local;
mod records;
mod report;

pub use check::check;
pub use report::{CheckFinding, CheckVerdict};
