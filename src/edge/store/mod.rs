//! The checkpoint store: a log of changes to small keyed records, in one directory.
//!
//! A checkpoint is one [`StoreBatch`]. [`Store::commit`] makes all of it durable or nothing, however
//! the process ends. The state itself is in memory. The log is read once at start, whole and in order
//! ([`StoreDirectory::load`]). The store does not know the meaning of the records.
//!
//! **Space** is freed by a *rewrite*: between [`Store::begin_rewrite`] and [`Store::end_rewrite`] the
//! caller writes all records again, a part with each checkpoint. After that the segments from before
//! the rewrite are deleted.
//!
//! **Layout.** Data is only ever appended to `segment-0000000001.log` and so on. A segment has a header
//! and then frames. A commit is any number of *part* frames and one *commit* frame, which names the
//! first segment that the log still needs. Every frame contains the checksum of the frame before, and
//! every header that of the commit before. Numbers are little-endian. `acknowledged` holds the sequence
//! number of the last commit, or of one shortly before. `lock` holds the id of the process that owns
//! the directory. `set-aside-…` are stores that could not be used.
//!
//! **After a crash** a part of the last commit may be on disk. That is no damage, because the caller was
//! not told that the commit succeeded. If a log has lost data, `acknowledged` has a higher sequence
//! number, or frames of later commits follow the broken one. Loading such a log fails.

mod acknowledged; // the sequence number of the last commit
mod directory; // lock, load, set aside
mod disk; // the file system, replaced in tests
mod error;
mod frame; // a chunk of records with a checksum
mod load; // passes the records to the caller
mod open_segment; // the segment that is written
mod segment_file; // a segment that is read
mod segment_header;
mod store_batch; // the changes of one commit
mod store_id;
mod store_log; // how segments form a log
mod writer; // commits and rewrites

#[cfg(test)]
mod tests;

pub use directory::{StoreDirectory, read};
pub use error::{BoxedError, StoreError};
pub use load::{ApplyRecord, LoadedStore};
pub use store_batch::{StoreBatch, StoreRecord};
pub use store_id::{StoreId, random_bits};
pub use store_log::TornTail;
pub use writer::Store;
