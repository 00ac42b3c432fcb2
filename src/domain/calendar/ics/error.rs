//! Errors of iCalendar files, and events that are left out.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IcsError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}
