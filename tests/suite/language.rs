//! Texts keep to plain English: `tests/language/check` finds none of the patterns in `banned.txt`.

use std::collections::BTreeMap;
use std::process::Command;

use crate::harness::repository;

/// The number of lines by folder that match a pattern today. It must not grow.
const KNOWN: &str = include_str!("../language/known.txt");

/// At most three folders of the path of a file.
fn folder_of(line: &str) -> String {
    let path = line.split(':').next().unwrap();
    let folders: Vec<&str> = path.split('/').collect();
    let length = (folders.len() - 1).min(3);
    format!("./{}", folders[..length].join("/"))
}

#[test]
fn texts_are_in_plain_english() {
    let check = Command::new(repository().join("tests/language/check"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{errors}");
    let lines = String::from_utf8(check.stdout).unwrap();
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in lines.lines() {
        found.entry(folder_of(line)).or_default().push(line);
    }
    let known = |folder: &str| {
        let mut entries = KNOWN.lines().filter_map(|line| line.trim().split_once(' '));
        let entry = entries.find(|(_, name)| *name == folder);
        entry.map_or(0, |(count, _)| count.parse::<usize>().unwrap())
    };
    let mut report = String::new();
    for (folder, lines) in &found {
        let (count, known) = (lines.len(), known(folder));
        if count > known {
            let lines = lines.join("\n");
            report += &format!("{folder}: {count} lines, {known} known:\n{lines}\n");
        }
    }
    assert!(report.is_empty(), "see tests/language/banned.txt\n{report}");
}
