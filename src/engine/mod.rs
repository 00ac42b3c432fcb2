//! What is remembered: a pure, deterministic state machine from events to series.
//!
//! Records of a partition go in with their event time, snapshots of every series come out. No
//! clock, no file, no thread: two engines fed the same events hold the same state.

mod core;
mod describe;
mod gauges;
mod goal_list;
mod goal_runs;
mod goals;
mod history;
mod labels;
mod lifecycle;
pub mod limits;
mod partition;
mod past;
mod recorder;
mod report;
mod rules;
mod series;
mod sliding;
mod snapshot;
mod state;
mod summary;
mod table;
mod ticket;
mod timeline;
mod trace;
mod visit;
mod windows;

pub use core::{Counts, Engine, Ignored, Outcome, PartitionId};
pub use describe::{EarlierPhases, GoalView, NextTimer, Pending, PhaseView, TicketView};
pub use gauges::TicketStates;
pub use goal_list::{GoalItem, GoalList, GoalQuery};
pub use goal_runs::GoalRun;
pub use report::{DurationReport, GoalsReport, Named, Report, TeamReport, WindowReport};
pub use rules::{Kpi, Limits, Rules, Window};
pub use snapshot::Snapshot;
pub use state::{
    Change, Records, Restored, Restoring, RewriteCursor, STATE_VERSION, StateError, Wrong,
};
pub use summary::{DurationSummary, TeamSummary};
pub use trace::{
    AttributeChange, CountedSpan, EventTrace, GoalStep, GoalTrace, Happening, Observation,
    TraceEntry,
};
pub use visit::{Exemplar, HistogramView, NativeView, Sample, Series, Visitor};
