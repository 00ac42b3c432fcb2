//! The records of several files, one file after the other.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::error::EventFileError;
use crate::decode::MAX_VALUE_BYTES;
use crate::edge::files::STANDARD_INPUT;
use crate::edge::record_files::{RecordBlock, RecordFile};

pub struct FileRecords {
    /// Files not yet opened.
    paths: VecDeque<PathBuf>,
    /// The file that is being read.
    pub path: PathBuf,
    file: Option<RecordFile>,
    /// Whether the order of the records matters. Those of a table are in no order.
    in_order: bool,
}

impl FileRecords {
    pub fn new(paths: &[PathBuf], in_order: bool) -> Self {
        Self {
            paths: paths.iter().cloned().collect(),
            path: PathBuf::new(),
            file: None,
            in_order,
        }
    }

    /// Reads the next records of one file, and returns whether there were any.
    pub fn fill(&mut self, block: &mut RecordBlock) -> Result<bool, EventFileError> {
        self.try_fill(block)
            .map_err(|source| EventFileError::of(&self.path, source))
    }

    fn try_fill(&mut self, block: &mut RecordBlock) -> io::Result<bool> {
        loop {
            if self.file.is_none() {
                let Some(path) = self.paths.pop_front() else {
                    return Ok(false);
                };
                self.path = path;
                let file = RecordFile::open(&self.path)?;
                if self.in_order && file.is_table() && is_standard_input(&self.path) {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a table must be sorted by time first: give its file, or pipe it through \"ticket-exporter \
                         import -\"",
                    ));
                }
                self.file = Some(file);
            }
            if let Some(file) = &mut self.file
                && file.fill(block, MAX_VALUE_BYTES)?
            {
                return Ok(true);
            }
            self.file = None;
        }
    }
}

pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}
