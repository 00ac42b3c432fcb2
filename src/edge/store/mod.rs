//! What survives the process: a log of changes to small keyed records, in one directory.
//!
//! A checkpoint is one [`StoreBatch`], and [`Store::commit`] makes it last: all of it or nothing,
//! whatever ends the process. The state itself lives in memory; the log is read once, whole and in
//! order, at start ([`StoreDirectory::load`]). What the records mean is not known here.
//!
//! **Space** comes back by *rounds*: the caller writes everything there is once more, bit by bit
//! beside its checkpoints, between [`Store::begin_rewrite`] and [`Store::end_rewrite`]. Then no
//! segment from before the round is needed.
//!
//! **Layout.** `segment-0000000001.log` and so on are only ever appended to. Each has a header and
//! then frames; a commit is some *part* frames and one *commit* frame, which says from which
//! segment on the log is needed. Every frame carries the checksum of the one before, every header
//! that of the commit before. Numbers are little-endian. `acknowledged` holds the sequence of the
//! last commit, roughly; `lock` says whose the directory is; `set-aside-…` are stores that could
//! not be used.
//!
//! **After a crash** the last commit may be there in part. That is no damage: nobody was told it
//! had succeeded. It is told from a log that lost something by `acknowledged`, and by whatever
//! later frames are found behind the broken one, and loading a log that lost something fails.

mod acknowledged;
mod directory;
mod disk;
mod error;
mod frame;
mod load;
mod open_segment;
mod segment_file;
mod segment_header;
mod store_batch;
mod store_id;
mod store_log;
mod writer;

#[cfg(test)]
mod tests;

pub use directory::{StoreDirectory, read};
pub use error::StoreError;
pub use load::{ApplyRecord, LoadedStore, TornTail};
pub use store_batch::{StoreBatch, StoreRecord};
pub use store_id::StoreId;
pub use writer::Store;
