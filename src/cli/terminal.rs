//! Standard output for data, standard error for people.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes data to standard output. A reader that has closed the pipe has seen enough.
///
/// # Errors
/// Those of a full disk and the like.
pub fn print(text: &str) -> io::Result<()> {
    print_bytes(text.as_bytes())
}

/// Like [`print`].
///
/// # Errors
/// Those of a full disk and the like.
pub fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Whether what is printed may have colors.
pub fn has_colors() -> bool {
    io::stdout().is_terminal() && wants_colors()
}

/// Whether messages to the person may have colors.
pub fn complaints_have_colors() -> bool {
    io::stderr().is_terminal() && wants_colors()
}

/// <https://no-color.org>: any value but nothing switches colors off. A dumb terminal prints them.
fn wants_colors() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Whether the terminal knows no control sequences.
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Says something to the person on standard error.
pub fn complain(text: &str) {
    // Where standard error is gone, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Asks the person on standard error, without ending the line.
///
/// # Errors
/// Standard error cannot be written.
pub fn ask(question: &str) -> io::Result<()> {
    let mut error = io::stderr().lock();
    error.write_all(question.as_bytes())?;
    error.flush()
}

/// A line that is overwritten by the next one on a terminal that can do that; nothing elsewhere.
pub fn progress(text: &str) {
    let mut error = io::stderr().lock();
    if error.is_terminal() && !is_dumb() {
        let _ = write!(error, "\r\x1b[K{text}");
        let _ = error.flush();
    }
}

/// Ends a line of [`progress`].
pub fn progress_done() {
    progress("");
}
