//! How segments form a log: which segments it needs, where it ends, and whether a commit is missing.
//!
//! Segments outside the chain are not damage. A segment below the base was about to be deleted. Another
//! one was created for a commit that failed, and a later segment took its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::acknowledged::{self, Acknowledged};
use super::error::StoreError;
use super::segment_file::{self, Commit, IntactCommits, SegmentFile};
use super::segment_header::SegmentHeader;
use super::store_id::StoreIdentity;

/// An unfinished commit that a crash has left; it is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    pub file: PathBuf,
    pub offset: u64,
    pub bytes: u64,
}

/// A log with verified checksums. Its files stay open, so that it can be read even if they are deleted.
pub(super) struct StoreLog {
    pub store: StoreIdentity,
    /// The needed segments, oldest first; never empty.
    pub chain: Vec<NeededSegment>,
    pub last: Commit,
    pub commits: u64,
    pub torn: Option<TornTail>,
    /// Segments in the directory that the log does not need.
    pub unneeded: Vec<u64>,
    /// The highest number of a segment in the directory.
    pub highest: u64,
}

pub(super) struct NeededSegment {
    pub segment: SegmentFile,
    pub state_version: u32,
    /// Offset of the end of its last commit that counts.
    pub end: u64,
    bases: Vec<Commit>,
}

impl StoreLog {
    /// Finds the log in a directory; `None` if there was never a commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Newer`] and [`StoreError::Io`].
    pub(super) fn find(directory: &Path, state_version: u32) -> Result<Option<Self>, StoreError> {
        // Read this first: a running writer must not make it newer than the segments.
        let acknowledged = Acknowledged::read(directory)?;
        let mut segments = BTreeMap::new();
        for number in segment_file::numbers(directory)? {
            segments.insert(number, SegmentFile::open(directory, number, state_version)?);
        }
        let highest = segments.keys().last().copied().unwrap_or_default();
        let all: Vec<u64> = segments.keys().copied().collect();

        let mut newer = Vec::new();
        let mut tip = None;
        while let Some((_, segment)) = segments.pop_last() {
            let intact = segment.intact_commits(u64::MAX)?;
            match intact.last {
                Some(last) => {
                    tip = Some((segment, intact, last));
                    break;
                }
                None => newer.push((segment, intact)),
            }
        }
        let last_sequence = tip.as_ref().map_or(0, |(_, _, last)| last.sequence);
        let torn = tip
            .iter()
            .map(|(segment, intact, last)| (segment, intact, last.end));
        let torn = torn.chain(
            newer
                .iter()
                .rev()
                .map(|(segment, intact)| (segment, intact, 0)),
        );
        let torn = torn_tail(torn, last_sequence)?;
        check_acknowledged(
            directory,
            acknowledged.as_ref(),
            tip.as_ref()
                .map(|(segment, intact, last)| (segment, intact, *last)),
        )?;
        let Some((segment, intact, last)) = tip else {
            return Ok(None);
        };

        let mut commits = intact.commits;
        let mut chain = Vec::new();
        let mut link = NeededSegment::new(segment, intact, last)?;
        let store = link.header()?.0.store;
        while link.segment.number != last.base {
            let previous = link.previous(&mut segments, last.base)?;
            commits += previous.1;
            chain.push(std::mem::replace(&mut link, previous.0));
        }
        chain.push(link);
        chain.reverse();
        let needed = |number: &u64| chain.iter().any(|link| link.segment.number == *number);
        Ok(Some(Self {
            store,
            last,
            commits,
            torn,
            unneeded: all.into_iter().filter(|number| !needed(number)).collect(),
            highest,
            chain,
        }))
    }

    /// Bytes of the needed segments.
    pub(super) fn lengths(&self) -> BTreeMap<u64, u64> {
        let lengths = self.chain.iter();
        lengths
            .map(|link| (link.segment.number, link.end))
            .collect()
    }

    /// Bytes written after the commit that ended the last rewrite.
    pub(super) fn bytes_since_rewrite(&self) -> u64 {
        let mut bytes = None;
        for link in &self.chain {
            let ended = link.bases.iter().find(|one| one.base == self.last.base);
            bytes = match (bytes, ended) {
                (Some(bytes), _) => Some(bytes + link.end),
                (None, Some(commit)) => Some(link.end - commit.end),
                (None, None) => None,
            };
        }
        bytes.unwrap_or_default()
    }
}

impl NeededSegment {
    fn new(segment: SegmentFile, intact: IntactCommits, last: Commit) -> Result<Self, StoreError> {
        let mut link = Self {
            segment,
            state_version: 0,
            end: last.end,
            bases: intact.bases,
        };
        link.state_version = link.header()?.0.state_version;
        Ok(link)
    }

    /// The segment that this one continues, and the number of commits in it.
    fn previous(
        &self,
        segments: &mut BTreeMap<u64, SegmentFile>,
        base: u64,
    ) -> Result<(Self, u64), StoreError> {
        let (header, _) = self.header()?;
        let directory = self.segment.path.parent().unwrap_or(Path::new(""));
        if header.previous < base || header.previous >= header.number {
            let what =
                format!("its previous segment is not in the log, which begins with segment {base}");
            return Err(StoreError::corrupt(&self.segment.path, 0, what));
        }
        let Some(segment) = segments.remove(&header.previous) else {
            let path = segment_file::path(directory, header.previous);
            return Err(StoreError::corrupt(&path, 0, "the file is missing"));
        };
        // Later data in that segment belongs to a failed commit, which was written again elsewhere.
        let intact = segment.intact_commits(header.first_sequence - 1)?;
        let path = segment.path.clone();
        let before = match (segment.header, intact.last) {
            (None, _) => return Err(StoreError::corrupt(&path, 0, "its header is not readable")),
            (Some((before, _)), _) if before.store != header.store => {
                return Err(StoreError::corrupt(&path, 0, "it belongs to another store"));
            }
            (_, Some(last))
                if last.sequence + 1 == header.first_sequence
                    && last.checksum == header.previous_checksum =>
            {
                let commits = intact.commits;
                (Self::new(segment, intact, last)?, commits)
            }
            _ => {
                let what = format!(
                    "it does not contain checkpoint {}, which {} continues",
                    header.first_sequence - 1,
                    self.segment.path.display()
                );
                return Err(StoreError::corrupt(&path, intact.frames_end, what));
            }
        };
        Ok(before)
    }

    fn header(&self) -> Result<(SegmentHeader, u64), StoreError> {
        let unreadable =
            || StoreError::corrupt(&self.segment.path, 0, "its header is not readable");
        self.segment.header.ok_or_else(unreadable)
    }
}

/// The data behind the last commit. It may be one unfinished commit. Data of the commit after that
/// shows that a finished commit is broken.
fn torn_tail<'a>(
    ends: impl Iterator<Item = (&'a SegmentFile, &'a IntactCommits, u64)>,
    last_sequence: u64,
) -> Result<Option<TornTail>, StoreError> {
    let mut torn = None;
    for (segment, intact, end) in ends {
        let broken = |what: String| StoreError::corrupt(&segment.path, intact.frames_end, what);
        if let Some((header, _)) = segment.header
            && header.first_sequence > last_sequence + 1
        {
            return Err(broken(format!(
                "it begins with checkpoint {}, and the checkpoint before is missing",
                header.first_sequence
            )));
        }
        if let Some(later) = segment.find_later(intact.frames_end, last_sequence + 2)? {
            return Err(broken(format!(
                "checkpoint {} is broken, and a later one follows at byte {later}",
                last_sequence + 1
            )));
        }
        let bytes = segment.length - end;
        if bytes > 0 {
            let torn = torn.get_or_insert_with(|| TornTail {
                file: segment.path.clone(),
                offset: end,
                bytes: 0,
            });
            torn.bytes += bytes;
        }
    }
    Ok(torn)
}

fn check_acknowledged(
    directory: &Path,
    acknowledged: Option<&Acknowledged>,
    tip: Option<(&SegmentFile, &IntactCommits, Commit)>,
) -> Result<(), StoreError> {
    let Some(acknowledged) = acknowledged else {
        return Ok(());
    };
    let sequence = acknowledged.sequence;
    let Some((segment, intact, last)) = tip else {
        let what = format!("the log is lost: none of its {sequence} checkpoints is left");
        return Err(StoreError::corrupt(
            &directory.join(acknowledged::NAME),
            0,
            what,
        ));
    };
    if segment
        .header
        .is_some_and(|(header, _)| header.store != acknowledged.store)
    {
        let what = "it belongs to another store than the log";
        return Err(StoreError::corrupt(
            &directory.join(acknowledged::NAME),
            0,
            what,
        ));
    }
    if last.sequence < sequence {
        let what = format!(
            "the log ends after checkpoint {}, but checkpoint {sequence} was written",
            last.sequence
        );
        return Err(StoreError::corrupt(&segment.path, intact.frames_end, what));
    }
    Ok(())
}
