//! Passwords and the like: written down, or in a file that is read when it is needed.

use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use super::problem::Errors;
use super::view::View;

/// A password, or where it is. What is in a file may change while the program runs. `Debug` shows
/// the file only.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("<secret>"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl Secret {
    /// The secret of the key `name`, or of `name` with `_file` behind it: a path relative to
    /// `directory`. `None` where there is neither, or where something is wrong with them.
    pub(super) fn read(
        view: &View<'_>,
        name: &str,
        directory: &Path,
        errors: &mut Errors,
    ) -> Option<Self> {
        let text = view.key(name);
        let file = view.key(&format!("{name}_file"));
        match (text.raw(errors), file.text(errors)) {
            (Some(_), Some(_)) => {
                file.error(errors, format!("must not stand beside {name}"));
                None
            }
            (Some(text), None) => Some(Self::Text(text)),
            (None, Some(file)) => Some(Self::File(directory.join(file))),
            (None, None) => None,
        }
    }

    /// Whether one of the two keys is set, be it wrongly.
    pub(super) fn is_set(view: &View<'_>, name: &str) -> bool {
        view.key(name).is_set() || view.key(&format!("{name}_file")).is_set()
    }
}
