//! What is wrong with a configuration, and where. All of it is collected and shown at once.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A position in a file, both from 1.
    File {
        name: Arc<str>,
        line: usize,
        column: usize,
    },
    /// The environment variable of that name.
    Variable(Arc<str>),
    /// A flag, as it was typed.
    Flag(Arc<str>),
    /// Nowhere: it is missing.
    Missing,
}

impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line, column } => write!(formatter, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(typed) => write!(formatter, "flag {typed}"),
            Self::Missing => formatter.write_str("configuration"),
        }
    }
}

/// One error or warning. Shown as `file:line:column: key.path: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// `sla.policies[2].targets.resolution`; empty where no key is to blame.
    pub path: String,
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// Every problem of a configuration that cannot be used. `Display` gives one line for each error.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Errors {
    /// Not empty where this is returned as an error.
    pub errors: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Errors {
    /// Brings the problems into the order of the file; those of flags and variables come last.
    pub(super) fn sort(&mut self) {
        let order = |problem: &Problem| match problem.place {
            Place::Missing => (0, 0, 0),
            Place::File { line, column, .. } => (1, line, column),
            Place::Variable(_) => (2, 0, 0),
            Place::Flag(_) => (3, 0, 0),
        };
        self.errors.sort_by_key(order);
        self.warnings.sort_by_key(order);
    }

    pub(super) fn error(&mut self, place: &Place, path: &str, message: impl Into<String>) {
        self.errors.push(Problem {
            place: place.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn warning(&mut self, place: &Place, path: &str, message: impl Into<String>) {
        self.warnings.push(Problem {
            place: place.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }
}

impl Display for Errors {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.errors.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}
