//! The checkpoint directory: locks it, loads its store, and sets the store aside.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
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
use super::store_log::StoreLog;
use crate::domain::timestamp::Timestamp;

const LOCK: &str = "lock";
/// If this file exists, the next start counts all records again.
const RECOUNT: &str = "recount";
/// In the directory of a store that was set aside.
const REASON: &str = "reason.txt";
/// Records may contain ids of tickets, so other users must not read them.
const DIRECTORY_MODE: u32 = 0o700;
/// A store may seem damaged while a writer deletes files. So a reader tries several times, with a pause
/// that is much longer than such a deletion.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// A locked checkpoint directory. The lock ends with the process.
#[derive(Debug)]
pub struct StoreDirectory {
    path: PathBuf,
    state_version: u32,
    disk: Arc<dyn Disk>,
    _lock: Lock,
}

/// A locked file, unlocked when dropped. Closing the file would not unlock it at once if another thread
/// is starting a process, which has the file open for a short time.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of the process unlocks it in any case.
        let _ = self.0.unlock();
    }
}

impl StoreDirectory {
    /// Locks a directory, and creates it if necessary. `state_version` is the version of the records'
    /// format that this program writes, and the latest that it can read.
    ///
    /// # Errors
    /// [`StoreError::Locked`] and [`StoreError::Io`].
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
                // The process id is only for the error text.
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

    /// Passes every record to `apply`, oldest first; the last record of a key counts. Verifies all
    /// checksums before the first record. `None` if there was never a commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Newer`] and [`StoreError::Io`].
    pub fn load(&self, apply: &mut ApplyRecord<'_>) -> Result<Option<LoadedStore>, StoreError> {
        match StoreLog::find(&self.path, self.state_version)? {
            Some(log) => apply_all(log, apply).map(Some),
            None => Ok(None),
        }
    }

    /// Moves the files of the store into a new directory within this one, beside a file with the
    /// reason. Deletes nothing. If it fails midway, the rest counts as damaged and can be set aside
    /// again.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn set_aside(&self, now: Timestamp, reason: &str) -> Result<PathBuf, StoreError> {
        let aside = self.make_aside(now)?;
        let reason_path = aside.join(REASON);
        let written = self.disk.create(&reason_path).and_then(|mut file| {
            file.write_at(format!("{reason}\n").as_bytes(), 0)?;
            file.sync()
        });
        written.map_err(StoreError::io("write", &reason_path))?;
        // Move the oldest segment first and `acknowledged` last, so that a part of a store never looks
        // like a whole store.
        let mut names: Vec<String> = segment_file::numbers(&self.path)?
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
            // Keep this order on the disk, too.
            self.sync(&aside)?;
            self.sync(&self.path)?;
        }
        Ok(aside)
    }

    /// Requests that the next start sets the store aside and counts all records again. A second request
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Io`].
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

    /// Whether a recount was requested and has not begun.
    pub fn is_recount_requested(&self) -> bool {
        Self::is_recount_requested_in(&self.path)
    }

    /// The same for a directory that another process may have locked.
    pub fn is_recount_requested_in(path: &Path) -> bool {
        path.join(RECOUNT).exists()
    }

    /// Removes the request for a recount.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn clear_recount_request(&self) -> Result<(), StoreError> {
        let path = self.path.join(RECOUNT);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(StoreError::io("remove", &path))?,
        }
        self.sync(&self.path)
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

/// Reads a store up to its last finished commit without locking it, also while another process writes
/// to it. Otherwise it is like [`StoreDirectory::load`].
///
/// # Errors
/// [`StoreError::Corrupt`], [`StoreError::Newer`] and [`StoreError::Io`].
pub fn read(
    path: &Path,
    state_version: u32,
    apply: &mut ApplyRecord<'_>,
) -> Result<Option<LoadedStore>, StoreError> {
    for _ in 1..ATTEMPTS {
        match StoreLog::find(path, state_version) {
            Ok(Some(log)) => return apply_all(log, apply).map(Some),
            // A store looks like this for a short time while its writer deletes or moves files.
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

/// Creates a directory and its parents, and makes them durable.
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
