//! Writes a store: commits, rewrites, and the deletion of old segments.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use super::acknowledged::{Acknowledged, AcknowledgedFile};
use super::directory::StoreDirectory;
use super::error::StoreError;
use super::frame::FramePacker;
use super::load::LoadedStore;
use super::open_segment::{CommitContent, OpenSegment};
use super::segment_file;
use super::segment_header::SegmentHeader;
use super::store_batch::StoreBatch;
use super::store_id::{StoreId, StoreIdentity};
use super::store_log::StoreLog;
use crate::domain::timestamp::Timestamp;

/// A store that is open for writing.
pub struct Store {
    directory: StoreDirectory,
    identity: StoreIdentity,
    sequence: u64,
    /// Checksum of the last commit.
    checksum: u64,
    /// The segment of the last commit; 0: there is none.
    last_segment: u64,
    /// The first segment that the log needs.
    base: u64,
    /// `None`: the next commit creates a segment.
    open: Option<OpenSegment>,
    highest: u64,
    rewrite: Rewrite,
    rewrite_ends: bool,
    /// Bytes of the needed segments.
    lengths: BTreeMap<u64, u64>,
    unneeded: Vec<u64>,
    /// Whether a file that cannot be deleted was logged, so that not every commit logs it.
    is_failure_logged: bool,
    bytes_since_rewrite: u64,
    acknowledged: AcknowledgedFile,
    packer: FramePacker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rewrite {
    None,
    /// The rewrite begins with the next commit.
    Requested,
    /// The rewrite began with this segment.
    Running(u64),
}

impl Store {
    /// Creates a store where there is none. The first commit creates its files. `id` is that of the
    /// store before, if any.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], and those of [`StoreDirectory::load`].
    pub fn create(
        directory: StoreDirectory,
        now: Timestamp,
        id: Option<StoreId>,
    ) -> Result<Self, StoreError> {
        let path = directory.path();
        if StoreLog::find(path, directory.state_version())?.is_some() {
            let path = path.to_owned();
            return Err(StoreError::NotEmpty { path });
        }
        let identity = StoreIdentity {
            id: id.unwrap_or_else(|| StoreId::new(now)),
            created: now,
        };
        let leftovers = segment_file::numbers(path)?;
        Self::empty(directory, identity, leftovers)
    }

    /// Continues a loaded store. Removes an unfinished commit.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn resume(directory: StoreDirectory, found: &LoadedStore) -> Result<Self, StoreError> {
        let point = &found.resume_point;
        let identity = StoreIdentity {
            id: found.id,
            created: found.created,
        };
        let mut store = Self::empty(directory, identity, point.unneeded.clone())?;
        store.sequence = point.last.sequence;
        store.checksum = point.last.checksum;
        store.last_segment = point.segment;
        store.base = point.last.base;
        store.highest = point.highest;
        store.lengths.clone_from(&point.lengths);
        store.bytes_since_rewrite = point.bytes_since_rewrite;
        let open = OpenSegment::reopen(&store.directory, point)?;
        // All records of a segment have the same state version.
        if point.state_version == store.directory.state_version() {
            store.open = Some(open);
        }
        store.finish_commit();
        Ok(store)
    }

    fn empty(
        directory: StoreDirectory,
        identity: StoreIdentity,
        leftovers: Vec<u64>,
    ) -> Result<Self, StoreError> {
        let packer = FramePacker::new().map_err(StoreError::io("write", directory.path()))?;
        Ok(Self {
            acknowledged: AcknowledgedFile::new(directory.path()),
            identity,
            sequence: 0,
            checksum: 0,
            last_segment: 0,
            base: 0,
            open: None,
            highest: leftovers.last().copied().unwrap_or_default(),
            rewrite: Rewrite::None,
            rewrite_ends: false,
            lengths: BTreeMap::new(),
            unneeded: leftovers,
            is_failure_logged: false,
            bytes_since_rewrite: 0,
            packer,
            directory,
        })
    }

    pub fn id(&self) -> StoreId {
        self.identity.id
    }

    /// Sequence number of the last commit; 0: there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Bytes of the needed segments on disk.
    pub fn bytes(&self) -> u64 {
        self.lengths.values().sum()
    }

    /// Bytes written since the commit that ended the last rewrite: those that the next rewrite can
    /// free, and those that it has written so far.
    pub fn bytes_since_rewrite(&self) -> u64 {
        self.bytes_since_rewrite
    }

    /// Stops writing and returns the locked directory.
    pub fn close(self) -> StoreDirectory {
        self.directory
    }

    /// Begins a rewrite with the next commit, in a new segment. From then on the caller must write all
    /// records again, in any order and beside later changes, until [`Self::end_rewrite`]. A running
    /// rewrite starts again.
    pub fn begin_rewrite(&mut self) {
        self.rewrite = Rewrite::Requested;
        self.rewrite_ends = false;
        self.open = None;
    }

    /// Completes the rewrite with the next commit, which deletes the older segments. Does nothing
    /// without a rewrite.
    pub fn end_rewrite(&mut self) {
        self.rewrite_ends = self.rewrite != Rewrite::None;
    }

    /// Writes a batch and syncs it. After an error nothing of it is in the store, and the caller may
    /// commit the same or another batch.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn commit(&mut self, batch: &StoreBatch) -> Result<(), StoreError> {
        let mut segment = match self.open.take() {
            Some(open) => open,
            None => {
                // A number is used only once, because the file of a failed attempt may come back after
                // a power loss.
                self.highest += 1;
                OpenSegment::create(&self.directory, self.highest)?
            }
        };
        let content = CommitContent {
            header: self.header(segment.number),
            base: self.next_base(segment.number),
            batch,
        };
        let before = segment.length;
        match segment.append(&self.directory, &content, &mut self.packer) {
            Ok(()) => {
                self.accept(&segment, content.base, segment.length - before);
                self.open = Some(segment);
                Ok(())
            }
            Err(failure) => {
                self.take_back(segment, failure.file_is_sound);
                Err(failure.error)
            }
        }
    }

    /// The first segment that the log needs after the next commit.
    fn next_base(&self, segment: u64) -> u64 {
        match self.rewrite {
            _ if self.last_segment == 0 => segment,
            Rewrite::Requested if self.rewrite_ends => segment,
            Rewrite::Running(first) if self.rewrite_ends => first,
            _ => self.base,
        }
    }

    fn header(&self, number: u64) -> SegmentHeader {
        SegmentHeader {
            store: self.identity,
            state_version: self.directory.state_version(),
            number,
            previous: self.last_segment,
            first_sequence: self.sequence + 1,
            previous_checksum: self.checksum,
        }
    }

    fn accept(&mut self, segment: &OpenSegment, base: u64, written: u64) {
        self.sequence += 1;
        self.checksum = segment.checksum;
        self.last_segment = segment.number;
        self.base = base;
        self.lengths.insert(segment.number, segment.length);
        self.bytes_since_rewrite += written;
        if self.rewrite == Rewrite::Requested {
            self.rewrite = Rewrite::Running(segment.number);
        }
        if self.rewrite_ends {
            self.rewrite = Rewrite::None;
            self.rewrite_ends = false;
            self.bytes_since_rewrite = 0;
            let needed = self.lengths.split_off(&base);
            self.unneeded.extend(self.lengths.keys());
            self.lengths = needed;
        }
        self.finish_commit();
    }

    /// Cleans up after a failed commit.
    fn take_back(&mut self, mut segment: OpenSegment, file_is_sound: bool) {
        if segment.length == 0 {
            // The disk may be full because of it.
            if self.directory.disk().remove(&segment.path).is_err() {
                self.unneeded.push(segment.number);
            }
            return;
        }
        segment.cut();
        if file_is_sound {
            self.open = Some(segment);
        }
    }

    /// Writes `acknowledged` and deletes old segments. A failure does not make the commit fail.
    fn finish_commit(&mut self) {
        let acknowledged = Acknowledged {
            store: self.identity,
            sequence: self.sequence,
        };
        let disk = self.directory.disk();
        self.acknowledged.write(disk, &acknowledged);
        if self.unneeded.is_empty() {
            return;
        }
        // The next commit tries again to delete the files that are left.
        let mut failure = None;
        self.unneeded.retain(|number| {
            let path = segment_file::path(self.directory.path(), *number);
            match disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    failure = Some(StoreError::io("delete", &path)(error));
                    true
                }
                _ => false,
            }
        });
        // Deleted segments may come back after a power loss. They do no harm and are deleted again.
        failure = failure.or(self.directory.sync(self.directory.path()).err());
        match &failure {
            Some(error) if !self.is_failure_logged => {
                tracing::warn!(%error, "old checkpoint segments not deleted");
            }
            _ => {}
        }
        self.is_failure_logged = failure.is_some();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("path", &self.directory.path())
            .field("id", &self.identity.id)
            .field("sequence", &self.sequence)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
