//! A segment of the log, open for reading.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::error::StoreError;
use super::frame::{self, FrameHead, FrameKind, HEAD};
use super::segment_header::{self, HeaderError, SegmentHeader};

/// Bytes that one search for a frame reads at once.
const WINDOW_BYTES: usize = 1 << 20;
/// The offset of the first frame.
pub(super) const FIRST_FRAME: u64 = segment_header::LENGTH as u64;

pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

pub(super) fn name(number: u64) -> String {
    format!("segment-{number:010}.log")
}

/// The number of a segment by its file name; `None` if the file is not a segment.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    // With another spelling, two files could have the same number.
    (self::name(number) == name).then_some(number)
}

/// Later writes to the file are not visible here.
pub(super) struct SegmentFile {
    pub path: PathBuf,
    pub number: u64,
    /// The header and its checksum; `None` if the header is broken.
    pub header: Option<(SegmentHeader, u64)>,
    pub length: u64,
    file: File,
}

/// A commit in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    pub start: u64,
    pub end: u64,
    pub sequence: u64,
    pub base: u64,
    pub checksum: u64,
}

/// The intact commits of a segment.
#[derive(Debug)]
pub(super) struct IntactCommits {
    pub commits: u64,
    pub last: Option<Commit>,
    /// For each base in turn, the first commit with it.
    pub bases: Vec<Commit>,
    /// Offset of the end of the intact frames.
    pub frames_end: u64,
}

/// A verified frame.
pub(super) struct Frame {
    pub head: FrameHead,
    pub checksum: u64,
}

impl SegmentFile {
    /// Opens a segment and reads its header.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Newer`].
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
        let is_long_enough = segment.read(&mut bytes, 0)?;
        let newer = |what, found, known| StoreError::Newer {
            path: segment.path.clone(),
            what,
            found,
            known,
        };
        let bytes = if is_long_enough { &bytes[..] } else { &[] };
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

    /// Finds the intact commits up to sequence number `until`. They end at the first broken frame.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn intact_commits(&self, until: u64) -> Result<IntactCommits, StoreError> {
        let mut intact = IntactCommits {
            commits: 0,
            last: None,
            bases: Vec::new(),
            frames_end: FIRST_FRAME,
        };
        let Some((header, mut previous)) = self.header else {
            intact.frames_end = 0;
            return Ok(intact);
        };
        let mut buffer = Vec::new();
        let mut sequence = header.first_sequence;
        let mut start = FIRST_FRAME;
        while sequence <= until
            && let Some(frame) = self.frame(intact.frames_end, &mut buffer)?
            && frame.head.sequence == sequence
            && frame.head.previous == previous
        {
            intact.frames_end += frame.head.length();
            previous = frame.checksum;
            if frame.head.kind == FrameKind::Commit {
                let commit = Commit {
                    start,
                    end: intact.frames_end,
                    sequence,
                    base: frame.head.base,
                    checksum: frame.checksum,
                };
                if intact.last.is_none_or(|last| last.base != commit.base) {
                    intact.bases.push(commit);
                }
                intact.last = Some(commit);
                intact.commits += 1;
                start = intact.frames_end;
                sequence += 1;
            }
        }
        Ok(intact)
    }

    /// Reads the frame at `offset` into `buffer`; `None` if there is no intact frame.
    ///
    /// # Errors
    /// [`StoreError::Io`].
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
        // A broken frame may have any length, so check it before the memory is reserved.
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

    /// Searches from `offset` on for a frame of commit `sequence` or later, and returns its offset.
    ///
    /// # Errors
    /// [`StoreError::Io`].
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
            // The magic may lie across the end of the window.
            offset += (window.len() - frame::MAGIC.len() + 1) as u64;
        }
        Ok(None)
    }

    /// Fills `bytes`; returns whether the file was long enough.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<bool, StoreError> {
        if self.length.saturating_sub(offset) < bytes.len() as u64 {
            return Ok(false);
        }
        match self.file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(true),
            // The writer has just removed a failed commit.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(StoreError::io("read", &self.path)(error)),
        }
    }
}

/// The numbers of the segments in a directory, in ascending order.
///
/// # Errors
/// [`StoreError::Io`].
pub(super) fn numbers(directory: &Path) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    let entries = fs::read_dir(directory).map_err(StoreError::io("read", directory))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", directory))?;
        numbers.extend(entry.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_number_has_one_spelling() {
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
