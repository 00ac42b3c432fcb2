//! Errors of iCalendar files.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IcsError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}
