//! What a log holds, given to whoever keeps the state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::StoreError;
use super::frame::Unpacker;
use super::segment_file::{Commit, FIRST_FRAME};
use super::store_batch::{StoreRecord, take_record};
use super::store_id::StoreId;
use super::store_log::{NeededSegment, StoreLog};
use crate::domain::timestamp::Timestamp;

/// Takes each record; what it says against one ends the loading as [`StoreError::Corrupt`].
pub type ApplyRecord<'a> = dyn FnMut(StoreRecord<'_>) -> Result<(), String> + 'a;

/// A store that was loaded.
#[derive(Debug)]
pub struct LoadedStore {
    /// The same for as long as the store is, and after it was made anew.
    pub id: StoreId,
    pub created: Timestamp,
    /// Of the last checkpoint; the first one is 1.
    pub sequence: u64,
    /// The oldest among the records.
    pub state_version: u32,
    pub segments: usize,
    /// Checkpoints that are still in the log.
    pub commits: u64,
    /// Records that were given, deletions and repetitions included.
    pub records: u64,
    /// On disk.
    pub bytes: u64,
    pub torn: Option<TornTail>,
    pub(super) tail: ResumePoint,
}

/// An unfinished commit, as a crash leaves it: dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}

/// Where writing goes on.
#[derive(Clone, Debug)]
pub(super) struct ResumePoint {
    pub last: Commit,
    /// Number and state version of the segment that holds the last commit.
    pub segment: u64,
    pub state_version: u32,
    pub lengths: BTreeMap<u64, u64>,
    pub unneeded: Vec<u64>,
    pub highest: u64,
    pub bytes_since_rewrite: u64,
}

/// Gives every record of a verified log to `apply`, oldest first.
pub(super) fn apply_all(
    log: StoreLog,
    apply: &mut ApplyRecord<'_>,
) -> Result<LoadedStore, StoreError> {
    let mut records = 0;
    for link in &log.chain {
        records += apply_segment(link, apply)?;
    }
    let lengths = log.lengths();
    let tip = log.chain.last();
    Ok(LoadedStore {
        id: log.store.id,
        created: log.store.created,
        sequence: log.last.sequence,
        state_version: versions(&log).min().unwrap_or_default(),
        segments: log.chain.len(),
        commits: log.commits,
        records,
        bytes: lengths.values().sum(),
        tail: ResumePoint {
            last: log.last,
            segment: tip.map_or(0, |link| link.segment.number),
            state_version: tip.map_or(0, |link| link.state_version),
            lengths,
            bytes_since_rewrite: log.bytes_since_rewrite(),
            unneeded: log.unneeded,
            highest: log.highest,
        },
        torn: log.torn,
    })
}

fn versions(log: &StoreLog) -> impl Iterator<Item = u32> {
    log.chain.iter().map(|link| link.state_version)
}

fn apply_segment(link: &NeededSegment, apply: &mut ApplyRecord<'_>) -> Result<u64, StoreError> {
    let segment = &link.segment;
    let mut unpacker = FrameUnpacker::new().map_err(StoreError::io("read", &segment.path))?;
    let (mut stored, mut raw) = (Vec::new(), Vec::new());
    let mut records = 0;
    let mut offset = FIRST_FRAME;
    while offset < link.end {
        let broken = |what: &str| StoreError::corrupt(&segment.path, offset, what);
        let frame = segment
            .frame(offset, &mut stored)?
            .ok_or_else(|| broken("a frame changed while it was read"))?;
        let mut chunk = frame
            .head
            .unpack(&stored, &mut unpacker, &mut raw)
            .map_err(broken)?;
        while !chunk.is_empty() {
            let record = take_record(&mut chunk, link.state_version).map_err(broken)?;
            apply(record).map_err(|what| broken(&what))?;
            records += 1;
        }
        offset += frame.head.length();
    }
    Ok(records)
}
