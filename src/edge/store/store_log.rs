//! How the segments hang together: which of them are needed, up to where, and whether anything
//! that was committed is missing.
//!
//! Segments that lie beside the chain are no damage. One whose number is below the base was about
//! to be deleted; another one was begun for a commit that failed, and a later one took its place.

use std::collections::BTreeMap;
use std::path::Path;

use super::acknowledged::{self, Acknowledged};
use super::directory::segment_numbers;
use super::error::StoreError;
use super::load::TornTail;
use super::segment_file::{self, Commit, IntactCommits, SegmentFile};
use super::store_id::Identity;

/// A log of which every checksum was verified. Its files stay open, so that it can be read even
/// while they are deleted.
pub(super) struct StoreLog {
    pub store: StoreIdentity,
    /// What is needed, oldest first, each with what of it counts. Never empty.
    pub chain: Vec<NeededSegment>,
    /// The last commit.
    pub last: Commit,
    pub commits: u64,
    pub torn: Option<TornTail>,
    /// Segments that are there and not needed.
    pub unneeded: Vec<u64>,
    /// No segment has a higher number.
    pub highest: u64,
}

/// A segment that is needed.
pub(super) struct NeededSegment {
    pub segment: SegmentFile,
    pub state_version: u32,
    /// Where its last commit ends.
    pub end: u64,
    bases: Vec<Commit>,
}

impl StoreLog {
    /// Finds the log in a directory; `None`: nothing was ever committed there.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Newer`], and the disk's.
    pub(super) fn find(directory: &Path, state_version: u32) -> Result<Option<Self>, StoreError> {
        // First of all, since a writer may go on meanwhile: it must not be ahead of what follows.
        let acknowledged = Acknowledged::read(directory)?;
        let mut segments = BTreeMap::new();
        for number in segment_numbers(directory)? {
            segments.insert(number, SegmentFile::open(directory, number, state_version)?);
        }
        let highest = segments.keys().last().copied().unwrap_or_default();
        let all: Vec<u64> = segments.keys().copied().collect();

        let mut newer = Vec::new();
        let mut tip = None;
        while let Some((_, segment)) = segments.pop_last() {
            let whole = segment.whole(u64::MAX)?;
            match whole.last {
                Some(last) => {
                    tip = Some((segment, whole, last));
                    break;
                }
                None => newer.push((segment, whole)),
            }
        }
        let last_sequence = tip.as_ref().map_or(0, |(_, _, last)| last.sequence);
        let torn = tip
            .iter()
            .map(|(segment, whole, last)| (segment, whole, last.end));
        let torn = torn.chain(
            newer
                .iter()
                .rev()
                .map(|(segment, whole)| (segment, whole, 0)),
        );
        let torn = torn_tail(torn, last_sequence)?;
        check_acknowledged(
            directory,
            acknowledged.as_ref(),
            tip.as_ref()
                .map(|(segment, whole, last)| (segment, whole, *last)),
        )?;
        let Some((segment, whole, last)) = tip else {
            return Ok(None);
        };

        let mut commits = whole.commits;
        let mut chain = Vec::new();
        let mut link = NeededSegment::new(segment, whole, last)?;
        let store = link.header()?.0.store;
        while link.segment.number != last.base {
            let before = link.before(&mut segments, last.base)?;
            commits += before.1;
            chain.push(std::mem::replace(&mut link, before.0));
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

    /// Bytes of what is needed, by segment.
    pub(super) fn lengths(&self) -> BTreeMap<u64, u64> {
        let lengths = self.chain.iter();
        lengths
            .map(|link| (link.segment.number, link.end))
            .collect()
    }

    /// Bytes written after the commit that ended the last round.
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
    fn new(segment: SegmentFile, whole: IntactCommits, last: Commit) -> Result<Self, StoreError> {
        let mut link = Self {
            segment,
            state_version: 0,
            end: last.end,
            bases: whole.bases,
        };
        link.state_version = link.header()?.0.state_version;
        Ok(link)
    }

    /// The link that this one continues, and the number of commits in it.
    fn before(
        &self,
        segments: &mut BTreeMap<u64, SegmentFile>,
        base: u64,
    ) -> Result<(Self, u64), StoreError> {
        let (header, _) = self.header()?;
        let directory = self.segment.path.parent().unwrap_or(Path::new(""));
        if header.previous < base || header.previous >= header.number {
            let what =
                format!("it does not lead back to segment {base}, from which on the log is needed");
            return Err(StoreError::corrupt(&self.segment.path, 0, what));
        }
        let Some(segment) = segments.remove(&header.previous) else {
            let path = segment_file::path(directory, header.previous);
            return Err(StoreError::corrupt(&path, 0, "the file is missing"));
        };
        // What stands behind that commit failed and was written anew elsewhere.
        let whole = segment.whole(header.first_sequence - 1)?;
        let path = segment.path.clone();
        let before = match (segment.header, whole.last) {
            (None, _) => return Err(StoreError::corrupt(&path, 0, "its header is not readable")),
            (Some((before, _)), _) if before.store != header.store => {
                return Err(StoreError::corrupt(&path, 0, "it belongs to another store"));
            }
            (_, Some(last))
                if last.sequence + 1 == header.first_sequence
                    && last.checksum == header.previous_checksum =>
            {
                let commits = whole.commits;
                (Self::new(segment, whole, last)?, commits)
            }
            _ => {
                let what = format!(
                    "it does not hold the checkpoint {} that {} continues",
                    header.first_sequence - 1,
                    self.segment.path.display()
                );
                return Err(StoreError::corrupt(&path, whole.frames_end, what));
            }
        };
        Ok(before)
    }

    fn header(&self) -> Result<(super::segment_header::Header, u64), StoreError> {
        let unreadable =
            || StoreError::corrupt(&self.segment.path, 0, "its header is not readable");
        self.segment.header.ok_or_else(unreadable)
    }
}

/// What stands behind the last commit. It may be an unfinished commit, but not more: anything of
/// the commit after that shows that a finished one is broken.
fn torn_tail<'a>(
    ends: impl Iterator<Item = (&'a SegmentFile, &'a IntactCommits, u64)>,
    last_sequence: u64,
) -> Result<Option<TornTail>, StoreError> {
    let mut torn = None;
    for (segment, whole, end) in ends {
        let broken = |what: String| StoreError::corrupt(&segment.path, whole.frames_end, what);
        if let Some((header, _)) = segment.header
            && header.first_sequence > last_sequence + 1
        {
            return Err(broken(format!(
                "it begins with checkpoint {}, and the one before is not there",
                header.first_sequence
            )));
        }
        if let Some(later) = segment.find_later(whole.frames_end, last_sequence + 2)? {
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
    let Some((segment, whole, last)) = tip else {
        let what = format!("the log is lost: no checkpoint is left of the {sequence} there were");
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
            "the log ends or breaks after checkpoint {}, but {sequence} was written",
            last.sequence
        );
        return Err(StoreError::corrupt(&segment.path, whole.frames_end, what));
    }
    Ok(())
}
