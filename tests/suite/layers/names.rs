//! Every public type of the crate has a name of its own, so that a reader need not ask which one is meant.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::circles::items;
use super::source::source_files;

/// The names that several types still share. The list must not grow.
const KNOWN: &str = "
    Answer Batch Bucket Change Changes Client Clock Content Counter Counts Desk Done Entry Event
    Exemplar Extent Facts Failure Finding Found Group Header Histogram History Identity Kind Link Loaded
    MissingTopics Named Node Notes Options Origin Outcome Output Pace Place Priority Progress Question
    Questions Read Reader Reading Record Recorder Recount Refusal Report Restored Rule Sample Schema
    Settings Snapshot Standing Start Step Tables Tally Team Ticket Tls Trial Value Verdict View Wanted
    Whole Wish Writer";

const TYPE_KEYWORDS: [&str; 5] = ["struct", "enum", "union", "trait", "type"];

#[test]
fn every_public_type_has_its_own_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in source_files() {
        for item in items(&file.tokens, &file.module) {
            if item.public && TYPE_KEYWORDS.contains(&item.keyword.as_str()) {
                let place = format!("src/{}:{}", file.path.display(), item.line);
                places.entry(item.name).or_default().push(place);
            }
        }
    }
    let (mut report, mut unknown) = (String::new(), Vec::new());
    for (name, places) in &places {
        if places.len() > 1 {
            writeln!(report, "{name}: {}", places.join(" ")).unwrap();
            if !KNOWN.split_whitespace().any(|known| known == name) {
                unknown.push(name);
            }
        }
    }
    println!("{report}");
    assert!(
        unknown.is_empty(),
        "several types share a name: {unknown:?}"
    );
}
