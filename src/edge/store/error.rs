//! The errors of a store, in texts for operators.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// The store does not know the errors of those who read its records.
pub type BoxedError = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `process` is the id of the process that holds the lock, if the file has it.
    #[error(
        "the checkpoint directory {} is in use by another ticket-exporter{}: stop that one, or \
         set another checkpoint.directory",
        path.display(), holder(*process)
    )]
    Locked { path: PathBuf, process: Option<u32> },
    /// The store is good, but this program is too old for it.
    #[error(
        "{} was written by a newer ticket-exporter ({what} {found}, this one knows {known}): use \
         that version, or another checkpoint.directory", path.display()
    )]
    Newer {
        path: PathBuf,
        what: &'static str,
        found: u32,
        known: u32,
    },
    /// Data is missing or was changed. The unfinished commit that a crash leaves is not damage.
    #[error("{} is damaged at byte {offset}: {source}", file.display())]
    Corrupt {
        file: PathBuf,
        offset: u64,
        source: BoxedError,
    },
    /// The caller wants to create a store where one exists.
    #[error("the checkpoint directory {} already holds a checkpoint", path.display())]
    NotEmpty { path: PathBuf },
    #[error("cannot {what} {}: {source}{}", path.display(), advice(source))]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl StoreError {
    /// For `map_err`: the operation that failed, and its file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub fn corrupt(file: &Path, offset: u64, source: impl Into<BoxedError>) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            offset,
            source: source.into(),
        }
    }
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

/// The action to take, if it is known.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space, no committed data is lost"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; mount it writable, or set checkpoint.directory to a writable place"
        }
        io::ErrorKind::PermissionDenied => {
            "; give the user of this process read and write access, or set another \
             checkpoint.directory"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; set checkpoint.directory to a directory for this purpose only"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do() {
        let path = PathBuf::from("data");
        let locked = StoreError::Locked {
            path: path.clone(),
            process: Some(7),
        };
        assert!(locked.to_string().contains("(process 7): stop that one"));
        let newer = StoreError::Newer {
            path: path.clone(),
            what: "format",
            found: 3,
            known: 1,
        };
        assert!(
            newer
                .to_string()
                .contains("(format 3, this one knows 1): use that version"),
            "{newer}"
        );
        let full = StoreError::io("write", &path)(io::ErrorKind::StorageFull.into());
        assert!(
            full.to_string().starts_with("cannot write data: "),
            "{full}"
        );
        assert!(full.to_string().contains("free some space"), "{full}");
    }
}
