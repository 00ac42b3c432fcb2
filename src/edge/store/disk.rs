//! What the store asks of a file system; one that fails takes its place in tests.
//!
//! Only writing goes this way. Reading and the lock are plain files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Records may hold ids of tickets, which are nobody else's business.
const FILE_MODE: u32 = 0o600;

/// A place for files.
pub(super) trait Disk: Send + Sync + std::fmt::Debug {
    /// Makes a file that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    /// Opens a file, which must exist, for writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes lasting what was created, renamed or removed in a directory.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// A file that is written.
pub(super) trait OutputFile: Send + std::fmt::Debug {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn set_length(&mut self, length: u64) -> io::Result<()>;
    /// Makes lasting what was written, and as much about the file as is needed to read it.
    fn sync(&mut self) -> io::Result<()>;
}

/// The real one.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn create(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(FILE_MODE);
        Ok(Box::new(options.open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        Ok(Box::new(OpenOptions::new().write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl OutputFile for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
