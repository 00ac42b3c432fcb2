//! What can be wrong with a store, in words for the person who has to do something about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store cannot be used, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The process that holds the lock is named where it left its id.
    #[error(
        "the checkpoint directory {} is in use by another ticket-exporter{}: stop that one, or \
         set another checkpoint.directory",
        path.display(), holder(*process)
    )]
    Locked { path: PathBuf, process: Option<u32> },
    /// Nothing is wrong with it; this program is too old for it.
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
    /// Something that was there is gone or changed. Only what is certain is called so: the
    /// unfinished end that a crash leaves is not.
    #[error("{} is damaged at byte {offset}: {what}", file.display())]
    Corrupt {
        file: PathBuf,
        offset: u64,
        what: String,
    },
    /// A new store was to be made where there is one.
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
    /// For `map_err`: what was tried, and on which file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(super) fn corrupt(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            offset,
            what: what.into(),
        }
    }
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

/// What to do about it, where that is known.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space, nothing of what was committed is lost"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; mount it writable, or set checkpoint.directory to a place that is"
        }
        io::ErrorKind::PermissionDenied => {
            "; let the user of this process read and write there, or set another \
             checkpoint.directory"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; set checkpoint.directory to a directory of its own"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do() {
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
