//! `explain`: all that is known about one ticket and its numbers, as plain data.
//!
//! From files there is the whole history, since the events are applied once more under a trace;
//! from an engine there is what its state still knows. Ids, labels and times only.

mod words;

pub use words::words;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::history::Tally;
use super::replay::{self, FileError};
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Engine, Rules, TicketTrace, TicketView, TraceEntry};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub ticket: String,
    /// In the order of time; `None` where only the state is known.
    pub history: Option<Vec<TraceEntry>>,
    /// The ticket as it stands, by partition: several only where records were misrouted, none
    /// where it is forgotten.
    pub state: Vec<TicketView>,
}

/// What came of looking for a ticket.
#[derive(Debug)]
pub struct Looked {
    /// `None`: no event names it.
    pub explanation: Option<Explanation>,
    /// Tickets that were there at the end.
    pub tickets: usize,
    pub tally: Tally,
    /// Valid events later than `until`, which were left out.
    pub later: u64,
}

/// Applies the events of files, as a replay does, and writes down what concerns one ticket.
///
/// # Errors
/// A file that cannot be opened or read.
pub fn from_files(
    rules: Arc<Rules>,
    decoder: &Decoder,
    id: &str,
    paths: &[PathBuf],
    until: Option<Timestamp>,
    progress: &mut dyn FnMut(u64),
) -> Result<Looked, FileError> {
    let mut engine = Engine::new(rules, Timestamp::LATEST);
    let mut trace = TicketTrace::new(id);
    let read = replay::read(
        &mut engine,
        Some(&mut trace),
        decoder,
        paths,
        until,
        progress,
    )?;
    let history = trace.into_entries();
    let state = engine.describe(id);
    let known = !history.is_empty() || !state.is_empty();
    Ok(Looked {
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

/// What an engine's state says about a ticket; `None` where it does not know it.
pub fn from_engine(engine: &Engine, id: &str) -> Option<Explanation> {
    let state = engine.describe(id);
    (!state.is_empty()).then(|| Explanation {
        ticket: id.to_owned(),
        history: None,
        state,
    })
}
