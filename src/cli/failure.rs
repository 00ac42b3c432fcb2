//! How the program ends when it does not end well.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::process::ExitCode;

use crate::config;

/// A message for a person and an exit code for a script (BSD's sysexits).
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
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
        super::terminal::complain(&format!("ticket-exporter: {}", self.message));
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<config::Errors> for Failure {
    fn from(errors: config::Errors) -> Self {
        Self::configuration(errors)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::other(error)
    }
}
