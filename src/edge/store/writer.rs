//! A store that is written: commits, rounds, and what is deleted after them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use super::acknowledged::{Acknowledged, AcknowledgedFile};
use super::directory::Directory;
use super::error::StoreError;
use super::frame::Packer;
use super::load::Found;
use super::open_segment::{CommitContent, OpenSegment};
use super::segment_file;
use super::segment_header::Header;
use super::store_batch::Batch;
use super::store_id::{StoreId, StoreIdentity};

/// A store that is written.
pub struct Store {
    directory: StoreDirectory,
    store: StoreIdentity,
    sequence: u64,
    /// Checksum of the last commit.
    checksum: u64,
    /// Segment that holds the last commit; 0: there is none.
    last_segment: u64,
    /// From this segment on the log is needed.
    base: u64,
    /// `None`: the next commit begins a new segment.
    open: Option<OpenSegment>,
    highest: u64,
    rewrite: Rewrite,
    rewrite_ends: bool,
    /// Bytes of the needed segments.
    lengths: BTreeMap<u64, u64>,
    unneeded: Vec<u64>,
    /// A file that cannot be deleted was said, and need not be with every commit.
    is_said: bool,
    bytes_since_rewrite: u64,
    acknowledged: AcknowledgedFile,
    packer: FramePacker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rewrite {
    None,
    /// Begins with the next commit.
    Beginning,
    /// Began with this segment.
    Running(u64),
}

impl Store {
    pub(super) fn create(
        directory: StoreDirectory,
        store: StoreIdentity,
        leftovers: Vec<u64>,
    ) -> Result<Self, StoreError> {
        let packer = FramePacker::new().map_err(StoreError::io("write", directory.path()))?;
        Ok(Self {
            acknowledged: AcknowledgedFile::new(directory.path()),
            store,
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
            is_said: false,
            bytes_since_rewrite: 0,
            packer,
            directory,
        })
    }

    pub(super) fn resume(
        directory: StoreDirectory,
        found: &LoadedStore,
    ) -> Result<Self, StoreError> {
        let tail = &found.tail;
        let identity = StoreIdentity {
            id: found.id,
            created: found.created,
        };
        let mut store = Self::create(directory, identity, tail.unneeded.clone())?;
        store.sequence = tail.last.sequence;
        store.checksum = tail.last.checksum;
        store.last_segment = tail.segment;
        store.base = tail.last.base;
        store.highest = tail.highest;
        store.lengths.clone_from(&tail.lengths);
        store.bytes_since_rewrite = tail.bytes_since_rewrite;
        let open = OpenSegment::reopen(&store.directory, tail)?;
        // A segment is of one state version.
        if tail.state_version == store.directory.state_version() {
            store.open = Some(open);
        }
        store.tidy();
        Ok(store)
    }

    pub fn id(&self) -> StoreId {
        self.store.id
    }

    /// Of the last commit; 0: there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What is needed takes so much on disk.
    pub fn bytes(&self) -> u64 {
        self.lengths.values().sum()
    }

    /// Written since the commit that ended the last round: what the next round could free, and
    /// what it has written so far.
    pub fn bytes_since_rewrite(&self) -> u64 {
        self.bytes_since_rewrite
    }

    /// Ends the writing and gives the directory back.
    pub fn close(self) -> StoreDirectory {
        self.directory
    }

    /// With the next commit a round begins, in a new segment. From then on everything there is
    /// has to be written once more, in any order and beside later changes, until
    /// [`Self::end_rewrite`]. A round that runs is begun anew.
    pub fn begin_rewrite(&mut self) {
        self.rewrite = Rewrite::Beginning;
        self.rewrite_ends = false;
        self.open = None;
    }

    /// With the next commit the round is complete, and what is older than it is deleted. Without
    /// a round, nothing happens.
    pub fn end_rewrite(&mut self) {
        self.rewrite_ends = self.rewrite != Rewrite::None;
    }

    /// Makes a batch last: on return it is on the disk. On an error nothing of it is there, and
    /// it, or a later one, can be committed again.
    ///
    /// # Errors
    /// The disk's.
    pub fn commit(&mut self, batch: &StoreBatch) -> Result<(), StoreError> {
        let mut segment = match self.open.take() {
            Some(open) => open,
            None => {
                // A number is not used twice: the file of a failed attempt may come back after a
                // power loss.
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

    /// From which segment on the log is needed after the next commit.
    fn next_base(&self, segment: u64) -> u64 {
        match self.rewrite {
            _ if self.last_segment == 0 => segment,
            Rewrite::Beginning if self.rewrite_ends => segment,
            Rewrite::Running(first) if self.rewrite_ends => first,
            _ => self.base,
        }
    }

    fn header(&self, number: u64) -> SegmentHeader {
        SegmentHeader {
            store: self.store,
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
        if self.rewrite == Rewrite::Beginning {
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
        self.tidy();
    }

    /// After a commit that failed.
    fn take_back(&mut self, mut segment: OpenSegment, file_is_sound: bool) {
        if segment.length == 0 {
            // Its space may be what is missing.
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

    /// What follows a commit and cannot make it fail.
    fn tidy(&mut self) {
        let acknowledged = Acknowledged {
            store: self.store,
            sequence: self.sequence,
        };
        let disk = self.directory.disk();
        self.acknowledged.record(disk, &acknowledged);
        if self.unneeded.is_empty() {
            return;
        }
        // What cannot be deleted is tried again with every commit.
        let mut trouble = None;
        self.unneeded.retain(|number| {
            let path = segment_file::path(self.directory.path(), *number);
            match disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    trouble = Some(StoreError::io("delete", &path)(error));
                    true
                }
                _ => false,
            }
        });
        // Segments that come back after a power loss do no harm, and are deleted then.
        trouble = trouble.or(self.directory.sync(self.directory.path()).err());
        match &trouble {
            Some(error) if !self.is_said => tracing::warn!(%error, "old checkpoints not deleted"),
            _ => {}
        }
        self.is_said = trouble.is_some();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("path", &self.directory.path())
            .field("id", &self.store.id)
            .field("sequence", &self.sequence)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
