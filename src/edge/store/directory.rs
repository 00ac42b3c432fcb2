//! The checkpoint directory: whose it is, what is in it, and putting it aside.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::acknowledged;
use super::disk::{Disk, FileSystem};
use super::error::StoreError;
use super::load::{ApplyRecord, LoadedStore, apply_all};
use super::segment_file;
use super::store_id::{StoreId, StoreIdentity};
use super::store_log::Log;
use super::writer::Store;
use crate::domain::timestamp::Timestamp;

const LOCK: &str = "lock";
/// Its presence asks the next start to count everything again.
const RECOUNT: &str = "recount";
/// In a directory of a store that was set aside: the reason.
const REASON: &str = "reason.txt";
/// What is kept may hold ids of tickets.
const DIRECTORY_MODE: u32 = 0o700;
/// How often a reader looks again at what seems damaged while a writer is at work, and how long
/// it waits before: several times what deleting some files takes.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// A checkpoint directory that no other process has. The lock goes with the process, however that
/// ends.
#[derive(Debug)]
pub struct StoreDirectory {
    path: PathBuf,
    state_version: u32,
    disk: Arc<dyn Disk>,
    _lock: Lock,
}

/// A file that is locked for as long as this is there. Closing the file would not do at once
/// where another thread is just starting a process, which has it open for a moment, too.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of the process unlocks it anyway.
        let _ = self.0.unlock();
    }
}

impl StoreDirectory {
    /// Takes a directory, which is made where there is none. `state_version` is the version of
    /// the records' form that this program writes, and the latest it can read.
    ///
    /// # Errors
    /// [`StoreError::Locked`], and the disk's.
    pub fn lock(path: &Path, state_version: u32) -> Result<Self, StoreError> {
        Self::lock_on(Arc::new(FileSystem), path, state_version)
    }

    pub(super) fn lock_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        state_version: u32,
    ) -> Result<Self, StoreError> {
        make_directories(path, disk.as_ref())?;
        let lock_path = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let mut lock = options
            .open(&lock_path)
            .map_err(StoreError::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The lock is what counts; the text is for the message.
                let _ = lock.read_to_string(&mut text);
                return Err(StoreError::Locked {
                    path: path.to_owned(),
                    process: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::io("lock", &lock_path)(error));
            }
        }
        let written = lock
            .set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(StoreError::io("write", &lock_path))?;
        Ok(Self {
            path: path.to_owned(),
            state_version,
            disk,
            _lock: Lock(lock),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives every record to `apply`, oldest first: of several for one key the last one counts.
    /// All checksums are verified before the first. `None`: nothing was ever committed here.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Newer`], and the disk's.
    pub fn load(&self, apply: &mut ApplyRecord<'_>) -> Result<Option<LoadedStore>, StoreError> {
        match StoreLog::find(&self.path, self.state_version)? {
            Some(log) => apply_all(log, apply).map(Some),
            None => Ok(None),
        }
    }

    /// Moves the store, whatever is left of it, into a directory of its own within this one, with
    /// the reason in a file. Nothing is deleted. Where that fails half-way, what is left is found
    /// damaged and can be set aside in turn.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_aside(&self, now: Timestamp, reason: &str) -> Result<PathBuf, StoreError> {
        let aside = self.make_aside(now)?;
        let reason_path = aside.join(REASON);
        let written = self.disk.create(&reason_path).and_then(|mut file| {
            file.write_at(format!("{reason}\n").as_bytes(), 0)?;
            file.sync()
        });
        written.map_err(StoreError::io("write", &reason_path))?;
        // The oldest first, and the last word on what there was at the end: so no part of a store
        // looks like a whole one.
        let mut names: Vec<String> = segment_numbers(&self.path)?
            .into_iter()
            .map(segment_file::name)
            .collect();
        names.push(acknowledged::NAME.to_owned());
        for name in names {
            let from = self.path.join(&name);
            match self.disk.rename(&from, &aside.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(StoreError::io("set aside", &from))?,
            }
            // One after the other on disk, too.
            self.sync(&aside)?;
            self.sync(&self.path)?;
        }
        Ok(aside)
    }

    /// Asks the next start to set the store aside and to count everything again. To ask twice is to
    /// ask once.
    ///
    /// # Errors
    /// The disk's.
    pub fn request_recount(&self) -> Result<(), StoreError> {
        let path = self.path.join(RECOUNT);
        match self.disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => {
                let created = created.and_then(|mut file| file.sync());
                created.map_err(StoreError::io("write", &path))?;
            }
        }
        self.sync(&self.path)
    }

    /// Whether a recount was asked for and not begun yet.
    pub fn is_recount_requested(&self) -> bool {
        Self::is_recount_requested_in(&self.path)
    }

    /// The same of a directory that another process may have.
    pub fn is_recount_requested_in(path: &Path) -> bool {
        path.join(RECOUNT).exists()
    }

    /// The recount has begun, or is not wanted any more.
    ///
    /// # Errors
    /// The disk's.
    pub fn clear_recount_request(&self) -> Result<(), StoreError> {
        let path = self.path.join(RECOUNT);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(StoreError::io("remove", &path))?,
        }
        self.sync(&self.path)
    }

    /// Begins a store where there is none; its files come with the first commit. `id` is that of
    /// the store it follows, if any.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], and whatever [`Self::load`] finds wrong.
    pub fn create(self, now: Timestamp, id: Option<StoreId>) -> Result<Store, StoreError> {
        if StoreLog::find(&self.path, self.state_version)?.is_some() {
            return Err(StoreError::NotEmpty { path: self.path });
        }
        let store = StoreIdentity {
            id: id.unwrap_or_else(|| StoreId::new(now)),
            created: now,
        };
        let leftovers = segment_numbers(&self.path)?;
        Store::create(self, store, leftovers)
    }

    /// Goes on with the store that was loaded. An unfinished commit is removed.
    ///
    /// # Errors
    /// The disk's.
    pub fn resume(self, found: &LoadedStore) -> Result<Store, StoreError> {
        Store::resume(self, found)
    }

    pub(super) fn state_version(&self) -> u32 {
        self.state_version
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    pub(super) fn sync(&self, path: &Path) -> Result<(), StoreError> {
        let synced = self.disk.sync_directory(path);
        synced.map_err(StoreError::io("sync", path))
    }

    fn make_aside(&self, now: Timestamp) -> Result<PathBuf, StoreError> {
        let time = now.rfc3339().replace(['-', ':'], "");
        let mut aside = self.path.join(format!("set-aside-{time}"));
        for attempt in 2.. {
            match DirBuilder::new().mode(DIRECTORY_MODE).create(&aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    aside = self.path.join(format!("set-aside-{time}-{attempt}"));
                }
                made => {
                    made.map_err(StoreError::io("create", &aside))?;
                    break;
                }
            }
        }
        Ok(aside)
    }
}

/// Reads a store without taking it, also while another process writes to it: up to the last
/// commit that is whole. Otherwise like [`StoreDirectory::load`].
///
/// # Errors
/// [`StoreError::Corrupt`], [`StoreError::Newer`], and the disk's.
pub fn read(
    path: &Path,
    state_version: u32,
    apply: &mut ApplyRecord<'_>,
) -> Result<Option<LoadedStore>, StoreError> {
    for _ in 1..LOOKS {
        match StoreLog::find(path, state_version) {
            Ok(Some(log)) => return apply_all(log, apply).map(Some),
            // What a writer deletes, sets aside or begins anew looks like this for a moment.
            Err(StoreError::Corrupt { .. }) => {}
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        thread::sleep(PAUSE);
    }
    match StoreLog::find(path, state_version)? {
        Some(log) => apply_all(log, apply).map(Some),
        None => Ok(None),
    }
}

/// In ascending order.
pub(super) fn segment_numbers(directory: &Path) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    let entries = fs::read_dir(directory).map_err(StoreError::io("read", directory))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", directory))?;
        numbers.extend(entry.file_name().to_str().and_then(segment_file::number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a directory and those above it, and makes them lasting.
fn make_directories(path: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|one| !one.as_os_str().is_empty() && !one.exists())
        .collect();
    let made = DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path);
    made.map_err(StoreError::io("create", path))?;
    for one in missing {
        if let Some(parent) = one.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            let synced = disk.sync_directory(parent);
            synced.map_err(StoreError::io("sync", parent))?;
        }
    }
    Ok(())
}
