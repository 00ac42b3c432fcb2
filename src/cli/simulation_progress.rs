//! The file of `simulate --resume`: how many events a simulation has written, so that a later run can
//! continue it.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::failure::{CommandFailure, CommandResult};
use crate::domain::timestamp::Timestamp;

/// Least time between two writes of the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// The content of the file. The same seed and start give the same events, so their number is enough.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
struct ProgressEntry {
    seed: u64,
    /// RFC 3339.
    from: String,
    /// Events written.
    events: u64,
}

#[derive(Debug)]
pub struct SimulationProgress {
    path: PathBuf,
    entry: ProgressEntry,
    from: Timestamp,
    /// The number of events at the last check of the file, and the time of the check.
    last: (u64, Instant),
}

impl SimulationProgress {
    /// Reads the file, or creates it for a simulation that starts at `from`.
    pub fn open(path: &Path, seed: u64, from: Timestamp) -> CommandResult<Self> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let entry = match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str::<ProgressEntry>(&text).map_err(|error| {
                CommandFailure::other(at(&format!("not a file of simulate --resume: {error}")))
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => ProgressEntry {
                seed,
                from: from.rfc3339(),
                events: 0,
            },
            Err(error) => return Err(CommandFailure::other(at(&error))),
        };
        if entry.seed != seed {
            return Err(CommandFailure::usage(at(&format!(
                "the simulation has the seed {}; use --seed {0}, or delete the file to start a new one",
                entry.seed
            ))));
        }
        let from = Timestamp::parse(&entry.from).ok_or_else(|| {
            CommandFailure::other(at(&"not a file of simulate --resume: from is not a time"))
        })?;
        let progress = Self {
            path: path.to_owned(),
            last: (entry.events, Instant::now()),
            entry,
            from,
        };
        progress
            .save()
            .map_err(|error| CommandFailure::other(at(&error)))?;
        Ok(progress)
    }

    /// The start of the simulation, in event time.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// The number of events that earlier runs have written.
    pub fn events(&self) -> u64 {
        self.entry.events
    }

    /// Records that `events` have been sent. The file gets a number that is at least a second old:
    /// the broker probably has those events. If not, the next run sends them again, and the exporter
    /// drops duplicates by their id.
    pub fn written(&mut self, events: u64) -> io::Result<()> {
        if self.last.1.elapsed() < INTERVAL {
            return Ok(());
        }
        let (earlier, _) = std::mem::replace(&mut self.last, (events, Instant::now()));
        if earlier == self.entry.events {
            return Ok(());
        }
        self.entry.events = earlier;
        self.save()
    }

    /// Records that the broker has confirmed all events.
    pub fn finish(mut self, events: u64) -> io::Result<()> {
        self.entry.events = events;
        self.save()
    }

    /// Replaces the file atomically: a crash leaves the old or the new file.
    fn save(&self) -> io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &self.entry)?;
        file.write_all(b"\n")?;
        file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_767_225_600_000);

    #[test]
    fn a_later_run_continues_where_the_first_one_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helpdesk.json");
        let first = SimulationProgress::open(&path, 7, START).unwrap();
        assert_eq!((first.from(), first.events()), (START, 0));
        first.finish(42).unwrap();
        let later = SimulationProgress::open(&path, 7, START.plus(1_000)).unwrap();
        assert_eq!((later.from(), later.events()), (START, 42));
    }

    #[test]
    fn events_of_the_last_second_do_not_count_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helpdesk.json");
        let mut progress = SimulationProgress::open(&path, 1, START).unwrap();
        progress.written(10).unwrap();
        let saved = || SimulationProgress::open(&path, 1, START).unwrap().events();
        assert_eq!(saved(), 0);
        let earlier = Instant::now().checked_sub(INTERVAL).unwrap();
        progress.last = (10, earlier);
        progress.written(20).unwrap();
        assert_eq!(saved(), 10);
    }

    #[test]
    fn another_seed_and_another_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helpdesk.json");
        drop(SimulationProgress::open(&path, 1, START).unwrap());
        let refused = format!(
            "{:?}",
            SimulationProgress::open(&path, 2, START).unwrap_err()
        );
        assert!(refused.contains("--seed 1"), "{refused}");
        fs::write(&path, "something else").unwrap();
        let refused = format!(
            "{:?}",
            SimulationProgress::open(&path, 1, START).unwrap_err()
        );
        assert!(refused.contains("--resume"), "{refused}");
    }
}
