//! Reads one partition of a history record by record.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, BufRead};
use std::path::PathBuf;

use super::error::HistoryError;
use crate::decode::{self, Decoded, Decoder, IgnoreReason, MAX_VALUE_BYTES, Record, Rejection};
use crate::domain::event::Event;
use crate::domain::timestamp::Timestamp;
use crate::edge::files::{self, LineBlock};
use crate::edge::kafka::TopicPartition;
use crate::edge::spool::{Spool, SpoolReader, SpooledRecord};

/// Advice for a CSV file.
pub const CSV_ADVICE: &str = "this looks like CSV, which is not supported as input yet; convert it to \
     JSON Lines, an object for each row, such as with mlr --icsv --ojsonl cat FILE, and say with a \
     mapping what the columns mean: infer-mapping proposes one";
/// Number of places that are named for each reason.
const PLACES_NAMED: usize = 3;

/// Records rejected for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    pub count: u64,
    /// The first places.
    pub places: Vec<String>,
}

/// Counts of what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Records, or lines that are not blank.
    pub records: u64,
    pub rejected: BTreeMap<Rejection, Rejected>,
    /// Records that are about no ticket, by reason.
    pub ignored: BTreeMap<IgnoreReason, u64>,
    /// Values that the mapping does not know, by member and path.
    pub unmapped: BTreeMap<(String, String), u64>,
    /// Number of events in the records.
    pub events: u64,
    /// Whether the first record looks like the header of a CSV file.
    pub is_csv: bool,
}

impl ReadCounts {
    /// Whether there were records, and none could be used.
    pub fn is_useless(&self) -> bool {
        self.records > 0 && self.events == 0
    }

    pub fn rejections(&self) -> u64 {
        self.rejected.values().map(|rejected| rejected.count).sum()
    }

    /// Adds the counts of another partition.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.events += other.events;
        self.is_csv |= other.is_csv;
        for (rejection, rejected) in &other.rejected {
            let entry = self.rejected.entry(*rejection).or_default();
            entry.count += rejected.count;
            let room = PLACES_NAMED.saturating_sub(entry.places.len());
            entry
                .places
                .extend(rejected.places.iter().take(room).cloned());
        }
        for (ignorance, count) in &other.ignored {
            *self.ignored.entry(*ignorance).or_default() += count;
        }
        for (word, count) in &other.unmapped {
            *self.unmapped.entry(word.clone()).or_default() += count;
        }
    }

    /// Counts a record and its faults. `place` is called only for the first ones.
    pub fn note(&mut self, record: &Record<'_>, decoded: &Decoded<'_>, place: impl Fn() -> String) {
        if self.records == 0 && decoded.rejection().is_some() {
            self.is_csv = record.value.is_some_and(decode::looks_like_csv);
        }
        self.records += 1;
        self.events += decoded.events().len() as u64;
        match decoded {
            Decoded::Canonical(Ok(_)) => {}
            Decoded::Canonical(Err(rejection)) => self.reject(*rejection, &place),
            Decoded::Mapped(mapped) => {
                if let Some(rejection) = mapped.rejected {
                    self.reject(rejection, &place);
                }
                for rejected in &mapped.rejected_events {
                    self.reject(rejected.rejection, &place);
                }
                for word in &mapped.unmapped {
                    let key = (word.member.to_string(), word.path.clone());
                    *self.unmapped.entry(key).or_default() += 1;
                }
                if let Some(ignorance) = mapped.ignored {
                    *self.ignored.entry(ignorance).or_default() += 1;
                }
            }
        }
    }

    fn reject(&mut self, rejection: Rejection, place: &impl Fn() -> String) {
        let entry = self.rejected.entry(rejection).or_default();
        entry.count += 1;
        if entry.places.len() < PLACES_NAMED {
            entry.places.push(place());
        }
    }
}

/// One partition, read record by record.
pub struct HistoryPartition {
    source: PartitionSource,
    decoder: Decoder,
    latest: Option<Timestamp>,
    pub tally: ReadCounts,
}

enum PartitionSource {
    Files(FileLines),
    Spool {
        partition: TopicPartition,
        reader: SpoolReader,
        spooled: SpooledRecord,
    },
}

impl HistoryPartition {
    pub(super) fn of_files(paths: &[PathBuf], decoder: Decoder) -> Self {
        Self {
            decoder,
            source: PartitionSource::Files(FileLines::new(paths)),
            latest: None,
            tally: ReadCounts::default(),
        }
    }

    pub(super) fn of_spool(
        partition: &TopicPartition,
        spool: &Spool,
        decoder: Decoder,
        latest: Timestamp,
    ) -> Result<Self, HistoryError> {
        let reader = spool.open().map_err(|source| HistoryError::Spool {
            partition: partition.clone(),
            source,
        })?;
        Ok(Self {
            source: PartitionSource::Spool {
                partition: partition.clone(),
                reader,
                spooled: SpooledRecord::default(),
            },
            decoder,
            latest: Some(latest),
            tally: ReadCounts::default(),
        })
    }

    /// Passes the events of the next record that has any to `take`, and returns whether there was one.
    /// Other records are counted and skipped.
    pub fn next(&mut self, take: &mut dyn FnMut(&Event<'_>)) -> Result<bool, HistoryError> {
        loop {
            let Some((record, place)) = self.source.next()? else {
                return Ok(false);
            };
            let decoded = self.decoder.decode(&record, self.latest);
            self.tally.note(&record, &decoded, || place.to_string());
            let events = decoded.events();
            events.iter().for_each(&mut *take);
            if !events.is_empty() {
                return Ok(true);
            }
        }
    }
}

enum RecordPlace<'a> {
    Line(&'a PathBuf, u64),
    Offset(&'a TopicPartition, i64),
}

impl fmt::Display for RecordPlace<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, number) => write!(formatter, "{}:{number}", path.display()),
            Self::Offset(partition, offset) => write!(formatter, "{partition} offset {offset}"),
        }
    }
}

impl PartitionSource {
    fn next(&mut self) -> Result<Option<(Record<'_>, RecordPlace<'_>)>, HistoryError> {
        match self {
            Self::Files(lines) => {
                let line = lines.next()?;
                Ok(line.map(|(line, place)| (Record::of(line), place)))
            }
            Self::Spool {
                partition,
                reader,
                spooled,
            } => {
                let found = reader.next(spooled).map_err(|source| HistoryError::Spool {
                    partition: partition.clone(),
                    source,
                })?;
                if !found {
                    return Ok(None);
                }
                let record = Record {
                    value: spooled.value.as_deref(),
                    key: spooled.key.as_deref(),
                    headers: spooled
                        .headers
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_slice()))
                        .collect(),
                    timestamp: spooled.timestamp,
                    topic: &partition.topic,
                };
                Ok(Some((
                    record,
                    RecordPlace::Offset(partition, spooled.offset),
                )))
            }
        }
    }
}

/// Reads the lines of several files that are not blank.
struct FileLines {
    /// Files not yet opened.
    paths: VecDeque<PathBuf>,
    path: PathBuf,
    reader: Option<Box<dyn BufRead>>,
    block: LineBlock,
    /// Index of the next line of the block.
    next: usize,
    /// Number of the last line, from 1.
    number: u64,
}

impl FileLines {
    fn new(paths: &[PathBuf]) -> Self {
        Self {
            paths: paths.iter().cloned().collect(),
            path: PathBuf::new(),
            reader: None,
            block: LineBlock::default(),
            next: 0,
            number: 0,
        }
    }

    fn next(&mut self) -> Result<Option<(&[u8], RecordPlace<'_>)>, HistoryError> {
        loop {
            if self.next == self.block.len() {
                let filled = self.fill().map_err(|source| HistoryError::File {
                    path: self.path.clone(),
                    source,
                })?;
                if !filled {
                    return Ok(None);
                }
                continue;
            }
            self.next += 1;
            self.number += 1;
            if !self
                .block
                .line(self.next - 1)
                .iter()
                .all(u8::is_ascii_whitespace)
            {
                let line = self.block.line(self.next - 1);
                return Ok(Some((line, RecordPlace::Line(&self.path, self.number))));
            }
        }
    }

    /// Reads the next lines, and returns whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            if self.reader.is_none() {
                let Some(path) = self.paths.pop_front() else {
                    return Ok(false);
                };
                self.path = path;
                self.number = 0;
                self.reader = Some(files::open(&self.path)?);
            }
            self.next = 0;
            if let Some(reader) = &mut self.reader
                && self.block.fill(&mut **reader, MAX_VALUE_BYTES)?
            {
                return Ok(true);
            }
            self.reader = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn times(part: &mut HistoryPartition) -> Vec<i64> {
        let mut times = Vec::new();
        while part.next(&mut |event| times.push(event.at.0)).unwrap() {}
        times
    }

    #[test]
    fn files_are_one_after_the_other_and_bad_lines_are_named() {
        let event = |at: i64| format!("{{\"ticket_id\":1,\"type\":\"updated\",\"at\":{at}}}\n");
        let first = file(&format!("{}\n \nnonsense\n{}", event(1), event(2)));
        let second = file(&format!("{}{{}}", event(3)));
        let empty = file("");
        let paths = [&first, &empty, &second].map(|file| file.path().to_owned());
        let mut part = HistoryPartition::of_files(&paths, Decoder::default());
        assert_eq!(times(&mut part), [1, 2, 3]);
        assert_eq!(part.tally.records, 5);
        let places: Vec<&str> = part
            .tally
            .rejected
            .values()
            .flat_map(|rejected| &rejected.places)
            .map(String::as_str)
            .collect();
        let place = |path: &PathBuf, line| format!("{}:{line}", path.display());
        assert_eq!(places, [place(&paths[0], 4), place(&paths[2], 2)]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = HistoryPartition::of_files(&["/nowhere".into()], Decoder::default())
            .next(&mut |_| {})
            .unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nowhere: "));
    }

    #[test]
    fn records_set_aside_are_named_by_their_offsets() {
        let mut writer = crate::edge::spool::SpoolWriter::create().unwrap();
        for (offset, value) in [
            (7, "{\"ticket_id\":1,\"type\":\"updated\",\"at\":5}"),
            (8, ""),
            (9, "{\"ticket_id\":1,\"type\":\"updated\",\"at\":50}"),
        ] {
            let record = SpooledRecord {
                offset,
                value: Some(value.into()),
                ..SpooledRecord::default()
            };
            writer.push(&record).unwrap();
        }
        let spool = writer.finish().unwrap();
        let partition = TopicPartition::new("t", 2);
        let mut part =
            HistoryPartition::of_spool(&partition, &spool, Decoder::default(), Timestamp(10))
                .unwrap();
        assert_eq!(times(&mut part), [5]);
        let rejected: Vec<_> = part.tally.rejected.iter().collect();
        assert_eq!(
            rejected
                .iter()
                .map(|(rejection, rejected)| (**rejection, rejected.places[0].as_str()))
                .collect::<Vec<_>>(),
            [
                (Rejection::EmptyValue, "t/2 offset 8"),
                (Rejection::Future, "t/2 offset 9")
            ]
        );
    }
}
