//! Looks for a ticket in files and in a store.

use std::sync::Arc;

use serde::Serialize;

use crate::app::event_files::{EventFileError, EventFiles, ReadCounts};
use crate::app::replay;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Engine, Rules, TicketTrace, TicketView, TraceEntry};

/// The history and the state of one ticket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub ticket: String,
    /// In order of time; `None` if only the state is known.
    pub history: Option<Vec<TraceEntry>>,
    /// The ticket's current state by partition: empty if it is forgotten, several if records were
    /// misrouted.
    pub state: Vec<TicketView>,
}

#[derive(Debug)]
pub struct TicketSearch {
    /// `None`: no event names the ticket.
    pub explanation: Option<Explanation>,
    /// Number of tickets at the end.
    pub tickets: usize,
    pub tally: ReadCounts,
    /// Valid events after `until`, which were left out.
    pub later: u64,
}

/// Applies the events of files as a replay does, and traces one ticket.
pub fn from_files(
    rules: Arc<Rules>,
    files: &EventFiles,
    id: &str,
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<TicketSearch, EventFileError> {
    let mut engine = Engine::new(rules, Timestamp::LATEST);
    let mut trace = TicketTrace::new(id);
    let read = replay::read(&mut engine, Some(&mut trace), files, until, progress)?;
    let history = trace.into_entries();
    let state = engine.describe(id);
    let known = !history.is_empty() || !state.is_empty();
    Ok(TicketSearch {
        explanation: known.then(|| Explanation {
            ticket: id.to_owned(),
            history: Some(history),
            state,
        }),
        tickets: engine.tickets(),
        tally: read.tally,
        later: read.later,
    })
}

/// Reads the state of a ticket; `None` if the engine does not know it.
pub fn from_engine(engine: &Engine, id: &str) -> Option<Explanation> {
    let state = engine.describe(id);
    (!state.is_empty()).then(|| Explanation {
        ticket: id.to_owned(),
        history: None,
        state,
    })
}
