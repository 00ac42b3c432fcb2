//! A trace of one ticket: everything that happened to it, written down by an observer.

mod entry;
mod measures;
mod observer;

pub use entry::{
    AttributeChange, CountedSpan, EventTrace, GoalStep, GoalTrace, Observation, StaleStatement,
    TraceEntry, TraceEvent, as_seconds, as_some_seconds,
};
pub use measures::goal;
pub use observer::TicketTrace;
