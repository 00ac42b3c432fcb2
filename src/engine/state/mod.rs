//! The engine's state as records of a keyed store: the changes since the last checkpoint, a slice of
//! everything, and the way back.
//!
//! A record is the unit of change: a ticket, a cohort, a step of a window. The key
//! gives the kind and identifies the record. The value is always written as a whole. The last record of
//! a key counts. This module does not know how records are stored.
//!
//! | kind | rest of the key | value |
//! | --- | --- | --- |
//! | state | | start of the series, clock of the windows |
//! | rules | | the rules that the numbers depend on |
//! | label | label, number | name, and the label under which it is exposed |
//! | partition | number | stream clock, greatest event time |
//! | ticket | partition, id | the ticket |
//! | cohort | its labels | its counters and histograms |
//! | window | team, series, window, step modulo 64 | step, count, sum, buckets |
//! | journal | chunk number | observations later than the clock of the windows |

mod attributes;
mod bytes;
mod cohort;
mod former;
mod goals;
mod handover;
mod journal;
mod label;
mod partition;
mod past;
mod policy;
mod record;
mod restore;
mod rules;
mod ticket;
mod window;
mod write;

pub use bytes::RecordError;
pub use record::{Records, RulesChange, STATE_VERSION, StateError};
pub use restore::{RestoredEngine, Restorer};
pub use write::RewriteCursor;
