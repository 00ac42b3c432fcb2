//! Every public type of the crate has a name of its own, so that a reader need not ask which one is meant.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::circles::items;
use super::source::source_files;

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
    let mut report = String::new();
    for (name, places) in &places {
        if places.len() > 1 {
            writeln!(report, "{name}: {}", places.join(" ")).unwrap();
        }
    }
    assert!(report.is_empty(), "several types share a name:\n{report}");
}
