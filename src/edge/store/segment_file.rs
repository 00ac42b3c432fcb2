//! One file of the log, read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::error::StoreError;
use super::frame::{self, FrameHead, FrameKind, HEAD};
use super::segment_header::{self, HeaderError, SegmentHeader};

/// Bytes searched at once for the beginning of a frame.
const WINDOW_BYTES: usize = 1 << 20;
/// Where the first frame is.
pub(super) const FIRST_FRAME: u64 = segment_header::LENGTH as u64;

/// Where segment `number` is.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

pub(super) fn name(number: u64) -> String {
    format!("segment-{number:010}.log")
}

/// The number of the segment that has this name; `None`: it is no segment.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    // Another spelling of a number would be a second file with it.
    (self::name(number) == name).then_some(number)
}

/// An open segment. What is written to it from now on is not seen.
pub(super) struct SegmentFile {
    pub path: PathBuf,
    pub number: u64,
    /// With its checksum. `None`: not readable.
    pub header: Option<(SegmentHeader, u64)>,
    pub length: u64,
    file: File,
}

/// A whole commit in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub start: u64,
    pub end: u64,
    pub sequence: u64,
    pub base: u64,
    pub checksum: u64,
}

/// What of a segment is whole.
#[derive(Debug)]
pub(super) struct IntactCommits {
    pub commits: u64,
    pub last: Option<Commit>,
    /// Of each base in turn, the first commit that had it.
    pub bases: Vec<Commit>,
    /// Where the frames end.
    pub frames_end: u64,
}

/// A frame that was read.
pub(super) struct Frame {
    pub head: FrameHead,
    pub checksum: u64,
}

impl SegmentFile {
    /// Opens it and reads its header.
    ///
    /// # Errors
    /// The disk's, and [`StoreError::Newer`].
    pub(super) fn open(
        directory: &Path,
        number: u64,
        state_version: u32,
    ) -> Result<Self, StoreError> {
        let path = path(directory, number);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let length = file
            .metadata()
            .map_err(StoreError::io("read", &path))?
            .len();
        let mut segment = Self {
            path,
            number,
            header: None,
            length,
            file,
        };
        let mut bytes = [0; segment_header::LENGTH];
        let whole = segment.read(&mut bytes, 0)?;
        let newer = |what, found, known| StoreError::Newer {
            path: segment.path.clone(),
            what,
            found,
            known,
        };
        let bytes = if whole { &bytes[..] } else { &[] };
        match SegmentHeader::decode(bytes) {
            Err(HeaderError::Newer(format)) => {
                return Err(newer("format", format, segment_header::FORMAT));
            }
            Ok((header, _)) if header.state_version > state_version => {
                return Err(newer("state version", header.state_version, state_version));
            }
            Ok(decoded) if decoded.0.number == number => segment.header = Some(decoded),
            Ok(_) | Err(HeaderError::Broken) => {}
        }
        Ok(segment)
    }

    /// The commits in it, none later than `until`.
    ///
    /// # Errors
    /// The disk's. What is broken is not reported: it ends what is whole.
    pub(super) fn whole(&self, until: u64) -> Result<IntactCommits, StoreError> {
        let mut whole = IntactCommits {
            commits: 0,
            last: None,
            bases: Vec::new(),
            frames_end: FIRST_FRAME,
        };
        let Some((header, mut previous)) = self.header else {
            whole.frames_end = 0;
            return Ok(whole);
        };
        let mut buffer = Vec::new();
        let mut sequence = header.first_sequence;
        let mut start = FIRST_FRAME;
        while sequence <= until
            && let Some(frame) = self.frame(whole.frames_end, &mut buffer)?
            && frame.head.sequence == sequence
            && frame.head.previous == previous
        {
            whole.frames_end += frame.head.length();
            previous = frame.checksum;
            if frame.head.kind == FrameKind::Commit {
                let commit = Commit {
                    start,
                    end: whole.frames_end,
                    sequence,
                    base: frame.head.base,
                    checksum: frame.checksum,
                };
                if whole.last.is_none_or(|last| last.base != commit.base) {
                    whole.bases.push(commit);
                }
                whole.last = Some(commit);
                whole.commits += 1;
                start = whole.frames_end;
                sequence += 1;
            }
        }
        Ok(whole)
    }

    /// Reads the frame at `offset` into `buffer`; `None` where no unbroken frame is.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn frame(
        &self,
        offset: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Frame>, StoreError> {
        let mut head = [0; HEAD];
        if !self.read(&mut head, offset)? {
            return Ok(None);
        }
        let Some(decoded) = FrameHead::decode(&head) else {
            return Ok(None);
        };
        // Before the memory is taken: a broken length may be any.
        let Ok(length) = usize::try_from(decoded.length()) else {
            return Ok(None);
        };
        if decoded.length() > self.length - offset {
            return Ok(None);
        }
        buffer.resize(length, 0);
        if !self.read(buffer, offset)? {
            return Ok(None);
        }
        Ok(frame::checksum(buffer, self.number).map(|checksum| Frame {
            head: decoded,
            checksum,
        }))
    }

    /// Where, from `offset` on, a frame of commit `sequence` or a later one is.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn find_later(
        &self,
        mut offset: u64,
        sequence: u64,
    ) -> Result<Option<u64>, StoreError> {
        let finder = memmem::Finder::new(&frame::MAGIC);
        let mut window = Vec::new();
        let mut buffer = Vec::new();
        while self.length.saturating_sub(offset) >= HEAD as u64 {
            let rest = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
            window.resize(rest.min(WINDOW_BYTES), 0);
            if !self.read(&mut window, offset)? {
                break;
            }
            for at in finder.find_iter(&window) {
                let at = offset + at as u64;
                if let Some(frame) = self.frame(at, &mut buffer)?
                    && frame.head.sequence >= sequence
                {
                    return Ok(Some(at));
                }
            }
            // The letters may lie across the end of the window.
            offset += (window.len() - frame::MAGIC.len() + 1) as u64;
        }
        Ok(None)
    }

    /// Fills `bytes`; whether there were so many.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<bool, StoreError> {
        if self.length.saturating_sub(offset) < bytes.len() as u64 {
            return Ok(false);
        }
        match self.file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(true),
            // The writer took a failed commit back just now.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(StoreError::io("read", &self.path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_number_is_a_segment() {
        let place = path(Path::new(""), 12);
        assert_eq!(place, Path::new("segment-0000000012.log"));
        assert_eq!(number("segment-0000000012.log"), Some(12));
        assert_eq!(number("segment-12345678901.log"), Some(12_345_678_901));
        for other in [
            "segment-12.log",
            "segment-+000000012.log",
            "lock",
            "segment-.log",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
