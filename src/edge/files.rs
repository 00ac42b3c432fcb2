//! Opens files, plain or compressed, or standard input. Reads files with a secret, and watches files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Large reads keep a disk busy, and few lines span two buffers.
const BUFFER_BYTES: usize = 1 << 20;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The path that means standard input.
pub const STANDARD_INPUT: &str = "-";

/// Opens a file of lines. The first bytes tell whether it is compressed with gzip or Zstandard.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if path == Path::new(STANDARD_INPUT) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    decompress(raw)
}

fn decompress(raw: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
    let magic = peek(&mut raw)?;
    Ok(if magic.starts_with(&GZIP_MAGIC) {
        let decoder = flate2::bufread::MultiGzDecoder::new(raw);
        Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
    } else if magic.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::Decoder::with_buffer(raw)?;
        Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
    } else {
        Box::new(raw)
    })
}

/// The text of a file, without the line break that editors leave at its end.
///
/// # Errors
/// The file cannot be read.
pub fn read_secret(path: &Path) -> io::Result<String> {
    let mut text = fs::read_to_string(path)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

/// The first bytes. A pipe may deliver fewer than four at once, but a compressor does not write so
/// slowly.
fn peek(raw: &mut impl BufRead) -> io::Result<Vec<u8>> {
    Ok(raw
        .fill_buf()?
        .iter()
        .take(ZSTD_MAGIC.len())
        .copied()
        .collect())
}

/// Detects changes of a file by its metadata.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    /// `None` before the first check.
    last: Option<Option<FileStamp>>,
}

/// Differs between two contents of a file. It follows links, because Kubernetes replaces the directory
/// of a secret as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileWatch {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            last: None,
        }
    }

    /// Watches for changes from now on. Call it before reading the file.
    pub fn from_now(path: &Path) -> Self {
        let mut watch = Self::new(path);
        watch.has_changed();
        watch
    }

    /// Whether the file has changed, appeared or disappeared since the last call. The first call
    /// returns true.
    pub fn has_changed(&mut self) -> bool {
        let metadata = fs::metadata(&self.path);
        let now = metadata.ok().map(|metadata| FileStamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        });
        let changed = self.last != Some(now);
        self.last = Some(now);
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    #[test]
    fn reads_plain_gzip_and_zstandard() {
        let text = b"one\ntwo\n".to_vec();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let zstandard = zstd::encode_all(&text[..], 1).unwrap();
        for bytes in [text.clone(), gzip.finish().unwrap(), zstandard] {
            let mut read = Vec::new();
            let mut reader = decompress(Box::new(Cursor::new(bytes))).unwrap();
            reader.read_to_end(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_file_changes_when_it_appears_and_when_it_disappears() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut watch = FileWatch::new(&path);
        let mut checks = || [watch.has_changed(), watch.has_changed()];
        assert_eq!(checks(), [true, false], "it is not there");
        fs::write(&path, "one").unwrap();
        assert_eq!(checks(), [true, false], "it is there");
        fs::write(&path, "another").unwrap();
        assert_eq!(checks(), [true, false], "it is another");
        fs::remove_file(&path).unwrap();
        assert_eq!(checks(), [true, false], "it is gone");
    }
}
