//! Secrets: in the configuration, or in a file that is read each time it is needed.

use std::fmt::{self, Formatter};
use std::path::{Path, PathBuf};

use super::problem::ConfigErrors;
use super::view::YamlView;

/// A secret or the file that contains it. The file may change while the program runs. `Debug` shows only
/// the path.
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
    /// Reads the key `name`, or `<name>_file`, whose path is relative to `directory`. Returns `None` if
    /// neither is set or one is invalid.
    pub(super) fn read(
        view: &YamlView<'_>,
        name: &str,
        directory: &Path,
        errors: &mut ConfigErrors,
    ) -> Option<Self> {
        let text = view.key(name);
        let file = view.key(&format!("{name}_file"));
        match (text.raw(errors), file.text(errors)) {
            (Some(_), Some(_)) => {
                file.error(errors, format!("conflicts with {name}; remove one of them"));
                None
            }
            (Some(text), None) => Some(Self::Text(text)),
            (None, Some(file)) => Some(Self::File(directory.join(file))),
            (None, None) => None,
        }
    }

    /// Whether one of the two keys is set, even to an invalid value.
    pub(super) fn is_set(view: &YamlView<'_>, name: &str) -> bool {
        view.key(name).is_set() || view.key(&format!("{name}_file")).is_set()
    }
}
