//! Passes the records of a log to the caller.

use std::collections::BTreeMap;

use super::error::{BoxedError, StoreError};
use super::frame::FrameUnpacker;
use super::segment_file::{Commit, FIRST_FRAME};
use super::store_batch::{StoreRecord, take_record};
use super::store_id::StoreId;
use super::store_log::{NeededSegment, StoreLog, TornTail};
use crate::domain::timestamp::Timestamp;

/// Takes each record. An error ends the loading with [`StoreError::Corrupt`].
pub type ApplyRecord<'a> = dyn FnMut(StoreRecord<'_>) -> Result<(), BoxedError> + 'a;

#[derive(Debug)]
pub struct LoadedStore {
    /// A recount keeps the id.
    pub id: StoreId,
    pub created: Timestamp,
    /// Sequence number of the last checkpoint; the first is 1.
    pub sequence: u64,
    /// The oldest state version among the records.
    pub state_version: u32,
    pub segments: usize,
    /// Number of checkpoints in the log.
    pub commits: u64,
    /// Number of records passed to the caller, deletions and repetitions included.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    pub torn: Option<TornTail>,
    pub(super) resume_point: ResumePoint,
}

/// The place where writing continues.
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

/// Passes every record of a verified log to `apply`, oldest first.
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
        resume_point: ResumePoint {
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
            apply(record).map_err(|error| StoreError::corrupt(&segment.path, offset, error))?;
            records += 1;
        }
        offset += frame.head.length();
    }
    Ok(records)
}
