//! The segment that is written.
//!
//! After a failed sync, the operating system may treat data as written that is not on the disk. So the
//! store does not write to that file again; the commit goes into a new segment.

use std::io;
use std::path::PathBuf;

use super::directory::StoreDirectory;
use super::disk::OutputFile;
use super::error::StoreError;
use super::frame::{FrameContext, FrameKind, FramePacker};
use super::load::ResumePoint;
use super::segment_file::{self, SegmentFile};
use super::segment_header::SegmentHeader;
use super::store_batch::StoreBatch;

/// Bytes of one write.
const WRITE_BYTES: usize = 1 << 20;

pub(super) struct OpenSegment {
    pub number: u64,
    pub path: PathBuf,
    /// Offset of the end of the last commit; 0: the file has no header yet.
    pub length: u64,
    /// The checksum that the next frame contains.
    pub checksum: u64,
    file: Box<dyn OutputFile>,
    /// Whether data of a failed commit may follow the last commit.
    dirty: bool,
}

/// A commit to append.
pub(super) struct CommitContent<'a> {
    /// The header of a segment that begins with this commit.
    pub header: SegmentHeader,
    /// The first segment that the log needs after this commit.
    pub base: u64,
    pub batch: &'a StoreBatch,
}

pub(super) struct CommitFailure {
    pub error: StoreError,
    /// Whether the file may be written again.
    pub file_is_sound: bool,
}

impl OpenSegment {
    pub(super) fn create(directory: &StoreDirectory, number: u64) -> Result<Self, StoreError> {
        let path = segment_file::path(directory.path(), number);
        let file = directory.disk().create(&path);
        Ok(Self {
            number,
            file: file.map_err(StoreError::io("create", &path))?,
            path,
            length: 0,
            dirty: false,
            checksum: 0,
        })
    }

    /// Opens the segment of the last commit and removes the data behind it. Writes the last commit
    /// again, because the earlier process may have ended before its sync, or after the sync failed.
    pub(super) fn reopen(
        directory: &StoreDirectory,
        tail: &ResumePoint,
    ) -> Result<Self, StoreError> {
        let segment = SegmentFile::open(directory.path(), tail.segment, directory.state_version())?;
        let path = &segment.path;
        let file = directory.disk().open(path);
        let mut file = file.map_err(StoreError::io("open", path))?;
        file.set_length(tail.last.end)
            .map_err(StoreError::io("cut", path))?;
        let mut piece = Vec::new();
        let mut offset = tail.last.start;
        while offset < tail.last.end {
            let rest = usize::try_from(tail.last.end - offset).unwrap_or(usize::MAX);
            piece.resize(rest.min(WRITE_BYTES), 0);
            if !segment.read(&mut piece, offset)? {
                let what = "it changed after it was read";
                return Err(StoreError::corrupt(path, offset, what));
            }
            file.write_at(&piece, offset)
                .map_err(StoreError::io("write", path))?;
            offset += piece.len() as u64;
        }
        file.sync().map_err(StoreError::io("sync", path))?;
        directory.sync(directory.path())?;
        Ok(Self {
            number: tail.segment,
            path: segment.path,
            file,
            length: tail.last.end,
            dirty: false,
            checksum: tail.last.checksum,
        })
    }

    /// Writes a commit and syncs it.
    pub(super) fn append(
        &mut self,
        directory: &StoreDirectory,
        content: &CommitContent<'_>,
        packer: &mut FramePacker,
    ) -> Result<(), CommitFailure> {
        let written = self.write(content, packer);
        let (length, checksum) = written.map_err(|error| CommitFailure {
            error: StoreError::io("write", &self.path)(error),
            file_is_sound: true,
        })?;
        let unsound = |error| CommitFailure {
            error,
            file_is_sound: false,
        };
        let synced = self.file.sync();
        synced.map_err(|error| unsound(StoreError::io("sync", &self.path)(error)))?;
        if self.length == 0 {
            directory.sync(directory.path()).map_err(unsound)?;
        }
        self.length = length;
        self.checksum = checksum;
        self.dirty = false;
        Ok(())
    }

    /// Removes the data of a failed commit. If that fails, the next commit tries again.
    pub(super) fn cut(&mut self) {
        self.dirty = self.file.set_length(self.length).is_err();
    }

    /// Returns where the commit ends, and its checksum.
    fn write(
        &mut self,
        content: &CommitContent<'_>,
        packer: &mut FramePacker,
    ) -> io::Result<(u64, u64)> {
        if self.dirty {
            self.file.set_length(self.length)?;
        }
        self.dirty = true;
        let mut bytes = Vec::new();
        let mut end = self.length;
        let mut previous = self.checksum;
        if self.length == 0 {
            let (header, checksum) = content.header.encode();
            bytes.extend(header);
            previous = checksum;
        }
        let mut chunks = content.batch.chunks().peekable();
        while let Some(chunk) = chunks.next() {
            let context = FrameContext {
                segment: self.number,
                sequence: content.header.first_sequence,
                base: content.base,
                previous,
            };
            let is_last = chunks.peek().is_none();
            let kind = if is_last {
                FrameKind::Commit
            } else {
                FrameKind::Part
            };
            previous = packer.pack(kind, chunk, &context, &mut bytes)?;
            if is_last || bytes.len() >= WRITE_BYTES {
                self.file.write_at(&bytes, end)?;
                end += bytes.len() as u64;
                bytes.clear();
            }
        }
        Ok((end, previous))
    }
}
