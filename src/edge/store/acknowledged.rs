//! The sequence number of the last commit, in a file beside the log. It tells a log that lost its end
//! from a log whose last commit was not finished.
//!
//! The file is overwritten in place and not synced, because a sync would double the cost of a commit.
//! So after a power loss it may be older than the log; the number is only a lower bound. After the
//! process was killed it is exact.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::disk::{Disk, OutputFile};
use super::error::StoreError;
use super::store_id::{StoreId, StoreIdentity};
use crate::domain::timestamp::Timestamp;

pub(super) const NAME: &str = "acknowledged";
const MAGIC: &[u8; 32] = b"ticket-exporter last checkpoint\n";
/// Magic, id, time of creation, sequence number, checksum.
const LENGTH: usize = 32 + 16 + 8 + 8 + 8;

/// The content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub store: StoreIdentity,
    pub sequence: u64,
}

impl Acknowledged {
    /// `None` if there is no file or its content is broken.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, StoreError> {
        let path = directory.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => Ok(Self::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(MAGIC);
        bytes.extend(self.store.id.0);
        bytes.extend(self.store.created.0.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let (content, checksum) = bytes.split_last_chunk()?;
        if !content.starts_with(MAGIC) || xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return None;
        }
        let (rest, sequence) = content.split_last_chunk()?;
        let (rest, created) = rest.split_last_chunk()?;
        let (_, id) = rest.split_last_chunk()?;
        Some(Self {
            store: StoreIdentity {
                id: StoreId(*id),
                created: Timestamp(i64::from_le_bytes(*created)),
            },
            sequence: u64::from_le_bytes(*sequence),
        })
    }
}

#[derive(Debug)]
pub(super) struct AcknowledgedFile {
    path: PathBuf,
    file: Option<Box<dyn OutputFile>>,
}

impl AcknowledgedFile {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(NAME),
            file: None,
        }
    }

    /// Ignores a failure: the commit itself has succeeded, and the old content is still a lower bound.
    pub(super) fn write(&mut self, disk: &dyn Disk, acknowledged: &Acknowledged) {
        if self.try_write(disk, acknowledged).is_err() {
            self.file = None;
        }
    }

    fn try_write(&mut self, disk: &dyn Disk, acknowledged: &Acknowledged) -> io::Result<()> {
        let bytes = acknowledged.encode();
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = match disk.open(&self.path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        disk.create(&self.path)?
                    }
                    opened => opened?,
                };
                // A damaged file may be longer.
                file.set_length(bytes.len() as u64)?;
                none.insert(file)
            }
        };
        file.write_at(&bytes, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_has_no_content() {
        let content = Acknowledged {
            store: StoreIdentity {
                id: StoreId([3; 16]),
                created: Timestamp(1),
            },
            sequence: 9,
        };
        let bytes = content.encode();
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(Acknowledged::decode(&bytes), Some(content));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Acknowledged::decode(&changed), None, "bit {bit}");
        }
        assert_eq!(Acknowledged::decode(&bytes[1..]), None);
    }
}
