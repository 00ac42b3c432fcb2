//! A command that fails: its message and its exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::config;

/// The exit codes are those of BSD's `sysexits.h`.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandFailure {
    code: u8,
    message: String,
}

/// The result of a command, by default its exit code.
pub type CommandResult<T = ExitCode> = Result<T, CommandFailure>;

impl CommandFailure {
    pub const USAGE: u8 = 64;
    const CONFIGURATION: u8 = 78;
    const OTHER: u8 = 1;

    pub fn usage(message: impl Display) -> Self {
        Self {
            code: Self::USAGE,
            message: message.to_string(),
        }
    }

    pub fn configuration(message: impl Display) -> Self {
        Self {
            code: Self::CONFIGURATION,
            message: message.to_string(),
        }
    }

    pub fn other(message: impl Display) -> Self {
        Self {
            code: Self::OTHER,
            message: message.to_string(),
        }
    }

    pub fn report(self) -> ExitCode {
        super::terminal::notify(&format!("ticket-exporter: {}", self.message));
        ExitCode::from(self.code)
    }
}

impl From<config::ConfigErrors> for CommandFailure {
    fn from(errors: config::ConfigErrors) -> Self {
        Self::configuration(errors)
    }
}

impl From<io::Error> for CommandFailure {
    fn from(error: io::Error) -> Self {
        Self::other(error)
    }
}
