//! Errors and warnings about a configuration, with their positions. All of them are shown at once.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// The origin of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigPlace {
    /// A position in a file; line and column count from 1.
    File {
        name: Arc<str>,
        line: usize,
        column: usize,
    },
    /// The name of an environment variable.
    Variable(Arc<str>),
    /// A flag, as the user typed it.
    Flag(Arc<str>),
    /// The setting is missing, or there is no file.
    Missing,
}

impl Display for ConfigPlace {
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
pub struct ConfigProblem {
    pub place: ConfigPlace,
    /// Such as `sla.policies[2].targets.resolution`. Empty if the problem is not about one key.
    pub path: String,
    pub message: String,
}

impl Display for ConfigProblem {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// All problems of an invalid configuration. `Display` writes one line per error.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    pub errors: Vec<ConfigProblem>,
    pub warnings: Vec<ConfigProblem>,
}

impl ConfigErrors {
    /// Sorts the problems by their position in the file, then variables, then flags.
    pub(super) fn sort(&mut self) {
        let order = |problem: &ConfigProblem| match problem.place {
            ConfigPlace::Missing => (0, 0, 0),
            ConfigPlace::File { line, column, .. } => (1, line, column),
            ConfigPlace::Variable(_) => (2, 0, 0),
            ConfigPlace::Flag(_) => (3, 0, 0),
        };
        self.errors.sort_by_key(order);
        self.warnings.sort_by_key(order);
    }

    pub(super) fn error(&mut self, place: &ConfigPlace, path: &str, message: impl Into<String>) {
        self.errors.push(ConfigProblem {
            place: place.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn warning(&mut self, place: &ConfigPlace, path: &str, message: impl Into<String>) {
        self.warnings.push(ConfigProblem {
            place: place.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }
}

impl Display for ConfigErrors {
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
