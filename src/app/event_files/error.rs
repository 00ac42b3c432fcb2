//! Why files of events cannot be read.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum EventFileError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "cannot sort the events in the directory for temporary files: {0}; set TMPDIR to a directory with more space"
    )]
    Sorting(#[source] io::Error),
}

impl EventFileError {
    pub(super) fn of(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
