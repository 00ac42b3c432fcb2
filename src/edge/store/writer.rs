//! Writing commits.
//!
//! After a failed sync the operating system may hold for written what is not on the disk, so a
//! file is not written to again after one: the commit goes into a new segment.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::acknowledged::{Acknowledged, Recorder};
use super::batch::Batch;
use super::directory::Directory;
use super::disk::Output;
use super::error::StoreError;
use super::frame::{Kind, Packer, Place};
use super::header::Header;
use super::id::{Identity, StoreId};
use super::load::Found;
use super::segment::{self, Segment};

/// Bytes handed to the operating system at once.
const WRITE_BYTES: usize = 1 << 20;

/// A store that is written.
pub struct Store {
    directory: Directory,
    store: Identity,
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
    round: Round,
    round_ends: bool,
    /// Bytes of the needed segments.
    lengths: BTreeMap<u64, u64>,
    unneeded: Vec<u64>,
    bytes_since_round: u64,
    acknowledged: Recorder,
    packer: Packer,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    None,
    /// Begins with the next commit.
    Beginning,
    /// Began with this segment.
    Running(u64),
}

struct OpenSegment {
    number: u64,
    path: PathBuf,
    file: Box<dyn Output>,
    /// Where the last commit ends; 0: not even a header is there.
    length: u64,
    /// Something of a failed commit may stand behind it.
    dirty: bool,
    /// The checksum that the next frame continues.
    checksum: u64,
}

/// A commit that failed, and whether its file can still be relied on.
struct Failure {
    error: StoreError,
    file_is_sound: bool,
}

impl Store {
    pub(super) fn create(
        directory: Directory,
        store: Identity,
        leftovers: Vec<u64>,
    ) -> Result<Self, StoreError> {
        let packer = Packer::new().map_err(StoreError::io("write", directory.path()))?;
        Ok(Self {
            acknowledged: Recorder::new(directory.path()),
            store,
            sequence: 0,
            checksum: 0,
            last_segment: 0,
            base: 0,
            open: None,
            highest: leftovers.last().copied().unwrap_or_default(),
            round: Round::None,
            round_ends: false,
            lengths: BTreeMap::new(),
            unneeded: leftovers,
            bytes_since_round: 0,
            packer,
            buffer: Vec::new(),
            directory,
        })
    }

    pub(super) fn resume(directory: Directory, found: &Found) -> Result<Self, StoreError> {
        let tail = &found.tail;
        let identity = Identity {
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
        store.bytes_since_round = tail.bytes_since_round;
        let open = store.reopen(found)?;
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
    pub fn bytes_since_round(&self) -> u64 {
        self.bytes_since_round
    }

    /// Ends the writing and gives the directory back.
    pub fn close(self) -> Directory {
        self.directory
    }

    /// With the next commit a round begins, in a new segment. From then on everything there is
    /// has to be written once more, in any order and beside later changes, until
    /// [`Self::end_round`]. A round that runs is begun anew.
    pub fn begin_round(&mut self) {
        self.round = Round::Beginning;
        self.round_ends = false;
        self.open = None;
    }

    /// With the next commit the round is complete, and what is older than it is deleted. Without
    /// a round, nothing happens.
    pub fn end_round(&mut self) {
        self.round_ends = self.round != Round::None;
    }

    /// Makes a batch last: on return it is on the disk. On an error nothing of it is there, and
    /// it, or a later one, can be committed again.
    ///
    /// # Errors
    /// The disk's.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut segment = match self.open.take() {
            Some(open) => open,
            None => self.new_segment()?,
        };
        let base = self.next_base(segment.number);
        let before = segment.length;
        match self.write(&mut segment, batch, base) {
            Ok(()) => {
                self.accept(&segment, base, segment.length - before);
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
        match self.round {
            _ if self.last_segment == 0 => segment,
            Round::Beginning if self.round_ends => segment,
            Round::Running(first) if self.round_ends => first,
            _ => self.base,
        }
    }

    fn new_segment(&mut self) -> Result<OpenSegment, StoreError> {
        // A number is not used twice: the file of a failed attempt may come back after a power
        // loss.
        self.highest += 1;
        let path = segment::path(self.directory.path(), self.highest);
        let file = self.directory.disk().create(&path);
        Ok(OpenSegment {
            number: self.highest,
            file: file.map_err(StoreError::io("create", &path))?,
            path,
            length: 0,
            dirty: false,
            checksum: 0,
        })
    }

    /// Writes and syncs; on success `segment` tells where the commit ends.
    fn write(
        &mut self,
        segment: &mut OpenSegment,
        batch: &Batch,
        base: u64,
    ) -> Result<(), Failure> {
        let written = self.write_frames(segment, batch, base);
        let (length, checksum) = written.map_err(|error| Failure {
            error: StoreError::io("write", &segment.path)(error),
            file_is_sound: true,
        })?;
        let unsound = |error| Failure {
            error,
            file_is_sound: false,
        };
        let synced = segment.file.sync();
        synced.map_err(|error| unsound(StoreError::io("sync", &segment.path)(error)))?;
        if segment.length == 0 {
            let synced = self.directory.sync(self.directory.path());
            synced.map_err(unsound)?;
        }
        segment.length = length;
        segment.checksum = checksum;
        segment.dirty = false;
        Ok(())
    }

    /// Where the commit ends, and its checksum.
    fn write_frames(
        &mut self,
        segment: &mut OpenSegment,
        batch: &Batch,
        base: u64,
    ) -> io::Result<(u64, u64)> {
        if segment.dirty {
            segment.file.set_length(segment.length)?;
        }
        segment.dirty = true;
        self.buffer.clear();
        let mut end = segment.length;
        let mut previous = segment.checksum;
        if segment.length == 0 {
            let (bytes, checksum) = self.header(segment.number).encode();
            self.buffer.extend(bytes);
            previous = checksum;
        }
        let mut chunks = batch.chunks().peekable();
        while let Some(chunk) = chunks.next() {
            let place = Place {
                segment: segment.number,
                sequence: self.sequence + 1,
                base,
                previous,
            };
            let is_last = chunks.peek().is_none();
            let kind = if is_last { Kind::Commit } else { Kind::Part };
            previous = self.packer.pack(kind, chunk, &place, &mut self.buffer)?;
            if is_last || self.buffer.len() >= WRITE_BYTES {
                segment.file.write_at(&self.buffer, end)?;
                end += self.buffer.len() as u64;
                self.buffer.clear();
            }
        }
        Ok((end, previous))
    }

    fn header(&self, number: u64) -> Header {
        Header {
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
        self.bytes_since_round += written;
        if self.round == Round::Beginning {
            self.round = Round::Running(segment.number);
        }
        if self.round_ends {
            self.round = Round::None;
            self.round_ends = false;
            self.bytes_since_round = 0;
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
        segment.dirty = segment.file.set_length(segment.length).is_err();
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
        self.unneeded.retain(|number| {
            let path = segment::path(self.directory.path(), *number);
            match disk.remove(&path) {
                Ok(()) => false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => {
                    // Tried again with every commit.
                    tracing::debug!(%error, path = %path.display(), "segment not deleted");
                    true
                }
            }
        });
        if let Err(error) = disk.sync_directory(self.directory.path()) {
            tracing::debug!(%error, "deleted segments may come back");
        }
    }

    /// Opens the segment of the last commit, without what stands behind that. The last commit is
    /// written once more: the process before may have died before it was synced, or after the
    /// sync failed.
    fn reopen(&self, found: &Found) -> Result<OpenSegment, StoreError> {
        let tail = &found.tail;
        let segment = Segment::open(
            self.directory.path(),
            tail.segment,
            self.directory.state_version(),
        )?;
        let path = segment.path.clone();
        let mut file = self
            .directory
            .disk()
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let mut rewrite = || {
            file.set_length(tail.last.end)
                .map_err(StoreError::io("cut", &path))?;
            let mut piece = Vec::new();
            let mut offset = tail.last.start;
            while offset < tail.last.end {
                let rest = usize::try_from(tail.last.end - offset).unwrap_or(usize::MAX);
                piece.resize(rest.min(WRITE_BYTES), 0);
                if !segment.read(&mut piece, offset)? {
                    return Err(StoreError::corrupt(
                        &path,
                        offset,
                        "it changed since it was read",
                    ));
                }
                file.write_at(&piece, offset)
                    .map_err(StoreError::io("write", &path))?;
                offset += piece.len() as u64;
            }
            file.sync().map_err(StoreError::io("sync", &path))?;
            self.directory.sync(self.directory.path())
        };
        rewrite()?;
        Ok(OpenSegment {
            number: tail.segment,
            path,
            file,
            length: tail.last.end,
            dirty: false,
            checksum: tail.last.checksum,
        })
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
