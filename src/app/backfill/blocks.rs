//! Where instants are written: a file for each block of Prometheus, or all of them into one.
//!
//! promtool reads a file once for each block it makes of it. So a file holds one block, which is
//! also what has to be in memory: the format wants a series' points together.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Plan;
use crate::domain::timestamp::{HOUR, Milliseconds, Timestamp};
use crate::engine::{Series, Snapshot};
use crate::exposition::{Standing, Written, write_history};

/// The second of the lengths that Prometheus gives to blocks, after two hours: there are not too
/// many blocks for months, and a busy desk's six hours fit into memory.
pub const BLOCK: Milliseconds = 6 * HOUR;
/// Most instants in one file, which have to be in memory together: two weeks in steps of five
/// minutes.
pub const MOST_IN_ONE: usize = 4_096;
/// Ends the names of the files of a directory.
const EXTENSION: &str = "om";
/// The same of one that is being written.
const UNFINISHED: &str = "om.part";

/// What is done with a file once it is whole.
pub type Done<'a> = dyn FnMut(&Path) -> io::Result<()> + 'a;

/// Where to write.
pub enum Output<'a> {
    /// A file for each block, named by when it begins.
    Directory(&'a Path, &'a mut Done<'a>),
    /// All into one.
    One(&'a mut dyn Write),
}

/// What cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
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

/// See the module.
pub struct Blocks<'a> {
    output: Output<'a>,
    plan: &'a Plan,
    /// Those of the block that is being filled.
    instants: Vec<(Timestamp, Snapshot)>,
    written: Written,
    files: u64,
}

impl<'a> Blocks<'a> {
    pub fn new(output: Output<'a>, plan: &'a Plan) -> Result<Self, OutputError> {
        if let Output::Directory(directory, _) = &output {
            prepare(directory)?;
        }
        Ok(Self {
            output,
            plan,
            instants: Vec::new(),
            written: Written::default(),
            files: 0,
        })
    }

    /// What was written so far; `series` are those of the file with the most.
    pub fn written(&self) -> Written {
        self.written
    }

    /// Adds the next instant.
    pub fn add(&mut self, instant: Timestamp, snapshot: Snapshot) -> Result<(), OutputError> {
        match self.output {
            Output::Directory(..) => {
                let first = self.instants.first();
                if first.is_some_and(|(first, _)| block(*first) != block(instant)) {
                    self.write()?;
                }
            }
            Output::One(_) if self.instants.len() == MOST_IN_ONE => {
                return Err(OutputError::TooManyForOne);
            }
            Output::One(_) => {}
        }
        self.instants.push((instant, snapshot));
        Ok(())
    }

    /// Writes what is left: how much it was in all, and in how many files.
    pub fn finish(mut self) -> Result<(Written, u64), OutputError> {
        if !self.instants.is_empty() {
            self.write()?;
        }
        Ok((self.written, self.files))
    }

    fn write(&mut self) -> Result<(), OutputError> {
        let instants = std::mem::take(&mut self.instants);
        let standing: Vec<Standing<'_>> = instants
            .iter()
            .map(|(at, snapshot)| (*at, vec![snapshot as &dyn Series, &self.plan.objectives]))
            .collect();
        let Some((first, _)) = instants.first() else {
            return Ok(());
        };
        let written = match &mut self.output {
            Output::One(out) => {
                let written = write_history(&standing, &self.plan.labels, &mut **out);
                written
                    .and_then(|written| out.flush().map(|()| written))
                    .map_err(OutputError::One)?
            }
            Output::Directory(directory, done) => {
                let name = file_name(block(*first));
                let path = directory.join(&name).with_extension(UNFINISHED);
                let to = directory.join(name).with_extension(EXTENSION);
                write_file(&path, &to, &standing, &self.plan.labels)
                    .and_then(|written| done(&to).map(|()| written))
                    .map_err(|source| OutputError::File { path: to, source })?
            }
        };
        self.files += 1;
        self.written.series = self.written.series.max(written.series);
        self.written.samples += written.samples;
        self.written.bytes += written.bytes;
        Ok(())
    }
}

/// A file has its name when it is whole.
fn write_file(
    path: &Path,
    to: &Path,
    standing: &[Standing<'_>],
    labels: &[(String, String)],
) -> io::Result<Written> {
    let mut file = BufWriter::new(File::create(path)?);
    let written = write_history(standing, labels, &mut file)?;
    file.flush()?;
    fs::rename(path, to)?;
    Ok(written)
}

/// Makes the directory, which must not hold another run's files.
fn prepare(directory: &Path) -> Result<(), OutputError> {
    let failed = |source| OutputError::File {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new(EXTENSION)) {
            return Err(OutputError::Used(directory.to_owned()));
        }
    }
    Ok(())
}

/// When the block of an instant begins.
fn block(instant: Timestamp) -> Timestamp {
    Timestamp(instant.0.div_euclid(BLOCK) * BLOCK)
}

/// `2026-03-02T06`, in UTC: blocks begin with an hour.
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
        assert!(matches!(prepare(&inner), Err(OutputError::Used(_))));
    }
}
