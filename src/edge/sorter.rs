//! Sorts lines by time. Lines that do not fit into memory go to temporary files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::{io, mem};

use super::spool::{Spool, SpoolReader, SpoolWriter, SpooledRecord};

/// Lines that are sorted in memory at once.
const MEMORY_BYTES: usize = 64 << 20;
/// Sorted files that are merged at once. Each takes some memory while it is read.
const MOST_RUNS: usize = 32;

/// A line with its time and its key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SortedLine {
    pub at: i64,
    pub key: Vec<u8>,
    pub line: Vec<u8>,
}

/// Takes lines in any order. Lines of the same time keep their order.
pub struct Sorter {
    lines: Vec<SortedLine>,
    bytes: usize,
    most_bytes: usize,
    /// Sorted, in the order of arrival.
    runs: Vec<Spool>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::new(MEMORY_BYTES)
    }
}

impl Sorter {
    fn new(most_bytes: usize) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            most_bytes,
            runs: Vec::new(),
        }
    }

    /// # Errors
    /// A temporary file cannot be written.
    pub fn push(&mut self, line: SortedLine) -> io::Result<()> {
        self.bytes += size_of::<SortedLine>() + line.key.len() + line.line.len();
        self.lines.push(line);
        if self.bytes >= self.most_bytes {
            self.end_run()?;
        }
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        let mut lines = mem::take(&mut self.lines);
        self.bytes = 0;
        lines.sort_by_key(|line| line.at);
        let mut writer = SpoolWriter::create()?;
        for line in lines {
            writer.push(&line.into())?;
        }
        self.runs.push(writer.finish()?);
        if self.runs.len() == MOST_RUNS {
            let mut merged = SortedLines::merge(&mem::take(&mut self.runs), Vec::new())?;
            let mut writer = SpoolWriter::create()?;
            while let Some(line) = merged.next_line()? {
                writer.push(&line.into())?;
            }
            self.runs.push(writer.finish()?);
        }
        Ok(())
    }

    /// # Errors
    /// A temporary file cannot be read.
    pub fn finish(mut self) -> io::Result<SortedLines> {
        self.lines.sort_by_key(|line| line.at);
        SortedLines::merge(&self.runs, self.lines)
    }
}

impl From<SortedLine> for SpooledRecord {
    fn from(line: SortedLine) -> Self {
        Self {
            timestamp: Some(line.at),
            key: Some(line.key),
            value: Some(line.line),
            ..Self::default()
        }
    }
}

impl From<SpooledRecord> for SortedLine {
    fn from(record: SpooledRecord) -> Self {
        Self {
            at: record.timestamp.unwrap_or_default(),
            key: record.key.unwrap_or_default(),
            line: record.value.unwrap_or_default(),
        }
    }
}

/// The lines in order of time.
pub struct SortedLines {
    runs: Vec<Run>,
    /// The time of the next line of each run. The earlier run is first at the same time.
    next: BinaryHeap<Reverse<(i64, usize)>>,
}

struct Run {
    rest: RunRest,
    line: SortedLine,
}

enum RunRest {
    Disk(SpoolReader),
    Memory(std::vec::IntoIter<SortedLine>),
}

impl SortedLines {
    fn merge(runs: &[Spool], last: Vec<SortedLine>) -> io::Result<Self> {
        let mut merged = Self {
            runs: Vec::new(),
            next: BinaryHeap::new(),
        };
        for run in runs {
            merged.add(RunRest::Disk(run.open()?))?;
        }
        merged.add(RunRest::Memory(last.into_iter()))?;
        Ok(merged)
    }

    fn add(&mut self, rest: RunRest) -> io::Result<()> {
        self.runs.push(Run {
            rest,
            line: SortedLine::default(),
        });
        self.advance(self.runs.len() - 1)
    }

    /// Reads the next line of a run.
    fn advance(&mut self, run: usize) -> io::Result<()> {
        let Run { rest, line } = &mut self.runs[run];
        let next = match rest {
            RunRest::Memory(lines) => lines.next(),
            RunRest::Disk(reader) => {
                let mut record = SpooledRecord::default();
                reader.next(&mut record)?.then(|| record.into())
            }
        };
        if let Some(next) = next {
            self.next.push(Reverse((next.at, run)));
            *line = next;
        }
        Ok(())
    }

    /// # Errors
    /// A temporary file cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<SortedLine>> {
        let Some(Reverse((_, run))) = self.next.pop() else {
            return Ok(None);
        };
        let line = mem::take(&mut self.runs[run].line);
        self.advance(run)?;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(times: &[i64]) -> impl Iterator<Item = SortedLine> {
        times.iter().enumerate().map(|(number, at)| SortedLine {
            at: *at,
            key: vec![b'k'; number % 3],
            line: number.to_string().into_bytes(),
        })
    }

    fn sorted(times: &[i64], most_bytes: usize) -> Vec<SortedLine> {
        let mut sorter = Sorter::new(most_bytes);
        for line in lines(times) {
            sorter.push(line).unwrap();
        }
        let mut lines = sorter.finish().unwrap();
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    /// One file for each few lines, so that files are merged in several steps.
    #[test]
    fn lines_are_sorted_by_time_and_equal_times_keep_their_order() {
        let times: Vec<i64> = (0..5_000_i64)
            .map(|number| number * 7_919 % 97 - 40)
            .collect();
        let mut expected: Vec<SortedLine> = lines(&times).collect();
        expected.sort_by_key(|line| line.at);
        for most_bytes in [1, 200, 10_000, MEMORY_BYTES] {
            assert_eq!(sorted(&times, most_bytes), expected, "{most_bytes}");
        }
        assert_eq!(sorted(&[], 1), Vec::new());
    }
}
