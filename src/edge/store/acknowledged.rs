//! The sequence of the last commit, beside the log: tells a log that lost its end from one whose
//! last commit was never finished.
//!
//! It is overwritten in place and not synced, since that would double the price of a commit. So
//! after a power loss it may be older than the log, and it is only ever a lower bound. After the
//! death of the process it is exact.

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
/// Magic, id, time of creation, sequence, checksum.
const LENGTH: usize = 32 + 16 + 8 + 8 + 8;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub store: StoreIdentity,
    pub sequence: u64,
}

impl Acknowledged {
    /// `None`: it says nothing, since it is not there or not readable.
    ///
    /// # Errors
    /// The disk's.
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

/// Writes the file.
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

    /// A failure is no matter: what is there then stays a lower bound. The commit itself has
    /// succeeded.
    pub(super) fn record(&mut self, disk: &dyn Disk, acknowledged: &Acknowledged) {
        if self.try_record(disk, acknowledged).is_err() {
            self.file = None;
        }
    }

    fn try_record(&mut self, disk: &dyn Disk, acknowledged: &Acknowledged) -> io::Result<()> {
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
                // A damaged one may be longer.
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
    fn says_the_sequence_or_nothing() {
        let said = Acknowledged {
            store: StoreIdentity {
                id: StoreId([3; 16]),
                created: Timestamp(1),
            },
            sequence: 9,
        };
        let bytes = said.encode();
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(Acknowledged::decode(&bytes), Some(said));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Acknowledged::decode(&changed), None, "bit {bit}");
        }
        assert_eq!(Acknowledged::decode(&bytes[1..]), None);
    }
}
