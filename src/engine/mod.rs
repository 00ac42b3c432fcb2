//! What is remembered: a pure, deterministic state machine from events to series.
//!
//! Records of a partition go in with their event time, snapshots of every series come out. No
//! clock, no file, no thread: two engines fed the same events hold the same state.

mod rules;
mod visit;

pub use rules::{Kpi, Limits, Rules, Window};
pub use visit::{Exemplar, HistogramView, NativeView, Sample, Series, Visitor};
