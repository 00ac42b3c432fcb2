//! The file system operations for writing. Tests replace them with a disk that fails. Reading and the
//! lock use plain files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Records may contain ids of tickets, so other users must not read them.
const FILE_MODE: u32 = 0o600;

pub(super) trait Disk: Send + Sync + std::fmt::Debug {
    /// Creates a file, which must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    /// Opens an existing file for writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes durable which files a directory has.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

pub(super) trait OutputFile: Send + std::fmt::Debug {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn set_length(&mut self, length: u64) -> io::Result<()>;
    /// Makes durable the contents of the file and the metadata that reading needs.
    fn sync(&mut self) -> io::Result<()>;
}

/// The real file system.
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
