//! The engine: a pure, deterministic state machine from events to series.
//!
//! It takes the events of partitions, in the order of arrival, and gives snapshots of all series. It
//! has no clock, file or thread of its own: the same events give the same state.

mod account;
mod activity;
mod apply;
mod changes;
mod cohort;
mod compiled_rules;
mod core;
mod cycle;
mod describe;
mod elapsed;
mod fact;
mod gauges;
mod goal_list;
mod goal_runs;
mod goals;
mod history;
mod labels;
mod lifecycle;
pub mod limits;
mod measure;
mod memory;
mod merge;
mod open_goals;
mod outcome;
mod partition;
mod past;
mod recorder;
mod report;
mod rules;
mod series;
mod series_count;
mod shards;
mod shared_places;
mod sink;
mod sliding;
mod snapshot;
mod state;
mod statement;
mod summary;
mod table;
mod table_dimensions;
mod ticket;
mod timeline;
mod timers;
mod trace;
mod visit;
mod windows;

pub use account::AccountKey;
pub use core::{Counts, Engine, PartitionId};
pub use describe::{EarlierPhases, GoalView, NextTimer, PendingObservation, PhaseView, TicketView};
pub use fact::Observer;
pub use gauges::TicketStates;
pub use goal_list::{GoalItem, GoalList, GoalQuery};
pub use goal_runs::{GoalRun, GoalRuns};
pub use outcome::{Ignored, Outcome};
pub use report::{
    CohortReport, DurationReport, GoalsReport, MeanReport, NamedValues, Report, TeamReport,
    WindowBeforeReport, WindowReport,
};
pub use rules::{AttributeRule, Kpi, Limits, Rules, Window};
pub use series_count::{precreated_cohorts, series_at_start, series_of_one_cohort};
pub use shards::{ShardSnapshot, snapshot_of_shards};
pub use shared_places::SharedLimits;
pub use snapshot::Snapshot;
pub use state::{
    RecordError, Records, RestoredEngine, Restorer, RewriteCursor, RulesChange, STATE_VERSION,
    StateError,
};
pub use statement::StateMember;
pub use summary::{DurationSummary, KpiSummary};
pub use table_dimensions::{DimensionValues, TableDimensions};
pub use trace::{
    AttributeChange, CountedSpan, EventTrace, GoalStep, GoalTrace, Observation, StaleStatement,
    TicketTrace, TraceEntry, TraceEvent,
};
pub use visit::{Exemplar, HistogramView, NativeView, Sample, Series, Visitor};
