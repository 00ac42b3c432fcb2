//! Writes data to standard output, and messages for the user to standard error.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes data to standard output. A closed pipe is no error: `head` closes it, for example.
pub fn print(text: &str) -> io::Result<()> {
    print_bytes(text.as_bytes())
}

/// Like [`print`].
pub fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Whether standard output may have colors.
pub fn has_colors() -> bool {
    io::stdout().is_terminal() && wants_colors()
}

/// Whether messages may have colors.
pub fn messages_have_colors() -> bool {
    io::stderr().is_terminal() && wants_colors()
}

/// Whether the environment allows colors. Any value of `NO_COLOR` that is not empty disables them
/// (<https://no-color.org>).
pub fn wants_colors() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Whether the terminal does not understand control sequences.
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Writes a message to standard error.
pub fn notify(text: &str) {
    // If standard error is closed, the message is lost.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a question to standard error, without ending the line.
pub fn ask(question: &str) -> io::Result<()> {
    let mut error = io::stderr().lock();
    error.write_all(question.as_bytes())?;
    error.flush()
}

/// Shows progress on a line that the next call overwrites. Does nothing if standard error is not such a
/// terminal.
pub fn progress(text: &str) {
    let mut error = io::stderr().lock();
    if error.is_terminal() && !is_dumb() {
        let _ = write!(error, "\r\x1b[K{text}");
        let _ = error.flush();
    }
}

/// Clears the line of [`progress`].
pub fn progress_done() {
    progress("");
}

/// Text from outside that cannot control the terminal: control characters become escapes.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}
