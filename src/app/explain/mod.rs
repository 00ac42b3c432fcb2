//! `explain`: the history and the state of one ticket.
//!
//! For files, the events are applied again under a trace, so the whole history is known. A store knows only
//! the current state. The result holds ids, labels and times only.

mod explanation;
mod words;

pub use explanation::{Explanation, TicketSearch, from_engine, from_files};
pub use words::words;
