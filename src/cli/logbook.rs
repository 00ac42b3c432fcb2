//! How far an invented desk has come, in a file: a later run goes on from there as if it had never
//! stopped, instead of beginning the same desk once more.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::domain::timestamp::Timestamp;

/// Least time between two entries while events are written.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the file says. The same seed and start give the same events, so their number is enough.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    seed: u64,
    /// RFC 3339.
    from: String,
    /// Events written.
    events: u64,
}

/// The file, kept up to date.
#[derive(Debug)]
pub struct Logbook {
    path: PathBuf,
    entry: Entry,
    from: Timestamp,
    /// Events written when the file was last looked after, and when that was.
    last: (u64, Instant),
}

impl Logbook {
    /// Goes on with the file, or begins it for a desk that opens at `from`.
    ///
    /// # Errors
    /// A file that cannot be read or written, is no such file, or is of a desk with another seed.
    pub fn open(path: &Path, seed: u64, from: Timestamp) -> Result<Self, Failure> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let entry = match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str::<Entry>(&text)
                .map_err(|error| Failure::other(at(&format!("no logbook of a desk: {error}"))))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Entry {
                seed,
                from: from.rfc3339(),
                events: 0,
            },
            Err(error) => return Err(Failure::other(at(&error))),
        };
        if entry.seed != seed {
            return Err(Failure::usage(at(&format!(
                "the desk has the seed {}; say --seed {0}, or remove the file for a new desk",
                entry.seed
            ))));
        }
        let from = Timestamp::parse(&entry.from)
            .ok_or_else(|| Failure::other(at(&"no logbook of a desk: from is no instant")))?;
        let book = Self {
            path: path.to_owned(),
            last: (entry.events, Instant::now()),
            entry,
            from,
        };
        book.save().map_err(|error| Failure::other(at(&error)))?;
        Ok(book)
    }

    /// When the desk opened.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// How many events earlier runs have written.
    pub fn events(&self) -> u64 {
        self.entry.events
    }

    /// So many events are on their way. What goes into the file is older than a second: a broker
    /// has it by then, or it is written a second time, which the exporter recognises by its id.
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

    /// All of them have arrived.
    pub fn finish(mut self, events: u64) -> io::Result<()> {
        self.entry.events = events;
        self.save()
    }

    /// In one step, so that no crash leaves half a file.
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

    const OPENED: Timestamp = Timestamp(1_767_225_600_000);

    #[test]
    fn a_later_run_goes_on_where_the_first_one_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.json");
        let first = Logbook::open(&path, 7, OPENED).unwrap();
        assert_eq!((first.from(), first.events()), (OPENED, 0));
        first.finish(42).unwrap();
        let later = Logbook::open(&path, 7, OPENED.plus(1_000)).unwrap();
        assert_eq!((later.from(), later.events()), (OPENED, 42));
    }

    #[test]
    fn what_was_sent_within_the_last_second_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.json");
        let mut book = Logbook::open(&path, 1, OPENED).unwrap();
        book.written(10).unwrap();
        let kept = || Logbook::open(&path, 1, OPENED).unwrap().events();
        assert_eq!(kept(), 0);
        let earlier = Instant::now().checked_sub(INTERVAL).unwrap();
        book.last = (10, earlier);
        book.written(20).unwrap();
        assert_eq!(kept(), 10);
    }

    #[test]
    fn another_seed_and_another_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.json");
        drop(Logbook::open(&path, 1, OPENED).unwrap());
        let refused = format!("{:?}", Logbook::open(&path, 2, OPENED).unwrap_err());
        assert!(refused.contains("--seed 1"), "{refused}");
        fs::write(&path, "something else").unwrap();
        let refused = format!("{:?}", Logbook::open(&path, 1, OPENED).unwrap_err());
        assert!(refused.contains("no logbook"), "{refused}");
    }
}
