use std::io::Write;
use std::path::Path;

use super::*;
use crate::config;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    (folder, path)
}

fn open(paths: &[&PathBuf], decoder: Decoder) -> Result<EventFiles, EventFileError> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).clone()).collect();
    EventFiles::open(&paths, decoder, &mut |_| {})
}

/// Ticket, type and time of the events, and the counts.
fn read(files: &EventFiles) -> (Vec<(String, &'static str, i64)>, ReadCounts) {
    let mut reader = files.read().unwrap();
    let mut all = Vec::new();
    while let Some(events) = reader.next_block().unwrap() {
        all.extend(events.iter().map(|event| {
            let kind = event.kind.name();
            (event.ticket_id.to_string(), kind, event.at.0)
        }));
    }
    (all, reader.into_counts())
}

fn places(counts: &ReadCounts) -> Vec<&str> {
    let places = counts.rejected.values();
    places
        .flat_map(|rejected| &rejected.places)
        .map(String::as_str)
        .collect()
}

#[test]
fn files_are_one_after_the_other_and_bad_lines_are_named() {
    let event = |at: i64| format!("{{\"ticket_id\":1,\"type\":\"updated\",\"at\":{at}}}\n");
    let (_first, first) = file("a", &format!("{}\n \nnonsense\n{}", event(9), event(2)));
    let (_empty, empty) = file("b", "");
    let (_array, array) = file("c", &format!("[{},\n{{}}]", event(3)));
    let files = open(&[&first, &empty, &array], Decoder::default()).unwrap();
    for _ in 0..2 {
        let (events, counts) = read(&files);
        let times: Vec<i64> = events.iter().map(|event| event.2).collect();
        assert_eq!((times, counts.records), (vec![9, 2, 3], 5));
        let place = |path: &PathBuf, number| format!("{}:{number}", path.display());
        assert_eq!(places(&counts), [place(&first, 4), place(&array, 2)]);
    }
}

const MAPPING: &str = "
mapping:
  preset: none
  common: { ticket_id: .Number }
  rules:
    opened: { when: { .Opened: { exists: true } }, type: created, at: .Opened, continue: true }
    solved: { when: { .Resolved: { exists: true } }, type: solved, at: .Resolved }
";

/// A row gives several events, and the rows are in no order.
#[test]
fn rows_give_events_in_order_of_time() {
    let mut read = |_: &Path| Ok(MAPPING.to_owned());
    let loaded = config::load(Some(Path::new("a.yaml")), [], &[], &mut read).unwrap();
    let (_table, table) = file(
        "export.csv",
        "Number,Opened,Resolved\nB,20,30\nA,10,40\n\"C\nD\",never,\nE,10,\n",
    );
    let (_lines, lines) = file("more.jsonl", "{\"Number\":\"F\",\"Opened\":25}\n");
    let files = open(&[&table, &lines], Decoder::new(&loaded.config.mapping)).unwrap();
    let expected = [
        ("A", "created", 10),
        ("E", "created", 10),
        ("B", "created", 20),
        ("F", "created", 25),
        ("B", "status_changed", 30),
        ("A", "status_changed", 40),
    ]
    .map(|(ticket, kind, at)| (ticket.to_owned(), kind, at * 1_000));
    for _ in 0..2 {
        let (events, counts) = self::read(&files);
        assert_eq!(events, expected);
        assert_eq!((counts.records, counts.events), (5, 6));
        assert_eq!(places(&counts), [format!("{}:4", table.display())]);
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = open(&[&"/nowhere".into()], Decoder::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere: "));
}
