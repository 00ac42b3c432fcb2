//! Writes the output: a file for each Prometheus block, or one file for all.
//!
//! promtool reads a file once for each block that it makes of it. So a file holds one block. A block must
//! fit into memory, because the format needs the points of a series together.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::plan::BackfillPlan;
use crate::domain::timestamp::{HOUR, Milliseconds, Timestamp};
use crate::engine::{Series, Snapshot};
use crate::exposition::{SeriesAtInstant, WrittenHistory, write_history};

/// The second of Prometheus' block lengths, after two hours: months give not too many blocks, and six hours
/// of a busy helpdesk fit into memory.
pub const BLOCK: Milliseconds = 6 * HOUR;
/// Most instants in one file, which must fit into memory: two weeks in steps of five minutes.
pub const MOST_IN_ONE: usize = 4_096;
/// Extension of the files in a directory.
const EXTENSION: &str = "om";
/// Extension of an unfinished file.
const UNFINISHED: &str = "om.part";

/// Called with each finished file.
pub type FileDone<'a> = dyn FnMut(&Path) -> io::Result<()> + 'a;

/// The destination.
pub enum BackfillOutput<'a> {
    /// A file for each block, named by the time at which it begins.
    Directory(&'a Path, &'a mut FileDone<'a>),
    /// One file for all blocks.
    One(&'a mut dyn Write),
}

/// Why the output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BackfillOutputError {
    #[error("cannot write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot write: {0}")]
    One(io::Error),
    #[error(
        "{} holds files of an earlier run: remove them, or write elsewhere", .0.display()
    )]
    Used(PathBuf),
    #[error(
        "more than {MOST_IN_ONE} instants do not fit into one file: give a directory, a longer \
         --step, or --from and --until"
    )]
    TooManyForOne,
}

/// Collects instants and writes them block by block.
pub struct Blocks<'a> {
    output: BackfillOutput<'a>,
    plan: &'a BackfillPlan,
    /// The instants of the current block.
    instants: Vec<(Timestamp, Snapshot)>,
    written: WrittenHistory,
    files: u64,
}

impl<'a> Blocks<'a> {
    pub fn new(
        output: BackfillOutput<'a>,
        plan: &'a BackfillPlan,
    ) -> Result<Self, BackfillOutputError> {
        if let BackfillOutput::Directory(directory, _) = &output {
            prepare(directory)?;
        }
        Ok(Self {
            output,
            plan,
            instants: Vec::new(),
            written: WrittenHistory::default(),
            files: 0,
        })
    }

    /// Counts of the output so far; `series` is that of the largest file.
    pub fn written(&self) -> WrittenHistory {
        self.written
    }

    pub fn add(
        &mut self,
        instant: Timestamp,
        snapshot: Snapshot,
    ) -> Result<(), BackfillOutputError> {
        match self.output {
            BackfillOutput::Directory(..) => {
                let first = self.instants.first();
                if first.is_some_and(|(first, _)| block(*first) != block(instant)) {
                    self.write()?;
                }
            }
            BackfillOutput::One(_) if self.instants.len() == MOST_IN_ONE => {
                return Err(BackfillOutputError::TooManyForOne);
            }
            BackfillOutput::One(_) => {}
        }
        self.instants.push((instant, snapshot));
        Ok(())
    }

    /// Writes the rest. Returns the counts and the number of files.
    pub fn finish(mut self) -> Result<(WrittenHistory, u64), BackfillOutputError> {
        self.write()?;
        Ok((self.written, self.files))
    }

    fn write(&mut self) -> Result<(), BackfillOutputError> {
        let instants = std::mem::take(&mut self.instants);
        let series: Vec<SeriesAtInstant<'_>> = instants
            .iter()
            .map(|(at, snapshot)| (*at, vec![snapshot as &dyn Series, &self.plan.objectives]))
            .collect();
        let Some((first, _)) = instants.first() else {
            return Ok(());
        };
        let written = match &mut self.output {
            BackfillOutput::One(out) => {
                let written = write_history(&series, &self.plan.labels, &mut **out);
                written
                    .and_then(|written| out.flush().map(|()| written))
                    .map_err(BackfillOutputError::One)?
            }
            BackfillOutput::Directory(directory, done) => {
                let name = file_name(block(*first));
                let path = directory.join(&name).with_extension(UNFINISHED);
                let to = directory.join(name).with_extension(EXTENSION);
                write_file(&path, &to, &series, &self.plan.labels)
                    .and_then(|written| done(&to).map(|()| written))
                    .map_err(|source| BackfillOutputError::File { path: to, source })?
            }
        };
        self.files += 1;
        self.written.series = self.written.series.max(written.series);
        self.written.samples += written.samples;
        self.written.bytes += written.bytes;
        Ok(())
    }
}

/// Writes under a temporary name, so that a file with its final name is complete.
fn write_file(
    path: &Path,
    to: &Path,
    series: &[SeriesAtInstant<'_>],
    labels: &[(String, String)],
) -> io::Result<WrittenHistory> {
    let mut file = BufWriter::new(File::create(path)?);
    let written = write_history(series, labels, &mut file)?;
    file.flush()?;
    fs::rename(path, to)?;
    Ok(written)
}

/// Creates the directory. It must not hold files of another run.
fn prepare(directory: &Path) -> Result<(), BackfillOutputError> {
    let failed = |source| BackfillOutputError::File {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new(EXTENSION)) {
            return Err(BackfillOutputError::Used(directory.to_owned()));
        }
    }
    Ok(())
}

/// The start of the block of an instant.
fn block(instant: Timestamp) -> Timestamp {
    Timestamp(instant.0.div_euclid(BLOCK) * BLOCK)
}

/// For example `2026-03-02T06`, in UTC: blocks begin at full hours.
fn file_name(block: Timestamp) -> String {
    let text = block.rfc3339();
    text.split(':').next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_prometheus_and_their_names_sort() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let name = |text: &str| file_name(block(at(text)));
        assert_eq!(name("2026-03-02T06:00:00Z"), "2026-03-02T06");
        assert_eq!(name("2026-03-02T11:59:59.999Z"), "2026-03-02T06");
        assert_eq!(name("2026-03-02T23:00:00Z"), "2026-03-02T18");
    }

    #[test]
    fn a_directory_is_used_once() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        prepare(&inner).unwrap();
        prepare(&inner).unwrap();
        fs::write(inner.join("x.om.part"), "").unwrap();
        prepare(&inner).unwrap();
        fs::write(inner.join("x.om"), "").unwrap();
        assert!(matches!(prepare(&inner), Err(BackfillOutputError::Used(_))));
    }
}
